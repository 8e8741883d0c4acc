"""Tests of what only v3 has, and of leases, locks, elections and mirrors over both APIs.

test_v3.py HOST PORT. They work below /test/python, which they delete.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import libetcd
from test_etcd import HOST, KEY, PORT, ROOT, EtcdTest, SilentServer, V3Test, run, wait_until_gone

BYTES = b"\x00\xff not UTF-8"


class Bytes(V3Test):
    def test_bytes_and_ranges(self) -> None:
        client = self.v3
        first = client.put(KEY.encode() + b"\xff", BYTES)["header"]["revision"]
        self.assertNotIn("prev_kv", client.put(f"{KEY}/b", "text"))
        previous = client.put(bytearray(KEY + "/b", "ascii"), memoryview(b"2"), prev_kv=True)
        self.assertEqual(previous["prev_kv"]["value"], b"text")
        client.put(f"{KEY}/c")
        found = client.range(KEY, prefix=True)
        expected = {
            f"{KEY}/b".encode(): b"2",
            f"{KEY}/c".encode(): b"",
            KEY.encode() + b"\xff": BYTES,
        }
        self.assertEqual({kv["key"]: kv["value"] for kv in found["kvs"]}, expected)
        self.assertEqual((found["count"], found["more"]), (3, False))
        self.assertEqual(found["kvs"][2]["mod_revision"], first)
        self.assertEqual(found["kvs"][2]["lease"], 0)
        half = client.range(f"{KEY}/b", f"{KEY}/c", keys_only=True)["kvs"]
        self.assertEqual([kv["key"] for kv in half], [f"{KEY}/b".encode()])
        last = client.range(KEY, prefix=True, limit=1, descending=True, serializable=False)
        self.assertEqual((last["kvs"][0]["value"], last["more"]), (BYTES, True))
        self.assertEqual(client.range(KEY, prefix=True, count_only=True)["kvs"], [])
        self.assertEqual(client.range(KEY, prefix=True, revision=first)["count"], 1)
        client.put(f"{KEY}/b", ignore_value=True)
        deleted = client.delete_range(KEY, prefix=True, prev_kv=True)
        self.assertEqual((deleted["deleted"], len(deleted["prev_kvs"])), (3, 3))
        self.assertEqual(client.delete_range(KEY)["deleted"], 0)

    def test_conditions(self) -> None:
        client = self.v3
        revision = client.put_if(KEY, BYTES, 0)["header"]["revision"]
        for call in (
            lambda: client.put_if(KEY, "2", 0),
            lambda: client.delete_if(KEY, revision - 1),
        ):
            with self.assertRaises(libetcd.EtcdError) as caught:
                call()
            self.assertEqual(caught.exception.code, libetcd.Code.COMPARE_FAILED)
            assert caught.exception.kv is not None
            self.assertEqual(caught.exception.kv["value"], BYTES)
        revision = client.put_if(KEY, "2", revision)["header"]["revision"]
        self.assertEqual(client.delete_if(KEY, revision)["deleted"], 1)
        with self.assertRaises(libetcd.EtcdError) as caught:
            client.delete_if(KEY, revision)
        self.assertEqual(caught.exception.code, libetcd.Code.KEY_NOT_FOUND)

    def test_transactions(self) -> None:
        self.v3.put(KEY, BYTES)

        def move() -> libetcd.TxnReply:
            return self.v3.txn(
                compare=[{"key": KEY, "value": BYTES}, {"key": f"{KEY}/to", "version": 0}],
                success=[
                    {"request_put": {"key": f"{KEY}/to".encode(), "value": memoryview(BYTES)}},
                    {"request_delete_range": {"key": KEY, "prev_kv": True}},
                ],
                failure=[{"request_range": {"key": f"{KEY}/to"}}],
            )

        moved = move()
        self.assertTrue(moved["succeeded"])
        deleted = moved["responses"][1]["response_delete_range"]
        self.assertEqual(deleted["prev_kvs"][0]["value"], BYTES)
        again = move()
        self.assertFalse(again["succeeded"])
        self.assertEqual(again["responses"][0]["response_range"]["kvs"][0]["value"], BYTES)
        with self.assertRaisesRegex(libetcd.EtcdError, "/success/0/request_put"):
            self.v3.txn(success=[{"request_put": {"value": "1"}}])
        with self.assertRaises(TypeError):
            self.v3.txn(success=[{"request_put": {"key": KEY, "value": object()}}])

    def test_any_call_by_name(self) -> None:
        self.assertGreater(self.v3.call("maintenance/status")["db_size"], 0)
        put = self.v3.call("kv/put", {"key": KEY, "value": BYTES})
        kvs = self.v3.call("kv/range", {"key": KEY})["kvs"]
        self.assertEqual(kvs[0]["value"], BYTES)
        self.assertEqual(kvs[0]["mod_revision"], put["header"]["revision"])

    def test_a_watch_of_a_range_has_whole_revisions(self) -> None:
        with self.v3.watch_range(ROOT, prefix=True, prev_kv=True) as watch:
            puts = [{"request_put": {"key": f"{KEY}/{name}", "value": BYTES}} for name in "abc"]
            revision = self.v3.txn(success=puts)["header"]["revision"]
            event = next(watch)
            self.assertEqual([change["type"] for change in event["events"]], ["PUT"] * 3)
            self.assertEqual({change["kv"]["value"] for change in event["events"]}, {BYTES})
            self.v3.delete_range(f"{KEY}/a")
            change = next(watch)["events"][0]
            self.assertEqual((change["type"], change["kv"]["key"]), ("DELETE", f"{KEY}/a".encode()))
            self.assertEqual(change["prev_kv"]["value"], BYTES)
        with self.v3.watch_range(KEY, prefix=True, revision=revision, no_put=True) as past:
            self.assertEqual(next(past)["events"][0]["type"], "DELETE")

    def test_what_is_no_bytes_is_refused(self) -> None:
        wrong: Any = 1
        wrong_lease: Any = "1"
        with self.assertRaisesRegex(TypeError, "^key: must be bytes or a str, not int$"):
            self.v3.range(wrong)
        with self.assertRaisesRegex(TypeError, "^value: must be bytes or a str, not int$"):
            self.v3.put(KEY, wrong)
        with self.assertRaisesRegex(TypeError, "^lease: must be an int, not str$"):
            self.v3.put(KEY, "1", lease=wrong_lease)
        with self.assertRaisesRegex(ValueError, "^value: lone surrogate at 0$"):
            self.v3.put(KEY, "\ud800")
        self.assertEqual(self.v3.range(KEY)["kvs"], [])

    def test_over_v2_it_is_an_error(self) -> None:
        with (
            libetcd.Client(HOST, PORT, "v2") as client,
            self.assertRaises(libetcd.EtcdError) as caught,
        ):
            client.range(KEY)
        self.assertEqual(caught.exception.code, libetcd.Code.UNSUPPORTED)


class Options(EtcdTest):
    def test_the_version_is_chosen(self) -> None:
        self.assertIn(self.client.api(), ["v2", "v3"])
        self.assertEqual(libetcd.Client(HOST, PORT, "v3").api(), "v3")
        with self.assertRaisesRegex(libetcd.EtcdError, "version"):
            libetcd.Client(HOST, PORT, "v4")

    def test_a_derived_client_has_settings_of_its_own(self) -> None:
        with self.client.with_options({"root": ROOT[1:] + "/"}, timeout=30) as below:
            below.set("/key", "1")
            self.assertEqual(below.get("/key")["node"]["key"], "/key")
            self.assertEqual(repr(below), repr(self.client))
        self.assertEqual(self.client.with_options().get(KEY)["node"]["value"], "1")
        with self.assertRaisesRegex(libetcd.EtcdError, "endpoints"):
            self.client.with_options({"endpoints": "http://a"})

    def test_it_is_kept_by_what_it_made_and_keeps_its_parent(self) -> None:
        child = libetcd.Client(HOST, PORT).with_options()
        child.set(KEY, "1")
        with child.with_options().watchloop(KEY) as watch:
            child.set(KEY, "2")
            event = next(watch)
        self.assertEqual(event["node"]["value"], "2")

    def test_a_call_is_limited_in_time_and_ended_from_another_thread(self) -> None:
        with SilentServer() as port:
            config = {"endpoints": f"http://127.0.0.1:{port}", "api": "v3"}
            with libetcd.Client.from_config(config) as client:
                with self.assertRaises(libetcd.EtcdError) as caught:
                    client.with_options(timeout=0.05).get(KEY)
                no_answer = (libetcd.Code.TIMEOUT, libetcd.Code.UNAVAILABLE)
                self.assertIn(caught.exception.code, no_answer)
                derived = client.with_options(timeout=600)
                closing = threading.Timer(0.05, derived.close)
                closing.start()
                with self.assertRaises(libetcd.EtcdError) as caught:
                    derived.get(KEY)
                closing.join()
                ended = (libetcd.Code.CANCELLED, libetcd.Code.INVALID_ARGUMENT)  # before it began
                self.assertIn(caught.exception.code, ended)


class Leases(V3Test):
    def test_a_lease_holds_keys_as_long_as_its_block(self) -> None:
        with self.v3.lease(60) as lease:
            self.v3.put(KEY, "1", lease=lease)
            self.assertEqual(self.v3.range(KEY)["kvs"][0]["lease"], lease.id)
            self.v3.txn(success=[{"request_put": {"key": f"{KEY}/2", "lease": lease}}])
            self.assertEqual(self.v3.range(f"{KEY}/2")["kvs"][0]["lease"], lease.id)
            self.assertEqual(lease.state()["state"], "alive")
            self.assertTrue(0 < lease.remaining <= 60)
        wait_until_gone(self.v3, KEY)

    def test_it_ends_when_an_exception_flies(self) -> None:
        with self.assertRaises(KeyError), self.v3.lease(60) as lease:
            self.v3.put(KEY, "1", lease=lease)
            raise KeyError
        wait_until_gone(self.v3, KEY)

    def test_it_is_revoked_and_closed_once(self) -> None:
        lease = self.v3.lease(60)
        self.v3.put(KEY, "1", lease=lease)
        self.assertEqual(lease.revoke()["state"], "revoked")
        self.assertEqual(self.v3.range(KEY)["count"], 0)
        self.assertGreaterEqual(lease.fileno(), 0)
        lease.close()
        lease.close()
        self.assertEqual((lease.id, lease.remaining), (0, 0))
        for call in lease.state, lease.revoke:
            with self.assertRaises(libetcd.EtcdError) as caught:
                call()
            self.assertEqual(caught.exception.cause, "lease: closed already")

    def test_one_that_is_forgotten_is_given_back(self) -> None:
        self.v3.put(KEY, "1", lease=self.v3.lease(60))
        wait_until_gone(self.v3, KEY)

    def test_a_registration_is_there_until_it_is_closed(self) -> None:
        for client in both(self):
            with self.subTest(client.api()):
                with client.register(KEY, "here", 60) as lease:
                    self.assertEqual(client.get(KEY)["node"]["value"], "here")
                    with self.assertRaises(libetcd.EtcdError) as caught:
                        client.register(KEY, "there", 60)
                    self.assertEqual(caught.exception.code, libetcd.Code.KEY_EXISTS)
                    self.assertEqual(lease.state()["renewals"], 0)
                wait_until_gone(client, KEY)

    def test_a_registration_that_is_lost_is_made_again(self) -> None:
        with self.v3.register(KEY, "here", 60) as lease, self.v3.watchloop(KEY) as watch:
            self.v3.delete(KEY)
            self.assertEqual([next(watch)["action"], next(watch)["action"]], ["delete", "create"])
            self.assertTrue(libetcd._changes.is_readable(lease.fileno(), None))
            while lease.state()["renewals"] == 0:
                libetcd._changes.is_readable(lease.fileno(), None)


class Locks(V3Test):
    def test_a_block_holds_it_and_the_next_gets_it(self) -> None:
        for client in both(self):
            with self.subTest(client.api()):
                with client.lock(KEY, "first", ttl=60) as first:
                    self.assertTrue(first.held)
                    first.check()
                    token = first.token
                    self.assertEqual(first.state()["state"], "held")
                    second = client.lock(KEY, ttl=60)
                    self.assertFalse(second.wait(0.01))
                    self.assertFalse(second.held)
                    with self.assertRaises(TimeoutError), client.lock(KEY, ttl=60, timeout=0.01):
                        self.fail("it is held")
                    with self.assertRaises(libetcd.EtcdError) as caught:
                        client.lock(KEY, ttl=60, blocking=False)
                    self.assertEqual(caught.exception.code, libetcd.Code.KEY_EXISTS)
                with second:
                    self.assertGreater(second.token, token)
                    with self.assertRaisesRegex(libetcd.LockLost, "closed already"):
                        first.check()

    def test_the_block_is_told_of_a_loss(self) -> None:
        for client in both(self):
            with self.subTest(client.api()):
                with self.assertRaises(libetcd.LockLost) as caught:
                    with client.lock(KEY, ttl=60) as lock:
                        client.delete(lock.state()["key"])
                        self.assertTrue(libetcd._changes.is_readable(lock.fileno(), None))
                        self.assertFalse(lock.held)
                        with self.assertRaises(libetcd.LockLost):
                            lock.wait()
                self.assertIsInstance(caught.exception, libetcd.EtcdError)

    def test_its_own_exception_goes_first(self) -> None:
        with self.assertRaises(KeyError), self.v3.lock(KEY, ttl=60) as lock:
            self.v3.delete(lock.state()["key"])
            self.assertTrue(libetcd._changes.is_readable(lock.fileno(), None))
            raise KeyError
        wait_until_gone(self.v3, KEY)

    def test_it_is_closed_under_a_thread_that_waits(self) -> None:
        with self.v3.lock(KEY, ttl=60):
            second = self.v3.lock(KEY, ttl=60)
            begun = threading.Event()
            caught: list[BaseException] = []

            def wait() -> None:
                second.fileno()
                begun.set()
                try:
                    second.wait()
                except BaseException as error:
                    caught.append(error)

            thread = threading.Thread(target=wait)
            thread.start()
            begun.wait()
            second.close()
            thread.join()
        self.assertIsInstance(caught[0], libetcd.LockLost)

    def test_a_transaction_only_while_it_is_held(self) -> None:
        put = [{"request_put": {"key": f"{ROOT}/total", "value": "42"}}]
        with self.v3.lock(KEY, ttl=60) as lock:
            self.assertTrue(lock.txn(success=put)["succeeded"])
        for lost in lambda: lock.txn(success=put), lambda: lock.proclaim("1"):
            with self.assertRaises(libetcd.EtcdError):
                lost()
        self.assertEqual(self.v3.range(f"{ROOT}/total")["kvs"][0]["version"], 1)

    def test_who_leads(self) -> None:
        for client in both(self):
            with self.subTest(client.api()), client.leader_watch(KEY) as watch:
                self.assertIsNone(leader(watch, None))
                with client.lock(KEY, "a", ttl=60) as lock:
                    found = leader(watch, "a")
                    self.assertEqual(found and found["token"], lock.token)
                    self.assertEqual(lock.proclaim("b")["node"]["value"], "b")
                    leader(watch, "b")
                leader(watch, None)


class Mirrors(V3Test):
    def test_a_mirror_is_a_mapping(self) -> None:
        for client in both(self):
            with self.subTest(client.api()), client.mirror(ROOT) as mirror:
                self.assertEqual((len(mirror), dict(mirror)), (0, {}))
                client.set(f"{KEY}/b", "2")
                written = client.set(f"{KEY}/a", "1")["header"]["etcdIndex"]
                written = client.get(f"{KEY}/a", quorum=True)["node"]["modifiedIndex"]
                self.assertTrue(mirror.wait(written))
                self.assertEqual(mirror[f"{KEY}/a"], "1")
                self.assertEqual(dict(mirror.items()), {f"{KEY}/a": "1", f"{KEY}/b": "2"})
                self.assertEqual(list(mirror), [f"{KEY}/a", f"{KEY}/b"])
                self.assertEqual((list(mirror.values()), len(mirror.keys())), (["1", "2"], 2))
                self.assertIn(f"{KEY}/a", mirror)
                for missing in KEY, f"{KEY}/c", f"{KEY}/a/c":
                    self.assertNotIn(missing, mirror)
                self.assertEqual(mirror.get(f"{KEY}/c", "none"), "none")
                self.assertTrue(mirror.node(KEY)["dir"])
                with self.assertRaisesRegex(libetcd.EtcdError, "mirror"):
                    mirror.get("/elsewhere")
                client.deletedir(KEY, recursive=True)

    def test_its_changes(self) -> None:
        with self.v3.mirror(ROOT) as mirror:
            changes = mirror.changes()
            self.assertRaises(TimeoutError, changes.next, 0.01)
            self.v3.put(KEY, BYTES)
            self.assertEqual(next(changes)["node"]["key"], KEY)
            self.assertEqual(mirror[KEY], BYTES)
            self.assertFalse(mirror.wait(2**60, 0.01))
        self.assertEqual(list(changes), [])
        for call in lambda: mirror[KEY], lambda: mirror.wait(1):
            with self.assertRaises(libetcd.EtcdError) as caught:
                call()
            self.assertEqual(caught.exception.cause, "mirror: closed already")

    def test_one_of_a_single_key_and_of_what_is_no_directory(self) -> None:
        self.v3.set(KEY, "1")
        with self.v3.mirror(KEY) as mirror:
            self.assertEqual(mirror.snapshot(), {KEY: "1"})
        with self.assertRaises(libetcd.EtcdError) as caught:
            self.v3.mirror(f"{KEY}/below")
        self.assertEqual(caught.exception.code, libetcd.Code.NOT_DIRECTORY)


def both(test: V3Test) -> Iterator[libetcd.Client]:
    """The client of v3, and one of v2 where the server has it."""
    yield test.v3
    if test.client.api() == "v2":
        yield test.client


def leader(watch: libetcd.Watch[libetcd.LeaderEvent], value: str | None) -> libetcd.Leader | None:
    """Who leads once it is the one with this value; others may have been told before."""
    for event in watch:
        found = event["leader"]
        if (None if found is None else found["value"]) == value:
            return found
    raise AssertionError("the watch has ended")


if __name__ == "__main__":
    run()
