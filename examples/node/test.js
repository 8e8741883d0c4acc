// Tests of etcd.js. Usage: node test.js HOST PORT

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { after, before, test as testWithin } from "node:test";
import koffi from "koffi";
import { Code, connect, connectConfig, EtcdError } from "./etcd.js";

const [host, port] = [process.argv[2], Number(process.argv[3])];
const top = "/test/node";
const client = await connect(host, port);

/** A loop that does not end is a failure, too. */
const test = (name, body) => testWithin(name, { timeout: 60_000 }, body);

before(async () => {
  if (await client.exists(top)) await client.deleteDir(top, { recursive: true });
});

after(async () => {
  await client.deleteDir(top, { recursive: true });
  client.close();
});

const range = (length) => Array.from({ length }, (_, i) => i);

/** A server on loopback, closed after the test. */
async function listen(t, server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

/** A client that is closed after the test, which ends its watches and calls, too. */
async function configured(t, settings) {
  const client = await connectConfig(settings);
  t.after(() => client.close());
  return client;
}

async function collect(watch, limit = Infinity) {
  const values = [];
  for await (const { node } of watch) {
    values.push(node.value);
    if (values.length === limit) break;
  }
  return values;
}

test("keys are written, read and deleted", async () => {
  const key = `${top}/key`;
  assert.equal((await client.set(key, "one", { ttl: 60 })).node.ttl, 60);
  assert.equal((await client.set(key, "two", { noValueOnSuccess: true })).node, undefined);
  const { node, header } = await client.get(key, { quorum: true });
  assert.deepEqual([node.value, node.ttl], ["two", undefined]);
  assert.ok(header.etcdIndex >= node.modifiedIndex);
  assert.equal((await client.update(key, "three")).prevNode.value, "two");
  assert.equal((await client.refresh(key, 60)).node.ttl, 60);
  assert.equal((await client.delete(key)).prevNode.value, "three");
  assert.equal(await client.exists(key), false);
  assert.equal((await client.create(key, "four")).action, "create");
  assert.equal(await client.exists(key), true);
});

test("directories are made, listed in order and deleted", async () => {
  const dir = `${top}/dir`;
  await client.setDir(dir);
  await client.createDir(`${dir}/sub`, { ttl: 60 });
  assert.equal((await client.updateDir(`${dir}/sub`, { ttl: 50 })).node.ttl, 50);
  for (const value of ["first", "second"]) await client.set(`${dir}/queue`, value, { ordered: true });
  const { node } = await client.get(dir, { recursive: true, sorted: true });
  assert.deepEqual(
    node.nodes[0].nodes.map(({ value }) => value),
    ["first", "second"],
  );
  await assert.rejects(client.deleteDir(dir), { code: Code.DIRECTORY_NOT_EMPTY });
  assert.equal((await client.deleteDir(dir, { recursive: true })).action, "delete");
});

test("cas and cad compare value and index", async () => {
  const key = `${top}/compared`;
  const { node } = await client.set(key, "a");
  await assert.rejects(client.cas(key, "b", { prevValue: "x" }), { code: Code.COMPARE_FAILED });
  await assert.rejects(client.cas(key, "b", {}), { code: Code.INVALID_ARGUMENT });
  const swapped = await client.cas(key, "b", { prevValue: "a", prevIndex: node.modifiedIndex });
  await assert.rejects(client.cad(key, { prevIndex: node.modifiedIndex }), { code: Code.COMPARE_FAILED });
  assert.equal((await client.cad(key, { prevIndex: swapped.node.modifiedIndex })).action, "compareAndDelete");
});

test("the cluster tells about itself", async () => {
  const [url] = await client.machines();
  assert.match(url, /^http/);
  const { id } = await client.leader();
  assert.equal((await client.members())[id].id, id);
  assert.equal((await client.sync())[0], `http://${host}:${port}`);
  assert.ok((await client.stats("store")).setsSuccess > 0);
  assert.match((await client.serverVersion()).etcdserver, /^\d/);
  assert.equal((await client.health()).health, "true");
  const form = { body: "value=sent", contentType: "application/x-www-form-urlencoded" };
  assert.equal((await client.request("PUT", `/v2/keys${top}/requested`, form)).node.value, "sent");
});

test("an error has code, message, cause, index and status, and prints them", async () => {
  await client.set(`${top}/there`, "");
  const error = await client.create(`${top}/there`, "").catch((error) => error);
  assert.ok(error instanceof EtcdError);
  assert.deepEqual(
    [error.code, error.message, error.cause, error.status],
    [105, "Key already exists", `${top}/there`, 412],
  );
  assert.equal(error.code, Code.KEY_EXISTS);
  assert.ok(error.index > 0);
  assert.equal(String(error), `EtcdError: Key already exists - ${top}/there (105)`);
});

test("the codes are the header's", async () => {
  const header = await readFile("include/etcd.h", "utf8"); // of the repository, where the tests are run
  const codes = header.matchAll(/^#define ETCD_ERROR_(\w+) (\d+)$/gm);
  const named = new Map(Array.from(codes, ([, name, code]) => [name, Number(code)]));
  for (const [name, code] of Object.entries(Code)) assert.equal(code, named.get(name), name);
});

test("any text arrives as it is", async () => {
  const key = `${top}/ключ "quoted" 50%?#&+; 🗝`;
  const value = `Grüße, "世界" \\ \t\n \u0001 🌍`;
  await client.set(key, value);
  const { node } = await client.get(key);
  assert.deepEqual([node.key, node.value], [key, value]);
  const large = "å".repeat(1 << 20);
  assert.equal((await client.set(`${top}/large`, large)).node.value, large);
});

test("a wrong argument is refused and named", async () => {
  const wrong = (cause) => ({ name: "EtcdError", code: Code.INVALID_ARGUMENT, cause });
  await assert.rejects(client.get(`${top}/a\0b`), wrong(/^key: .*NUL/));
  await assert.rejects(client.set(`${top}/a`, "a\0b"), wrong(/^value: .*NUL/));
  await assert.rejects(client.set(`${top}/a`, "\ud83c"), wrong(/^value: .*surrogate/));
  await assert.rejects(client.set(`${top}/a`, 5), wrong(/^value: /));
  await assert.rejects(client.set(`${top}/a`, "a", { ttl: 1.5 }), wrong(/^ttl: /));
  await assert.rejects(client.cad(`${top}/a`, { prevIndex: -1 }), wrong(/^prev_index: /));
  await assert.rejects(client.watchLoop(`${top}/a`, { waitIndex: -1 }), wrong(/^wait_index: /));
  await assert.rejects(client.refresh(`${top}/a`), wrong(/^ttl: /));
  await assert.rejects(client.get(`${top}//a`), wrong(/^key: /));
  await assert.rejects(client.exists(`${top}//a`), wrong(/^key: /));
  await assert.rejects(connect(host, 65536), wrong(/^port: /));
  await assert.rejects(connect("http://localhost"), wrong(/^host: /));
  await assert.rejects(connectConfig({ colour: "blue" }), wrong(/colour/));
});

test("a server that is not there is error 1002", async (t) => {
  const nobody = await configured(t, { endpoints: ["http://127.0.0.1:1"], "retry.attempts": 1 });
  await assert.rejects(nobody.get("/"), { code: Code.UNAVAILABLE });
});

test("a silent server holds up nobody, and closing ends the call", async (t) => {
  const server = createServer((socket) => t.after(() => socket.destroy()));
  const silent = await configured(t, { endpoints: await listen(t, server), "timeout.request_ms": 30000 });
  const connected = once(server, "connection");
  const pending = assert.rejects(silent.get("/"), { code: Code.CANCELLED });
  await connected;
  assert.equal((await client.health()).health, "true");
  silent.close();
  await pending;
});

test("a closed client is found out", async () => {
  const closed = await connect(host, port);
  const watch = await closed.watchLoop(top);
  closed.close();
  closed.close();
  assert.deepEqual(await collect(watch), []);
  await assert.rejects(closed.get(top), { code: Code.INVALID_ARGUMENT });
  await assert.rejects(closed.exists(top), { code: Code.INVALID_ARGUMENT });
  await assert.rejects(closed.watchLoop(top), { code: Code.INVALID_ARGUMENT });
});

test("a watch delivers every change in order, past ones included", async () => {
  const watch = await client.watchLoop(`${top}/watched`, { recursive: true });
  const changes = collect(watch, 100);
  const { node } = await client.set(`${top}/watched/key`, "0");
  for (const i of range(99)) await client.set(`${top}/watched/key`, `${i + 1}`);
  assert.deepEqual(await changes, range(100).map(String));
  assert.deepEqual(await watch.next(), { done: true, value: undefined }, "leaving the loop has ended it");
  const event = await client.watch(`${top}/watched/key`, { waitIndex: node.modifiedIndex + 1 });
  assert.equal(event.prevNode.value, "0");
});

test("a watch is stopped or closed while it waits, before it waits, and by a signal", async () => {
  for (const end of ["stop", "close"]) {
    const watch = await client.watchLoop(`${top}/quiet`);
    const waiting = collect(watch);
    watch[end]();
    watch[end]();
    assert.deepEqual(await waiting, []);

    const unread = await client.watchLoop(`${top}/quiet`);
    unread[end]();
    assert.deepEqual(await collect(unread), []);
  }

  const returned = await client.watchLoop(`${top}/quiet`);
  const next = returned.next();
  await returned.return();
  assert.equal((await next).done, true);

  const controller = new AbortController();
  const { signal } = controller;
  const aborted = collect(await client.watchLoop(`${top}/quiet`, { signal }));
  controller.abort();
  await assert.rejects(aborted, { name: "AbortError" });
  await assert.rejects(client.watchLoop(`${top}/quiet`, { signal }), { name: "AbortError" });
});

test("what a watch has is handed out once it is stopped, and not once it is closed", async () => {
  const changed = async () => {
    const watches = [await client.watchLoop(`${top}/last`), await client.watchLoop(`${top}/last`)];
    await client.set(`${top}/last`, "x");
    await collect(watches[0], 1);
    return watches[1];
  };
  const closed = await changed();
  closed.close();
  assert.deepEqual(await collect(closed), []);

  let seen;
  do {
    const stopped = await changed(); // which most often, but not always, has the change by now
    stopped.stop();
    seen = await collect(stopped);
  } while (seen.length === 0);
  assert.deepEqual(seen, ["x"]);
});

test("an error that ends a watch is thrown", async (t) => {
  const server = createHttpServer((_, response) => response.writeHead(404).end("404 page not found"));
  const old = await configured(t, { endpoints: await listen(t, server) });
  const watch = await old.watchLoop("/");
  await assert.rejects(collect(watch), { code: Code.HTTP, cause: "404 page not found" });
  assert.deepEqual(await watch.next(), { done: true, value: undefined });
});

test("ten watches wait at once, and leave the pool of threads alone", async () => {
  const keys = range(10).map((i) => `${top}/ten/${i}`);
  const watches = await Promise.all(keys.map((key) => client.watchLoop(key)));
  const changes = watches.map((watch) => collect(watch, 1));
  for (const key of keys) await client.set(key, key);
  assert.deepEqual((await Promise.all(changes)).flat(), keys);
});

test("many calls at once are carried out, and each text is freed once", async () => {
  await client.set(`${top}/many`, "same");
  const before = koffi.stats().disposed;
  const replies = await Promise.all(range(2000).map(() => client.get(`${top}/many`)));
  assert.ok(replies.every(({ node }) => node.value === "same"));
  assert.equal(koffi.stats().disposed - before, 2000);
});
