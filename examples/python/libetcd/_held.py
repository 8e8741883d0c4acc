"""What a program holds: leases, registrations, locks."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._changes import deadline_after, is_readable
from ._errors import Code, EtcdError, LockLost
from ._handle import Handle, Held
from ._library import HANDLE, asking, json_of, key_values, making, plain
from ._replies import LeaseState, LockState, Reply, TxnReply

if TYPE_CHECKING:
    from ._client import Client

_TRY = 524288

_lease_open = making("etcd_lease_open", HANDLE, "client", "ttl")
_register = making("etcd_register", HANDLE, "client", "key", "value", "ttl")
_lease_id = plain("etcd_lease_id", ctypes.c_int64, "held")
_lease_remaining_ms = plain("etcd_lease_remaining_ms", ctypes.c_int64, "held")
_lease_fd = plain("etcd_lease_fd", ctypes.c_int, "held")
_lease_state = asking(LeaseState, "etcd_lease_state", "held")
_lease_revoke = asking(LeaseState, "etcd_lease_revoke", "held")
_lease_free = plain("etcd_lease_free", None, "held")
_lock_open = making("etcd_lock_open", HANDLE, "client", "name", "value", "ttl", "flags")
_lock_wait = plain("etcd_lock_wait", ctypes.c_int, "held", "timeout_ms")
_lock_fd = plain("etcd_lock_fd", ctypes.c_int, "held")
_lock_token = plain("etcd_lock_token", ctypes.c_uint64, "held")
_lock_state = asking(LockState, "etcd_lock_state", "held")
_lock_proclaim = asking(Reply, "etcd_lock_proclaim", "held", "value")
_lock_txn = asking(TxnReply, "etcd_lock_txn", "held", "json", reader=key_values)
_lock_free = plain("etcd_lock_free", None, "held")


def lease_handle(client: Client, ttl: int) -> Handle:
    """A lease of the caller's."""
    return Handle(client, _lease_open(client._handle, ttl), _lease_free, _lease_fd)


def registration_handle(client: Client, key: str, value: str, ttl: int) -> Handle:
    """A registration's lease."""
    return Handle(client, _register(client._handle, key, value, ttl), _lease_free, _lease_fd)


def lock_handle(client: Client, name: str, value: str, ttl: int, blocking: bool) -> Handle:
    """A place in the line of a lock."""
    number = _lock_open(client._handle, name, value, ttl, 0 if blocking else _TRY)
    return Handle(client, number, _lock_free, _lock_fd)


class HeldLease(Held):
    """What can be known of a lease without asking a server.

    Its descriptor is readable once it was lost, revoked or made again, or could not be for a reason
    that is new, until `state` has told it.
    """

    @property
    def id(self) -> int:
        """Its id. That of a registration changes when it is made again; of a closed one it is 0."""
        return int(_lease_id(self._handle.number))

    def __index__(self) -> int:
        return self.id

    @property
    def remaining(self) -> float:
        """For how many seconds what it holds is surely there still; 0: it is lost, or may be."""
        return float(_lease_remaining_ms(self._handle.number) / 1000)

    def state(self) -> LeaseState:
        """How it is."""
        return _lease_state(self._handle.number)

    def _revoke(self) -> LeaseState:
        """This asks a server: `Lease` and `AsyncLease` show it."""
        return _lease_revoke(self._handle.number)


class Lease(HeldLease):
    """A lease or a registration, kept alive until it is closed: use it in a `with`.

    Keys that are written with it, `client.put(key, value, lease=lease)`, end with it.
    """

    def revoke(self) -> LeaseState:
        """Ends it: what it holds is deleted now. After an error it ends by itself."""
        return self._revoke()

    def close(self) -> None:
        """Ends it, at once if a server can be told within a second; else after its ttl."""
        self._handle.close()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class HeldLock(Held):
    """What can be known of a lock without asking a server.

    Its descriptor is readable once it is held, and once it is lost, until that was told.
    """

    def __init__(self, handle: Handle, timeout: float | None) -> None:
        super().__init__(handle)
        self._timeout = timeout

    @property
    def held(self) -> bool:
        """Whether it is held, as far as the clock can say."""
        return bool(_lock_wait(self._handle.number, 0) == 1)

    def check(self) -> None:
        """Raises LockLost unless it is held."""
        if not self.held:
            raise self._lost()

    def _look(self) -> bool:
        """Whether it is held. LockLost if it cannot be any more."""
        standing = _lock_wait(self._handle.number, 0)
        if standing < 0:
            raise self._lost()
        return bool(standing)

    def _lost(self) -> LockLost:
        try:
            reply = self.state()["error"]
        except EtcdError as closed:
            reply = closed.args[0]
        return LockLost(reply or {"errorCode": Code.COMPARE_FAILED, "message": "Not held"})

    @property
    def token(self) -> int:
        """A number that is greater with every holder; 0 while it is not held.

        It is sent along where the lock protects something outside of etcd, which refuses smaller
        ones than it has seen.
        """
        return int(_lock_token(self._handle.number))

    def state(self) -> LockState:
        """How it is."""
        return _lock_state(self._handle.number)

    # These ask a server: `Lock` and `AsyncLock` show them.

    def _proclaim(self, value: str) -> Reply:
        return _lock_proclaim(self._handle.number, value)

    def _txn(self, lists: Mapping[str, Any]) -> TxnReply:
        return _lock_txn(self._handle.number, json_of(lists))


class Lock(HeldLock):
    """A place in the line for a lock, or in an election.

    A `with` waits until the lock is held, and gives it up in the end. If it was lost meanwhile the
    block ends in a `LockLost`; `held` and `check` say so before, whenever they are asked.
    """

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is held; False: not after so many seconds. LockLost: it is over."""
        deadline = deadline_after(timeout)
        while not self._look():
            if not is_readable(self.fileno(), deadline):
                return self._look()
        return True

    def proclaim(self, value: str) -> Reply:
        """Gives it another value, which `leader_watch` shows. Error 101: it is not held."""
        return self._proclaim(value)

    def txn(
        self,
        *,
        compare: Sequence[Mapping[str, Any]] = (),
        success: Sequence[Mapping[str, Any]] = (),
        failure: Sequence[Mapping[str, Any]] = (),
    ) -> TxnReply:
        """As `Client.txn`, carried out only while the lock is held: error 101 else. v3 only."""
        return self._txn({"compare": compare, "success": success, "failure": failure})

    def close(self) -> None:
        """Gives it up, at once if a server can be told within a second; else after its ttl."""
        self._handle.close()

    def __enter__(self) -> Lock:
        try:
            if not self.wait(self._timeout):
                raise TimeoutError("the lock was not to be had in time")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        lost = None if kind is not None or self.held else self._lost()
        self.close()
        if lost is not None:
            raise lost
