#!/bin/sh
# Runs the fuzz targets, each for its share of the time, and fails where one finds something.
#
#     fuzz/run.sh [TARGET...]     all of them, if none is named
#
# FUZZ_SECONDS is how long all of it lasts (600), the builds not counted; FUZZ_SANITIZERS are the sanitizers that each
# target runs with ("none address"; without one it is several times as fast). What is found once stays in the corpora
# below the target folder, where the next run begins.
set -eu
cd "$(dirname "$0")/.."

out=${CARGO_TARGET_DIR:-target}/fuzz
seconds=${FUZZ_SECONDS:-600}
sanitizers=${FUZZ_SANITIZERS:-none address}
version=0.13.2
[ $# -gt 0 ] || set -- $(cd fuzz/targets && ls | sed 's/\.rs$//')

say() { echo "fuzz/run.sh: $*" >&2; }

# The coverage and the sanitizers are options of the compiler that are not stable yet.
cargo=${CARGO:-cargo}
if [ "$cargo" = cargo ] && rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    export RUSTUP_TOOLCHAIN=nightly
else
    export RUSTC_BOOTSTRAP=1
fi
"$cargo" fuzz --version >/dev/null 2>&1 || "$cargo" install --locked "cargo-fuzz@$version"
host=$(${RUSTC:-rustc} -vV | sed -n 's/^host: //p')

count=0
for sanitizer in $sanitizers; do
    "$cargo" fuzz build --sanitizer "$sanitizer" --target-dir "$out/$sanitizer" --target "$host"
    count=$((count + $#))
done
share=$((seconds / count))
[ "$share" -gt 0 ] || share=1

total=0
findings=0
for sanitizer in $sanitizers; do
    for target; do
        program=$out/$sanitizer/$host/release/$target
        log=$out/$target-$sanitizer.log
        mkdir -p "$out/corpus/$target" "$out/findings/$target"
        status=0
        "$program" "$out/corpus/$target" "fuzz/seeds/$target" -max_total_time="$share" -timeout=20 -max_len=4096 \
            -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$out/findings/$target/" >"$log" 2>&1 || status=$?
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
        speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log" | tail -n 1)
        printf '%-14s %-8s %11s executions, %7s a second\n' "$target" "$sanitizer" "${executions:-?}" "${speed:-?}"
        total=$((total + ${executions:-0}))
        [ "$status" -ne 0 ] || continue
        findings=$((findings + 1))
        input=$(sed -n 's/^.*Test unit written to //p' "$log" | tail -n 1)
        grep -m 3 -A 2 -e 'panicked at' -e '^==[0-9]*==ERROR' "$log" >&2 || tail -n 20 "$log" >&2
        say "$target found something, see $log. The input lies in ${input:-no file}; once more:"
        say "    $program ${input:-}"
        say "Mended, it becomes a seed: cp ${input:-INPUT} fuzz/seeds/$target/, which cargo test --lib fuzz reads."
    done
done
echo "$total executions, $findings findings"
[ "$findings" -eq 0 ]
