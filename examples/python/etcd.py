"""A client for etcd's v2 API, over the C library libetcd.

    with etcd.Client("127.0.0.1", 2379) as client:
        client.set("/app/greeting", "Hello World", ttl=60)
        print(client.get("/app/greeting")["node"]["value"])

Replies are etcd's own, as dictionaries; an error is an `EtcdError`. Any number of threads may share
a client: a call blocks its own thread only. With asyncio a call goes to a thread of its own, and a
watch waits in the event loop:

    await asyncio.to_thread(client.set, "/app/greeting", "Hello World")
    with await asyncio.to_thread(client.watchloop, "/app", recursive=True) as watch:
        async for event in watch:
            print(event["action"], event["node"]["key"])
"""

from __future__ import annotations

import asyncio
import ctypes
import enum
import json
import math
import select
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypedDict, TypeVar

__all__ = [
    "Client",
    "Code",
    "EtcdError",
    "Event",
    "Header",
    "Member",
    "Missed",
    "Node",
    "Reply",
    "Watch",
]

# ---- what etcd says ----


class Node(TypedDict, total=False):
    """A key with its value, or a directory with what is in it."""

    key: str
    value: str
    dir: bool
    nodes: list[Node]
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
    """A change; or, where etcd has forgotten some, the action "resync".

    Then `missed` tells which, and `node` is what is there now: None if nothing is.
    """

    missed: Missed


class Member(TypedDict):
    """A member of the cluster."""

    id: str
    name: str
    peerURLs: list[str]
    clientURLs: list[str]


class Code(enum.IntEnum):
    """The codes of those errors that programs tell apart; etcd.h has them all."""

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
        self.status: int | None = reply.get("status")

    def __str__(self) -> str:
        cause = f" - {self.cause}" if self.cause else ""
        return f"{self.message}{cause} ({self.code})"


# ---- the library ----

_library = ctypes.CDLL("libetcd.so.0")

_RECURSIVE, _SORTED, _QUORUM, _ORDERED, _NO_VALUE_ON_SUCCESS = 1, 2, 4, 8, 16

_TEXT = ctypes.c_char_p
# A text that is to be freed: of a c_char_p ctypes would make bytes, and forget where they were.
_OWNED = _HANDLE = _POINTER = ctypes.c_void_p
_PORT = ctypes.c_uint16
_FLAGS = ctypes.c_uint32
_INDEX = ctypes.c_uint64
_TTL = _MILLISECONDS = ctypes.c_int64

_T = TypeVar("_T")


def _plain(name: str, result: Any, *kinds: Any) -> Callable[..., Any]:
    """A function of the library."""
    function = getattr(_library, name)
    function.restype = result
    function.argtypes = kinds
    return lambda *arguments: function(*map(_whole, kinds, arguments))


def _asking(shape: type[_T], name: str, *kinds: Any) -> Callable[..., _T]:
    """A function whose text is a result, typed for checkers as `shape`, or an error."""
    function = _plain(name, _OWNED, *kinds)
    return lambda *arguments: _take(function(*arguments))


def _making(name: str, result: Any, *kinds: Any) -> Callable[..., Any]:
    """A function whose last argument points to where the text of an error is to be put."""
    function = _plain(name, result, *kinds, _POINTER)

    def call(*arguments: Any) -> Any:
        error = _OWNED()
        made = function(*arguments, ctypes.addressof(error))
        if error.value is not None:
            _take(error.value)
        return made

    return call


def _whole(kind: Any, value: Any) -> Any:
    """An argument that C gets whole: ctypes would cut a text at a NUL, and a number to its type."""
    if kind is _TEXT and value is not None:
        value = str.encode(value)
        if b"\0" in value:
            raise ValueError("embedded null character")
    elif kind(value).value != value:
        raise OverflowError(f"{value} is out of range")
    return value


def _take(text: int) -> Any:
    """What a text says, which is then freed. An error is raised."""
    try:
        reply = json.loads(ctypes.string_at(text))
    finally:
        _free(text)
    if isinstance(reply, dict) and "errorCode" in reply:
        raise EtcdError(reply)
    return reply


