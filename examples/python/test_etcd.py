"""Tests of libetcd: test_etcd.py HOST PORT. They work below /test/python, which they delete.

Any etcd will do, with v2 or v3 or both; the other files beside this one are run in the same way.

Members, users and roles want a cluster of their own, on which authentication has never been set up:
ETCD_PRIVATE names an endpoint of it.
"""

from __future__ import annotations

import faulthandler
import inspect
import itertools
import multiprocessing
import os
import pathlib
import pickle
import re
import resource
import signal
import socket
import sys
import tempfile
import threading
import unittest
from collections.abc import Callable
from typing import Any

import libetcd

HOST, PORT = sys.argv[1], int(sys.argv[2])
ROOT = "/test/python"
KEY, DIRECTORY = f"{ROOT}/key", f"{ROOT}/directory"


class EtcdTest(unittest.TestCase):
    def setUp(self) -> None:
        self.client = libetcd.Client(HOST, PORT)
        self.addCleanup(self.client.close)
        self.addCleanup(self.delete_all)
        self.delete_all()

    def delete_all(self) -> None:
        if self.client.exists(ROOT):
            self.client.deletedir(ROOT, recursive=True)


def wait_until_gone(client: libetcd.Client, key: str) -> None:
    """What is closed is given back at once, or when its time is over if no server can be told."""
    with client.watchloop(key, recursive=True) as watch:
        while client.exists(key):
            next(watch)


class V3Test(EtcdTest):
    """A test over v3, whichever API the server has besides."""

    def setUp(self) -> None:
        super().setUp()
        self.v3 = libetcd.Client(HOST, PORT, "v3")
        self.addCleanup(self.v3.close)
        self.addCleanup(self.v3.delete_range, ROOT, prefix=True)
        self.v3.delete_range(ROOT, prefix=True)


class SilentServer:
    """Takes connections, and says nothing."""

    def __enter__(self) -> int:
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(50)
        port: int = self.socket.getsockname()[1]
        return port

    def __exit__(self, *error: object) -> None:
        self.socket.close()


