"""The client for asyncio.

Calls run in the event loop's default executor, each on a client derived for it alone, so that
cancelling the task ends the call. What waits - a watch, a lock, a lease, the changes of a mirror -
waits for a descriptor in the event loop, and has no thread.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ._changes import Watch, readable
from ._client import Client, Setting
from ._held import HeldLease, HeldLock
from ._mirror import HeldMirror
from ._replies import LeaseState, Reply, TxnReply

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    _P = ParamSpec("_P")

_T = TypeVar("_T")
_D = TypeVar("_D", bound=AbstractAsyncContextManager[Any])


async def _in_a_thread(call: Callable[[], _T], cancel: Callable[[], None]) -> _T:
    """Runs a call in the executor. When the task is cancelled so is the call, and then waited for.

    What it makes all the same is closed again.
    """
    loop = asyncio.get_running_loop()
    has_begun = False

    def run() -> _T:
        nonlocal has_begun
        has_begun = True
        return call()

    running = loop.run_in_executor(None, run)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancel()
        running.add_done_callback(_drop)
        if has_begun:
            await asyncio.wait([running])
        else:
            running.cancel()
        raise


def _drop(running: asyncio.Future[Any]) -> None:
    if running.cancelled() or running.exception() is not None:
        return
    made = running.result()
    if hasattr(made, "close"):
        asyncio.get_running_loop().run_in_executor(None, made.close)


def _awaited(
    method: Callable[Concatenate[Client, _P], _T],
) -> Callable[Concatenate[AsyncClient, _P], Coroutine[Any, Any, _T]]:
    """A call of `Client`'s, to be awaited."""

    @functools.wraps(method)
    async def call(self: AsyncClient, /, *arguments: _P.args, **options: _P.kwargs) -> _T:
        with self._client.with_options() as derived:
            asked = functools.partial(method, derived, *arguments, **options)
            return await _in_a_thread(asked, derived.close)

    return call


def _watching(
    method: Callable[Concatenate[Client, _P], Watch[_T]],
) -> Callable[Concatenate[AsyncClient, _P], Opening[Watch[_T]]]:
    """A call of `Client`'s that makes a watch. It keeps the client that was derived for it."""

    @functools.wraps(method)
    def call(self: AsyncClient, /, *arguments: _P.args, **options: _P.kwargs) -> Opening[Watch[_T]]:
        async def begin() -> Watch[_T]:
            derived = self._client.with_options()
            asked = functools.partial(method, derived, *arguments, **options)
            return await _in_a_thread(asked, derived.close)

        return Opening(begin())

    return call


def _holding(
    method: Callable[Concatenate[Client, _P], _T], kind: Callable[[_T], _D]
) -> Callable[Concatenate[AsyncClient, _P], Opening[_D]]:
    """A call of `Client`'s that makes something to be held.

    A derived client would keep leases and locks alive on threads of its own, so this is asked of
    the one that all share. When the task is cancelled nobody waits for it any more.
    """

    @functools.wraps(method)
    def call(self: AsyncClient, /, *arguments: _P.args, **options: _P.kwargs) -> Opening[_D]:
        async def begin() -> _D:
            asked = functools.partial(method, self._client, *arguments, **options)
            running = asyncio.get_running_loop().run_in_executor(None, asked)
            try:
                return kind(await asyncio.shield(running))
            except asyncio.CancelledError:
                running.add_done_callback(_drop)
                raise

        return Opening(begin())

    return call


class Opening(Generic[_D]):
    """What is being made: to be awaited, or used in an `async with` right away."""

    def __init__(self, begin: Coroutine[Any, Any, _D]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, Any, _D]:
        return self._begin.__await__()

    async def __aenter__(self) -> _D:
        self._made: Any = await self._begin
        return cast(_D, await self._made.__aenter__())

    async def __aexit__(self, *error: Any) -> None:
        await self._made.__aexit__(*error)


