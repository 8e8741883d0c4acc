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

# Julia 1.5 was built with libunwind 1.3 and crashes at the first exception with the later ones, which have the same
# soname.
survives_an_exception() {
    (julia --startup-file=no -e 'f(x) = throw(x); try f(1) catch end' || exit 1) >/dev/null 2>&1
}

fault=missing
if has julia; then
    version=$(julia --version)
    case $version in
        "julia version 0."* | "julia version 1."[0-4].*) die "this is $version, and Etcd takes 1.5 or later" ;;
    esac
    if survives_an_exception; then exit 0; fi
    fault="broken: it crashes at the first exception"
fi

say "Julia is $fault"
has apt-get || die "there is no apt-get here to mend that with. Please install Julia 1.5 or later."
sudo=
if [ "$(id -u)" -ne 0 ]; then
    has sudo || die "mending that takes root or sudo"
    sudo=sudo
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/install-julia.XXXXXX")
trap '$sudo rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
chmod 755 "$folder" # apt downloads as a user of its own
mkdir "$folder/lists"
cd "$folder"

# What the machine says in sources.list and preferences, to be added to. What is in sources.list.d and preferences.d
# counts as it stands.
for name in sources.list preferences; do
    { [ ! -f /etc/apt/$name ] || cat /etc/apt/$name; echo; } >$name
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

# Makes a step of the installation: silently, unless it fails.
must() {
    "$@" >log 2>&1 && return
    cat log >&2
    die "this failed: $*"
}

show_bullseye() {
    mirror=$(apt get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Identifier: Packages' |
        sed -n '/ Debian Debian$/ { s///p; q; }')
    [ -n "$mirror" ] || die "apt has no Julia here, and no mirror of Debian's to get it from." \
        "Please install Julia 1.5 or later."
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ ! -f $keys ] || mirror="[signed-by=$keys] $mirror"
    echo "deb $mirror bullseye main" >>sources.list
    printf '%s\n' 'Package: *' 'Pin: release n=bullseye' 'Pin-Priority: 50' >>preferences
    must apt get update
}

must apt get update
[ -n "$(apt cache madison julia)" ] || show_bullseye
has julia || must apt get install -y --no-install-recommends julia

# The libunwind that Julia wants goes where Julia looks first and nobody else does.
if ! survives_an_exception; then
    must apt get download libunwind8/bullseye
    must dpkg-deb -x libunwind8_*.deb unwind
    library=$(find unwind -name libunwind.so.8)
    private=$(dpkg -L libjulia1 | sed -n 's|/sys\.so$||p')
    [ -n "$private" ] || die "and it is not Debian's. Please install another."
    must $sudo cp "$library" "$private/"
    survives_an_exception || die "this Julia crashes at the first exception. Please install another."
fi
say "$(julia --version) is installed"
