# Read by run.sh and profile.sh in the project's folder: gets what is missing and builds. Sets `target`, Cargo's
# folder, and `out`, the benchmark's own in it.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY CARGO_BUILD_TARGET
tests/setup.sh

mkdir -p "${CARGO_TARGET_DIR:-target}/bench"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
out=$target/bench
cargo build --release --lib --target-dir "$target"
cargo build --release --locked --manifest-path benches/ureq/Cargo.toml --target-dir "$out/ureq"
ln -sf ../release/libetcd.so "$out/libetcd.so.0" # the name that programs are bound to
# shellcheck disable=SC2046 # lists of words
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -Iinclude -o "$out/bench" benches/*.c "$out/libetcd.so.0" \
    "$out/ureq/release/libbench_ureq.so" -Wl,-rpath,"$out" -Wl,-rpath,"$out/ureq/release" \
    $(pkg-config --cflags --libs libcurl) -lpthread -ldl
