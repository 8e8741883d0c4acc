"""Builds the package: PEP 517, by Python's own means alone.

    pip install ./examples/python                                      # takes the system's library
    pip wheel --config-settings library=/path/libetcd.so ./examples/python     # carries this one
    python3 backend.py FOLDER [LIBRARY]                                # without pip

The tag of a wheel that carries the library names the oldest glibc that has all the functions which
the library was linked with. `auditwheel show` says the same.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import pathlib
import re
import sys
import tarfile
import time
import zipfile
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = pathlib.Path(__file__).resolve().parent
MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64"}

Files = dict[str, bytes]


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    library = (config_settings or {}).get("library")
    tag = "py3-none-any"
    files = tree("libetcd")
    notices = ["LICENSE"]
    if library:
        carried = pathlib.Path(library).read_bytes()
        tag = f"py3-none-{platform(carried)}"
        files["libetcd/libetcd.so.0"] = carried
        notices.append("THIRD-PARTY.md")
    information = f"{stem()}.dist-info"
    files[f"{information}/METADATA"] = metadata(notices).encode()
    pure = "false" if library else "true"
    wheel = f"Wheel-Version: 1.0\nGenerator: libetcd\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    files[f"{information}/WHEEL"] = wheel.encode()
    for notice in notices:
        files[f"{information}/licenses/{notice}"] = shared(notice).read_bytes()
    record = f"{information}/RECORD"
    files[record] = "".join(
        [*(f"{name},{digest(content)}\n" for name, content in files.items()), f"{record},,\n"]
    ).encode()
    name = f"{stem()}-{tag}.whl"
    when = time.gmtime(max(source_date(), 315532800))[:6]  # a zip knows no time before 1980
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if path.endswith(".so.0") else 0o100644) << 16
            archive.writestr(entry, content)
    return name


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    files = tree("libetcd")
    for name in "README.md", "backend.py", "pyproject.toml":
        files[name] = (HERE / name).read_bytes()
    for test in sorted(HERE.glob("test_*.py")):
        files[test.name] = test.read_bytes()
    notices = ["LICENSE", "THIRD-PARTY.md"]
    files.update({notice: shared(notice).read_bytes() for notice in notices})
    files["PKG-INFO"] = metadata(notices[:1]).encode()
    name = f"{stem()}.tar.gz"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{stem()}/{path}")
            entry.size, entry.mtime = len(content), source_date()
            archive.addfile(entry, io.BytesIO(content))
    compressed = gzip.compress(packed.getvalue(), mtime=source_date())
    pathlib.Path(sdist_directory, name).write_bytes(compressed)
    return name


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    return found


def stem() -> str:
    return f"{project()['name']}-{project()['version']}"


def metadata(notices: list[str]) -> str:
    about = project()
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {about['name']}",
        f"Version: {about['version']}",
        f"Summary: {about['description']}",
        f"Author: {', '.join(author['name'] for author in about['authors'])}",
        f"Keywords: {','.join(about['keywords'])}",
        *(f"Classifier: {classifier}" for classifier in about["classifiers"]),
        f"License-Expression: {about['license']}",
        *(f"License-File: {notice}" for notice in notices),
        *(f"Project-URL: {name}, {url}" for name, url in about["urls"].items()),
        f"Requires-Python: {about['requires-python']}",
        "Description-Content-Type: text/markdown",
        "",
        (HERE / about["readme"]).read_text(),
    ]
    return "\n".join(lines)


def tree(folder: str) -> Files:
    """The files of the package itself."""
    paths = [*sorted((HERE / folder).glob("*.py")), HERE / folder / "py.typed"]
    return {f"{folder}/{path.name}": path.read_bytes() for path in paths}


def shared(name: str) -> pathlib.Path:
    """What stands at the root of the repository, and in a source archive beside this file."""
    beside = HERE / name
    return beside if beside.exists() else HERE.parents[1] / name


def platform(library: bytes) -> str:
    """On which systems a shared library runs."""
    machine = MACHINES.get(int.from_bytes(library[18:20], "little"))
    if library[:4] != b"\x7fELF" or machine is None:
        raise SystemExit("backend.py: this is no library for a machine that is known here")
    # The versions of the functions that it takes from glibc.
    versions = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", library)
    if not versions:
        raise SystemExit("backend.py: the library was not linked with glibc")
    newest = max((int(major), int(minor)) for major, minor in versions)
    major, minor = max(newest, (2, 17))  # there are no names for older ones of all machines
    return f"manylinux_{major}_{minor}_{machine}"


def digest(content: bytes) -> str:
    encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"sha256={encoded},{len(content)}"


def source_date() -> int:
    return int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))


if __name__ == "__main__":
    folder, *library = sys.argv[1:]
    print(build_wheel(folder, {"library": library[0]} if library else None))
    if not library:
        print(build_sdist(folder))
