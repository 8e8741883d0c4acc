"""Tests of etcd.py: test_etcd.py HOST PORT. They work below /test/python, which they delete."""

from __future__ import annotations

import asyncio
import faulthandler
import itertools
import multiprocessing
import pathlib
import pickle
import re
import resource
import signal
import socket
import sys
import threading
import unittest

import etcd

HOST, PORT = sys.argv[1], int(sys.argv[2])
ROOT = "/test/python"
KEY, DIRECTORY = f"{ROOT}/key", f"{ROOT}/directory"


class EtcdTest(unittest.TestCase):
    def setUp(self) -> None:
        self.client = etcd.Client(HOST, PORT)
        self.addCleanup(self.client.close)
        self.addCleanup(self.delete_all)
        self.delete_all()

    def delete_all(self) -> None:
        if self.client.exists(ROOT):
            self.client.deletedir(ROOT, recursive=True)


class Keys(EtcdTest):
    def test_each_call_on_a_key(self) -> None:
        client = self.client
        self.assertFalse(client.exists(KEY))
        self.assertEqual(client.create(KEY, "1")["action"], "create")
        self.assertEqual(client.update(KEY, "2")["prevNode"]["value"], "1")
        self.assertEqual(client.set(KEY, "3", ttl=100)["node"]["ttl"], 100)
        self.assertGreater(client.refresh(KEY, 1000)["node"]["ttl"], 100)
        index = client.cas(KEY, "4", prev_value="3", ttl=100)["node"]["modifiedIndex"]
        client.compare_and_swap(KEY, "5", prev_index=index)
        client.test_and_set(KEY, "6", prev_value="5")
        self.assertEqual(client.get(KEY, quorum=True)["node"].get("ttl"), None)
        self.assertNotIn("node", client.set(KEY, "7", no_value_on_success=True))
        self.assertTrue(client.exists(KEY))
        self.assertEqual(client.delete(KEY)["prevNode"]["value"], "7")
        client.cad(KEY, prev_index=client.set(KEY, "8")["node"]["modifiedIndex"])
        client.create(KEY, "9")
        self.assertEqual(client.compare_and_delete(KEY, prev_value="9")["prevNode"]["value"], "9")

    def test_each_call_on_a_directory(self) -> None:
        client = self.client
        self.assertTrue(client.createdir(DIRECTORY)["node"]["dir"])
        client.deletedir(DIRECTORY)
        self.assertEqual(client.setdir(DIRECTORY, ttl=100)["node"]["ttl"], 100)
        if not client.server_version()["etcdserver"].startswith("3.5."):
            self.assertGreater(client.updatedir(DIRECTORY, ttl=1000)["node"]["ttl"], 100)
        keys = [client.set(DIRECTORY, value, ordered=True)["node"]["key"] for value in "abc"]
        client.set(f"{DIRECTORY}/b/c", "")
        nodes = client.get(DIRECTORY, recursive=True, sorted=True)["node"]["nodes"]
        self.assertEqual([node["key"] for node in nodes], [*keys, f"{DIRECTORY}/b"])
        self.assertEqual(nodes[-1]["nodes"][0]["value"], "")

    def test_an_error_tells_all(self) -> None:
        index = self.client.set(KEY, "1")["node"]["modifiedIndex"]
        with self.assertRaises(etcd.EtcdError) as caught:
            self.client.create(KEY, "2")
        error = caught.exception
        self.assertEqual(str(error), f"Key already exists - {KEY} (105)")
        self.assertEqual((error.message, error.cause), ("Key already exists", KEY))
        self.assertEqual((error.code, error.status), (etcd.Code.KEY_EXISTS, 412))
        self.assertGreaterEqual(error.index, index)
        self.assertEqual(str(pickle.loads(pickle.dumps(error))), str(error))

    def test_text_arrives_as_it_was(self) -> None:
        for text in (
            "Grüße, Ωmega 🐍",
            "\"quoted\" 'twice' \\ %2F ?a=b&c#d;e+f",
            " \t\n\x01",
            "\U0010ffff",
        ):
            self.client.set(f"{ROOT}/{text}", text)
            node = self.client.get(f"{ROOT}/{text}")["node"]
            self.assertEqual((node["key"], node["value"]), (f"{ROOT}/{text}", text))

    def test_what_c_would_not_get_whole_is_refused(self) -> None:
        self.client.set(KEY, "before")
        for text in "before\0", "\0", "\ud800":
            self.assertRaises(ValueError, self.client.get, KEY + text)
            self.assertRaises(ValueError, self.client.set, KEY, text)
            self.assertRaises(ValueError, self.client.cas, KEY, "1", prev_value=text)
            self.assertRaises(ValueError, self.client.watch, KEY + text)
            self.assertRaises(ValueError, self.client.request, "GET", KEY, text)
            self.assertRaises(ValueError, etcd.Client, text)
            self.assertRaises(ValueError, etcd.Client.from_config, {"username": text})
        self.assertRaises(OverflowError, etcd.Client, HOST, 65536 + PORT)
        self.assertRaises(OverflowError, self.client.set, KEY, "1", ttl=2**64)
        self.assertRaises(OverflowError, self.client.cas, KEY, "1", prev_index=-1)
        self.assertRaises(TypeError, self.client.set, KEY, b"1")
        self.assertEqual(self.client.get(KEY)["node"]["value"], "before")

    def test_many_calls_leave_no_memory_behind(self) -> None:
        value = "x" * 100_000
        self.client.set(KEY, value)

        def kilobytes_after(calls: int) -> int:
            for _ in range(calls):
                self.client.get(KEY)
                with self.assertRaises(etcd.EtcdError):  # which quotes both values
                    self.client.cas(KEY, "", prev_value=value + "y")
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        before = kilobytes_after(50)
        self.assertLess(kilobytes_after(300), before + 20_000)


