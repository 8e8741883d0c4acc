#!/bin/sh
# Installs Debian packages: examples/install.sh PACKAGE...
# As root, or with sudo; where there is no apt-get it says what to install.
set -eu

die() {
    echo "missing: $packages. $*" >&2
    exit 1
}

packages=$*
command -v apt-get >/dev/null 2>&1 || die "There is no apt-get here; please install them (these are Debian's names)."
sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "Not root, and no sudo: please run as root: apt-get install $packages"
    sudo=sudo
fi
echo "installing $packages, with all that they need; this may take minutes" >&2
apt_get="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600"
install="$apt_get install -y --no-install-recommends"
# shellcheck disable=SC2086 # lists of words
$install $packages >&2 && exit
# The lists of packages may be missing or old.
$apt_get update >&2
# shellcheck disable=SC2086
$install $packages >&2 || die "apt-get could not install them."
