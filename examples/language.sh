#!/bin/sh
# What each language needs, and how its programs are run: for demo.sh and for the tests.
#
#     examples/language.sh list
#     examples/language.sh setup LANGUAGE...             installs what is missing
#     examples/language.sh tour LANGUAGE [HOST PORT]     runs its tour
#     examples/language.sh test LANGUAGE HOST PORT       runs its tests, which need an etcd
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

BUILD=${BUILD:-${CARGO_TARGET_DIR:-target}/languages}
mkdir -p "$BUILD"
BUILD=$(cd "$BUILD" && pwd)
CARGO=${CARGO:-cargo}

# ---- what is missing, as Debian's packages ----

cpp_packages() { has "${CXX:-c++}" || echo g++; }
go_packages() { has go || echo golang-go; has pkg-config || echo pkg-config; }
julia_packages() { :; } # see setup
lua_packages() { runs luajit -e 'require("ffi") require("cjson")' || echo luajit lua-cjson; }
node_packages() { { has node && has npm; } || echo nodejs npm; }
perl_packages() { runs perl -MFFI::Platypus -MJSON::PP -e 1 || echo perl libffi-platypus-perl; }
php_packages() { runs php -r 'exit(extension_loaded("FFI") && extension_loaded("pcntl") ? 0 : 1);' || echo php-cli; }
python_packages() { has python3 || echo python3; }
ruby_packages() { runs ruby -e 'require "ffi"; require "minitest"' || echo ruby ruby-ffi ruby-minitest; }
rust_packages() { :; }

setup() {
    packages=$(for language; do "${language}_packages"; done)
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
    runs cmp examples/node/package.json "$folder/installed" && return
    cp examples/node/package.json "$folder/"
    npm install --prefix "$folder" --no-package-lock --ignore-scripts --no-audit --no-fund --silent >&2
    cp examples/node/package.json "$folder/installed"
}

# ---- how they are run ----

# Go and Julia keep what they have compiled; it is to be kept with ours, and not in the home folder.
go_here() {
    (cd examples/go && GOPATH=$BUILD/go/path GOCACHE=$BUILD/go/cache GOPROXY=off GOWORK=off GOFLAGS=-buildvcs=false "$@")
}
julia_here() {
    JULIA_DEPOT_PATH=$BUILD/julia julia --startup-file=no --project=examples/julia "$@"
}

# An ES module is looked for beside those who import it, so the program goes to where koffi is.
node_here() {
    program=$1
    shift
    cp examples/node/*.js "$BUILD/node/"
    node "$BUILD/node/$program" "$@"
}

cpp_tour() {
    "${CXX:-c++}" -std=c++17 -O1 -Wall -Wextra -Wpedantic -Werror -o "$BUILD/cpp-tour" examples/cpp/tour.cpp \
        $(pkg-config --cflags --libs etcd)
    "$BUILD/cpp-tour" "$@"
}

go_tour() { go_here go build -o "$BUILD/go/tour" ./tour && "$BUILD/go/tour" "$@"; }
go_test() {
    go_here go vet ./...
    go_here go test -c -o "$BUILD/go/test" .
    ETCD_ENDPOINT=http://$1:$2 "$BUILD/go/test" -test.timeout 120s
}

julia_tour() { julia_here examples/julia/tour.jl "$@"; }
julia_test() { julia_here examples/julia/test/runtests.jl "$@"; }

lua_tour() { luajit examples/lua/tour.lua "$@"; }
lua_test() { luajit examples/lua/test.lua "$@"; }

node_tour() { node_here tour.js "$@"; }
node_test() { node_here test.js "$@"; }

perl_tour() { perl examples/perl/tour.pl "$@"; }
perl_test() { perl examples/perl/test.t "$@"; }

php_tour() { php examples/php/tour.php "$@"; }
php_test() { php examples/php/test.php "$@"; }

python_tour() { python3 -B examples/python/tour.py "$@"; }
python_test() { python3 -B examples/python/test_etcd.py "$@"; }

ruby_tour() { ruby examples/ruby/tour.rb "$@"; }
ruby_test() { ruby examples/ruby/test_etcd.rb "$@"; }

rust_tour() { "$CARGO" run --quiet --example tour -- "$@"; }
rust_test() { "$CARGO" run --quiet --example rust_test -- "$@"; }

# ---- what is asked ----

languages=$(sed -n 's/^\([a-z]*\)_packages() .*/\1/p' examples/language.sh | sort)

what=${1:-}
[ -n "$what" ] || die "list, setup, tour or test?"
shift
case $what in
    list) echo "$languages" ;;
    setup | tour | test)
        [ $# -gt 0 ] || die "which language?"
        known() { for language in $languages; do [ "$language" != "$1" ] || return 0; done; return 1; }
        # `setup` takes several; the others one, and then its arguments.
        for language; do
            known "$language" || die "$language: not one of" $languages
            [ "$what" = setup ] || break
        done
        case $what in
            setup) setup "$@" ;;
            *)
                language=$1
                shift
                "${language}_$what" "$@"
                ;;
        esac
        ;;
    *) die "$what: not list, setup, tour or test" ;;
esac