def run() -> None:
    faulthandler.dump_traceback_later(300, exit=True)  # rather than hang
    unittest.main(argv=sys.argv[:1])


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
        if self.client.api() == "v3":  # where a directory has no ttl
            client.setdir(DIRECTORY)
        else:
            self.assertEqual(client.setdir(DIRECTORY, ttl=100)["node"]["ttl"], 100)
        if self.client.api() == "v2" and not client.server_version()["etcdserver"].startswith(
            "3.5."
        ):
            self.assertGreater(client.updatedir(DIRECTORY, ttl=1000)["node"]["ttl"], 100)
        keys = [client.set(DIRECTORY, value, ordered=True)["node"]["key"] for value in "abc"]
        client.set(f"{DIRECTORY}/b/c", "")
        nodes = client.get(DIRECTORY, recursive=True, sorted=True)["node"]["nodes"]
        self.assertEqual([node["key"] for node in nodes], [*keys, f"{DIRECTORY}/b"])
        self.assertEqual(nodes[-1]["nodes"][0]["value"], "")

    def test_an_error_tells_all(self) -> None:
        index = self.client.set(KEY, "1")["node"]["modifiedIndex"]
        with self.assertRaises(libetcd.EtcdError) as caught:
            self.client.create(KEY, "2")
        error = caught.exception
        self.assertEqual(str(error), f"Key already exists - {KEY} (105)")
        self.assertEqual((error.message, error.cause), ("Key already exists", KEY))
        self.assertEqual(error.code, libetcd.Code.KEY_EXISTS)
        self.assertEqual(error.status, 412 if self.client.api() == "v2" else None)
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
            self.assertRaises(ValueError, libetcd.Client, text)
            self.assertRaises(ValueError, libetcd.Client.from_config, {"username": text})
        self.assertRaises(OverflowError, libetcd.Client, HOST, 65536 + PORT)
        self.assertRaises(OverflowError, self.client.set, KEY, "1", ttl=2**64)
        self.assertRaises(OverflowError, self.client.cas, KEY, "1", prev_index=-1)
        self.assertEqual(self.client.get(KEY)["node"]["value"], "before")

    def test_a_wrong_argument_is_named(self) -> None:
        client: Any = self.client
        from_config: Any = libetcd.Client.from_config
        calls: dict[str, Callable[[], Any]] = {
            "key": lambda: client.get(b"/a"),
            "value": lambda: client.set(KEY, 1),
            "prev_value": lambda: client.cas(KEY, "1", prev_value=1),
            "ttl": lambda: client.set(KEY, "1", ttl="60"),
            "wait_index": lambda: client.watchloop(KEY, wait_index=1.5),
            "kind": lambda: client.stats(None),
            "path": lambda: client.request("GET", pathlib.Path("/version")),
            "body": lambda: client.request("PUT", "/a", 1),
            "content_type": lambda: client.request("PUT", "/a", "b", {}),
            "password": lambda: client.user_create("bob", 1234),
            "peer_urls": lambda: client.member_add(1),
            "id": lambda: client.member_update(7, "http://127.0.0.1:7"),
            "role": lambda: client.user_grant("bob", None),
            "host": lambda: libetcd.Client(7),  # type: ignore[arg-type]
            "port": lambda: libetcd.Client(HOST, "2379"),  # type: ignore[arg-type]
            "endpoints": lambda: from_config({"endpoints": [HOST, 1]}),
            "timeout.request_ms": lambda: from_config({"timeout.request_ms": 1.5}),
        }
        for name, call in calls.items():
            wrong = self.assertRaisesRegex(TypeError, f"^{re.escape(name)}: must be ")
            with self.subTest(name), wrong:
                call()
        with self.assertRaises(ValueError) as caught:
            client.user_create("bob", "sec\0ret")
        self.assertEqual(str(caught.exception), "password: must not contain NUL")
        self.assertFalse(self.client.exists(KEY))

    def test_none_is_not_given(self) -> None:
        self.client.set(KEY, "1", ttl=100)
        self.assertNotIn("ttl", self.client.update(KEY, "2", ttl=None)["node"])
        self.client.cas(KEY, "3", prev_value="2", prev_index=None, ttl=None)
        with self.client.watchloop(KEY, wait_index=None) as watch:
            self.client.delete(KEY)
            self.assertEqual(next(watch)["action"], "delete")
        libetcd.Client.from_config({"username": None, "password": None}).close()

    def test_many_calls_leave_no_memory_behind(self) -> None:
        value = "x" * 100_000
        self.client.set(KEY, value)

        def kilobytes_after(calls: int) -> int:
            for _ in range(calls):
                self.client.get(KEY)
                with self.assertRaises(libetcd.EtcdError):  # which quotes both values
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
        self.assertIn("name", self.client.stats("self"))
        self.assertEqual(self.client.health()["health"], "true")
        if self.client.api() == "v2":
            form = "application/x-www-form-urlencoded"
            reply = self.client.request("PUT", f"/v2/keys{KEY}", "value=a%26b", form)
            self.assertEqual(reply["node"]["value"], "a&b")

    def test_a_client_by_configuration(self) -> None:
        config: dict[str, str | int | bool] = {"tls.insecure_skip_verify": False}
        config.update({"endpoints": f"http://{HOST}:{PORT}", "retry.attempts": 1})
        with libetcd.Client.from_config(config) as client:
            self.assertFalse(client.exists(KEY))
        with self.assertRaisesRegex(libetcd.EtcdError, "retry.attempts"):
            libetcd.Client.from_config({"retry.attempts": 0})

    def test_a_client_of_several_endpoints(self) -> None:
        endpoints = ["http://127.0.0.1:1", f"http://{HOST}:{PORT}"]
        for several in endpoints, tuple(endpoints), ",".join(endpoints):
            with libetcd.Client.from_config({"endpoints": several}) as client:
                self.assertFalse(client.exists(KEY))

    def test_a_client_shows_its_endpoint_and_no_password(self) -> None:
        client = libetcd.Client("::1", 4001)
        self.assertEqual(repr(client), "<libetcd.Client http://[::1]:4001>")
        client.close()
        self.assertEqual(repr(client), "<libetcd.Client http://[::1]:4001 closed>")
        self.assertEqual(repr(libetcd.Client("", 0)), "<libetcd.Client http://127.0.0.1:2379>")
        config = {"endpoints": ["http://a", "http://b"], "username": "bob", "password": "secret"}
        shown = repr(libetcd.Client.from_config(config))
        self.assertEqual(shown, "<libetcd.Client http://a,http://b>")

    def test_it_is_imported_beside_python_etcd(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "etcd").mkdir()
            pathlib.Path(folder, "etcd", "__init__.py").write_text("class Client: pass")
            self.addCleanup(sys.path.remove, folder)
            sys.path.append(folder)  # where a package is found if nothing before it has its name
            other = __import__("etcd")
        self.assertIsNot(other.Client, libetcd.Client)
        self.assertEqual(other.__file__, os.path.join(folder, "etcd", "__init__.py"))

    def test_nobody_there_is_an_error(self) -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            with self.assertRaises(libetcd.EtcdError) as caught:
                libetcd.Client(*deaf.getsockname()).get("/")
        self.assertEqual(caught.exception.code, libetcd.Code.UNAVAILABLE)

    def test_use_after_close_is_an_error(self) -> None:
        with libetcd.Client(HOST, PORT) as client:
            watch = client.watchloop(KEY)
        client.close()
        self.assertEqual(list(watch), [])
        for call in client.machines, lambda: client.exists(KEY), lambda: client.watch(KEY):
            with self.assertRaises(libetcd.EtcdError) as caught:
                call()
            self.assertEqual(caught.exception.code, libetcd.Code.INVALID_ARGUMENT)
            self.assertEqual(caught.exception.cause, "client: closed already")

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

    def test_help_says_something_of_each_name(self) -> None:
        for name in libetcd.__all__:
            public = getattr(libetcd, name)
            self.assertTrue(public.__doc__, name)
            for member, _ in inspect.getmembers(public):
                if not member.startswith("_") and not hasattr(Exception, member):
                    self.assertTrue(inspect.getdoc(getattr(public, member)), f"{name}.{member}")

    def test_the_codes_are_the_headers(self) -> None:
        header = pathlib.Path(__file__).parents[2] / "include" / "etcd.h"
        codes = re.findall(r"^#define ETCD_ERROR_(\w+) (\d+)$", header.read_text(), re.MULTILINE)
        self.assertLessEqual({(code.name, str(code.value)) for code in libetcd.Code}, set(codes))


