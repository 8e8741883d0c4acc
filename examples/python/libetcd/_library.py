"""The C library: how its functions are declared and called, and how arguments and texts cross.

A module that calls functions of a section of etcd.h declares them itself, with `plain`, `asking` or
`making`. Parameters have the names that etcd.h gives them; `*key` is `key` with `key_length`.
"""

from __future__ import annotations

import base64
import ctypes
import json
import math
import operator
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ._errors import EtcdError

# A wheel may carry it; else it is the system's.
_carried = pathlib.Path(__file__).with_name("libetcd.so.0")
try:
    _library = ctypes.CDLL(str(_carried) if _carried.exists() else "libetcd.so.0")
except OSError as _error:
    raise ImportError(
        "the C library libetcd is missing: install it, or have LD_LIBRARY_PATH name its folder"
    ) from _error

# A text to be freed is no c_char_p, of which ctypes makes bytes, and forgets where they were.
OWNED = HANDLE = _POINTER = ctypes.c_void_p
_TEXT = ctypes.c_char_p

_KIND: dict[str, Any] = {
    **dict.fromkeys(["client", "config", "watcher", "held"], HANDLE),
    **dict.fromkeys(["callback", "user_data", "release", "error", "text"], _POINTER),
    **dict.fromkeys(["host", "version", "name", "key", "value", "prev_value", "kind"], _TEXT),
    **dict.fromkeys(["method", "path", "body", "content_type", "json"], _TEXT),
    **dict.fromkeys(["peer_urls", "id", "user", "password", "role", "pattern"], _TEXT),
    **dict.fromkeys(["flags", "access"], ctypes.c_uint32),
    **dict.fromkeys(["prev_index", "wait_index", "index"], ctypes.c_uint64),
    **dict.fromkeys(["ttl", "timeout_ms", "limit", "revision", "mod_revision"], ctypes.c_int64),
    "lease": ctypes.c_int64,
    "port": ctypes.c_uint16,
}
_OPTIONAL = frozenset(["prev_value", "body", "content_type"])

_T = TypeVar("_T")


def plain(name: str, result: Any, *parameters: str) -> Callable[..., Any]:
    """A function of the library."""
    try:
        function = getattr(_library, name)
    except AttributeError:
        raise ImportError(f"the C library libetcd is older than this: it has no {name}") from None
    function.restype = result
    function.argtypes = [kind for parameter in parameters for kind in _kinds(parameter)]
    if any(map(_is_bytes, parameters)):
        return lambda *arguments: function(
            *[part for pair in zip(parameters, arguments) for part in _parts(*pair)]
        )
    return lambda *arguments: function(*map(_whole, parameters, arguments))


def asking(
    shape: type[_T], name: str, *parameters: str, reader: Callable[[Any], Any] | None = None
) -> Callable[..., _T]:
    """A function whose text is a result, typed for checkers as `shape`, or an error.

    `reader` makes of each object in it what the caller gets.
    """
    function = plain(name, OWNED, *parameters)
    return lambda *arguments: take(function(*arguments), reader)


def making(name: str, result: Any, *parameters: str) -> Callable[..., Any]:
    """A function whose last argument points to where the text of an error is to be put."""
    function = plain(name, result, *parameters, "error")

    def call(*arguments: Any) -> Any:
        error = OWNED()
        made = function(*arguments, ctypes.addressof(error))
        if error.value is not None:
            take(error.value)
        return made

    return call


def take(text: int, reader: Callable[[Any], Any] | None = None) -> Any:
    """What a text says, which is then freed. An error is raised."""
    try:
        reply = json.loads(ctypes.string_at(text), object_hook=reader)
    finally:
        _free(text)
    if isinstance(reply, dict) and "errorCode" in reply:
        raise EtcdError(reply)
    return reply


# ---- arguments ----


def _is_bytes(name: str) -> bool:
    return name.startswith("*")


def _kinds(name: str) -> list[Any]:
    return [_TEXT, ctypes.c_size_t] if _is_bytes(name) else [_KIND[name]]


def _parts(name: str, value: Any) -> tuple[Any, ...]:
    """An argument as C gets it: one, or bytes with their length."""
    if not _is_bytes(name):
        return (_whole(name, value),)
    if value is None:
        return None, 0
    if isinstance(value, str):
        value = _encoded(name[1:], value)
    elif not isinstance(value, (bytes, bytearray, memoryview)):
        kind = type(value).__name__
        raise TypeError(f"{name[1:]}: must be bytes or a str, not {kind}")
    given = bytes(value)
    return given, len(given)


def _whole(name: str, value: Any) -> Any:
    """An argument that C gets whole: ctypes would cut a text at a NUL, and a number to its type."""
    kind = _KIND[name]
    if kind is _TEXT:
        return None if value is None and name in _OPTIONAL else _utf8(name, value)
    if kind is _POINTER:
        return value
    if value is None:  # as not given
        return 0
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: must be an int, not {type(value).__name__}") from None
    if kind(number).value != number:
        raise OverflowError(f"{name}: {number} is out of range")
    return number


def _utf8(name: str, value: Any) -> bytes:
    """A text that ends in NUL for C."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a str, not {type(value).__name__}")
    encoded = _encoded(name, value)
    if b"\0" in encoded:
        raise ValueError(f"{name}: must not contain NUL")
    return encoded


def _encoded(name: str, value: str) -> bytes:
    """The UTF-8 of a text. An error does not quote the text, which may be a password."""
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name}: lone surrogate at {error.start}") from None


def joined(name: str, value: str | Sequence[str]) -> str:
    """Texts in the form in which the library takes several; one text may have that form already."""
    texts: Sequence[Any] = value if isinstance(value, (list, tuple)) else [value]
    for text in texts:
        _utf8(name, text)
    return ",".join(texts)


def milliseconds(seconds: float | None) -> int:
    """A time as the library takes it: rounded up, and without end below 0."""
    return -1 if seconds is None else max(math.ceil(seconds * 1000), 0)


# ---- bytes in JSON ----


def json_of(request: Any) -> str:
    """A request as JSON; bytes in it are text or base64, whichever they can be."""
    return json.dumps(_without_bytes(request))


def _without_bytes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(_member(name, inner) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return [_without_bytes(inner) for inner in value]
    if not isinstance(value, int) and hasattr(value, "__index__"):
        return operator.index(value)  # a lease
    return value


def _member(name: str, value: Any) -> tuple[str, Any]:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        return name, _without_bytes(value)
    try:
        return name, bytes(value).decode()
    except UnicodeDecodeError:
        return f"{name}_base64", base64.b64encode(value).decode()


def key_values(found: dict[str, Any]) -> dict[str, Any]:
    """Makes a `KeyValue` of an object that is one."""
    if "mod_revision" in found:
        for name in "key", "value":
            encoded = found.pop(f"{name}_base64", None)
            if encoded is not None:
                found[name] = base64.b64decode(encoded)
            elif name in found:
                found[name] = found[name].encode()
        if "lease" in found:
            found["lease"] = int(found["lease"])
    return found


_free = plain("etcd_free", None, "text")
