"""A client: how it is made, keys and directories, watches, and what it holds."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Union

from ._admin import Administration
from ._changes import Watch
from ._flat import Flat
from ._held import Lease, Lock, lease_handle, lock_handle, registration_handle
from ._library import HANDLE, asking, joined, making, milliseconds, plain
from ._mirror import Mirror, mirror_handle
from ._replies import Event, LeaderEvent, Reply

_RECURSIVE, _SORTED, _QUORUM, _ORDERED, _NO_VALUE_ON_SUCCESS = 1, 2, 4, 8, 16

_connect = making("etcd_connect", HANDLE, "host", "port", "version")
_disconnect = plain("etcd_disconnect", None, "client")
_api = asking(dict[str, str], "etcd_api", "client")
_config_new = plain("etcd_config_new", HANDLE)
_config_set = plain("etcd_config_set", ctypes.c_int, "config", "name", "value")
_connect_config = making("etcd_connect_config", HANDLE, "config")
_config_free = plain("etcd_config_free", None, "config")
_with = making("etcd_with", HANDLE, "client", "config")
_get = asking(Reply, "etcd_get", "client", "key", "flags")
_set = asking(Reply, "etcd_set", "client", "key", "value", "ttl", "flags")
_create = asking(Reply, "etcd_create", "client", "key", "value", "ttl")
_update = asking(Reply, "etcd_update", "client", "key", "value", "ttl")
_refresh = asking(Reply, "etcd_refresh", "client", "key", "ttl")
_setdir = asking(Reply, "etcd_setdir", "client", "key", "ttl")
_createdir = asking(Reply, "etcd_createdir", "client", "key", "ttl")
_updatedir = asking(Reply, "etcd_updatedir", "client", "key", "ttl")
_delete = asking(Reply, "etcd_delete", "client", "key")
_deletedir = asking(Reply, "etcd_deletedir", "client", "key", "flags")
_exists = making("etcd_exists", ctypes.c_int, "client", "key")
_cas = asking(Reply, "etcd_cas", "client", "key", "value", "prev_value", "prev_index", "ttl")
_cad = asking(Reply, "etcd_cad", "client", "key", "prev_value", "prev_index")
# Its callbacks stay away, for they would run on a thread of the library.
_CALLBACKS = ["callback", "user_data", "release"]
_watch = making("etcd_watch", HANDLE, "client", "key", "flags", "wait_index", *_CALLBACKS)
_watch_open = making("etcd_watch_open", HANDLE, "client", "key", "flags", "wait_index")
_leader_watch = making("etcd_leader_watch", HANDLE, "client", "name")

Setting = Union[str, int, bool, Sequence[str], None]
"""The value of a setting; None: its default."""


def _settings(config: Mapping[str, Setting]) -> dict[str, str]:
    """Settings as the library reads them."""
    return {name: _setting(name, value) for name, value in config.items() if value is not None}


def _setting(name: str, value: str | int | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return joined(name, value)


def _configured(settings: Mapping[str, str], make: Callable[[int], int]) -> int:
    """A client's handle, made with a configuration."""
    config = _config_new()
    try:
        for name, value in settings.items():
            _config_set(config, name, value)
        return make(config)
    finally:
        _config_free(config)


