"""A client for etcd, its v2 and its v3 API, over the C library libetcd.

    with libetcd.Client("127.0.0.1", 2379) as client:
        client.set("/app/greeting", "Hello World", ttl=60)
        print(client.get("/app/greeting")["node"]["value"])

Replies are etcd's own, as dictionaries; an error is an `EtcdError`. Any number of threads may share
a client: a call blocks its own thread only. What a call makes, be it a watch, a lease, a lock or a
mirror, is closed, or used in a `with`:

    with client.lock("/locks/backup", timeout=60) as lock:
        client.put(b"/backup/state", b"\\x00\\xff")

With asyncio there is `AsyncClient`, whose calls are awaited and end when their task is cancelled:

    async with libetcd.AsyncClient("127.0.0.1", 2379) as client:
        await client.set("/app/greeting", "Hello World")
        async with client.watchloop("/app", recursive=True) as watch:
            async for event in watch:
                print(event["action"], event["node"]["key"])

It is named for the library: a program may have python-etcd, whose name is `etcd`, beside it.
"""

from ._aio import AsyncClient, AsyncLease, AsyncLock, AsyncMirror
from ._changes import Changes, Watch
from ._client import Client
from ._errors import Code, EtcdError, LockLost
from ._held import Lease, Lock
from ._mirror import Mirror
from ._replies import (
    DeleteReply,
    Event,
    Header,
    KeyChange,
    KeyValue,
    Leader,
    LeaderEvent,
    LeaseState,
    LockState,
    Member,
    Missed,
    Node,
    Permissions,
    PutReply,
    RangeEvent,
    RangeReply,
    Reply,
    Revision,
    Role,
    TxnReply,
    User,
)

__all__ = [
    "AsyncClient",
    "AsyncLease",
    "AsyncLock",
    "AsyncMirror",
    "Changes",
    "Client",
    "Code",
    "DeleteReply",
    "EtcdError",
    "Event",
    "Header",
    "KeyChange",
    "KeyValue",
    "Leader",
    "LeaderEvent",
    "Lease",
    "LeaseState",
    "Lock",
    "LockLost",
    "LockState",
    "Member",
    "Mirror",
    "Missed",
    "Node",
    "Permissions",
    "PutReply",
    "RangeEvent",
    "RangeReply",
    "Reply",
    "Revision",
    "Role",
    "TxnReply",
    "User",
    "Watch",
]

# In what is shown and pickled, classes are where programs have them from. (The types of replies are
# read with the names beside them.)
for _name in __all__:
    if not issubclass(globals()[_name], dict):
        globals()[_name].__module__ = __name__
del _name
