# shellcheck shell=sh
# Read by scripts that get a package of another release of Debian, with `. examples/apt.sh`. They say what they are
# about in `me`, for messages.
#
# apt is shown the other release for this one run, on the mirror that the machine uses anyway, with a priority so low
# that it gives only what the machine's own release lacks. Lists and settings are in a folder of ours: neither the source
# nor the priority stays behind, to trouble the machine once the mirror has that release no more.

say() { echo "$me: $*" >&2; }

die() {
    say "$@"
    exit 1
}

# Begins with the folder $1, which holds lists and settings, and what is downloaded. The machine's own sources.list and
# preferences are added to there; what is in sources.list.d and preferences.d counts as it stands.
apt_begin() {
    apt_folder=$1
    command -v apt-get >/dev/null 2>&1 || return 1
    chmod 755 "$apt_folder" # apt downloads as a user of its own
    mkdir -p "$apt_folder/lists/partial" "$apt_folder/archives/partial"
    for name in sources.list preferences; do
        { [ ! -f /etc/apt/$name ] || cat /etc/apt/$name; echo; } >"$apt_folder/$name"
    done
    must apt get update
}

# "apt get" and "apt cache", with the lists of packages in our folder: the machine's are neither changed nor waited for.
# Only what installs needs root: $sudo is empty or "sudo".
apt() {
    apt_tool=apt-$1
    shift
    (cd "$apt_folder" && ${sudo:-} env DEBIAN_FRONTEND=noninteractive "$apt_tool" -qq -o DPkg::Lock::Timeout=600 \
        -o Dir::Etc::SourceList="$apt_folder/sources.list" -o Dir::Etc::Preferences="$apt_folder/preferences" \
        -o Dir::State::Lists="$apt_folder/lists" -o Dir::Cache::Archives="$apt_folder/archives" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@")
}

# Makes a step: silently, unless it fails.
must() {
    "$@" >"$apt_folder/log" 2>&1 && return
    cat "$apt_folder/log" >&2
    die "this failed: $*"
}

# Shows apt the release $1; fails where the machine uses no mirror of Debian's, or the mirror no longer has it.
apt_show() {
    mirror=$(apt get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Identifier: Packages' |
        sed -n '/ Debian Debian$/ { s///p; q; }')
    [ -n "$mirror" ] || return 1
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ ! -f $keys ] || mirror="[signed-by=$keys] $mirror"
    echo "deb $mirror $1 main" >>"$apt_folder/sources.list"
    printf '%s\n' 'Package: *' "Pin: release n=$1" 'Pin-Priority: 50' >>"$apt_folder/preferences"
    apt get update >"$apt_folder/log" 2>&1 && return
    cat "$apt_folder/log" >&2
    return 1
}