_free = _plain("etcd_free", None, _OWNED)
_connect = _making("etcd_connect", _HANDLE, _TEXT, _PORT, _TEXT)
_disconnect = _plain("etcd_disconnect", None, _HANDLE)
_config_new = _plain("etcd_config_new", _HANDLE)
_config_set = _plain("etcd_config_set", None, _HANDLE, _TEXT, _TEXT)
_connect_config = _making("etcd_connect_config", _HANDLE, _HANDLE)
_config_free = _plain("etcd_config_free", None, _HANDLE)
_get = _asking(Reply, "etcd_get", _HANDLE, _TEXT, _FLAGS)
_set = _asking(Reply, "etcd_set", _HANDLE, _TEXT, _TEXT, _TTL, _FLAGS)
_create = _asking(Reply, "etcd_create", _HANDLE, _TEXT, _TEXT, _TTL)
_update = _asking(Reply, "etcd_update", _HANDLE, _TEXT, _TEXT, _TTL)
_refresh = _asking(Reply, "etcd_refresh", _HANDLE, _TEXT, _TTL)
_setdir = _asking(Reply, "etcd_setdir", _HANDLE, _TEXT, _TTL)
_createdir = _asking(Reply, "etcd_createdir", _HANDLE, _TEXT, _TTL)
_updatedir = _asking(Reply, "etcd_updatedir", _HANDLE, _TEXT, _TTL)
_delete = _asking(Reply, "etcd_delete", _HANDLE, _TEXT)
_deletedir = _asking(Reply, "etcd_deletedir", _HANDLE, _TEXT, _FLAGS)
_exists = _making("etcd_exists", ctypes.c_int, _HANDLE, _TEXT)
_cas = _asking(Reply, "etcd_cas", _HANDLE, _TEXT, _TEXT, _TEXT, _INDEX, _TTL)
_cad = _asking(Reply, "etcd_cad", _HANDLE, _TEXT, _TEXT, _INDEX)
# Its callbacks stay away, for they would run on a thread of the library.
_watch = _making("etcd_watch", _HANDLE, _HANDLE, _TEXT, _FLAGS, _INDEX, *[_POINTER] * 3)
_watch_open = _making("etcd_watch_open", _HANDLE, _HANDLE, _TEXT, _FLAGS, _INDEX)
_watch_next = _plain("etcd_watch_next", _OWNED, _HANDLE, _MILLISECONDS)
_watch_ended = _plain("etcd_watch_ended", ctypes.c_int, _HANDLE)
_watch_fd = _plain("etcd_watch_fd", ctypes.c_int, _HANDLE)
_watch_stop = _plain("etcd_watch_stop", None, _HANDLE)
_watch_free = _plain("etcd_watch_free", None, _HANDLE)
_machines = _asking(list[str], "etcd_machines", _HANDLE)
_members = _asking(dict[str, Member], "etcd_members", _HANDLE)
_sync = _asking(list[str], "etcd_sync", _HANDLE)
_leader = _asking(Member, "etcd_leader", _HANDLE)
_stats = _asking(dict[str, Any], "etcd_stats", _HANDLE, _TEXT)
_server_version = _asking(dict[str, str], "etcd_server_version", _HANDLE)
_health = _asking(dict[str, str], "etcd_health", _HANDLE)
_request = _asking(object, "etcd_request", _HANDLE, _TEXT, _TEXT, _TEXT, _TEXT)

# ---- what programs use ----


