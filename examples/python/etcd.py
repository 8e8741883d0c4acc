"""A client for etcd's v2 API, over the C library libetcd.

    with etcd.Client("127.0.0.1", 2379) as client:
        client.set("/app/greeting", "Hello World", ttl=60)
        print(client.get("/app/greeting")["node"]["value"])

Replies are etcd's own, as dictionaries; an error is an `EtcdError`. Any number of threads may share a client: a call
blocks its own thread only. In asyncio a call goes to a thread, `await asyncio.to_thread(client.get, "/app/greeting")`,
and a watch waits in the event loop:

    with await asyncio.to_thread(client.watchloop, "/app", recursive=True) as watch:
        async for event in watch:
            print(event["action"], event["node"]["key"])
"""

from __future__ import annotations

import asyncio
import ctypes
import enum
import errno
import json
import math
import os
import select
import time
import weakref
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Mapping, Optional, Tuple
from typing import Type, TypedDict, TypeVar, Union

__all__ = ["Client", "Code", "EtcdError", "Event", "Header", "Member", "Missed", "Node", "Reply", "Watch"]

# ---- what etcd says ----


class Node(TypedDict, total=False):
    """A key with its value, or a directory with what is in it."""

    key: str
    value: str
    dir: bool
    nodes: List[Node]
    ttl: int
    expiration: str
    modifiedIndex: int
    createdIndex: int


class Header(TypedDict, total=False):
    """Where in the cluster's history a reply stands."""

    clusterId: str
    etcdIndex: int
    raftIndex: int
    raftTerm: int


class Reply(TypedDict, total=False):
    """What a call on keys returns."""

    action: str
    node: Node
    prevNode: Node
    header: Header


class Missed(TypedDict):
    """The changes strictly between these two indexes are unknown."""

    after: int
    before: int


class Event(Reply, total=False):
    """A change. In a "resync" `node` is what is there now, None if nothing is, and `missed` tells of the gap."""

    missed: Missed


class Member(TypedDict):
    """A member of the cluster."""

    id: str
    name: str
    peerURLs: List[str]
    clientURLs: List[str]


class Code(enum.IntEnum):
    """The codes of errors that a program may want to tell apart; etcd.h has them all."""

    KEY_NOT_FOUND = 100
    COMPARE_FAILED = 101
    NOT_FILE = 102
    NOT_DIRECTORY = 104
    KEY_EXISTS = 105
    ROOT_READ_ONLY = 107
    DIRECTORY_NOT_EMPTY = 108
    RAFT_INTERNAL = 300
    INVALID_ARGUMENT = 1001
    UNAVAILABLE = 1002
    TIMEOUT = 1003
    OUTCOME_UNKNOWN = 1004
    HTTP = 1005
    BAD_RESPONSE = 1006
    TLS = 1007
    UNAUTHENTICATED = 1008
    CANCELLED = 1009
    UNSUPPORTED = 1010
    INTERNAL = 1099


class EtcdError(Exception):
    """An error of etcd's, or from code 1000 up one of the library's."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(reply)
        self.code: int = reply["errorCode"]
        self.message: str = reply["message"]
        self.cause: str = reply.get("cause", "")
        self.index: int = reply.get("index", 0)
        self.status: Optional[int] = reply.get("status")

    def __str__(self) -> str:
        cause = f" - {self.cause}" if self.cause else ""
        return f"{self.message}{cause} ({self.code})"


# ---- the library ----

_library = ctypes.CDLL("libetcd.so.0")

_TEXT = ctypes.c_char_p
_PORT = ctypes.c_uint16
_FLAGS = ctypes.c_uint32
_TTL = _MILLISECONDS = ctypes.c_int64
_INDEX = ctypes.c_uint64
# A text that comes is an address, for it must be freed: a c_char_p would turn into bytes and lose it.
_HANDLE = _CALLBACK = _OWNED = ctypes.c_void_p

_RECURSIVE, _SORTED, _QUORUM, _ORDERED, _NO_VALUE_ON_SUCCESS = 1, 2, 4, 8, 16

_T = TypeVar("_T")


def _function(name: str, result: Any, *kinds: Any) -> Callable[..., Any]:
    """A function as it is."""
    function = getattr(_library, name)
    function.restype = result
    function.argtypes = kinds
    return lambda *arguments: function(*map(_to_c, kinds, arguments))


def _asking(shape: Type[_T], name: str, *kinds: Any) -> Callable[..., _T]:
    """A function that returns a text: a result, of the `shape` that type checkers are told, or an error."""
    function = _function(name, _OWNED, *kinds)
    return lambda *arguments: _taken(function(*arguments))


def _making(name: str, result: Any, *kinds: Any) -> Callable[..., Any]:
    """A function that returns something else, and puts the text of an error where its last argument points."""
    function = _function(name, result, *kinds, ctypes.POINTER(_OWNED))

    def call(*arguments: Any) -> Any:
        error = _OWNED()
        made = function(*arguments, ctypes.pointer(error))
        if error.value is not None:
            _taken(error.value)
        return made

    return call


def _to_c(kind: Any, value: Any) -> Any:
    """An argument, whole: ctypes would cut a text at its first NUL, and a number to what C's type can hold."""
    if kind is _TEXT and value is not None:
        text = str.encode(value)
        if b"\0" in text:
            raise ValueError("embedded null character")
        return text
    if issubclass(kind, ctypes._SimpleCData):
        if kind(value).value != value:
            raise OverflowError(f"{value} is out of range")
    return value


def _taken(text: int) -> Any:
    """What a text says; the text is freed. An error is raised."""
    try:
        reply = json.loads(ctypes.string_at(text))
    finally:
        _free(text)
    if isinstance(reply, dict) and "errorCode" in reply:
        raise EtcdError(reply)
    return reply