class Client(Flat, Administration):
    """A client of an etcd cluster, to be closed, or used in a `with`.

    Making it sends nothing: that a server cannot be reached is told by the first call. `version` is
    the API to use, "v2", "v3" or "auto": then the first call finds out. A call ends after 10
    seconds; `with_options(timeout=...)` gives another time.

    A `ttl` is in seconds; None or 0 means no expiry. A text that is no str is a TypeError; one that
    holds a NUL or a lone surrogate is a ValueError. Both name the parameter.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 2379, version: str = "auto") -> None:
        handle = _connect(host, port, version)
        name = f"[{host}]" if ":" in host and not host.startswith("[") else host
        self._own(handle, f"http://{name or '127.0.0.1'}:{port or 2379}", None)

    @classmethod
    def from_config(cls, config: Mapping[str, Setting]) -> Client:
        """A client for {"endpoints": ["https://10.0.0.1:2379", "https://10.0.0.2:2379"], ...}.

        etcd.h has all the names; times are in milliseconds. What is None has its default.
        """
        settings = _settings(config)
        found = settings.get("discovery.srv_domain", "http://127.0.0.1:2379")
        client = cls.__new__(cls)
        handle = _configured(settings, _connect_config)
        client._own(handle, settings.get("endpoints", found), None)
        return client

    def with_options(
        self, config: Mapping[str, Setting] | None = None, *, timeout: float | None = None
    ) -> Client:
        """A client on the same connections, with settings of its own.

            client.with_options(timeout=0.2).get("/app/greeting")

        `timeout`: for each of its calls, in seconds. `config` may change `root` (below this one's),
        `username` and `password`, `retry.attempts`, `retry.max_delay_ms`, `watch.queue`,
        `watch.poll_ms`, `user_agent` and `timeout.request_ms`. Closing it, which another thread may
        do, ends its calls and watches alone. It costs no connection: it may be for a single call.
        """
        settings = _settings(config or {})
        if timeout is not None:
            settings["timeout.request_ms"] = str(max(milliseconds(timeout), 1))
        handle = _configured(settings, lambda changes: _with(self._handle, changes))
        client = Client.__new__(Client)
        client._own(handle, self._endpoints, self)
        return client

    def __repr__(self) -> str:
        closed = "" if self._disconnect.alive else " closed"
        return f"<libetcd.Client {self._endpoints}{closed}>"

    def _own(self, handle: int, endpoints: str, parent: Client | None) -> None:
        self._handle = handle
        self._endpoints = endpoints
        self._parent = parent  # with which it would end
        self._disconnect = weakref.finalize(self, _disconnect, handle)

    def close(self) -> None:
        """Ends the client, its watches, and the calls under way in other threads.

        Close its leases and locks before: the server keeps until their ttl is over what was not
        given back.
        """
        self._disconnect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def api(self) -> str:
        """The version of etcd's API that it uses, "v2" or "v3"; found out now if need be."""
        return _api(self._handle)["api"]

    # keys

    def get(
        self, key: str, *, recursive: bool = False, sorted: bool = False, quorum: bool = False
    ) -> Reply:
        """Reads a key, or lists a directory. `quorum`: as a majority of the cluster has it.

        Error 100: it is not there.
        """
        flags = recursive * _RECURSIVE | sorted * _SORTED | quorum * _QUORUM
        return _get(self._handle, key, flags)

    def set(
        self,
        key: str,
        value: str,
        *,
        ttl: int | None = None,
        ordered: bool = False,
        no_value_on_success: bool = False,
    ) -> Reply:
        """Writes a key, whether or not it exists. `ordered`: a new one in the directory `key`."""
        flags = ordered * _ORDERED | no_value_on_success * _NO_VALUE_ON_SUCCESS
        return _set(self._handle, key, value, ttl, flags)

    def create(self, key: str, value: str, *, ttl: int | None = None) -> Reply:
        """Writes a key that does not exist yet. Error 105: it does."""
        return _create(self._handle, key, value, ttl)

    def update(self, key: str, value: str, *, ttl: int | None = None) -> Reply:
        """Writes a key that exists. Error 100: it does not."""
        return _update(self._handle, key, value, ttl)

    def refresh(self, key: str, ttl: int) -> Reply:
        """Gives a key a new time to live; its value stays, and watches are not told."""
        return _refresh(self._handle, key, ttl)

    def setdir(self, key: str, *, ttl: int | None = None) -> Reply:
        """Makes a directory, in place of a key with a value if there is one.

        Errors: 102 (it is one), 1010 (a `ttl` over v3, which knows no directories).
        """
        return _setdir(self._handle, key, ttl)

    def createdir(self, key: str, *, ttl: int | None = None) -> Reply:
        """Makes a directory where nothing is yet. Errors: 105, 1010 (as of `setdir`)."""
        return _createdir(self._handle, key, ttl)

    def updatedir(self, key: str, *, ttl: int | None = None) -> Reply:
        """Gives a directory a new time to live, over v2 before etcd 3.5. Errors: 100, 1010."""
        return _updatedir(self._handle, key, ttl)

    def delete(self, key: str) -> Reply:
        """Deletes a key. Errors: 100 (it is not there), 102 (it is a directory)."""
        return _delete(self._handle, key)

    def deletedir(self, key: str, *, recursive: bool = False) -> Reply:
        """Deletes a directory: an empty one, or with `recursive` one with all that is in it.

        Errors: 100 (it is not there), 104 (it is a key), 108 (it is not empty).
        """
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
        prev_index: int | None = None,
        ttl: int | None = None,
    ) -> Reply:
        """Writes a key if it has this value, this `modifiedIndex`, or both; else error 101."""
        return _cas(self._handle, key, value, prev_value, prev_index, ttl)

    def cad(
        self, key: str, *, prev_value: str | None = None, prev_index: int | None = None
    ) -> Reply:
        """Deletes a key if it has this value, this `modifiedIndex`, or both; else error 101."""
        return _cad(self._handle, key, prev_value, prev_index)

    compare_and_swap = test_and_set = cas
    compare_and_delete = cad

    # watches

    def watch(
        self, key: str, *, recursive: bool = False, wait_index: int | None = None
    ) -> Watch[Event]:
        """A watch that ends after one change; else the same as `watchloop`."""
        flags = recursive * _RECURSIVE
        return Watch(self, _watch(self._handle, key, flags, wait_index, *[None] * 3))

    def watchloop(
        self, key: str, *, recursive: bool = False, wait_index: int | None = None
    ) -> Watch[Event]:
        """Watches for every change from now on, or from the one of index `wait_index` on.

        It asks the server what "now" is, and so may block like any other call.
        """
        flags = recursive * _RECURSIVE
        return Watch(self, _watch_open(self._handle, key, flags, wait_index))

    # leases, locks, elections, mirrors

    def lease(self, ttl: int) -> Lease:
        """Grants a lease of so many seconds, and keeps it alive until it is closed. v3 only.

            with client.lease(10) as lease:
                client.put("/alive", "yes", lease=lease)

        A short `ttl` makes others learn sooner that this program is gone, and is lost in a short
        pause; 10 is a good choice. Errors: 202 (longer than the server allows), 1010 (over v2).
        """
        return Lease(lease_handle(self, ttl))

    def register(self, key: str, value: str, ttl: int) -> Lease:
        """Writes a key that must not be there, and keeps it there until the lease is closed.

            with client.register("/services/web/10.0.0.1:80", "{}", ttl=10):
                serve()

        Error 105: it is there. When it is lost, it is written again as soon as that can be done.
        """
        return Lease(registration_handle(self, key, value, ttl))

    def lock(
        self,
        name: str,
        value: str = "",
        *,
        ttl: int = 10,
        blocking: bool = True,
        timeout: float | None = None,
    ) -> Lock:
        """Stands in line for a lock, or as a candidate in an election; a `with` waits for it.

            with client.lock("/locks/backup", timeout=60) as lock:
                for piece in pieces:
                    lock.check()
                    back_up(piece)

        `value` is what others see of the holder; a holder that dies blocks the others for `ttl`
        seconds. `timeout`: how many seconds the `with` waits before it raises TimeoutError.
        Errors: 105 (another has it, and `blocking` is false), 202 (`ttl`).
        """
        return Lock(lock_handle(self, name, value, ttl, blocking), timeout)

    def leader_watch(self, name: str) -> Watch[LeaderEvent]:
        """Watches who holds a lock, or leads an election: who it is now, and then each change."""
        return Watch(self, _leader_watch(self._handle, name))

    def mirror(self, key: str) -> Mirror:
        """Holds a key and all below it in memory, and keeps that up to date until it is closed.

        It returns when all is there. Nothing need be there yet. Errors: 104.
        """
        return Mirror(mirror_handle(self, key), key)