class Client:
    """A client of an etcd cluster, to be closed, or used in a `with`.

    Making it sends nothing: that a server cannot be reached is told by the first call. A `ttl` is
    in seconds; 0 means for ever. Strings that hold a NUL or a lone surrogate are a ValueError.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 2379) -> None:
        self._own(_connect(host, port, "v2"))

    @classmethod
    def from_config(cls, config: Mapping[str, str | int | bool]) -> Client:
        """A client for {"endpoints": "https://10.0.0.1:2379", "tls.ca_file": "ca.pem"}.

        etcd.h has all the names.
        """
        handle = _config_new()
        try:
            for name, value in config.items():
                text = str(value).lower() if isinstance(value, bool) else str(value)
                _config_set(handle, name, text)
            client = cls.__new__(cls)
            client._own(_connect_config(handle))
            return client
        finally:
            _config_free(handle)

    def _own(self, handle: int) -> None:
        self._handle = handle
        self._disconnect = weakref.finalize(self, _disconnect, handle)

    def close(self) -> None:
        """Ends the client, its watches, and the calls under way in other threads."""
        self._disconnect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # keys

    def get(
        self, key: str, *, recursive: bool = False, sorted: bool = False, quorum: bool = False
    ) -> Reply:
        """Reads a key, or lists a directory. `quorum`: as a majority of the cluster has it."""
        flags = recursive * _RECURSIVE | sorted * _SORTED | quorum * _QUORUM
        return _get(self._handle, key, flags)

    def set(
        self,
        key: str,
        value: str,
        *,
        ttl: int = 0,
        ordered: bool = False,
        no_value_on_success: bool = False,
    ) -> Reply:
        """Writes a key, whether or not it exists. `ordered`: a new one in the directory `key`."""
        flags = ordered * _ORDERED | no_value_on_success * _NO_VALUE_ON_SUCCESS
        return _set(self._handle, key, value, ttl, flags)

    def create(self, key: str, value: str, *, ttl: int = 0) -> Reply:
        """Writes a key that does not exist yet."""
        return _create(self._handle, key, value, ttl)

    def update(self, key: str, value: str, *, ttl: int = 0) -> Reply:
        """Writes a key that exists."""
        return _update(self._handle, key, value, ttl)

    def refresh(self, key: str, ttl: int) -> Reply:
        """Gives a key a new time to live; its value stays, and watches are not told."""
        return _refresh(self._handle, key, ttl)

    def setdir(self, key: str, *, ttl: int = 0) -> Reply:
        """Makes a directory, in place of a key with a value if there is one."""
        return _setdir(self._handle, key, ttl)

    def createdir(self, key: str, *, ttl: int = 0) -> Reply:
        """Makes a directory where nothing is yet."""
        return _createdir(self._handle, key, ttl)

    def updatedir(self, key: str, *, ttl: int = 0) -> Reply:
        """Gives a directory a new time to live; etcd 3.5 cannot do that."""
        return _updatedir(self._handle, key, ttl)

    def delete(self, key: str) -> Reply:
        """Deletes a key."""
        return _delete(self._handle, key)

    def deletedir(self, key: str, *, recursive: bool = False) -> Reply:
        """Deletes a directory: an empty one, or with `recursive` one with all that is in it."""
        return _deletedir(self._handle, key, recursive * _RECURSIVE)

    def exists(self, key: str) -> bool:
        """Tells whether there is such a key or directory."""
        return bool(_exists(self._handle, key))

    def cas(
        self,
        key: str,
        value: str,
        *,
        prev_value: str | None = None,
        prev_index: int = 0,
        ttl: int = 0,
    ) -> Reply:
        """Writes a key if it has this value, this `modifiedIndex`, or both."""
        return _cas(self._handle, key, value, prev_value, prev_index, ttl)

    def cad(self, key: str, *, prev_value: str | None = None, prev_index: int = 0) -> Reply:
        """Deletes a key if it has this value, this `modifiedIndex`, or both."""
        return _cad(self._handle, key, prev_value, prev_index)

    compare_and_swap = test_and_set = cas
    compare_and_delete = cad

    # watches

    def watch(self, key: str, *, recursive: bool = False, wait_index: int = 0) -> Watch:
        """A watch that ends after one change; else the same as `watchloop`."""
        flags = recursive * _RECURSIVE
        return Watch(self, _watch(self._handle, key, flags, wait_index, *[None] * 3))

    def watchloop(self, key: str, *, recursive: bool = False, wait_index: int = 0) -> Watch:
        """Watches for every change from now on, or from the one of index `wait_index` on.

        It asks the server what "now" is, and so may block like any other call.
        """
        flags = recursive * _RECURSIVE
        return Watch(self, _watch_open(self._handle, key, flags, wait_index))

    # the cluster

    def machines(self) -> list[str]:
        """Lists the URLs of all members."""
        return _machines(self._handle)

    def members(self) -> dict[str, Member]:
        """Lists the members by their id."""
        return _members(self._handle)

    def sync(self) -> list[str]:
        """Takes the members' URLs for endpoints too, and lists all endpoints."""
        return _sync(self._handle)

    def leader(self) -> Member:
        """Tells which member leads."""
        return _leader(self._handle)

    def stats(self, kind: str) -> dict[str, Any]:
        """Reads statistics: of the "store", of the server asked ("self"), of the "leader"."""
        return _stats(self._handle, kind)

    def server_version(self) -> dict[str, str]:
        """Tells the version of the server and of the cluster."""
        return _server_version(self._handle)

    def health(self) -> dict[str, str]:
        """Asks a server for its health: {"health": "true"} if it has a leader and can write."""
        return _health(self._handle)

    def request(
        self, method: str, path: str, body: str | None = None, content_type: str | None = None
    ) -> Any:
        """Sends any other request, with a path that is percent-encoded already."""
        return _request(self._handle, method, path, body, content_type)