async def _in_a_thread_to_its_end(call: Callable[[], _T]) -> _T:
    """Runs what cannot be cancelled in the executor."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, call))


class AsyncLease(HeldLease):
    """A lease or a registration, kept alive until it is closed: use it in an `async with`.

    Keys that are written with it, `await client.put(key, value, lease=lease)`, end with it.
    """

    def __init__(self, lease: HeldLease) -> None:
        super().__init__(lease._handle)

    async def wait(self) -> LeaseState:
        """Waits until it was lost or revoked, or a registration was made again; says how it is now.

        It returns, too, when it could not be made again, for a reason that is new. One task may
        do so. It does not return when the lease is closed.
        """
        await readable(self.fileno())
        return self.state()

    async def revoke(self) -> LeaseState:
        """Ends it: what it holds is deleted now. After an error it ends by itself."""
        return await _in_a_thread_to_its_end(self._revoke)

    async def close(self) -> None:
        """Ends it, at once if a server can be told within a second; else after its ttl."""
        await _in_a_thread_to_its_end(self._handle.close)

    async def __aenter__(self) -> AsyncLease:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class AsyncLock(HeldLock):
    """A place in the line for a lock, or in an election.

    An `async with` waits until the lock is held, and gives it up in the end. If the lock is lost
    meanwhile, what the block awaits is cancelled, and the block ends in a `LockLost`.
    """

    def __init__(self, lock: HeldLock) -> None:
        super().__init__(lock._handle, lock._timeout)
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._has_cancelled = False

    async def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is held; False: not after so many seconds. LockLost: it is over.

        One task may do so.
        """

        async def held() -> None:
            while not self._look():
                await readable(self.fileno())

        try:
            await asyncio.wait_for(held(), timeout)
        except asyncio.TimeoutError:
            return self._look()
        return True

    async def proclaim(self, value: str) -> Reply:
        """Gives it another value, which `leader_watch` shows. Error 101: it is not held."""
        return await _in_a_thread_to_its_end(lambda: self._proclaim(value))

    async def txn(
        self,
        *,
        compare: Sequence[Mapping[str, Any]] = (),
        success: Sequence[Mapping[str, Any]] = (),
        failure: Sequence[Mapping[str, Any]] = (),
    ) -> TxnReply:
        """As `Client.txn`, carried out only while the lock is held: error 101 else. v3 only."""
        lists = {"compare": compare, "success": success, "failure": failure}
        return await _in_a_thread_to_its_end(lambda: self._txn(lists))

    async def close(self) -> None:
        """Gives it up, at once if a server can be told within a second; else after its ttl."""
        await _in_a_thread_to_its_end(self._handle.close)

    async def __aenter__(self) -> AsyncLock:
        try:
            if not await self.wait(self._timeout):
                raise TimeoutError("the lock was not to be had in time")
        except BaseException:
            await self.close()
            raise
        self._task = asyncio.current_task()
        self._cancelling = getattr(self._task, "cancelling", int)()
        asyncio.get_running_loop().add_reader(self.fileno(), self._interrupt)
        return self

    def _interrupt(self) -> None:
        """If what has changed is that it was lost, the block learns of it as of a timeout."""
        if self._task is not None and not self.held:
            asyncio.get_running_loop().remove_reader(self.fileno())
            self._has_cancelled = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        asyncio.get_running_loop().remove_reader(self.fileno())
        is_ours = kind is None
        if self._has_cancelled:
            # Before Python 3.11 a task does not know how often it was cancelled.
            left = getattr(self._task, "uncancel", int)()
            is_ours = is_ours or (kind is asyncio.CancelledError and left <= self._cancelling)
        lost = self._lost() if is_ours and not self.held else None
        await self.close()
        if lost is not None:
            raise lost from error


