"""Tests of libetcd with asyncio: test_asyncio.py HOST PORT.

They work below /test/python, which they delete.
"""

from __future__ import annotations

import asyncio
import threading
import unittest

import libetcd
from test_etcd import HOST, KEY, PORT, ROOT, EtcdTest, SilentServer, V3Test, run, wait_until_gone


class AsyncTest(V3Test, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # it would report what a slow machine does
        self.client3 = libetcd.AsyncClient(HOST, PORT, "v3")
        self.addAsyncCleanup(self.client3.close)


class Calls(AsyncTest):
    async def test_calls_are_awaited(self) -> None:
        async with libetcd.AsyncClient(HOST, PORT) as client:
            await client.set(KEY, "1", ttl=100)
            self.assertEqual((await client.get(KEY))["node"]["value"], "1")
            self.assertTrue(await client.exists(KEY))
            with self.assertRaises(libetcd.EtcdError) as caught:
                await client.create(KEY, "2")
            self.assertEqual(caught.exception.code, libetcd.Code.KEY_EXISTS)
            self.assertEqual(repr(client), f"<libetcd.AsyncClient http://{HOST}:{PORT}>")
            self.assertTrue(await client.members())
        with self.assertRaisesRegex(libetcd.EtcdError, "client: closed already"):
            await client.get(KEY)

    async def test_all_that_a_client_has(self) -> None:
        def names(kind: type) -> set[str]:
            return {name for name in dir(kind) if not name.startswith("_")}

        self.assertEqual(names(libetcd.AsyncClient), names(libetcd.Client))
        self.assertEqual(libetcd.AsyncClient.get.__doc__, libetcd.Client.get.__doc__)

    async def test_many_at_once(self) -> None:
        client = self.client3
        await asyncio.gather(*[client.put(f"{KEY}/{number}", b"\xff") for number in range(100)])
        self.assertEqual((await client.range(KEY, prefix=True, count_only=True))["count"], 100)

    async def test_cancelling_the_task_ends_the_call(self) -> None:
        with SilentServer() as port:
            async with libetcd.AsyncClient("127.0.0.1", port, "v3").with_options(
                timeout=600
            ) as client:
                # More than the executor has threads: some have not begun.
                calls = [asyncio.ensure_future(client.get(KEY)) for _ in range(100)]
                await asyncio.sleep(0)  # lets them begin
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.get(KEY), 0.05)
                for call in calls:
                    call.cancel()
                ended = await asyncio.gather(*calls, return_exceptions=True)
        self.assertEqual({type(end) for end in ended}, {asyncio.CancelledError})

    async def test_settings_of_its_own(self) -> None:
        below = self.client3.with_options({"root": ROOT[1:] + "/"}, timeout=30)
        await below.set("/key", "1")
        self.assertEqual((await self.client3.get(KEY))["node"]["value"], "1")


class Watching(AsyncTest):
    async def test_watches_have_no_threads_and_share_the_loop(self) -> None:
        client = self.client3
        async with client.watchloop(ROOT, recursive=True) as watch:
            await client.set(KEY, "1")
            async for event in watch:
                self.assertEqual(event["node"]["value"], "1")
                break
            watches = [await client.watch_range(f"{KEY}/{number}") for number in range(50)]
            threads = threading.active_count()

            async def follow(watch: libetcd.Watch[libetcd.RangeEvent]) -> bytes:
                async with watch:
                    async for event in watch:
                        return event["events"][0]["kv"]["key"]
                raise AssertionError("it has ended")

            following = [asyncio.ensure_future(follow(watch)) for watch in watches]
            await asyncio.gather(*[client.put(f"{KEY}/{number}") for number in range(50)])
            keys = await asyncio.gather(*following)
            self.assertEqual(list(keys), [f"{KEY}/{number}".encode() for number in range(50)])
            self.assertLess(threading.active_count() - threads, 40)  # the executor's

    async def test_a_mirror(self) -> None:
        async with self.client3.mirror(ROOT) as mirror:
            changes = mirror.changes()
            written = await self.client3.set(KEY, "1")
            await asyncio.wait_for(mirror.wait(written["header"]["etcdIndex"]), 60)
            self.assertEqual(dict(mirror), {KEY: "1"})
            self.assertEqual((await changes.__anext__())["node"]["key"], KEY)
            waiting = asyncio.ensure_future(changes.__anext__())
            await asyncio.sleep(0)  # lets it run until it waits
            await mirror.close()
            with self.assertRaises(StopAsyncIteration):
                await waiting

    async def test_who_leads(self) -> None:
        async with self.client3.lock(KEY, "a", ttl=60) as lock:
            async with self.client3.leader_watch(KEY) as watch:
                leader = (await watch.__anext__())["leader"]
                self.assertEqual(leader and (leader["value"], leader["token"]), ("a", lock.token))


