#!/bin/sh
# Makes the RPM packages of what is committed: packaging/rpm.sh; they are put into target/packages/rpm. On Debian, whose
# rpmbuild and rpmlint it gets; what the packages depend on is not asked for, since Debian's packages are not RPM's.
#
#     packaging/rpm.sh check     installs them too, into a folder of their own by `rpm --root`, compiles and runs programs
#                                with them, and removes them again
set -eu
cd "$(dirname "$0")/.."
. packaging/sources.sh
me=packaging/rpm.sh

missing() {
    has rpmbuild || echo rpm
    has rpmlint || echo rpmlint
    has cc || echo gcc libc6-dev
    has xz || echo xz-utils
    rust_missing
    [ "${1:-}" != check ] || { has g++ || echo g++; has pkg-config || echo pkgconf; }
}
install_missing "$@"

folder=target/packages/rpm
rm -rf "$folder"
mkdir -p "$folder/SOURCES"
folder=$(cd "$folder" && pwd)
source_tarball >"$folder/SOURCES/libetcd-$version.tar.xz"
vendor_tarball >"$folder/SOURCES/libetcd-$version-vendor.tar.xz"

say "building with $(cargo --version)"
offline rpmbuild -ba --nodeps --define "_topdir $folder" --define "_smp_mflags -j2" packaging/rpm/libetcd.spec \
    >"$folder/log" 2>&1 || { tail -n 60 "$folder/log" >&2; die "the build failed; see $folder/log"; }
rm -rf "$folder/BUILD" "$folder/BUILDROOT"
find "$folder" -name '*.rpm' -exec rpmlint --strict --config packaging/rpm/rpmlint.toml {} +
[ "${1:-}" = check ] || exit 0

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM HUP
examples/etcd.sh
# The folders that a system has.
mkdir -p "$root/var/lib/rpm"
as_root rpm --root "$root" --initdb
as_root rpm --root "$root" --nodeps --install "$folder"/RPMS/*/*.rpm
rpm --root "$root" --query --all
libdir=$(rpm --eval '%{_libdir}')
# What is made anew bears the changelog's day, and not that of the build; or the day that is asked for.
written=$(sed -n '/^%changelog/,$ s/^\* [A-Z][a-z]* \([A-Z][a-z]* [0-9]* [0-9]*\) .*/\1/p' packaging/rpm/libetcd.spec | head -n 1)
day=$(date -u -d "${SOURCE_DATE_EPOCH:+@}${SOURCE_DATE_EPOCH:-$written}" +%F)
gzip -cdf "$root$(rpm --eval '%{_mandir}')"/man3/etcd_get.3* | grep '^\.TH' | grep -F "$day" >/dev/null ||
    die "the manual pages do not bear the day $day"
PKG_CONFIG_LIBDIR=$root$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 \
    PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 LD_LIBRARY_PATH=$root$libdir PATH=$root/usr/bin:$PATH \
    ETCD=$PWD/target/etcd/3.4/etcd packaging/debian/tests/programs
as_root rpm --root "$root" --erase libetcd libetcd-devel libetcd-static etcd-v2-to-v3
left=$(find "$root" -path "$root/var" -prune -o '(' -name '*etcd*' ')' -print)
[ -z "$left" ] || die "these were left behind: $left"
say "installed, used and removed"
