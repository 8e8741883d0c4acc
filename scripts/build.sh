#!/bin/sh
# Has Cargo build libetcd.so and libetcd.a: scripts/build.sh FOLDER, which is Cargo's target folder. CARGO says which
# Cargo, as in the Makefile. What comes out does not depend on the folders in which it was built, nor tells them.
set -eu
folder=$1
mkdir -p "$folder"
target=$(cd "$folder" && pwd)
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src

# Of several that fit, the compiler takes the last one.
set -- "$sources=crates" "$PWD=libetcd" "$target=target"

# Where flags come by the environment, Cargo reads none from its configuration. There they end in unit separators, or in
# spaces, which a path may hold.
if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}${RUSTFLAGS:-}" ]; then
    separator=$(printf '\037')
    flags=${CARGO_ENCODED_RUSTFLAGS:-}
    [ -n "$flags" ] || for flag in $RUSTFLAGS; do
        flags="$flags${flags:+$separator}$flag"
    done
    for pair; do
        flags="$flags$separator--remap-path-prefix=$pair"
    done
    export CARGO_ENCODED_RUSTFLAGS="$flags"
    set --
else
    flags=
    for pair; do
        flags="$flags\"--remap-path-prefix=$(printf '%s' "$pair" | sed 's/["\\]/\\&/g')\","
    done
    set -- --config "build.rustflags=[$flags]" # added to those of Cargo's files
fi

# For the C libraries alone, and not for the Rust library that the crate is, too: only so Cargo has the whole program
# optimised at once (lto in Cargo.toml).
exec "${CARGO:-cargo}" rustc "$@" --release --lib --crate-type cdylib,staticlib --target-dir "$folder"
