#!/bin/sh
# Gets what the tests need and this machine lacks. Quick when nothing is missing; may be run at any time.
#
#     tests/setup.sh core     for `make test`
#     tests/setup.sh          for `make check`: all languages, all servers and clang, too
#
# Needs apt-get, and root or sudo where a package is missing; the etcd servers are not installed (tests/servers/get.sh).
set -eu
cd "$(dirname "$0")/.."

say() { echo "tests/setup.sh: $*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }
first() { echo "${1%% *}"; }

servers="3.4 3.5 3.6 3.7"
if [ "${1:-}" = core ]; then
    languages=python
else
    languages=$(examples/language.sh list)
fi

# What is missing, by the command or file that a package brings: it may have come another way.
missing() {
    has valgrind || echo valgrind
    has pkg-config || echo pkg-config
    has openssl || echo openssl # certificates of the README's recipes
    has abidiff || echo abigail-tools # compares the ABI with its baseline
    has man || echo man-db
    has mandoc || echo mandoc # looks at the manual pages, too
    # shellcheck disable=SC2086 # lists of words
    tests/servers/get.sh packages $servers
    # shellcheck disable=SC2086
    examples/language.sh packages $languages
    [ "${1:-}" != core ] || return 0
    has clang++ || echo clang # for the C++ header
    # What its address sanitizer needs.
    { has clang++ && [ -e "$(clang++ -print-file-name="libclang_rt.asan-$(uname -m).a")" ]; } || echo libclang-rt-dev
    { has pkg-config && pkg-config --exists libcurl; } || echo libcurl4-openssl-dev
    # With which programs find the library that is installed.
    has cmake || echo cmake
    has meson || echo meson
}
packages=$(missing "$@" | sort -u)
# shellcheck disable=SC2086 # a list of words
[ -z "$packages" ] || examples/install.sh $packages

# shellcheck disable=SC2086
tests/servers/get.sh $servers

# A language that cannot be had here is left out of the tests, which read this list. CI has them all.
left_out=target/languages/left-out
mkdir -p "$(dirname "$left_out")"
: >"$left_out"
for language in $languages; do
    status=0
    examples/language.sh setup "$language" || status=$?
    case $status,${CI:-} in
        0,*) ;;
        3,) echo "$language" >>"$left_out" ;;
        *) exit "$status" ;;
    esac
done
if [ -s "$left_out" ]; then
    say "******** NOT TESTED, for it cannot be had on this machine: $(tr '\n' ' ' <"$left_out")********"
fi
