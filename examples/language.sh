#!/bin/sh
# What each language needs, and how its programs are run: for demo.sh and for the tests.
#
#     examples/language.sh list
#     examples/language.sh setup LANGUAGE...             installs what is missing
#     examples/language.sh packages LANGUAGE...          the Debian packages among that
#     examples/language.sh tour LANGUAGE [HOST PORT]     runs its tour
#     examples/language.sh test LANGUAGE HOST PORT       runs its tests, which need an etcd
#     examples/language.sh run LANGUAGE FILE [ARG...]    runs a program of yours with the module at hand
#
# libetcd is found where LD_LIBRARY_PATH and PKG_CONFIG_PATH say, or where the system has it. Nothing is written here:
# what is made along the way goes to $BUILD, or to a folder below target/.
set -eu
cd "$(dirname "$0")/.."

die() {
    echo "language.sh: $*" >&2
    exit 2
}

has() { command -v "$1" >/dev/null 2>&1; }
runs() { "$@" >/dev/null 2>&1; }
first() { echo "${1%% *}"; } # CXX may be several words

BUILD=${BUILD:-${CARGO_TARGET_DIR:-target}/languages}
mkdir -p "$BUILD"
BUILD=$(cd "$BUILD" && pwd)
CARGO=${CARGO:-cargo}

# ---- what is missing, as Debian's packages ----

cpp_packages() { has "$(first "${CXX:-c++}")" || echo g++; }
go_packages() { has go || echo golang-go; has pkg-config || echo pkg-config; }
julia_packages() { :; } # see setup
lua_packages() { runs luajit -e 'require("ffi") require("cjson")' || echo luajit lua-cjson; }
node_packages() { { has node && has npm; } || echo nodejs npm; }
perl_packages() { runs perl -MFFI::Platypus -MJSON::PP -e 1 || echo perl libffi-platypus-perl; }
php_packages() { runs php -r 'exit(extension_loaded("FFI") && extension_loaded("pcntl") ? 0 : 1);' || echo php-cli; }
python_packages() { has python3 || echo python3; }
ruby_packages() { runs ruby -e 'require "ffi"; require "minitest"' || echo ruby ruby-ffi ruby-minitest; }
rust_packages() { :; }

packages() { for language; do "${language}_packages"; done; }

setup() {
    packages=$(packages "$@")
    # shellcheck disable=SC2086 # a list of words
    [ -z "$packages" ] || examples/install.sh $packages
    for language; do
        case $language in
            julia) examples/julia/install.sh ;;
            node) prepare_node ;;
        esac
    done
}

# npm gets koffi. What was installed for another version of package.json is not used.
prepare_node() {
    folder=$BUILD/node
    mkdir -p "$folder"
    if ! runs cmp examples/node/package.json "$folder/installed"; then
        # Under another name: the one of a folder's own package.json is looked for there first.
        sed 's/"name": "libetcd"/"name": "programs"/' examples/node/package.json >"$folder/package.json"
        # What is there is not fetched, and would not come into the cache.
        rm -rf "$folder/node_modules" "$folder/cache"
        echo "getting koffi and TypeScript from npm" >&2
        npm_install "$folder" >&2
        cp examples/node/package.json "$folder/installed"
    fi
    link_node
}
npm_install() {
    prefix=$1
    shift
    npm install --prefix "$prefix" --cache "$BUILD/node/cache" --no-package-lock --ignore-scripts --no-audit --no-fund \
        --no-update-notifier --silent "$@"
}
# As npm does with a folder.
link_node() {
    [ "$(readlink "$BUILD/node/node_modules/libetcd")" = "$PWD/examples/node" ] ||
        ln -sfn "$PWD/examples/node" "$BUILD/node/node_modules/libetcd"
}

# ---- how they are run ----

# Go and Julia keep what they have compiled; it is to be kept with ours, and not in the home folder.
go_in() {
    folder=$1
    shift
    # Go keeps what it has compiled without asking pkg-config anew; flags in the environment it does look at.
    (cd "$folder" && CGO_LDFLAGS=$(pkg-config --libs etcd) GOPATH=$BUILD/go/path GOCACHE=$BUILD/go/cache GOPROXY=off \
        GOWORK=off GOFLAGS=-buildvcs=false go "$@")
}
julia_here() {
    JULIA_DEPOT_PATH=$BUILD/julia julia --startup-file=no --project=examples/julia "$@"
}


cpp_tour() { cpp_run examples/cpp/tour.cpp "$@"; }
cpp_run() {
    program=$BUILD/$(basename "$1" .cpp)
    # shellcheck disable=SC2046 # lists of words
    ${CXX:-c++} -std=c++17 -O1 -Wall -Wextra -Wpedantic -Werror -o "$program" "$1" $(pkg-config --cflags --libs etcd)
    shift
    "$program" "$@"
}

