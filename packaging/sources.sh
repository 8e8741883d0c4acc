# shellcheck shell=sh
# Read by the scripts that make packages, with `. packaging/sources.sh`, in the project's folder: the sources as
# distributions want them, and what these scripts have in common. They say what they are about in `me`.

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
# The same archives of the same commit.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

say() { echo "$me: $*" >&2; }
die() {
    say "$@"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Debian's own Rust, if there is none; on Debian 12 under the names that it has for the browsers.
rust_missing() {
    ! has cargo || return 0
    [ -n "$(apt-cache madison rustc)" ] || as_root apt-get update -qq >&2
    theirs=$(apt-cache madison rustc | awk '{ print $3; exit }')
    if dpkg --compare-versions "$theirs" ge "$rust"; then echo cargo rustc; else echo cargo-web rustc-web; fi
}

# Installs what a function `missing` lists.
install_missing() {
    has apt-get || die "there is no apt-get here"
    packages=$(missing "$@")
    # shellcheck disable=SC2086 # a list of words
    [ -z "$packages" ] || examples/install.sh $packages
}

# Runs a command without a network, where that can be had.
offline() {
    if [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then unshare --net "$@"; else "$@"; fi
}

# Reproducible, of what is in the folder $1, which it names $2.
archive() {
    tar -C "$1" --transform "s,^\\.,$2," --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
        --mode=go=rX,u+rw -c . | xz -T0
}

# What is committed.
source_tarball() { git archive --prefix="libetcd-$version/" HEAD | xz -T0; }

# The crates that Cargo.lock names. Those that only other systems need, Windows with its libraries above all, are empty:
# Cargo wants to see that they are there.
vendor_tarball() (
    part=$(mktemp -d)
    trap 'rm -rf "$part"' EXIT
    git archive HEAD | tar -x -C "$part"
    cd "$part"
    say "gathering the crates"
    cargo vendor --locked --versioned-dirs vendor >/dev/null 2>log || { cat log >&2; exit 1; }
    for system in x86_64-unknown-linux-gnu i686-unknown-linux-gnu aarch64-unknown-linux-gnu \
        armv7-unknown-linux-gnueabihf riscv64gc-unknown-linux-gnu powerpc64le-unknown-linux-gnu \
        s390x-unknown-linux-gnu x86_64-unknown-linux-musl; do
        cargo tree --locked -e normal,build --target "$system" --prefix none --format '{p}' >tree
        sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p' tree >>needed
    done
    for folder in vendor/*; do
        ! grep -qxF "${folder#vendor/}" needed || continue
        cp "$folder/Cargo.toml" manifest
        package=$(sed -n 's/.*"package":\("[^"]*"\).*/\1/p' "$folder/.cargo-checksum.json")
        rm -rf "$folder"
        mkdir -p "$folder/src"
        mv manifest "$folder/Cargo.toml"
        : >"$folder/src/lib.rs"
        printf '{"files":{},"package":%s}' "$package" >"$folder/.cargo-checksum.json"
    done
    archive vendor vendor
)
