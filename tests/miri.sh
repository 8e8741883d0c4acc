#!/bin/sh
# Has Miri, which interprets a program and finds undefined behaviour in it, run the unit tests of what asks no server and
# opens no socket: of the ffi layer C's strings in, texts and bytes out, `etcd_free`, handles and the JSON readers; the fuzz
# targets on their seeds; and what is pure. It runs in no other test, for it needs a nightly Rust.
#
#     tests/miri.sh [FILTER...]     those tests whose names have one of these in them; all that Miri can run, if none is given
#
# What Miri does not know is left out where it stands: `cfg(miri)` in src/.
set -eu
cd "$(dirname "$0")/.."

toolchain=${MIRI_TOOLCHAIN:-nightly}
rustup toolchain list | grep -q "^$toolchain" || rustup toolchain install --profile minimal "$toolchain"
rustup component add --toolchain "$toolchain" miri rust-src

[ $# -gt 0 ] || set -- base:: messages:: operation:: config:: http::body http::head http::response \
    grpc::frames grpc::message grpc::status grpc::call \
    api::v2::encoding api::v2::header api::v2::request api::v2::reply api::v2::root api::v2::rules api::v2::watch::cursor \
    api::v2::watch::event api::v2::watch::matching api::v3::watch::cursor api::v3::watch::event api::v3::tree \
    recipes::mirror::content recipes::mirror::page recipes::tenure \
    ffi::argument ffi::guard ffi::handles ffi::json ffi::text ffi::fuzz

# The clock, the kernel's random numbers and the seeds' files are this machine's.
export MIRIFLAGS="${MIRIFLAGS:--Zmiri-disable-isolation}"
exec rustup run "$toolchain" cargo miri test --lib --target-dir "${CARGO_TARGET_DIR:-target}/miri" -- "$@"
