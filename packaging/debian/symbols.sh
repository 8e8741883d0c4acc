#!/bin/sh
# Renews libetcd0.symbols from etcd.h: `make symbols`. A function that is new there is of the version that the packages
# have now, and of the newest node of abi/libetcd.map; the others keep theirs.
set -eu
cd "$(dirname "$0")/../.."
file=packaging/debian/libetcd0.symbols
version=$(sed -n '1s/.*(\(.*\)-.*/\1/p' packaging/debian/changelog)
node=$(sed -n 's/^\(ETCD_[0-9]*\) {.*/\1/p' abi/libetcd.map | tail -n 1)
soname=libetcd.so.$(sed -n 's/^const ABI_VERSION: &str = "\(.*\)";$/\1/p' build.rs)

part=$(mktemp)
trap 'rm -f "$part"' EXIT
{
    echo "$soname libetcd0 #MINVER#"
    echo '* Build-Depends-Package: libetcd-dev'
    {
        sed -n 's/^\(ETCD_[0-9]*\) {.*/\1@\1/p' abi/libetcd.map
        sed -n "s/^[A-Za-z].*[ *]\\(etcd_[a-z0-9_]*\\)(.*/\\1@$node/p" include/etcd.h
    } | LC_ALL=C sort | while IFS= read -r symbol; do
        grep "^ ${symbol%@*}@" "$file" || echo " $symbol $version"
    done
} >"$part"
cat "$part" >"$file"
