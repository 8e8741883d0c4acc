#!/bin/sh
# Makes the package for npm of examples/node, with the types, which tsc makes of the comments. What this takes is there
# after `examples/language.sh setup node`.
#
#     packaging/node.sh       puts libetcd-VERSION.tgz into target/packages/node, or $FOLDER
set -eu
cd "$(dirname "$0")/.."
tools=${BUILD:-${CARGO_TARGET_DIR:-target}/languages}/node
tools=$(cd "$tools" && pwd)
folder=${FOLDER:-target/packages/node}

rm -rf "$folder"
mkdir -p "$folder/sources"
cp LICENSE "$folder/sources/"
for part in etcd.js etcd.cjs lib package.json tsconfig.json README.md; do
    cp -R "examples/node/$part" "$folder/sources/"
done
cd "$folder/sources"
ln -s "$tools/node_modules" .
npm pack --silent --pack-destination .. >/dev/null
cd ..
rm -r sources
