#!/bin/sh
# What one call costs in figures that noise does not touch: instructions (valgrind) and system calls (strace), of
# each contender. Then the functions of libetcd that take the most. See benches/README.md.
set -eu
cd "$(dirname "$0")/.."
# With names of functions and lines, which a release has not.
export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/profile
. benches/build.sh
command -v strace > /dev/null || { echo "profile.sh: please install strace" >&2; exit 1; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/bench-XXXXXX")
servers=
trap 'kill $servers; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
for api in v2 v3; do
    "$out/bench" serve $api "$folder" > "$folder/port.$api" &
    servers="$servers $!"
    while [ ! -s "$folder/port.$api" ]; do
        kill -0 $! # ends the script if it has ended
        sleep 0.1
    done
done

# What the program does besides is in both counts, and so in no difference.
few=500 more=1500
per_call() { awk -v a="$1" -v b="$2" -v calls=$((more - few)) -v digits="$3" 'BEGIN { printf "%.*f", digits, (b - a) / calls }'; }

# API CONTENDER CALL COUNT
instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$folder/callgrind.$1.$2.$3" "$out/bench" once "$1" \
        "$(cat "$folder/port.$1")" "$2" "$3" "$4" 2>&1 | sed -n 's/.*Collected : //p'
}

system_calls() {
    strace -f -o "$folder/strace" "$out/bench" once "$1" "$(cat "$folder/port.$1")" "$2" "$3" "$4"
    grep -vc -e '+++' -e 'resumed>' "$folder/strace"
}

table() { # API CONTENDER...
    api=$1
    shift
    printf '%-14s %-4s %14s %14s\n' "$api" '' 'instructions' 'system calls'
    for contender; do
        for call in GET PUT; do
            printf '%-14s %-4s %14s %14s\n' "$contender" "$call" \
                "$(per_call "$(instructions "$api" "$contender" $call $few)" "$(instructions "$api" "$contender" $call $more)" 0)" \
                "$(per_call "$(system_calls "$api" "$contender" $call $few)" "$(system_calls "$api" "$contender" $call $more)" 2)"
        done
    done
}
table v2 bare libetcd libcurl ureq
table v3 prepared libetcd

for api in v2 v3; do
    printf '\nInstructions of one libetcd GET over %s by function, with those of what it calls:\n\n' $api
    callgrind_annotate --inclusive=yes "$folder/callgrind.$api.libetcd.GET" |
        grep -e '\[.*/libetcd.so\]' -e 'malloc.c:\(malloc\|realloc\|free\) ' | head -n 30 |
        sed -e 's/^ *\([0-9,]*\) *([^)]*) */\1 /' -e 's| \[.*||' -e 's| [^ ]*/registry/src/[^/]*/| |' \
            -e 's| [^ ]*/rustc/[^/]*/| |' |
        awk -v calls=$more '{ cost = $1; gsub(",", "", cost); $1 = ""; printf "%7d %.110s\n", cost / calls, $0 }'
done