class AsyncMirror(HeldMirror):
    __doc__ = (HeldMirror.__doc__ or "").replace("with client", "async with client")

    def __init__(self, mirror: HeldMirror) -> None:
        super().__init__(mirror._handle, mirror._key)

    async def wait(self, index: int) -> None:
        """Waits until it has seen an index, the `etcdIndex` of a reply's header.

        So one reads one's own writes. Error 1009: it has ended.
        """
        async with self._awaiting(index) as seen:
            async for _ in seen:
                return
        self._ended()

    async def close(self) -> None:
        """Ends it."""
        self._handle.close()

    async def __aenter__(self) -> AsyncMirror:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class AsyncClient:
    """A `Client` whose calls are awaited; they do what its own do, and have their arguments.

    A call whose task is cancelled ends; of a write nobody then knows whether it was carried out. A
    watch is iterated over with `async for`. What makes a watch, a lease, a lock or a mirror is
    awaited, or used in an `async with` right away.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 2379, version: str = "auto") -> None:
        self._client = Client(host, port, version)

    @classmethod
    def from_config(cls, config: Mapping[str, Setting]) -> AsyncClient:
        """As `Client.from_config`. It sends nothing, unless `discovery.srv_domain` is set."""
        return cls._of(Client.from_config(config))

    @classmethod
    def _of(cls, client: Client) -> AsyncClient:
        made = cls.__new__(cls)
        made._client = client
        return made

    def with_options(
        self, config: Mapping[str, Setting] | None = None, *, timeout: float | None = None
    ) -> AsyncClient:
        """As `Client.with_options`."""
        return self._of(self._client.with_options(config, timeout=timeout))

    def __repr__(self) -> str:
        return repr(self._client).replace("Client", "AsyncClient", 1)

    async def close(self) -> None:
        """Ends the client, its watches, and its calls that are under way; see `Client.close`."""
        self._client.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._client.close()

    api = _awaited(Client.api)
    get = _awaited(Client.get)
    set = _awaited(Client.set)
    create = _awaited(Client.create)
    update = _awaited(Client.update)
    refresh = _awaited(Client.refresh)
    setdir = _awaited(Client.setdir)
    createdir = _awaited(Client.createdir)
    updatedir = _awaited(Client.updatedir)
    delete = _awaited(Client.delete)
    deletedir = _awaited(Client.deletedir)
    exists = _awaited(Client.exists)
    cas = _awaited(Client.cas)
    cad = _awaited(Client.cad)
    compare_and_swap = _awaited(Client.compare_and_swap)
    test_and_set = _awaited(Client.test_and_set)
    compare_and_delete = _awaited(Client.compare_and_delete)

    range = _awaited(Client.range)
    put = _awaited(Client.put)
    put_if = _awaited(Client.put_if)
    delete_range = _awaited(Client.delete_range)
    delete_if = _awaited(Client.delete_if)
    txn = _awaited(Client.txn)
    call = _awaited(Client.call)

    watch = _watching(Client.watch)
    watchloop = _watching(Client.watchloop)
    watch_range = _watching(Client.watch_range)
    leader_watch = _watching(Client.leader_watch)

    lease = _holding(Client.lease, AsyncLease)
    register = _holding(Client.register, AsyncLease)
    lock = _holding(Client.lock, AsyncLock)
    mirror = _holding(Client.mirror, AsyncMirror)

    machines = _awaited(Client.machines)
    members = _awaited(Client.members)
    sync = _awaited(Client.sync)
    leader = _awaited(Client.leader)
    stats = _awaited(Client.stats)
    server_version = _awaited(Client.server_version)
    health = _awaited(Client.health)
    request = _awaited(Client.request)
    member_add = _awaited(Client.member_add)
    member_update = _awaited(Client.member_update)
    member_promote = _awaited(Client.member_promote)
    member_remove = _awaited(Client.member_remove)
    auth_status = _awaited(Client.auth_status)
    auth_enable = _awaited(Client.auth_enable)
    auth_disable = _awaited(Client.auth_disable)
    user_list = _awaited(Client.user_list)
    user_get = _awaited(Client.user_get)
    user_create = _awaited(Client.user_create)
    user_set_password = _awaited(Client.user_set_password)
    user_delete = _awaited(Client.user_delete)
    user_grant = _awaited(Client.user_grant)
    user_revoke = _awaited(Client.user_revoke)
    role_list = _awaited(Client.role_list)
    role_get = _awaited(Client.role_get)
    role_create = _awaited(Client.role_create)
    role_delete = _awaited(Client.role_delete)
    role_grant = _awaited(Client.role_grant)
    role_revoke = _awaited(Client.role_revoke)
