"""A directory that is held in memory."""

from __future__ import annotations

import base64
import ctypes
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, NoReturn, Union

from ._changes import Changes, Watch
from ._errors import Code, EtcdError
from ._handle import Handle, Held
from ._library import HANDLE, OWNED, asking, making, plain, take
from ._replies import Event, Node, Reply

if TYPE_CHECKING:
    from ._client import Client

_mirror_open = making("etcd_mirror_open", HANDLE, "client", "key")
_mirror_get = asking(Reply, "etcd_mirror_get", "held", "key")
_mirror_list = asking(Reply, "etcd_mirror_list", "held", "key")
_mirror_wait = plain("etcd_mirror_wait", ctypes.c_int, "held", "index", "timeout_ms")
_mirror_await = making("etcd_mirror_await", HANDLE, "held", "index")
_mirror_next = plain("etcd_mirror_next", OWNED, "held", "timeout_ms")
_mirror_fd = plain("etcd_mirror_fd", ctypes.c_int, "held")
_mirror_free = plain("etcd_mirror_free", None, "held")

Value = Union[str, bytes]
"""What a key holds: text, or bytes that are no UTF-8."""


def mirror_handle(client: Client, key: str) -> Handle:
    """A mirror of a key and all below it."""
    return Handle(client, _mirror_open(client._handle, key), _mirror_free, _mirror_fd)


class HeldMirror(Held, Mapping[str, Value]):
    """A directory held in memory and kept up to date, as a read-only mapping of whole keys.

        with client.mirror("/app") as mirror:
            print(mirror["/app/colour"], len(mirror), list(mirror))

    Reading asks no server. All that one of these returns is of one moment: `items()` and the like
    are of the moment at which they are called, and do not change. An error that ends the mirror is
    raised by what reads it. The descriptor is that of `changes`, which are kept from the first call
    of either on.
    """

    def __init__(self, handle: Handle, key: str) -> None:
        super().__init__(handle)
        self._key = key

    def __getitem__(self, key: str) -> Value:
        try:
            node = self.node(key)
        except EtcdError as error:
            if error.code in (Code.KEY_NOT_FOUND, Code.NOT_DIRECTORY):
                raise KeyError(key) from None
            raise
        if node.get("dir"):
            raise KeyError(key)
        return _value(node)

    def __iter__(self) -> Iterator[str]:
        return iter(self.snapshot())

    def __len__(self) -> int:
        return len(self.snapshot())

    def keys(self) -> KeysView[str]:
        """All keys with a value, in their order."""
        return self.snapshot().keys()

    def values(self) -> ValuesView[Value]:
        """All values, in the order of their keys."""
        return self.snapshot().values()

    def items(self) -> ItemsView[str, Value]:
        """All keys with their values, in their order."""
        return self.snapshot().items()

    def snapshot(self) -> dict[str, Value]:
        """All keys with their values, in their order, as they are at this moment."""
        try:
            return dict(_leaves(self.list(self._key)["node"]))
        except EtcdError as error:
            if error.code == Code.KEY_NOT_FOUND:
                return {}
            raise

    def node(self, key: str) -> Node:
        """A key, or one level of a directory. Errors: 100, 104, 1001 (it is outside)."""
        return _mirror_get(self._handle.number, key)["node"]

    def list(self, key: str) -> Reply:
        """A directory and all below it, sorted; its `header` says of which index it is."""
        return _mirror_list(self._handle.number, key)

    def _ended(self) -> NoReturn:
        self.node(self._key)  # says why
        raise EtcdError({"errorCode": Code.CANCELLED, "message": "The mirror has ended"})

    def _awaiting(self, index: int) -> Watch[Any]:
        """A watch whose one event is that an index is seen; or an EtcdError, if it will not be."""
        return Watch(self, _mirror_await(self._handle.number, index))

    def changes(self) -> Changes[Event]:
        """The changes from now on, as of a watch; when one is handed out the mirror has it already.

        There is one line of them: of two that are iterated over each would get a part.
        """
        changes: Changes[Event] = Changes(_Changed(self))
        changes.fileno()  # from here on they are kept
        return changes


class Mirror(HeldMirror):
    __doc__ = HeldMirror.__doc__

    def wait(self, index: int, timeout: float | None = None) -> bool:
        """Waits until it has seen an index, the `etcdIndex` of a reply's header; False: too late.

        So one reads one's own writes. Error 1009: it has ended.
        """
        with self._awaiting(index) as seen:
            try:
                return seen.next(timeout) is not None or self._ended()
            except TimeoutError:
                return False

    def close(self) -> None:
        """Ends it."""
        self._handle.close()

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Changed:
    """Where a mirror's changes come from."""

    def __init__(self, mirror: HeldMirror) -> None:
        self._mirror = mirror

    def fetch(self) -> Any:
        text = _mirror_next(self._mirror._handle.number, 0)
        return None if text is None else take(text)

    def has_ended(self) -> bool:
        return bool(_mirror_wait(self._mirror._handle.number, 0, 0) < 0)

    def fileno(self) -> int:
        return self._mirror.fileno()


def _leaves(node: Node) -> Iterator[tuple[str, Value]]:
    """The keys with a value at a node and below it."""
    if node.get("dir"):
        for child in node.get("nodes", []):
            yield from _leaves(child)
    else:
        yield node["key"], _value(node)


def _value(node: Node) -> Value:
    return node["value"] if "value" in node else base64.b64decode(node["value_base64"])