@unittest.skipUnless("ETCD_PRIVATE" in os.environ, "needs ETCD_PRIVATE")
class Administration(unittest.TestCase):
    api = "v2"

    def connect(self, **credentials: str) -> libetcd.Client:
        config = {"endpoints": os.environ["ETCD_PRIVATE"], "api": self.api, **credentials}
        client = libetcd.Client.from_config(config)
        self.addCleanup(client.close)
        return client

    def let_it_settle(self, client: libetcd.Client) -> None:
        """Waits until the leader has done with a change of members.

        Until then etcd drops another one, without a word; when a majority reads something after
        the first, it has.
        """
        client.get("/", quorum=True)

    def refused(self, status: int, call: Any, *arguments: Any, **options: Any) -> None:
        with self.assertRaises(libetcd.EtcdError) as caught:
            call(*arguments, **options)
        self.assertEqual((caught.exception.code, caught.exception.status), (1005, status))

    def test_members(self) -> None:
        client = self.connect()
        added = client.member_add(["http://127.0.0.1:7", "http://127.0.0.1:9"])
        self.assertEqual(added["peerURLs"], ["http://127.0.0.1:7", "http://127.0.0.1:9"])
        self.let_it_settle(client)
        self.assertEqual(client.member_update(added["id"], "http://127.0.0.1:11"), {})
        self.assertEqual(client.members()[added["id"]]["peerURLs"], ["http://127.0.0.1:11"])
        self.let_it_settle(client)
        self.refused(409, client.member_add, "http://127.0.0.1:11")
        self.let_it_settle(client)
        self.assertEqual(client.member_remove(added["id"]), {})
        self.assertNotIn(added["id"], client.members())
        self.let_it_settle(client)
        self.refused(410, client.member_remove, added["id"])

    def test_roles(self) -> None:
        client = self.connect()

        def permissions(role: libetcd.Role) -> tuple[list[str], list[str]]:
            return role["permissions"]["kv"]["read"], role["permissions"]["kv"]["write"]

        self.assertEqual(permissions(client.role_create("app")), ([], []))
        self.addCleanup(client.role_delete, "app")
        self.refused(409, client.role_create, "app")
        both = client.role_grant("app", "/app/*", read=True, write=True)
        self.assertEqual(permissions(both), (["/app/*"], ["/app/*"]))
        read = client.role_revoke("app", "/app/*", write=True)
        self.assertEqual(permissions(read), (["/app/*"], []))
        self.assertEqual(client.role_get("app"), read)
        # v2 has "root" before anybody makes it.
        made = ["app", "root"] if self.api == "v2" else ["app"]
        self.assertEqual([role["role"] for role in client.role_list()], made)
        with self.assertRaisesRegex(libetcd.EtcdError, "access: "):
            client.role_grant("app", "/app/*")

    def test_users_and_what_they_may_do(self) -> None:
        client = self.connect()
        client.role_create("app")
        client.role_grant("app", "/app/*", read=True, write=True)
        self.assertEqual(client.user_create("bob", "old"), {"user": "bob", "roles": []})
        self.assertEqual(client.user_grant("bob", "app")["roles"], ["app"])
        self.assertEqual(client.user_revoke("bob", "app")["roles"], [])
        client.user_grant("bob", "app")
        self.assertEqual(client.user_set_password("bob", "new")["user"], "bob")
        self.refused(409, client.user_create, "bob", "other")
        self.refused(409, client.auth_enable)  # no root yet
        client.user_create("root", "secret")
        self.assertEqual([user["user"] for user in client.user_list()], ["bob", "root"])
        self.assertEqual(client.user_get("bob"), {"user": "bob", "roles": ["app"]})

        self.assertEqual(client.auth_status(), {"enabled": False})
        client.auth_enable()
        root = self.connect(username="root", password="secret")
        try:
            self.assertEqual(client.auth_status(), {"enabled": True})
            bob = self.connect(username="bob", password="new")
            bob.set("/app/a", "1")
            for call in (
                lambda: bob.user_list(),
                lambda: self.connect(username="bob", password="old").get("/app/a"),
            ):
                with self.assertRaises(libetcd.EtcdError) as caught:
                    call()
                self.assertEqual(caught.exception.code, libetcd.Code.UNAUTHENTICATED)
        finally:
            root.auth_disable()
        if self.api == "v2":  # v3 takes it twice
            self.refused(409, client.auth_disable)
        client.deletedir("/app", recursive=True)
        for user in "bob", "root":
            self.assertEqual(client.user_delete(user), {})
        for role in "app", "guest" if self.api == "v2" else "root":
            self.assertEqual(client.role_delete(role), {})
        self.refused(404, client.user_get, "bob")


