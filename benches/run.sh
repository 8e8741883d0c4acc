#!/bin/sh
# Builds and runs the benchmark: benches/run.sh [PART...], where a part is memory, calls, threads, watchers, pulled,
# pushed, large, first, latency, burst, tls, mirror, v3, v3-threads or v3-latency; without one, all. ROUNDS and CALLS in
# the environment change how long it takes. See benches/README.md.
set -eu
cd "$(dirname "$0")/.."
. benches/build.sh

# tmpfs where there is one: a disk's own slowness would drown what is measured of a PUT.
folder=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/bench-XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

version_of() { "$1" --version | sed -n 's/^etcd Version: //p'; }
printf '%s, %s cores (%s), load %s, etcd %s, libcurl %s, libetcd %s\n\n' "$(date -u +%Y-%m-%d)" "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$(cut -d ' ' -f 1 /proc/loadavg)" \
    "$(version_of "${ETCD_3_4:-target/etcd/3.4/etcd}") and $(version_of "${ETCD_3_6:-target/etcd/3.6/etcd}")" "$(curl-config --version | cut -d ' ' -f 2)" \
    "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
strip -o "$out/stripped.so" "$target/release/lib/libetcd.so"
printf 'libetcd.so: %s KB, stripped\n\n' "$(($(wc -c < "$out/stripped.so") / 1024))"

[ $# -gt 0 ] || set -- memory calls threads watchers pulled pushed large first latency burst tls mirror v3 v3-threads v3-latency
case " $* " in *" v3"*) programs ;; esac
"$out/bench" "$folder" "${ROUNDS:-21}" "${CALLS:-2000}" "$@"
printf 'No target fails the run: this prints, and people judge. The load is now %s.\n' "$(cut -d ' ' -f 1 /proc/loadavg)"
