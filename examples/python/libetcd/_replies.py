"""What etcd says, as dictionaries: the types of replies and events."""

from __future__ import annotations

from typing import Any, TypedDict, Union

# ---- of keys and directories ----


class Node(TypedDict, total=False):
    """A key with its value, or a directory with what is in it.

    Over v3 a value that is not UTF-8 is there as base64, `value_base64`.
    """

    key: str
    value: str
    value_base64: str
    dir: bool
    nodes: list[Node]
    ttl: int
    expiration: str
    modifiedIndex: int
    createdIndex: int


class Header(TypedDict, total=False):
    """Where in the cluster's history a reply stands; over v3 an index is a revision."""

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


# ---- of bytes, ranges and transactions: v3 ----


class KeyValue(TypedDict, total=False):
    """A key of v3. Of a deleted one there are `key` and `mod_revision`, that of its deletion."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int


class Revision(TypedDict):
    """The header of a v3 reply: the store's revision, and who answered (ids are decimal)."""

    cluster_id: str
    member_id: str
    revision: int
    raft_term: int


class RangeReply(TypedDict):
    """Keys in their order. `count`: how many the range has; `more`: a limit left some out."""

    header: Revision
    kvs: list[KeyValue]
    more: bool
    count: int


class PutReply(TypedDict, total=False):
    """The header's `revision` is the key's `mod_revision`."""

    header: Revision
    prev_kv: KeyValue


class DeleteReply(TypedDict):
    """How many keys were deleted."""

    header: Revision
    deleted: int
    prev_kvs: list[KeyValue]


class TxnReply(TypedDict):
    """Whether the conditions held, and what each operation of that list brought."""

    header: Revision
    succeeded: bool
    responses: list[dict[str, Any]]


class KeyChange(TypedDict, total=False):
    """A change of one key; `type` is "PUT" or "DELETE"."""

    type: str
    kv: KeyValue
    prev_kv: KeyValue


class RangeEvent(TypedDict, total=False):
    """All changes of one revision or of several; or, where etcd has forgotten some, a "RESYNC".

    A resync has a `type`, no `events`, and `kvs`, the keys that are there now; the revisions
    strictly between the two of `missed` are the ones missed.
    """

    header: Revision
    events: list[KeyChange]
    type: str
    kvs: list[KeyValue]
    missed: Missed


# ---- of leases, locks and elections ----


class LeaseState(TypedDict):
    """How a lease is: "alive", "lost" or "revoked".

    `renewals` counts how often a registration was made again; `error` is why it is lost, or why it
    could not be made again: {"errorCode": ...}.
    """

    state: str
    remainingMs: int
    renewals: int
    error: dict[str, Any] | None


class LockState(TypedDict):
    """How a lock is: "waiting", "held" or "lost"; `token` is 0 unless it is held."""

    state: str
    key: str
    token: int
    remainingMs: int
    error: dict[str, Any] | None


class Leader(TypedDict):
    """Who holds a lock: its value, its key, and its token, which grows with every holder."""

    value: str
    key: str
    token: int


class LeaderEvent(TypedDict):
    """Who leads from now on; None: nobody."""

    leader: Leader | None


# ---- of the cluster ----


class Member(TypedDict, total=False):
    """A member of the cluster; over v3 with `isLearner`."""

    id: str
    name: str
    peerURLs: list[str]
    clientURLs: list[str]
    isLearner: bool


class User(TypedDict):
    """A user and its roles."""

    user: str
    roles: list[str]


class Permissions(TypedDict):
    """The keys that a role may read and write; "/app/*" is all below /app/."""

    read: list[str]
    write: list[str]


class Role(TypedDict, total=False):
    """A role; etcd 2.1 and 2.2 list them without their permissions, which are {"kv": ...}."""

    role: str
    permissions: dict[str, Permissions]


Bytes = Union[bytes, bytearray, memoryview, str]
"""What is given where etcd takes bytes; a str is taken as its UTF-8."""
