"""A tour of libetcd: tour.py [HOST [PORT]]. It works below /tour/python, which it deletes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import libetcd

ROOT = "/tour/python"


def main(host: str = "127.0.0.1", port: str = "2379") -> None:
    with libetcd.Client(host, int(port)) as client:
        delete_all(client)

        client.set(f"{ROOT}/greeting", "Hello World", ttl=60)
        print(f"set {ROOT}/greeting to Hello World for 60 seconds")
        print("get:", client.get(f"{ROOT}/greeting")["node"]["value"])

        for expected in "Goodbye", "Hello World":
            try:
                reply = client.cas(f"{ROOT}/greeting", "Hello etcd", prev_value=expected)
                print(f"cas from {expected}: {reply['node']['value']}")
            except libetcd.EtcdError as error:
                print(f"cas from {expected}: {error.message} ({error.code})")

        client.set(f"{ROOT}/numbers/one", "1")
        client.set(f"{ROOT}/numbers/two", "2")
        print(f"all below {ROOT}:")
        for node in keys(client.get(ROOT, recursive=True, sorted=True)["node"]):
            print(f"  {node['key']} = {node['value']}")

        try:
            client.get(f"{ROOT}/nothing")
        except libetcd.EtcdError as error:
            print(f"get of nothing: {error.message} ({error.code})")

        watch_three_changes(client)
        delete_all(client)

    print("over v3:")
    with libetcd.Client(host, int(port), "v3") as client:
        delete_all(client)
        move_twice(client)
        register(client)
        write_under_a_lock(client)
        mirror(client)
        delete_all(client)


def delete_all(client: libetcd.Client) -> None:
    try:
        client.deletedir(ROOT, recursive=True)
    except libetcd.EtcdError as error:
        if error.code != libetcd.Code.KEY_NOT_FOUND:
            raise


def keys(node: libetcd.Node) -> Iterator[libetcd.Node]:
    """The keys with a value at a node and below it."""
    if node.get("dir"):
        for child in node.get("nodes", []):
            yield from keys(child)
    else:
        yield node


def watch_three_changes(client: libetcd.Client) -> None:
    with client.watchloop(f"{ROOT}/numbers", recursive=True) as watch:
        print(f"watching {ROOT}/numbers:")
        # From here on the watch misses nothing, so these may as well come before the loop.
        client.set(f"{ROOT}/numbers/one", "uno")
        client.set(f"{ROOT}/numbers/two", "due")
        client.delete(f"{ROOT}/numbers/one")

        for count, event in enumerate(watch, start=1):
            node = event["node"]
            value = f" = {node['value']}" if "value" in node else ""
            print(f"  {event['action']} {node['key']}{value}")
            if count == 3:
                watch.stop()
    print("the watch has ended")


def move_twice(client: libetcd.Client) -> None:
    source, target = f"{ROOT}/a", f"{ROOT}/b"
    client.put(source, b"1")
    for attempt in f"a transaction moves {source} to {target}", "the same again":
        moved = client.txn(
            compare=[{"key": source, "value": b"1"}],
            success=[
                {"request_put": {"key": target, "value": b"1"}},
                {"request_delete_range": {"key": source}},
            ],
        )
        print(f"{attempt}:", "done" if moved["succeeded"] else "not done")


def register(client: libetcd.Client) -> None:
    key = f"{ROOT}/service"
    with client.register(key, "127.0.0.1:80", ttl=60) as here:
        print(f"registered {key}: {here.state()['state']}")
        here.revoke()  # the end of the block does so, too, if a server answers soon
    try:
        client.get(key)
    except libetcd.EtcdError as error:
        print(f"revoked: {error.message} ({error.code})")


def write_under_a_lock(client: libetcd.Client) -> None:
    with client.lock(f"{ROOT}/lock", ttl=60) as lock:
        print(f"holding the lock {ROOT}/lock")
        # Carried out by who holds the lock, or not at all.
        lock.txn(success=[{"request_put": {"key": f"{ROOT}/total", "value": b"42"}}])
        print("  written while it is held:", client.get(f"{ROOT}/total")["node"]["value"])


def mirror(client: libetcd.Client) -> None:
    with client.mirror(f"{ROOT}/numbers") as numbers:
        written = client.set(f"{ROOT}/numbers/two", "due")
        numbers.wait(written["header"]["etcdIndex"])
        print(f"a mirror of {ROOT}/numbers: two =", numbers[f"{ROOT}/numbers/two"])


if __name__ == "__main__":
    main(*sys.argv[1:])
