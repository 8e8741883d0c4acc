#!/bin/sh
# Makes the Debian packages of what is committed: packaging/deb.sh; they are put into target/packages/deb. On Debian and
# what descends from it; gets the tools that it lacks (examples/install.sh). The one step that needs the network is the
# first, which gathers the crates; the build has none.
#
#     packaging/deb.sh check     installs them too, compiles and runs programs with them, and removes them again
set -eu
cd "$(dirname "$0")/.."
. packaging/sources.sh
me=packaging/deb.sh

# ---- tools ----

missing() {
    # Of no command's, and what every build depends on.
    [ "$(dpkg-query -W -f '${db:Status-Status}' build-essential 2>/dev/null)" = installed ] || echo build-essential
    has dh || echo debhelper
    has lintian || echo lintian
    has xz || echo xz-utils
    rust_missing
    [ "${1:-}" != check ] || { has g++ || echo g++; has pkg-config || echo pkgconf; }
}
install_missing "$@"

# ---- sources ----

revision=$(sed -n '1s/.*-\(.*\)).*/\1/p' packaging/debian/changelog)
upstream=$(sed -n '1s/.*(\(.*\)-.*/\1/p' packaging/debian/changelog)
[ "$upstream" = "$version" ] || die "packaging/debian/changelog is of $upstream, and Cargo.toml of $version"

folder=target/packages/deb
rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
source_tarball >"$folder/libetcd_$version.orig.tar.xz"
vendor_tarball >"$folder/libetcd_$version.orig-vendor.tar.xz"
source=$folder/libetcd-$version
mkdir "$source"
tar -xf "$folder/libetcd_$version.orig.tar.xz" -C "$source" --strip-components=1
mkdir "$source/vendor"
tar -xf "$folder/libetcd_$version.orig-vendor.tar.xz" -C "$source/vendor" --strip-components=1
cp -a "$source/packaging/debian" "$source/debian"

# ---- packages ----

# A Rust that came another way is not among the packages that a build depends on.
dependencies=
case $(dpkg-query -S "$(command -v cargo)" 2>/dev/null) in cargo*) ;; *) dependencies=-d ;; esac
say "building with $(cargo --version)"
# shellcheck disable=SC2086 # none or one word
(cd "$source" && offline dpkg-buildpackage -us -uc $dependencies) >"$folder/log" 2>&1 ||
    { tail -n 60 "$folder/log" >&2; die "the build failed; see $folder/log"; }
lintian --pedantic --display-info --info --fail-on error,warning "$folder"/*.changes ||
    die "lintian has something to say"
rm -rf "$source"
(cd "$folder" && ls -l ./*.deb)
[ "${1:-}" = check ] || exit 0

# ---- what a user does with them ----

packages="libetcd0 libetcd-dev etcd-v2-to-v3"
examples/etcd.sh
# shellcheck disable=SC2046,SC2086 # lists of words
as_root apt-get install -qq -y $(for name in $packages; do echo "$folder/${name}_${version}-${revision}_"*.deb; done) >/dev/null
# shellcheck disable=SC2086
dpkg -L $packages | sort -u >"$folder/installed"
ETCD=$PWD/target/etcd/3.4/etcd packaging/debian/tests/programs
# shellcheck disable=SC2086
as_root apt-get purge -qq -y $packages >/dev/null
left=$(while IFS= read -r name; do [ -d "$name" ] || [ ! -e "$name" ] || echo "$name"; done <"$folder/installed")
[ -z "$left" ] || die "these were left behind: $left"
[ ! -d /usr/share/doc/libetcd-dev ] || die "/usr/share/doc/libetcd-dev was left behind"
say "installed, used and removed"
