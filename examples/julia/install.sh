#!/bin/sh
# Installs Julia where there is none. Quick where there is one; may be run at any time.
#
# Debian 12 and 13 have no Julia. Debian 11, "bullseye", has 1.5.3, which runs beside the packages of its successors. It is
# got by way of examples/apt.sh; what stays is Julia and the few libraries of bullseye's that it needs. Where no mirror of
# Debian's is at hand, as on Ubuntu, this says so and returns 3.
set -eu
cd "$(dirname "$0")/../.."
me=examples/julia/install.sh
. examples/apt.sh

has() { command -v "$1" >/dev/null 2>&1; }

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
say "looking for Julia among apt's packages, and in Debian 11"
apt_begin "$folder"
if [ -z "$(apt cache madison julia)" ] && ! apt_show bullseye; then
    say "apt has no Julia here, and no mirror of Debian's to get it from. Please install Julia 1.5 or later."
    exit 3
fi
say "installing Julia"
has julia || must apt get install -y --no-install-recommends julia

# The libunwind that Julia wants goes where Julia looks first and nobody else does.
if ! survives_an_exception; then
    must apt get download libunwind8/bullseye
    must dpkg-deb -x "$folder"/libunwind8_*.deb "$folder/unwind"
    library=$(find "$folder/unwind" -name libunwind.so.8)
    private=$(dpkg -L libjulia1 | sed -n 's|/sys\.so$||p')
    [ -n "$private" ] || die "and it is not Debian's. Please install another."
    must $sudo cp "$library" "$private/"
    survives_an_exception || die "this Julia crashes at the first exception. Please install another."
fi
say "$(julia --version) is installed"
