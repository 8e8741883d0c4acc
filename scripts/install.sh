#!/bin/sh
# What `make install` and `make uninstall` do: scripts/install.sh install|uninstall. From the Makefile come PREFIX,
# LIBDIR, INCLUDEDIR, MANDIR, DOCDIR and DESTDIR, any of which may hold spaces, VERSION and ABI of the library, RELEASE,
# the folder of Cargo's in which scripts/libraries.sh has put lib/, and MAN, in which `make man` has put its pages.
set -eu
cd "$(dirname "$0")/.."

die() {
    echo "make $what: $*" >&2
    exit 1
}

what=$1

# A path as programs will see it; what is relative is so to this folder.
absolute() {
    case $1 in
        /*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$PWD" "$1" ;;
    esac
}
PREFIX=$(absolute "$PREFIX")
LIBDIR=$(absolute "$LIBDIR")
INCLUDEDIR=$(absolute "$INCLUDEDIR")
MANDIR=$(absolute "$MANDIR")
DOCDIR=$(absolute "$DOCDIR")
case $PREFIX$LIBDIR$INCLUDEDIR in
    # In etcd.pc and CMake's files these have a meaning even inside quotes.
    *[\"\\\`\$\#]* | *"
"*) die "PREFIX, LIBDIR and INCLUDEDIR may hold no line break and none of \" \\ \` \$ #" ;;
esac

lib=$DESTDIR$LIBDIR
include=$DESTDIR$INCLUDEDIR
man=$DESTDIR$MANDIR
bin=$DESTDIR$PREFIX/bin
doc=$DESTDIR$DOCDIR
documents="ABI.md CHANGELOG.md FAQ.md LICENSE MIGRATING.md README.md THIRD-PARTY.md"

install_all() {
    install -d "$lib/pkgconfig" "$lib/cmake/etcd" "$include" "$bin" "$doc"
    install -m 755 "$RELEASE/lib/libetcd.so" "$lib/libetcd.so.$VERSION"
    ln -sf "libetcd.so.$VERSION" "$lib/libetcd.so.$ABI"
    ln -sf "libetcd.so.$ABI" "$lib/libetcd.so"
    install -m 644 "$RELEASE/lib/libetcd.a" "$lib/libetcd.a"
    install -m 755 "$RELEASE/lib/etcd-v2-to-v3" "$bin"
    install -m 644 include/etcd.h include/etcd.hpp "$include"
    for page in packaging/etcd-v2-to-v3.1 "$MAN"/man*/*; do
        folder=$man/man${page##*.}
        install -d "$folder"
        install -m 644 "$page" "$folder"
    done
    # shellcheck disable=SC2086 # a list of words
    install -m 644 $documents "$doc"
    fill_in etcd.pc.in "$lib/pkgconfig/etcd.pc"
    fill_in etcd-config.cmake.in "$lib/cmake/etcd/etcd-config.cmake"
    fill_in etcd-config-version.cmake.in "$lib/cmake/etcd/etcd-config-version.cmake"
}

# Writes the file $2 of the template $1.
fill_in() {
    libraries=$(cat "$RELEASE/lib/native-static-libs")
    sed -e "s|@PREFIX@|$(quoted "$PREFIX")|" -e "s|@VERSION@|$VERSION|" -e "s|@ABI@|$ABI|" \
        -e "s|@LIBDIR@|$(quoted "$(below_prefix "$LIBDIR")")|" \
        -e "s|@INCLUDEDIR@|$(quoted "$(below_prefix "$INCLUDEDIR")")|" \
        -e "s|@INCLUDEDIR_FROM_CMAKE@|$(quoted "$(way "$LIBDIR/cmake/etcd" "$INCLUDEDIR")")|" \
        -e "s|@NATIVE_LIBS@|$(quoted "$libraries")|" -e "s|@NATIVE_LIBS_LIST@|$(echo "$libraries" | tr -s ' ' ';')|" \
        "$1" >"$2"
    chmod 644 "$2"
}

# So that sed puts it in as it is.
quoted() { printf '%s' "$1" | sed 's/[&|\\]/\\&/g'; }

# So that pkg-config can be given another prefix.
below_prefix() {
    case $1 in
        "$PREFIX"/*) printf '${prefix}%s' "${1#"$PREFIX"}" ;;
        *) printf '%s' "$1" ;;
    esac
}

# From one folder to another one.
way() {
    common=$1 up=
    while case $2/ in "$common"/*) false ;; esac; do
        common=${common%/*} up=../$up
    done
    printf '%s%s' "$up" "${2#"$common"/}"
}

uninstall_all() {
    rm -f "$lib/libetcd.so.$VERSION" "$lib/libetcd.so.$ABI" "$lib/libetcd.so" "$lib/libetcd.a" \
        "$include/etcd.h" "$include/etcd.hpp" "$lib/pkgconfig/etcd.pc" "$bin/etcd-v2-to-v3" "$man"/man[57]/libetcd[-.]* \
        "$man/man1/etcd-v2-to-v3.1" "$lib/cmake/etcd/etcd-config.cmake" "$lib/cmake/etcd/etcd-config-version.cmake"
    # The functions have a page each; there need not be a build any more.
    sed -n 's/^[A-Za-z].*[ *]\(etcd_[a-z0-9_]*\)(.*/\1/p' include/etcd.h | while read -r function; do
        rm -f "$man/man3/$function.3"
    done
    for name in $documents; do
        rm -f "$doc/$name"
    done
    # These are of nobody else's.
    for folder in "$lib/cmake/etcd" "$doc"; do
        [ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty "$folder"
    done
}

"${what}_all"

# So that programs find the library, or no longer do, from now on and not after the next boot.
if [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ]; then
    ldconfig
fi
