"""A handle of the library, for what a program holds until it closes it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._changes import valid

if TYPE_CHECKING:
    from ._client import Client


class Handle:
    """A handle that is freed once, by `close` or with the last reference to this.

    Its descriptor is a duplicate of the library's, so that it stays what it is for those who wait
    for it while another thread closes.
    """

    def __init__(
        self, client: Client, number: int, free: Callable[[int], None], fd: Callable[[int], int]
    ) -> None:
        self.number = number
        self._client = client  # with which it would end
        self._fd = fd
        self._descriptor = -1
        self._mutex = threading.Lock()  # the library's descriptor stays while it is duplicated
        self._free = weakref.finalize(self, free, number)

    def close(self) -> None:
        with self._mutex:
            self._free()

    def fileno(self) -> int:
        with self._mutex:
            if self._descriptor < 0:
                self._descriptor = os.dup(valid(self._fd(self.number)))
                weakref.finalize(self, os.close, self._descriptor)
            return self._descriptor


class Held:
    """What has a handle."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def fileno(self) -> int:
        """A descriptor that is readable while there is something new; not to be read from.

        It is valid as long as this object.
        """
        return self._handle.fileno()
