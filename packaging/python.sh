#!/bin/sh
# Makes the packages for Python of examples/python: two wheels, one with the library in it and one that takes the
# system's, and the source archive. It needs nothing but Python 3.11; auditwheel, where there is one, looks at the result.
#
#     packaging/python.sh                      puts them into target/packages/python, or $FOLDER, with the library that
#                                              is built here, or $LIBRARY
#     packaging/python.sh check HOST PORT      installs each into an empty environment and tests it there, with an etcd
#                                              that has v3; the system's library is the same one
set -eu
cd "$(dirname "$0")/.."
given=${LIBRARY:-${CARGO_TARGET_DIR:-target}/release/lib/libetcd.so}
library=$(cd "$(dirname "$given")" && pwd)/$(basename "$given")
folder=${FOLDER:-target/packages/python}

rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
python3 -B examples/python/backend.py "$folder" >&2
with=$folder/$(python3 -B examples/python/backend.py "$folder" "$library")
without=$(echo "$folder"/*-none-any.whl)
if command -v auditwheel >/dev/null; then
    tag=$(basename "${with##*-}" .whl)
    auditwheel show "$with" | tee "$folder/auditwheel" >&2
    grep -q "platform tag: \"$tag\"" "$folder/auditwheel"
    rm "$folder/auditwheel"
fi
[ "${1:-}" = check ] || exit 0
shift

# ---- what a user does with them ----

# Where there is no pip, a wheel is unpacked, as it would do with these.
install() {
    python3 -m venv --without-pip "$2"
    python3 -m pip --python "$2/bin/python" --disable-pip-version-check install --quiet --no-index "$1" 2>"$2/log" ||
        python3 -m zipfile -e "$1" "$("$2/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
}

# The tests are in a folder of their own, beside which there is no module that is imported in place of the installed one.
try() {
    wheel=$1 tests=$2
    shift 2
    mkdir "$folder/tests"
    cp examples/python/test_*.py "$folder/tests/"
    install "$wheel" "$folder/environment"
    for test in $tests; do
        "$folder/environment/bin/python" -B "$folder/tests/$test.py" "$@"
    done
    "$folder/environment/bin/python" -B -c 'import sys, libetcd; assert libetcd.__file__.startswith(sys.prefix)'
    rm -r "$folder/environment" "$folder/tests"
}

(unset LD_LIBRARY_PATH && try "$with" "test_v3 test_asyncio" "$@")
mkdir "$folder/system"
ln -s "$library" "$folder/system/libetcd.so.0"
(LD_LIBRARY_PATH=$folder/system && export LD_LIBRARY_PATH && try "$without" test_v3 "$@")
rm -r "$folder/system"
