#!/bin/sh
# Shows that two builds in two folders give the same bytes, and that these name neither folder: what is committed is
# built twice by `make`. Takes as long as two release builds.
set -eu
cd "$(dirname "$0")/.."
say() { echo "scripts/reproducible.sh: $*" >&2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP

# Their paths differ in length, too.
for place in one another/place; do
    mkdir -p "$folder/$place"
    git archive HEAD | tar -x -C "$folder/$place"
    say "building in $folder/$place"
    (cd "$folder/$place" && env -u CARGO_TARGET_DIR "${MAKE:-make}" >log 2>&1) ||
        { tail -n 40 "$folder/$place/log" >&2; exit 1; }
done
for name in libetcd.so libetcd.a etcd-v2-to-v3; do
    one=$folder/one/target/release/lib/$name
    another=$folder/another/place/target/release/lib/$name
    cmp "$one" "$another" || { say "$name: two builds differ"; exit 1; }
    for path in "$folder" "$HOME/"; do
        ! grep -aqF "$path" "$one" || { say "$name names $path"; exit 1; }
    done
    say "$name: $(sha256sum <"$one" | cut -c 1-16), $(wc -c <"$one") bytes, twice"
done
