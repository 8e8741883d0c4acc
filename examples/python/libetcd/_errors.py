"""Errors: their codes, and what is raised."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._replies import KeyValue


class Code(enum.IntEnum):
    """The codes of those errors that programs tell apart; etcd.h has them all."""

    KEY_NOT_FOUND = 100
    COMPARE_FAILED = 101
    NOT_FILE = 102
    NOT_DIRECTORY = 104
    KEY_EXISTS = 105
    ROOT_READ_ONLY = 107
    DIRECTORY_NOT_EMPTY = 108
    INVALID_FIELD = 209
    RAFT_INTERNAL = 300
    WATCHER_CLEARED = 400
    EVENT_INDEX_CLEARED = 401
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
    SYSTEM_LIMIT = 1011
    INTERNAL = 1099


# Of handles, which the library speaks of, a program knows nothing.
_HANDLES = ("client", "lease", "lock", "mirror")


class EtcdError(Exception):
    """An error of etcd's, or from code 1000 up one of the library's."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        super().__init__(reply)
        self.code: int = reply["errorCode"]
        """Which error: one of `Code`, or another of etcd.h."""
        self.message: str = reply["message"]
        """What is wrong, in general."""
        cause: str = reply.get("cause", "")
        handle, separator, _ = cause.partition(": ")
        is_closed = self.code == Code.INVALID_ARGUMENT and separator and handle in _HANDLES
        self.cause: str = f"{handle}: closed already" if is_closed else cause
        """What is wrong in this case: a key, a parameter's name and so on; may be ""."""
        self.index: int = reply.get("index", 0)
        """The index at which the store was; 0 if it is not known."""
        self.status: int | None = reply.get("status")
        """The HTTP status, where there was one."""
        self.kv: KeyValue | None = reply.get("kv")
        """Of `put_if` and `delete_if`: the key as it is, if it is there."""

    def __str__(self) -> str:
        cause = f" - {self.cause}" if self.cause else ""
        return f"{self.message}{cause} ({self.code})"


class LockLost(EtcdError):
    """A lock is no longer held, or cannot be any more: it has ended, and others may have it."""