class Holding(AsyncTest):
    async def test_leases_and_registrations(self) -> None:
        client = self.client3
        async with client.lease(60) as lease:
            await client.put(KEY, "1", lease=lease)
            self.assertEqual(lease.state()["state"], "alive")
            self.assertGreater(lease.remaining, 0)
        await asyncio.to_thread(wait_until_gone, self.v3, KEY)
        async with client.register(KEY, "here", 60) as registration:
            await client.delete(KEY)
            while (await registration.wait())["renewals"] == 0:
                pass
            self.assertEqual((await client.get(KEY))["node"]["value"], "here")
            self.assertEqual((await registration.revoke())["state"], "revoked")
        self.assertFalse(await client.exists(KEY))

    async def test_a_lock_is_waited_for_without_a_thread(self) -> None:
        client = self.client3
        held: list[int] = []

        async def work(number: int) -> None:
            async with client.lock(KEY, ttl=60) as lock:
                self.assertTrue(lock.held)
                self.assertNotIn(lock.token, held)
                held.append(lock.token)

        async with client.lock(KEY, ttl=60) as lock:
            self.assertTrue((await lock.txn(success=[]))["succeeded"])
            # More than the executor has threads.
            workers = [asyncio.ensure_future(work(number)) for number in range(16)]
            while len((await client.range(f"{KEY}/", prefix=True))["kvs"]) <= 16:
                pass
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(work(-1), 0.1)
            self.assertEqual(held, [])
        await asyncio.gather(*workers)
        self.assertEqual(held, sorted(held))
        with self.assertRaises(libetcd.LockLost):
            lock.check()

    async def test_the_block_is_cancelled_when_it_is_lost(self) -> None:
        with self.assertRaises(libetcd.LockLost):
            async with self.client3.lock(KEY, ttl=60) as lock:
                await self.client3.delete(lock.state()["key"])
                await asyncio.Event().wait()
        # The task is not cancelled beyond it.
        await asyncio.sleep(0)

    async def test_its_own_cancellation_goes_on(self) -> None:
        has_begun = asyncio.Event()

        async def work() -> None:
            async with self.client3.lock(KEY, ttl=60):
                has_begun.set()
                await asyncio.Event().wait()

        working = asyncio.ensure_future(work())
        await has_begun.wait()
        working.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await working
        await asyncio.to_thread(wait_until_gone, self.v3, KEY)

    async def test_the_time_for_it_is_over(self) -> None:
        async with self.client3.lock(KEY, ttl=60):
            with self.assertRaises(TimeoutError):
                async with self.client3.lock(KEY, ttl=60, timeout=0.01):
                    self.fail("another holds it")
            with self.assertRaises(libetcd.EtcdError) as caught:
                await self.client3.lock(KEY, ttl=60, blocking=False)
        self.assertEqual(caught.exception.code, libetcd.Code.KEY_EXISTS)


class PlainClients(EtcdTest):
    """A client that blocks may be used in an event loop, too."""

    def test_the_loop_goes_on_while_a_task_watches(self) -> None:
        async def write() -> None:
            for value in "01234":
                await asyncio.to_thread(self.client.set, KEY, value)

        async def main() -> list[str]:
            values = []
            with await asyncio.to_thread(self.client.watchloop, KEY) as watch:
                writing = asyncio.create_task(write())
                async for event in watch:
                    values.append(event["node"]["value"])
                    if len(values) == 5:
                        watch.stop()
                await writing
            return values

        self.assertEqual(asyncio.run(main()), list("01234"))

    def test_cancelling_leaves_nothing_behind_and_loses_nothing(self) -> None:
        async def main() -> None:
            watch = self.client.watchloop(KEY)
            waiting = asyncio.ensure_future(watch.__anext__())
            await asyncio.sleep(0)  # lets it run until it waits
            with self.assertRaises(RuntimeError):
                await watch.__anext__()
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            self.assertFalse(asyncio.get_running_loop().remove_reader(watch.fileno()))

            self.client.set(KEY, "after")
            event = await watch.__anext__()
            self.assertEqual(event["node"]["value"], "after")
            waiting = asyncio.ensure_future(watch.__anext__())
            await asyncio.sleep(0)
            watch.close()  # under the task that waits
            with self.assertRaises(StopAsyncIteration):
                await waiting

        asyncio.run(main())


if __name__ == "__main__":
    run()
