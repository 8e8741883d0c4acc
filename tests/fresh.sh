#!/bin/sh
# Proves that a newcomer's first commands work on a machine with nothing but Rust, gcc, make, git and ca-certificates:
#
#     tests/fresh.sh [RELEASE...]    `make demo` and `make test` in a bare Debian; RELEASE is bookworm, trixie, ...
#
# COMMANDS in the environment are others to be run, separated by semicolons: COMMANDS=.ci/run. What is tried is what is
# committed. Needs root and debootstrap, which it installs. The bare systems are kept in target/fresh; the one a failure
# leaves behind is there, too. How registries are reached (proxies, certificates, pip's and npm's and Cargo's settings)
# is taken from this machine; nothing else is, except Rust.
set -eu
cd "$(dirname "$0")/.."
me=tests/fresh.sh

say() { echo "$me: $*" >&2; }
die() {
    say "$@"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

[ "$(id -u)" = 0 ] || die "chroot needs root"
has debootstrap || examples/install.sh debootstrap
[ $# -gt 0 ] || set -- bookworm trixie
commands=${COMMANDS:-make demo; make test}
rust=$(rustc --print sysroot)
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Identifier: Packages' |
    sed -n '/ Debian Debian$/ { s///p; q; }')
[ -n "$mirror" ] || die "this machine's apt uses no mirror of Debian's"

mkdir -p target/fresh
folder=$(cd target/fresh && pwd)

# The bare system, made once.
base() {
    base=$folder/$1.base
    [ ! -d "$base" ] || return 0
    say "making a bare $1"
    debootstrap --variant=minbase --include=gcc,libc6-dev,make,git,ca-certificates "$1" "$base.part" "$mirror" \
        >"$folder/$1.debootstrap" || { tail -n 20 "$folder/$1.debootstrap" >&2; rm -rf "$base.part"; exit 1; }
    rm -rf "$base.part"/var/cache/apt/archives/*.deb "$base.part"/var/lib/apt/lists/*
    mv "$base.part" "$base"
}

# How this machine reaches registries and names.
settings() {
    root=$1
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    echo "deb $mirror $2 main" >"$root/etc/apt/sources.list"
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/apt/auth.conf.d/* /etc/pip.conf /etc/npmrc /usr/etc/npmrc \
        "$HOME"/.npmrc "$HOME"/.config/pip/pip.conf "$HOME"/.config/go/env "$HOME"/.cargo/config.toml; do
        [ -f "$file" ] || continue
        # What a package brings comes with the package.
        ! dpkg-query -S "$file" >/dev/null 2>&1 || continue
        place=$file
        case $file in "$HOME"/*) place=/root/${file#"$HOME"/} ;; esac
        mkdir -p "$root$(dirname "$place")"
        cp -L "$file" "$root$place"
    done
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    env | grep -iE '^([a-z0-9_]*(proxy|cert|ca_bundle|cainfo|ca_certs|cafile)[a-z0-9_]*|(pip|cargo|npm_config|go)_?[a-z0-9_]*)=' |
        grep -vE '^(CARGO_(TARGET_DIR|MANIFEST[A-Z_]*|PKG[A-Z_]*)|CARGO|GOPATH|GOROOT|GOFLAGS)=' >"$root/environment" || true
}

# In namespaces of its own, with which all mounts and processes go.
enter() {
    # shellcheck disable=SC2016 # for the shell inside
    unshare --mount --pid --fork --kill-child --propagation private sh -euc '
        root=$1 rust=$2 commands=$3
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mkdir -p "$root/opt/rust"
        mount --bind -o ro "$rust" "$root/opt/rust"
        exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 CI="${CI:-}" \
            PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            sh -euc "while IFS= read -r line; do export \"\$line\"; done </environment; cd /root/libetcd; $commands"
    ' sh "$1" "$rust" "$2"
}

for release; do
    base "$release"
    root=$folder/$release.$$
    rm -rf "$root"
    cp -a "$folder/$release.base" "$root"
    settings "$root" "$release"
    git clone -q --no-hardlinks "file://$PWD" "$root/root/libetcd"
    IFS=';'
    for command in $commands; do
        unset IFS
        say "$release: $command"
        begin=$(date +%s)
        enter "$root" "$command" || die "$release: this failed: $command (see $root)"
        say "$release: $command: $(($(date +%s) - begin)) s"
    done
    unset IFS
    say "$release: $(du -sm "$root" | cut -f 1) MB, $(chroot "$root" dpkg-query -W | wc -l) packages at the end," \
        "$(du -sm "$folder/$release.base" | cut -f 1) MB and $(chroot "$folder/$release.base" dpkg-query -W | wc -l) before"
    rm -rf "$root"
done
