#!/bin/sh
# Compares the ABI with its baseline under abi/, or renews that: scripts/abi.sh compare|renew [FOLDER]
# FOLDER is where etcd.h is, if not include/. Needs gcc or clang, and abidw and abidiff of libabigail.
#
#     abi/libetcd.abi      functions and types, by abidw: of a library whose functions are empty, made of the header alone
#     abi/constants        the constants, each with its value
#
# What is only added passes. What is promised of all this is in ABI.md.
set -eu
cd "$(dirname "$0")/.."
what=$1
folder=${2:-include}

part=$(mktemp -d)
trap 'rm -rf "$part"' EXIT
trap 'exit 1' INT TERM HUP

# A definition for each declaration: it never returns, which goes with any type.
{
    echo '#include <etcd.h>'
    ${CC:-cc} -E -P "-I$folder" -x c "$folder/etcd.h" | tr '\n' ' ' | sed 's/;/;\n/g' |
        sed -n '/typedef/d;s/^ *\(.*[ *]etcd_[a-z0-9_]*(.*)\);$/\1 { for (;;) ; }/p'
} >"$part/stubs.c"
soname=libetcd.so.$(sed -n 's/^const ABI_VERSION: &str = "\(.*\)";$/\1/p' build.rs)
${CC:-cc} -g -shared -fPIC "-ffile-prefix-map=$part=." "-I$folder" -Wl,--version-script=abi/libetcd.map "-Wl,-soname,$soname" \
    -o "$part/libetcd.so" "$part/stubs.c"

sed -n '/^#define ETCD_VERSION/d;s/^#define \(ETCD_[A-Z0-9_]* [0-9].*\)/\1/p' "$folder/etcd.h" | sort >"$part/constants"

case $what in
    renew)
        abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$part/libetcd.so" >"$part/libetcd.abi"
        cp "$part/libetcd.abi" "$part/constants" abi/
        echo 'abi/ is as the header is.'
        ;;
    compare)
        status=0
        abidiff --no-added-syms --no-show-locs abi/libetcd.abi "$part/libetcd.so" >"$part/said" 2>&1 || {
            status=$?
            cat "$part/said"
        }
        sort abi/constants | comm -23 - "$part/constants" >"$part/missing"
        if [ -s "$part/missing" ]; then
            echo 'These constants are gone, or have another value:'
            cat "$part/missing"
            status=1
        fi
        [ "$status" = 0 ] || {
            echo 'Compiled programs may break by what stands above: the header is no longer what abi/ promises (see ABI.md).' >&2
            echo 'Bring it back, and add what is new beside it. If the change is meant, for instance before a first release,' >&2
            echo 'or with a new ABI_VERSION in build.rs, renew the baseline with "make abi" and say so in CHANGELOG.md.' >&2
            exit 1
        }
        ;;
    *)
        echo 'usage: scripts/abi.sh compare|renew [FOLDER]' >&2
        exit 2
        ;;
esac
