#!/bin/sh
# Gets Debian's etcd 3.4, once, as target/etcd/3.4/etcd. It is unpacked and not installed, so that no server starts by
# itself; Debian 13, which has 3.5, is shown Debian 12 for it. Takes no root.
set -eu
cd "$(dirname "$0")/.."
me=examples/etcd.sh
. examples/apt.sh

[ ! -x target/etcd/3.4/etcd ] || exit 0
say "getting etcd 3.4 from Debian"
mkdir -p target/etcd
part=$(mktemp -d "$PWD/target/etcd/part.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 1' INT TERM HUP

find_3_4() { apt cache madison etcd-server | awk '$3 ~ /^3\.4\./ { print $3; exit }'; }

mkdir "$part/apt" "$part/bin"
apt_begin "$part/apt" || die "there is no apt-get here to get etcd 3.4 with"
package=$(find_3_4)
[ -n "$package" ] || { apt_show bookworm && package=$(find_3_4); } || true
[ -n "$package" ] || die "no package source has etcd 3.4"
must apt get download "etcd-server=$package"
dpkg-deb --fsys-tarfile "$part"/apt/etcd-server_*.deb | tar -xO ./usr/bin/etcd >"$part/bin/etcd"
chmod 755 "$part/bin" "$part/bin/etcd"
version=$("$part/bin/etcd" --version | sed -n 's/^etcd Version: //p')
case $version in
    3.4.*) ;;
    *) die "the package $package has no etcd 3.4 in it that runs" ;;
esac
# At once: one that is half written is never found there.
rm -rf "target/etcd/$version" target/etcd/3.4
mv "$part/bin" "target/etcd/$version"
ln -s "$version" target/etcd/3.4