class Watch(Iterator[Event], AsyncIterator[Event]):
    """The changes of a key: to be iterated over, with `for` or with asyncio's `async for`.

    The iteration ends when the watch is stopped, from whatever thread or task, and with an
    EtcdError if the watch cannot go on.
    """

    def __init__(self, client: Client, handle: int) -> None:
        self._client = client  # whose watches would end with it
        self._watcher = _Watcher(handle)
        self._is_awaited = False

    def stop(self) -> None:
        """Ends the watch. The changes that it has already are still handed out."""
        _watch_stop(self._watcher.handle)

    def close(self) -> None:
        """Ends the watch and frees it, once nobody is waiting for it."""
        self.stop()
        self._watcher = _Watcher(None)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def fileno(self) -> int:
        """A descriptor, readable while `next` has something to return; not to be read from."""
        return self._watcher.fileno()

    def next(self, timeout: float | None = None) -> Event | None:
        """The next change; None once the watch has ended.

        TimeoutError if nothing has come after so many seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        watcher = self._watcher
        while True:
            event = watcher.fetch()
            if event is not None or watcher.has_ended():
                return event
            # Waiting is not left to the library: Ctrl-C could not interrupt it there.
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            poll = select.poll()
            poll.register(watcher.fileno(), select.POLLIN)
            if not poll.poll(None if left is None else math.ceil(left * 1000)):
                raise TimeoutError("no change in time")

    def __next__(self) -> Event:
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    async def __anext__(self) -> Event:
        watcher = self._watcher
        while True:
            event = watcher.fetch()
            if event is not None:
                return event
            if watcher.has_ended():
                raise StopAsyncIteration
            await self._readable(watcher.fileno())

    async def _readable(self, descriptor: int) -> None:
        if self._is_awaited:  # an event loop keeps one reader for a descriptor
            raise RuntimeError("another task is waiting for this watch")
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(descriptor, readable.set)
        self._is_awaited = True
        try:
            await readable.wait()
        finally:
            self._is_awaited = False
            loop.remove_reader(descriptor)


class _Watcher:
    """A watcher's handle, freed with the last reference to it.

    Who waits for its descriptor holds one, lest it be closed and another file get its number.
    """

    def __init__(self, handle: int | None) -> None:
        self.handle = handle
        weakref.finalize(self, _watch_free, handle)

    def fetch(self) -> Event | None:
        """The next event, if there is one already."""
        text = _watch_next(self.handle, 0)
        return None if text is None else _take(text)

    def has_ended(self) -> bool:
        """Whether no event is there and none will come."""
        return bool(_watch_ended(self.handle))

    def fileno(self) -> int:
        descriptor: int = _watch_fd(self.handle)
        if descriptor < 0:
            raise OSError("the watch is closed, or the process has no descriptor left")
        return descriptor