class Clients(EtcdTest):
    def test_each_call_on_the_cluster(self) -> None:
        members = self.client.members()
        urls = [url for member in members.values() for url in member["clientURLs"]]
        self.assertEqual(self.client.machines(), urls)
        self.assertIn(f"http://{HOST}:{PORT}", self.client.sync())
        self.assertIn(self.client.leader(), members.values())
        self.assertIn("setsSuccess", self.client.stats("store"))
        self.assertEqual(self.client.health(), {"health": "true"})
        form = "application/x-www-form-urlencoded"
        reply = self.client.request("PUT", f"/v2/keys{KEY}", "value=a%26b", form)
        self.assertEqual(reply["node"]["value"], "a&b")

    def test_a_client_by_configuration(self) -> None:
        config: dict[str, str | int | bool] = {"tls.insecure_skip_verify": False}
        config.update({"endpoints": f"http://{HOST}:{PORT}", "retry.attempts": 1})
        with etcd.Client.from_config(config) as client:
            self.assertFalse(client.exists(KEY))
        with self.assertRaisesRegex(etcd.EtcdError, "retry.attempts"):
            etcd.Client.from_config({"retry.attempts": 0})

    def test_nobody_there_is_an_error(self) -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            with self.assertRaises(etcd.EtcdError) as caught:
                etcd.Client(*deaf.getsockname()).get("/")
        self.assertEqual(caught.exception.code, etcd.Code.UNAVAILABLE)

    def test_use_after_close_is_an_error(self) -> None:
        with etcd.Client(HOST, PORT) as client:
            watch = client.watchloop(KEY)
        client.close()
        self.assertEqual(list(watch), [])
        for call in client.machines, lambda: client.exists(KEY), lambda: client.watch(KEY):
            with self.assertRaises(etcd.EtcdError) as caught:
                call()
            self.assertEqual(caught.exception.code, etcd.Code.INVALID_ARGUMENT)

    def test_a_forked_child_goes_on_with_the_client(self) -> None:
        watch = self.client.watchloop(KEY)

        def child() -> None:
            self.assertEqual(list(watch), [])  # it is the parent's
            self.client.set(KEY, "from the child")

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        self.assertEqual(next(watch)["node"]["value"], "from the child")
        process.join()
        self.assertEqual(process.exitcode, 0)
        self.assertTrue(self.client.exists(KEY))

    def test_the_codes_are_the_headers(self) -> None:
        header = pathlib.Path(__file__).parents[2] / "include" / "etcd.h"
        codes = re.findall(r"^#define ETCD_ERROR_(\w+) (\d+)$", header.read_text(), re.MULTILINE)
        self.assertLessEqual({(code.name, str(code.value)) for code in etcd.Code}, set(codes))


class Watches(EtcdTest):
    def test_changes_come_in_order_until_it_is_stopped(self) -> None:
        # The watch alone keeps this client.
        with etcd.Client(HOST, PORT).watchloop(ROOT, recursive=True) as watch:
            self.assertRaises(TimeoutError, watch.next, 0.001)
            index = self.client.set(f"{ROOT}/a", "1")["node"]["modifiedIndex"]
            self.client.set(f"{ROOT}/b", "2")
            self.client.delete(f"{ROOT}/a")
            changes = [event["action"] for event in itertools.islice(watch, 3)]
            self.assertEqual(changes, ["set", "set", "delete"])
            watch.stop()
            self.assertEqual(list(watch), [])
        self.assertEqual(list(watch), [])
        with self.client.watch(ROOT, recursive=True, wait_index=index + 1) as past:
            self.assertEqual([event["node"]["key"] for event in past], [f"{ROOT}/b"])

    def test_ten_at_once_are_closed_under_their_threads(self) -> None:
        values: list[str] = []
        arrived = threading.Semaphore(0)

        def follow(watch: etcd.Watch) -> None:
            for event in watch:
                values.append(event["node"]["value"])
                arrived.release()

        watches = [self.client.watchloop(f"{ROOT}/{number}") for number in range(10)]
        threads = [threading.Thread(target=follow, args=[watch]) for watch in watches]
        for thread in threads:
            thread.start()
        for number in range(10):
            self.client.set(f"{ROOT}/{number}", str(number))
            arrived.acquire()
        for watch in watches:
            watch.close()
        for thread in threads:
            thread.join()
        self.assertEqual(values, list("0123456789"))

    def test_a_signal_interrupts_the_waiting(self) -> None:
        def handler(*_: object) -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise InterruptedError

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, handler))
        with self.client.watchloop(KEY) as watch, self.assertRaises(InterruptedError):
            # Again and again, for one may come just before the waiting, and be seen only after it.
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            next(watch)

    def test_what_cannot_mend_is_raised_and_ends_it(self) -> None:
        config = {"endpoints": f"http://{HOST}:{PORT}/where/no/etcd/is"}
        with etcd.Client.from_config(config) as client:
            watch = client.watchloop(KEY)
            with self.assertRaises(etcd.EtcdError) as caught:
                next(watch)
            self.assertEqual(caught.exception.code, etcd.Code.HTTP)
            self.assertEqual(caught.exception.cause, "404 page not found")
            self.assertIsNone(watch.next())


class Asyncio(EtcdTest):
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
    faulthandler.dump_traceback_later(60, exit=True)  # rather than hang
    unittest.main(argv=sys.argv[:1])
