"""Changes that are waited for: in a thread, or in an event loop without one."""

from __future__ import annotations

import asyncio
import ctypes
import select
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from ._library import OWNED, milliseconds, plain, take

_E = TypeVar("_E")

_watch_next = plain("etcd_watch_next", OWNED, "watcher", "timeout_ms")
_watch_ended = plain("etcd_watch_ended", ctypes.c_int, "watcher")
_watch_fd = plain("etcd_watch_fd", ctypes.c_int, "watcher")
_watch_stop = plain("etcd_watch_stop", None, "watcher")
_watch_free = plain("etcd_watch_free", None, "watcher")


class Source(Protocol):
    """Where changes come from. Who waits for its descriptor holds it, so that it stays open."""

    def fetch(self) -> Any:
        """The next change, if there is one already."""

    def has_ended(self) -> bool:
        """Whether no change comes any more but those that can be fetched."""

    def fileno(self) -> int:
        """A descriptor that is readable while there is something to fetch, or the end."""


def is_readable(descriptor: int, deadline: float | None) -> bool:
    """Waits until a descriptor is readable; False if it is not in time.

    Waiting is not left to the library: Ctrl-C could not interrupt it there.
    """
    left = None if deadline is None else max(deadline - time.monotonic(), 0)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if left is None else milliseconds(left)))


def deadline_after(timeout: float | None) -> float | None:
    """When so many seconds will have passed."""
    return None if timeout is None else time.monotonic() + timeout


async def readable(descriptor: int) -> None:
    """Waits in the event loop, which keeps one reader for a descriptor, until it is readable."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)


class Changes(Iterator[_E], AsyncIterator[_E], Generic[_E]):
    """Changes, to be iterated over with `for` or with asyncio's `async for`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._is_awaited = False

    def fileno(self) -> int:
        """A descriptor, readable while `next` has something to return; not to be read from."""
        return self._source.fileno()

    def next(self, timeout: float | None = None) -> _E | None:
        """The next change; None once there will be none any more.

        TimeoutError if nothing has come after so many seconds.
        """
        deadline = deadline_after(timeout)
        source = self._source
        while True:
            has_ended = source.has_ended()
            event: _E | None = source.fetch()
            if event is not None or has_ended:
                return event
            if not is_readable(source.fileno(), deadline):
                raise TimeoutError("no change in time")

    def __next__(self) -> _E:
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    async def __anext__(self) -> _E:
        source = self._source
        while True:
            has_ended = source.has_ended()
            event: _E | None = source.fetch()
            if event is not None:
                return event
            if has_ended:
                raise StopAsyncIteration
            if self._is_awaited:
                raise RuntimeError("another task is waiting for these changes")
            self._is_awaited = True
            try:
                await readable(source.fileno())
            finally:
                self._is_awaited = False


class Watch(Changes[_E]):
    """The changes that a watch sees.

    The iteration ends when the watch is stopped, from whatever thread or task, and with an
    EtcdError if the watch cannot go on.
    """

    def __init__(
        self, client: object, handle: int, reader: Callable[[Any], Any] | None = None
    ) -> None:
        self._client = client  # whose watches would end with it
        self._watcher = _Watcher(handle, reader)
        super().__init__(self._watcher)

    def stop(self) -> None:
        """Ends the watch. The changes that it has already are still handed out."""
        _watch_stop(self._watcher.handle)

    def close(self) -> None:
        """Ends the watch and frees it, once nobody is waiting for it."""
        self.stop()
        self._source = self._watcher = _Watcher(None)

    def __enter__(self) -> Watch[_E]:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Watch[_E]:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()


class _Watcher:
    """A watcher's handle, freed with the last reference to it."""

    def __init__(self, handle: int | None, reader: Callable[[Any], Any] | None = None) -> None:
        self.handle = handle
        self._reader = reader
        weakref.finalize(self, _watch_free, handle)

    def fetch(self) -> Any:
        text = _watch_next(self.handle, 0)
        return None if text is None else take(text, self._reader)

    def has_ended(self) -> bool:
        return bool(_watch_ended(self.handle))

    def fileno(self) -> int:
        return valid(_watch_fd(self.handle))


def valid(descriptor: int) -> int:
    """A descriptor that the library has given."""
    if descriptor < 0:
        raise OSError("it is closed, or the process has no descriptor left")
    return descriptor
