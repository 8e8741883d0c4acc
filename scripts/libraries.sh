#!/bin/sh
# Makes the libraries that `make install` takes out of those that Cargo has built: scripts/libraries.sh FOLDER, which is
# Cargo's release folder. They are put into FOLDER/lib, where no `cargo build` replaces them by its own:
#
#     libetcd.a              one object, in which nothing but the functions of etcd.h is visible
#     libetcd.so             the same object, whose functions have the version node of abi/libetcd.map
#     native-static-libs     the libraries that a program needs besides libetcd.a
#     etcd-v2-to-v3          examples/migrate.c, with libetcd.a in it, so that it runs wherever it is put
set -eu
folder=$1

part=$(mktemp -d "$folder/lib.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 1' INT TERM HUP

# Fails with what a tool said, which is otherwise of no interest.
quietly() { "$@" 2>"$part/log" || { cat "$part/log" >&2; exit 1; }; }

# Where Cargo is to keep debug symbols, the shared library has them, too: packages have them apart.
strip=--strip-debug
[ "${CARGO_PROFILE_RELEASE_STRIP:-}" != none ] || strip=

# Every Rust library brings the standard library along, with symbols that it needs to have once in a program:
# rust_eh_personality is one. So that a program may hold several, ours become local to one object.
# - Bitcode, which the standard library has besides its code, goes first. Joined, it is none any more, and LLVM's plugin
#   for binutils aborts on it.
# - The linker joins the members, and leaves out what the functions of etcd.h do not reach.
# - Groups end: of the group that holds the reference to rust_eh_personality a linker keeps one for the whole program,
#   and that would no longer be ours.
nm -D --defined-only "$folder/libetcd.so" | sed 's/.* //' >"$part/functions"
# shellcheck disable=SC2086 # none or one word
${OBJCOPY:-objcopy} $strip -R .llvmbc -R .llvmcmd "$folder/libetcd.a" "$part/members.a"
# shellcheck disable=SC2046 # a list of words
${LD:-ld} -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$part/functions") -o "$part/etcd.o" \
    --whole-archive "$part/members.a"
${OBJCOPY:-objcopy} --keep-global-symbols="$part/functions" "$part/etcd.o"
# For the archive a file of its own, of the name that stands in it.
mkdir "$part/archive"
${OBJCOPY:-objcopy} --strip-debug "$part/etcd.o" "$part/archive/etcd.o"
${AR:-ar} rcsD "$part/libetcd.a" "$part/archive/etcd.o"

# Not -lgcc_s: a C compiler adds it by itself, or what takes its place when it links with -static.
# shellcheck disable=SC2086 # none or two words
printf '' | quietly "${RUSTC:-rustc}" ${CARGO_BUILD_TARGET:+--target "$CARGO_BUILD_TARGET"} --crate-type staticlib \
    --print native-static-libs -o "$part/empty.a" -
sed -n 's/^note: native-static-libs: //p' "$part/log" | sed 's/-lgcc_s *//' >"$part/native-static-libs"

# Cargo's own library cannot have a version node: rustc hands the linker a version script without one, and GNU's takes no
# second beside it. Everything else is as rustc and build.rs have it.
soname=$(readelf -d "$folder/libetcd.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
# shellcheck disable=SC2046,SC2086 # lists of words
${CC:-cc} -shared ${LDFLAGS:-} -o "$part/libetcd.so" "$part/etcd.o" -Wl,--version-script=abi/libetcd.map \
    -Wl,-z,nodelete,-z,relro,-z,now,-z,noexecstack,--eh-frame-hdr,--gc-sections,--as-needed,-O1 \
    "-Wl,-soname,$soname" ${strip:+-Wl,$strip} $(cat "$part/native-static-libs")

# shellcheck disable=SC2046,SC2086 # lists of words
${CC:-cc} -std=c11 ${CPPFLAGS:-} ${CFLAGS:--O2} ${LDFLAGS:--s -Wl,-z,relro,-z,now} -Iinclude \
    -o "$part/etcd-v2-to-v3" examples/migrate.c "$part/libetcd.a" $(cat "$part/native-static-libs")

# Each at once, for others may be reading it; the last one is as old as the whole.
mkdir -p "$folder/lib"
chmod 644 "$part/native-static-libs"
for name in etcd-v2-to-v3 libetcd.so libetcd.a native-static-libs; do
    mv "$part/$name" "$folder/lib/$name"
done
