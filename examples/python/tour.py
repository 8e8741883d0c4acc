"""A tour of etcd.py: tour.py [HOST [PORT]]. It works below /tour/python, which it deletes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import etcd

ROOT = "/tour/python"


def main(host: str = "127.0.0.1", port: str = "2379") -> None:
    with etcd.Client(host, int(port)) as client:
        delete_all(client)

        client.set(f"{ROOT}/greeting", "Hello World", ttl=60)
        print(f"set {ROOT}/greeting to Hello World for 60 seconds")
        print("get:", client.get(f"{ROOT}/greeting")["node"]["value"])

        for expected in "Goodbye", "Hello World":
            try:
                reply = client.cas(f"{ROOT}/greeting", "Hello etcd", prev_value=expected)
                print(f"cas from {expected}: {reply['node']['value']}")
            except etcd.EtcdError as error:
                print(f"cas from {expected}: {error.message} ({error.code})")

        client.set(f"{ROOT}/numbers/one", "1")
        client.set(f"{ROOT}/numbers/two", "2")
        print(f"all below {ROOT}:")
        for node in keys(client.get(ROOT, recursive=True, sorted=True)["node"]):
            print(f"  {node['key']} = {node['value']}")

        try:
            client.get(f"{ROOT}/nothing")
        except etcd.EtcdError as error:
            print(f"get of nothing: {error.message} ({error.code})")

        watch_three_changes(client)
        delete_all(client)


def delete_all(client: etcd.Client) -> None:
    try:
        client.deletedir(ROOT, recursive=True)
    except etcd.EtcdError as error:
        if error.code != etcd.Code.KEY_NOT_FOUND:
            raise


def keys(node: etcd.Node) -> Iterator[etcd.Node]:
    """The keys with a value at a node and below it."""
    if node.get("dir"):
        for child in node.get("nodes", []):
            yield from keys(child)
    else:
        yield node


def watch_three_changes(client: etcd.Client) -> None:
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


if __name__ == "__main__":
    main(*sys.argv[1:])
