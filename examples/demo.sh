#!/bin/sh
# What `make demo` does: builds the library and runs examples/tour.c against a private etcd, which is stopped
# and removed whatever happens. ETCD_ENDPOINT=http://host:port uses a running server instead. `demo.sh LANGUAGE`, or
# `make demo-LANGUAGE`, runs the tour of that language instead. `demo.sh LANGUAGE 3.6`, and for C `make demo-v3`, runs it on
# a private etcd of that version, which tests/servers/get.sh gets.
set -eu
cd "$(dirname "$0")/.."
language=${1:-c}
version=${2:-}

die() {
    echo "demo: $*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# ---- what is missing ----

# CARGO, CC and CXX may be several words: "ccache gcc", or "gcc -m64".
first() { echo "${1%% *}"; }
CARGO=${CARGO:-cargo}
has "$(first "$CARGO")" || die "Rust is missing: https://rustup.rs installs it, or CARGO=/path/to/cargo names one"
has "$(first "${CC:-cc}")" || die "a C compiler is missing: apt-get install gcc libc6-dev"
etcd=
if [ -n "$version" ]; then
    tests/servers/get.sh "$version" || die "there is no etcd $version here to take the tour on"
    eval "etcd=\${ETCD_$(echo "$version" | tr . _):-target/etcd/$version/etcd}"
elif [ -n "${ETCD_ENDPOINT:-}" ]; then
    address=${ETCD_ENDPOINT#http://}
    address=${address%/}
    case $address in
        \[*\]) host=$address port=2379 ;;
        *:*) host=${address%:*} port=${address##*:} ;;
        *) host=$address port=2379 ;;
    esac
    usable=yes
    case $host in '' | */*) usable=no ;; esac
    case $port in '' | *[!0-9]* | ??????*) usable=no ;; *) [ "$port" -le 65535 ] || usable=no ;; esac
    [ $usable = yes ] || die "ETCD_ENDPOINT must be http://host:port, not $ETCD_ENDPOINT"
else
    # Not installed by this script, for Debian's package starts a server of its own.
    if has etcd; then
        etcd=etcd
    else
        examples/etcd.sh || die "without an etcd there is one to be named: ETCD_ENDPOINT=http://host:port make demo"
        etcd=target/etcd/3.4/etcd
    fi
fi
[ "$language" = c ] || examples/language.sh setup "$language"

# ---- from here on there is something to clean up ----

folder=$(mktemp -d "${TMPDIR:-/tmp}/libetcd-demo.XXXXXX")
server=
clean_up() {
    # First of all, for a second signal would end it half way: make passes on what the terminal sends anyway.
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT
trap 'clean_up; exit 143' TERM
trap 'clean_up; exit 129' HUP

# ---- the program ----

"${MAKE:-make}" --no-print-directory all >&2 || die "the library could not be built"
"${MAKE:-make}" --no-print-directory install DESTDIR="$folder" PREFIX=/etcd LIBDIR=/etcd/lib INCLUDEDIR=/etcd/include \
    >"$folder/install.log" 2>&1 || { cat "$folder/install.log" >&2; die "the library could not be installed"; }
installed=$folder/etcd
if [ "$language" = c ]; then
    ${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -o "$folder/tour" examples/tour.c \
        -I"$installed/include" -L"$installed/lib" -letcd -Wl,-rpath,"$installed/lib"
fi

# ---- the server ----

# Where it has the v2 API, that is switched on; 3.6 and later have neither it nor the argument.
has_v2() {
    case $("$etcd" --version | sed -n 's/^etcd Version: //p') in
        2.* | 3.[0-5].*) return 0 ;;
    esac
    return 1
}

# On a port that nobody has: etcd itself finds out, and then the next one is tried.
start_etcd() {
    # etcd reads these, and refuses to start where an argument says the same.
    for name in $(env | sed -n 's/^\(ETCD_[A-Z0-9_]*\)=.*/\1/p'); do
        unset "$name"
    done
    # etcd 3.4 wants to hear that one knows it is not tested as well there.
    case $(uname -m) in aarch64) export ETCD_UNSUPPORTED_ARCH=arm64 ;; esac
    # Should this script be killed outright, the kernel stops the server.
    die_with_us=
    if has setpriv && setpriv --pdeathsig KILL true 2>/dev/null; then
        die_with_us="setpriv --pdeathsig KILL"
    fi
    enable_v2=
    ! has_v2 || enable_v2=--enable-v2=true
    : >"$folder/etcd.log" # it is read before etcd has opened it
    attempt=0
    while [ $attempt -lt 20 ]; do
        # Below the ports that the kernel gives to connections.
        port=$((20000 + ($$ * 7 + attempt * 101) % 10000))
        url=http://127.0.0.1:$port
        # A member that is alone never talks to its peers: port 0 is any.
        $die_with_us "$etcd" $enable_v2 --name demo --data-dir "$folder/data" \
            --listen-client-urls "$url" --advertise-client-urls "$url" --listen-peer-urls http://127.0.0.1:0 \
            --initial-advertise-peer-urls http://127.0.0.1:1 --initial-cluster demo=http://127.0.0.1:1 \
            >"$folder/etcd.log" 2>&1 &
        server=$!
        if is_ready; then
            return
        fi
        grep -q "address already in use" "$folder/etcd.log" ||
            { tail -n 20 "$folder/etcd.log" >&2; die "etcd did not start"; }
        rm -rf "$folder/data"
        attempt=$((attempt + 1))
    done
    die "no free port in 20 attempts"
}

is_ready() {
    tenths=0
    while [ $tenths -lt 300 ] && kill -0 "$server" 2>/dev/null; do
        if grep -q "ready to serve client requests" "$folder/etcd.log"; then
            return 0
        fi
        sleep 0.1
        tenths=$((tenths + 1))
    done
    return 1
}

if [ -n "$etcd" ]; then
    start_etcd
    host=127.0.0.1
fi

# ---- the tour ----

if [ "$language" = c ]; then
    "$folder/tour" "$host" "$port"
else
    export LD_LIBRARY_PATH="$installed/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export PKG_CONFIG_PATH="$installed/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$folder"
    examples/language.sh tour "$language" "$host" "$port"
fi
