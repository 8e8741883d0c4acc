# Read by run.sh and profile.sh in the project's folder: gets what is missing and builds. Sets `target`, Cargo's
# folder, and `out`, the benchmark's own in it. `programs` builds the contenders of v3 that are programs of their own; it
# needs Go, and gets protoc.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY CARGO_BUILD_TARGET
tests/setup.sh

mkdir -p "${CARGO_TARGET_DIR:-target}/bench"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
out=$target/bench
make --no-print-directory all CARGO_TARGET_DIR="$target"
cargo build --release --locked --manifest-path benches/ureq/Cargo.toml --target-dir "$out/ureq"
ln -sf ../release/lib/libetcd.so "$out/libetcd.so.0" # the name that programs are bound to
# shellcheck disable=SC2046 # lists of words
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -Iinclude -o "$out/bench" benches/*.c "$out/libetcd.so.0" \
    "$out/ureq/release/libbench_ureq.so" -Wl,-rpath,"$out" -Wl,-rpath,"$out/ureq/release" \
    $(pkg-config --cflags --libs libcurl) -lpthread -ldl

# They load what they are about themselves.
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -DLIBRARY="\"$out/libetcd.so.0\"" -o "$out/first-libetcd" benches/first/load.c -ldl
# shellcheck disable=SC2046 # the same
${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -DWITH_CURL -DLIBRARY='"libcurl.so.4"' -o "$out/first-libcurl" \
    benches/first/load.c $(pkg-config --cflags libcurl) -ldl

programs() {
    command -v go > /dev/null || { echo "benches: please install Go: $(sed -n 's/^go //p' benches/clientv3/go.mod) or later" >&2; exit 1; }
    # With the messages that are protobuf's own, which it looks for beside itself.
    [ -n "${PROTOC:-}" ] || [ -e "$(dirname "$(command -v protoc)")/../include/google/protobuf/descriptor.proto" ] ||
        examples/install.sh protobuf-compiler libprotobuf-dev
    (cd benches/clientv3 && go build -trimpath -o "$out/clientv3" .)
    cargo build --release --locked --manifest-path benches/etcd-client/Cargo.toml --target-dir "$out/etcd-client"
    ln -sf etcd-client/release/bench-etcd-client "$out/bench-etcd-client"
}
