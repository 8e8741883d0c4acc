#!/bin/sh
# Installs Julia where there is none. Quick where there is one; may be run at any time.
#
# Debian 12 and 13 have no Julia. Debian 11, "bullseye", has 1.5.3, which runs beside the packages of its successors.
# So apt is shown bullseye, too, on the mirror that the machine uses anyway, with a priority so low that it gives only
# what the machine's own release lacks. It is shown so for this one installation, from a folder of ours: neither the
# source nor the priority stays behind, to trouble the machine once the mirror has bullseye no more. What stays is Julia
# and the few libraries of bullseye's that it needs.
set -eu

say() { echo "install.sh: $*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

die() {
    say "$@"
    exit 1
}

if has julia; then
    version=$(julia --version)
    case $version in
        "julia version 0."* | "julia version 1."[0-4].*) die "this is $version, and Etcd takes 1.5 or later" ;;
    esac
    exit 0
fi

has apt-get || die "Julia is missing, and there is no apt-get here to get it with. Please install Julia 1.5 or later."
sudo=
if [ "$(id -u)" -ne 0 ]; then
    has sudo || die "Julia is missing, and installing it takes root or sudo"
    sudo=sudo
fi
say "Julia is missing; installing Debian's"

folder=$(mktemp -d "${TMPDIR:-/tmp}/install-julia.XXXXXX")
trap '$sudo rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
chmod 755 "$folder" # apt downloads as a user of its own
mkdir "$folder/lists"

# What the machine says in sources.list and preferences, to be added to. What is in sources.list.d and preferences.d
# counts as it stands.
for name in sources.list preferences; do
    { [ ! -f /etc/apt/$name ] || cat /etc/apt/$name; echo; } >"$folder/$name"
done

# "apt get" and "apt cache", with the lists of packages in our folder, too: the machine's are neither changed nor waited
# for.
apt() {
    tool=apt-$1
    shift
    $sudo env DEBIAN_FRONTEND=noninteractive "$tool" -qq -o DPkg::Lock::Timeout=600 \
        -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::Preferences="$folder/preferences" \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

apt get update >&2
if [ -z "$(apt cache search --names-only '^julia$')" ]; then
    mirror=$(apt get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Identifier: Packages' |
        sed -n '/ Debian Debian$/ { s///p; q; }')
    [ -n "$mirror" ] || die "apt has no Julia here, and no mirror of Debian's to get it from." \
        "Please install Julia 1.5 or later."
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ ! -f $keys ] || mirror="[signed-by=$keys] $mirror"
    echo "deb $mirror bullseye main" >>"$folder/sources.list"
    printf '%s\n' 'Package: *' 'Pin: release n=bullseye' 'Pin-Priority: 50' >>"$folder/preferences"
    apt get update >&2 || die "the mirror has bullseye no more. Please install Julia 1.5 or later."
fi
apt get install -y --no-install-recommends julia >"$folder/log" 2>&1 || {
    cat "$folder/log" >&2
    die "apt-get could not install Julia"
}
julia --version >&2