class AdministrationOverV3(Administration):
    """v3 has users and roles of its own; its members are v2's."""

    api = "v3"
    test_members = None  # type: ignore[assignment]


class Watches(EtcdTest):
    def test_changes_come_in_order_until_it_is_stopped(self) -> None:
        # The watch alone keeps this client.
        with libetcd.Client(HOST, PORT).watchloop(ROOT, recursive=True) as watch:
            self.assertRaises(TimeoutError, watch.next, 0.001)
            index = self.client.set(f"{ROOT}/a", "1")["node"]["modifiedIndex"]
            self.client.set(f"{ROOT}/b", "2")
            self.client.delete(f"{ROOT}/a")
            changes = [event["action"] for event in itertools.islice(watch, 3)]
            made = "set" if self.client.api() == "v2" else "create"
            self.assertEqual(changes, [made, made, "delete"])
            watch.stop()
            self.assertEqual(list(watch), [])
        self.assertEqual(list(watch), [])
        with self.client.watch(ROOT, recursive=True, wait_index=index + 1) as past:
            self.assertEqual([event["node"]["key"] for event in past], [f"{ROOT}/b"])

    def test_ten_at_once_are_closed_under_their_threads(self) -> None:
        values: list[str] = []
        arrived = threading.Semaphore(0)

        def follow(watch: libetcd.Watch[libetcd.Event]) -> None:
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
        config = {"endpoints": f"http://{HOST}:{PORT}/where/no/etcd/is", "api": "v2"}
        with libetcd.Client.from_config(config) as client:
            watch = client.watchloop(KEY)
            with self.assertRaises(libetcd.EtcdError) as caught:
                next(watch)
            self.assertEqual(caught.exception.code, libetcd.Code.UNSUPPORTED)
            self.assertEqual(caught.exception.cause, "404 page not found")
            self.assertIsNone(watch.next())


if __name__ == "__main__":
    if "ETCD_PRIVATE" not in os.environ:
        print("Administration is skipped: it needs ETCD_PRIVATE", file=sys.stderr)
    run()
