"""Bytes, ranges and transactions: the store of etcd's v3 API as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

from ._changes import Watch
from ._library import HANDLE, asking, json_of, key_values, making
from ._replies import Bytes, DeleteReply, PutReply, RangeEvent, RangeReply, TxnReply

_PREFIX, _KEYS_ONLY, _COUNT_ONLY, _DESCENDING, _PREV_KV = 256, 512, 1024, 2048, 4096
_IGNORE_VALUE, _IGNORE_LEASE, _NO_PUT, _NO_DELETE, _SERIALIZABLE = 8192, 16384, 32768, 65536, 262144

_range = asking(
    RangeReply,
    "etcd_range",
    *["client", "*key", "*end", "limit", "revision", "flags"],
    reader=key_values,
)
_PUT = ["client", "*key", "*value", "lease", "flags"]
_put = asking(PutReply, "etcd_put", *_PUT, reader=key_values)
_PUT_IF = ["client", "*key", "*value", "mod_revision", "lease", "flags"]
_put_if = asking(PutReply, "etcd_put_if", *_PUT_IF, reader=key_values)
_DELETE = ["client", "*key", "*end", "flags"]
_delete_range = asking(DeleteReply, "etcd_delete_range", *_DELETE, reader=key_values)
_DELETE_IF = ["client", "*key", "mod_revision"]
_delete_if = asking(DeleteReply, "etcd_delete_if", *_DELETE_IF, reader=key_values)
_txn = asking(TxnReply, "etcd_txn", "client", "json", reader=key_values)
_call = asking(dict[str, Any], "etcd_call", "client", "method", "json", reader=key_values)
_watch_range = making(
    "etcd_watch_range",
    HANDLE,
    *["client", "*key", "*end", "revision", "flags", "callback", "user_data", "release"],
)


class Flat:
    """What a client has for keys that are bytes. Over v2 all of it is error 1010.

    A range is given by its first key and by `end`, the key that follows its last one; with `prefix`
    it is all keys that begin with the given one. What is given is bytes or a str, and what comes
    back is bytes. `Client.set` writes "/a" as the key b"/a", behind the setting `root`, which has
    no meaning here.
    """

    _handle: int

    def range(
        self,
        key: Bytes,
        end: Bytes | None = None,
        *,
        prefix: bool = False,
        limit: int = 0,
        revision: int = 0,
        keys_only: bool = False,
        count_only: bool = False,
        descending: bool = False,
        serializable: bool = False,
    ) -> RangeReply:
        """Reads a key, or all keys of a range; a key that is not there is no error.

        A range without a `limit` is read in pages, all at one revision. `revision`: as it was then
        (401: that was compacted; 400: it is yet to come). `serializable`: as the server that is
        asked has it, and not as a majority has agreed.
        """
        flags = prefix * _PREFIX | keys_only * _KEYS_ONLY | count_only * _COUNT_ONLY
        flags |= descending * _DESCENDING | serializable * _SERIALIZABLE
        return _range(self._handle, key, end, limit, revision, flags)

    def put(
        self,
        key: Bytes,
        value: Bytes = b"",
        *,
        lease: SupportsIndex | None = None,
        prev_kv: bool = False,
        ignore_value: bool = False,
        ignore_lease: bool = False,
    ) -> PutReply:
        """Writes a key, whether or not it exists; it ends with the `lease`, a lease or its id.

        `prev_kv`: returns the key as it was. `ignore_value`, `ignore_lease`: it keeps its own, and
        must exist. Errors: 209 (larger than the server takes), 300 (no such lease).
        """
        flags = prev_kv * _PREV_KV | ignore_value * _IGNORE_VALUE | ignore_lease * _IGNORE_LEASE
        return _put(self._handle, key, value, lease, flags)

    def put_if(
        self,
        key: Bytes,
        value: Bytes,
        mod_revision: int,
        *,
        lease: SupportsIndex | None = None,
        prev_kv: bool = False,
    ) -> PutReply:
        """Writes a key only if its last change was `mod_revision`; 0: only if it is not there.

        Else error 101, whose `kv` is the key as it is, if it is there.
        """
        return _put_if(self._handle, key, value, mod_revision, lease, prev_kv * _PREV_KV)

    def delete_range(
        self,
        key: Bytes,
        end: Bytes | None = None,
        *,
        prefix: bool = False,
        prev_kv: bool = False,
    ) -> DeleteReply:
        """Deletes a key, or all keys of a range; that there was none is no error.

        `prev_kv`: `prev_kvs` are the keys as they were.
        """
        return _delete_range(self._handle, key, end, prefix * _PREFIX | prev_kv * _PREV_KV)

    def delete_if(self, key: Bytes, mod_revision: int) -> DeleteReply:
        """Deletes a key only if its last change was that of `mod_revision`.

        Else error 101, whose `kv` is the key as it is; 100: it is not there.
        """
        return _delete_if(self._handle, key, mod_revision)

    def txn(
        self,
        *,
        compare: Sequence[Mapping[str, Any]] = (),
        success: Sequence[Mapping[str, Any]] = (),
        failure: Sequence[Mapping[str, Any]] = (),
    ) -> TxnReply:
        """Carries out one list of operations if all conditions hold, else another, as one change.

            client.txn(
                compare=[{"key": "to", "version": 0}, {"key": "from", "value": b"1"}],
                success=[
                    {"request_put": {"key": "to", "value": b"1"}},
                    {"request_delete_range": {"key": "from"}},
                ],
                failure=[{"request_range": {"key": "from"}}],
            )

        A condition has a `key` (or a `range_end`, too), one of `version`, `create_revision`,
        `mod_revision`, `value` and `lease`, and perhaps a `result`: "EQUAL", "GREATER", "LESS" or
        "NOT_EQUAL". An operation is a `request_range`, `request_put`, `request_delete_range` or
        `request_txn`, whose members are etcd's. Errors: 1001 (its cause begins with the place that
        is wrong), 209 (larger than the server takes).
        """
        transaction = {"compare": compare, "success": success, "failure": failure}
        return _txn(self._handle, json_of(transaction))

    def call(self, method: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Makes any unary call of etcd's services: `client.call("maintenance/status")`.

        The method is named as by etcd's JSON gateway, the request's members as by etcd, in
        snake_case. The reply is etcd's, with ids as decimal strings. Errors: 1001, 1010 (the server
        does not know the method).
        """
        return _call(self._handle, method, json_of(request or {}))

    def watch_range(
        self,
        key: Bytes,
        end: Bytes | None = None,
        *,
        prefix: bool = False,
        revision: int = 0,
        prev_kv: bool = False,
        no_put: bool = False,
        no_delete: bool = False,
    ) -> Watch[RangeEvent]:
        """Watches a key or a range for every change from now on, or from that of `revision` on.

        An event has whole revisions: all that one transaction has changed. It asks the server what
        "now" is, and so may block like any other call.
        """
        flags = prefix * _PREFIX | prev_kv * _PREV_KV | no_put * _NO_PUT | no_delete * _NO_DELETE
        handle = _watch_range(self._handle, key, end, revision, flags, *[None] * 3)
        return Watch(self, handle, key_values)