go_tour() { go_in examples/go build -o "$BUILD/go/tour" ./tour && "$BUILD/go/tour" "$@"; }
go_test() {
    go_in examples/go vet ./...
    go_in examples/go test -c -o "$BUILD/go/test" .
    ETCD_ENDPOINT=http://$1:$2 "$BUILD/go/test" -test.timeout 300s
}
go_run() {
    folder=$BUILD/go/program
    mkdir -p "$folder"
    cp "$1" "$folder/main.go"
    module=$(sed -n 's/^module //p' examples/go/go.mod)
    printf 'module program\ngo 1.19\nrequire %s v0.0.0\nreplace %s => %s/examples/go\n' "$module" "$module" "$PWD" \
        >"$folder/go.mod"
    go_in "$folder" build -o "$folder/program" .
    shift
    "$folder/program" "$@"
}

julia_tour() { julia_here examples/julia/tour.jl "$@"; }

# Installed into an empty environment, and tested from there. A registry in which nothing is keeps Pkg from getting one:
# all that is needed is in Julia's standard library.
julia_test() {
    environment=$BUILD/julia-environment
    rm -rf "$environment"
    mkdir -p "$environment" "$BUILD/julia/registries/Empty"
    printf 'name = "Empty"\nuuid = "5f2f3a2c-7d1e-4a57-9f0e-2d1b3c4d5e6f"\nrepo = ""\n\n[packages]\n' \
        >"$BUILD/julia/registries/Empty/Registry.toml"
    JULIA_DEPOT_PATH=$BUILD/julia julia --startup-file=no --project="$environment" -e '
        using Pkg
        Pkg.offline(true)
        Pkg.develop(PackageSpec(path=ARGS[1]))
        Pkg.test("Etcd", test_args=ARGS[2:end])' "$PWD/examples/julia" "$@"
}
julia_run() { julia_here "$@"; }

lua_tour() { luajit examples/lua/tour.lua "$@"; }
lua_test() { luajit examples/lua/test.lua "$@"; }
lua_run() { LUA_PATH="examples/lua/?.lua;;" luajit "$@"; }

node_tour() { node_run examples/node/tour.mjs "$@"; }
# An ES module is looked for beside those who import it, so the program goes to where koffi is.
node_run() {
    program=$BUILD/node/$(basename "$1")
    cp "$1" "$program"
    shift
    link_node
    node --preserve-symlinks "$program" "$@"
}
# The package is made, installed into an empty folder, with npm's cache in place of the network, and tested there.
node_test() {
    folder=$BUILD/node/packed
    BUILD=$BUILD FOLDER=$folder packaging/node.sh
    mkdir "$folder/empty"
    npm_install "$folder/empty" --offline "$folder"/libetcd-*.tgz
    cp examples/node/test* "$folder/empty/"
    "$BUILD/node/node_modules/.bin/tsc" --project "$folder/empty/test_types.json"
    for test in test test_v3; do node "$folder/empty/$test.mjs" "$@"; done
}

perl_tour() { perl examples/perl/tour.pl "$@"; }
perl_test() { perl examples/perl/test.t "$@"; }
perl_run() { perl -Iexamples/perl "$@"; }

php_tour() { php examples/php/tour.php "$@"; }
php_test() { php examples/php/test.php "$@"; }
php_run() { php -d include_path="$PWD/examples/php" "$@"; }

python_tour() { python3 -B examples/python/tour.py "$@"; }
python_test() {
    for file in test_etcd test_v3 test_asyncio; do
        python3 -B "examples/python/$file.py" "$@"
    done
}
python_run() { PYTHONPATH=examples/python python3 -B "$@"; }

ruby_tour() { ruby examples/ruby/tour.rb "$@"; }
ruby_test() { ruby examples/ruby/test_etcd.rb "$@"; }
ruby_run() { ruby -Iexamples/ruby "$@"; }

rust_tour() { "$CARGO" run --quiet --example tour -- "$@"; }
rust_test() { "$CARGO" run --quiet --example rust_test -- "$@"; }

# ---- what is asked ----

languages=$(sed -n 's/^\([a-z]*\)_packages() .*/\1/p' examples/language.sh | sort)

known() {
    for language in $languages; do
        [ "$language" != "$1" ] || return 0
    done
    # shellcheck disable=SC2086 # a list of words
    die "$1: not one of" $languages
}

what=${1:-}
[ -n "$what" ] || die "list, setup, packages, tour, test or run?"
shift
[ "$what" = list ] || [ $# -gt 0 ] || die "which language?"
case $what in
    list) echo "$languages" ;;
    setup | packages)
        for given; do known "$given"; done
        $what "$@"
        ;;
    tour | test | run)
        known "$1"
        program=${1}_$what
        shift
        "$program" "$@"
        ;;
    *) die "$what: not list, setup, packages, tour, test or run" ;;
esac
