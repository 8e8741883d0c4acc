// Tests of the package libetcd over both APIs, beside those of v3 and the recipes in test_v3.mjs. The server has both.
// Usage: node test.mjs HOST PORT
//
// Members, users and roles want a cluster of their own, on which authentication has never been set up: ETCD_PRIVATE
// names an endpoint of it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { after, before, test as testWithin } from "node:test";
import { inspect } from "node:util";
import koffi from "koffi";
import { Client, Code, connect, connectConfig, EtcdError } from "libetcd";
import { collect, configured, listen, lives, range } from "./test_support.mjs";

const [host, port] = [process.argv[2], Number(process.argv[3])];
const top = "/test/node";
const client = await connect(host, port, "v2");
const v3 = await connect(host, port, "v3");

/** A loop that does not end is a failure, too. */
const test = (name, body) => testWithin(name, { timeout: 60_000 }, body);

/** A test of what both APIs can do, over each. */
const both = (name, body) => {
  test(`${name} (v2)`, () => body(client));
  test(`${name} (v3)`, () => body(v3));
};

async function clear() {
  for (const each of [client, v3]) {
    if (await each.exists(top)) await each.deleteDir(top, { recursive: true });
  }
}

before(clear);

after(async () => {
  await clear();
  client.close();
  v3.close();
});

both("keys are written, read and deleted", async (client) => {
  const key = `${top}/key`;
  lives(60, (await client.set(key, "one", { ttl: 60 })).node);
  assert.equal((await client.set(key, "two", { noValueOnSuccess: true })).node, undefined);
  const { node, header } = await client.get(key, { quorum: true });
  assert.deepEqual([node.value, node.ttl], ["two", undefined]);
  assert.ok(header.etcdIndex >= node.modifiedIndex);
  assert.equal((await client.update(key, "three")).prevNode.value, "two");
  lives(60, (await client.refresh(key, 60)).node);
  assert.equal((await client.delete(key)).prevNode.value, "three");
  assert.equal(await client.exists(key), false);
  assert.equal((await client.create(key, "four")).action, "create");
  assert.equal(await client.exists(key), true);
});

both("directories are made, listed in order and deleted", async (client) => {
  const dir = `${top}/dir`;
  await client.setDir(dir);
  await client.createDir(`${dir}/sub`);
  const updated = client.updateDir(`${dir}/sub`, { ttl: 50 });
  if (client === v3) await assert.rejects(updated, { code: Code.UNSUPPORTED }); // a directory has no time to live
  else lives(50, (await updated).node);
  for (const value of ["first", "second"]) await client.set(`${dir}/queue`, value, { ordered: true });
  const { node } = await client.get(dir, { recursive: true, sorted: true });
  assert.deepEqual(
    node.nodes[0].nodes.map(({ value }) => value),
    ["first", "second"],
  );
  await assert.rejects(client.deleteDir(dir), { code: Code.DIRECTORY_NOT_EMPTY });
  assert.equal((await client.deleteDir(dir, { recursive: true })).action, "delete");
});

both("cas and cad compare value and index", async (client) => {
  const key = `${top}/compared`;
  const { node } = await client.set(key, "a");
  await assert.rejects(client.cas(key, "b", { prevValue: "x" }), { code: Code.COMPARE_FAILED });
  await assert.rejects(client.cas(key, "b", {}), { code: Code.INVALID_ARGUMENT });
  const swapped = await client.cas(key, "b", { prevValue: "a", prevIndex: node.modifiedIndex });
  await assert.rejects(client.cad(key, { prevIndex: node.modifiedIndex }), { code: Code.COMPARE_FAILED });
  assert.equal((await client.cad(key, { prevIndex: swapped.node.modifiedIndex })).action, "compareAndDelete");
});

both("the cluster tells about itself", async (client) => {
  const [url] = await client.machines();
  assert.match(url, /^http/);
  const { id } = await client.leader();
  assert.equal((await client.members())[id].id, id);
  assert.equal((await client.sync())[0], `http://${host}:${port}`);
  assert.equal(typeof (await client.stats("self")).name, "string");
  assert.match((await client.serverVersion()).etcdserver, /^\d/);
  assert.equal((await client.health()).health, "true");
  if (client === v3) return;
  assert.ok((await client.stats("store")).setsSuccess > 0);
  const form = { body: "value=sent", contentType: "application/x-www-form-urlencoded" };
  assert.equal((await client.request("PUT", `/v2/keys${top}/requested`, form)).node.value, "sent");
});

both("an error has code, message, cause, index and status, and prints them", async (client) => {
  await client.set(`${top}/there`, "");
  const error = await client.create(`${top}/there`, "").catch((error) => error);
  assert.ok(error instanceof EtcdError);
  assert.deepEqual(
    [error.code, error.message, error.cause, error.status],
    [105, "Key already exists", `${top}/there`, client === v3 ? undefined : 412],
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

both("any text arrives as it is", async (client) => {
  const key = `${top}/ключ "quoted" 50%?#&+; 🗝`;
  const value = `Grüße, "世界" \\ \t\n \u0001 🌍`;
  await client.set(key, value);
  const { node } = await client.get(key);
  assert.deepEqual([node.key, node.value], [key, value]);
  const large = "å".repeat(1 << 19); // etcd takes a million bytes and a half over v3
  assert.equal((await client.set(`${top}/large`, large)).node.value, large);
});

test("a wrong argument is refused and named", async () => {
  const wrong = (cause) => ({ name: "EtcdError", code: Code.INVALID_ARGUMENT, cause });
  await assert.rejects(client.get(`${top}/a\0b`), wrong(/^key: .*NUL/));
  await assert.rejects(client.set(`${top}/a`, "a\0b"), wrong(/^value: .*NUL/));
  await assert.rejects(client.set(`${top}/a`, "\ud83c"), wrong(/^value: .*surrogate/));
  await assert.rejects(client.set(`${top}/a`, 5), wrong(/^value: /));
  await assert.rejects(client.userCreate("bob", 1234), wrong(/^password: /));
  await assert.rejects(client.memberAdd([1]), wrong(/^peerUrls: /));
  await assert.rejects(client.request("PUT", "/a", { body: 5 }), wrong(/^body: /));
  await assert.rejects(client.roleGrant("app", "/a"), wrong(/^access: /));
  await assert.rejects(connectConfig({ endpoints: [host, 1] }), wrong(/^endpoints: /));
  await assert.rejects(connectConfig({ "timeout.request_ms": 1.5 }), wrong(/^timeout.request_ms: /));
  await assert.rejects(connectConfig({ password: { a: 1 } }), wrong(/^password: /));
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

test("what a call does not take is refused, not dropped", async () => {
  const wrong = (cause) => ({ name: "EtcdError", code: Code.INVALID_ARGUMENT, cause });
  const [path, type] = [`/v2/keys${top}/dropped`, "application/x-www-form-urlencoded"];
  await assert.rejects(client.request("PUT", path, "value=x", type), wrong(/^argument 4: /));
  await assert.rejects(client.request("PUT", path, "value=x"), wrong(/^argument 3: must be an object/));
  await assert.rejects(client.set(`${top}/dropped`, "a", 60), wrong(/^argument 3: /));
  await assert.rejects(client.set(`${top}/dropped`, "a", [60]), wrong(/^argument 3: /));
  await assert.rejects(client.set(`${top}/dropped`, "a", { tll: 60 }), wrong(/^tll: /));
  await assert.rejects(client.set(`${top}/dropped`, "a", { signal: "now" }), wrong(/^signal: /));
  await assert.rejects(client.set(`${top}/dropped`, "a", { timeout: 0 }), wrong(/^timeout: /));
  await assert.rejects(client.watchLoop(top, { timeout: "1" }), wrong(/^timeout: /));
  await assert.rejects(client.watch(top, { recursiv: true }), wrong(/^recursiv: /));
  await assert.rejects(connect(host, port, "v2", 1), wrong(/^argument 4: /));
  await assert.rejects(connect(host, port, "v4"), wrong(/^version: /));
  // Each of them, with one argument more than it declares: options count among these.
  const cluster = Object.getPrototypeOf(Client.prototype);
  for (const name of [Client.prototype, cluster].flatMap((type) => Object.getOwnPropertyNames(type))) {
    if (name === "constructor") continue;
    const given = Array(client[name].length + 1).fill("x");
    await assert.rejects(async () => client[name](...given), wrong(/^argument \d: /), name);
  }
  assert.equal(await client.exists(`${top}/dropped`), false);
});

test("null is as good as nothing", async (t) => {
  await client.set(`${top}/null`, "a", { ttl: 60 });
  assert.equal((await client.update(`${top}/null`, "b", { ttl: null })).node.ttl, undefined);
  await client.cas(`${top}/null`, "c", { prevValue: "b", prevIndex: null, ttl: undefined });
  const { node } = await client.request("GET", `/v2/keys${top}/null`, { body: null, contentType: null });
  assert.equal(node.value, "c");
  const endpoints = ["http://127.0.0.1:1", `http://${host}:${port}`];
  const plain = await configured(t, { endpoints, username: null, password: undefined });
  assert.equal((await plain.get(`${top}/null`, null)).node.value, "c");
});

test("a client shows its endpoint and no password", async (t) => {
  const shown = await connect("::1", 4001);
  assert.equal(`${shown}`, "Client <http://[::1]:4001>");
  shown.close();
  assert.equal(inspect({ shown }), "{ shown: Client <http://[::1]:4001> (closed) }");
  const bob = await configured(t, { endpoints: ["http://a", "http://b"], username: "bob", password: "secret" });
  assert.equal(inspect(bob), "Client <http://a,http://b>");
});

test("it is one module, imported or required", async () => {
  const require = createRequire(import.meta.url);
  const required = require("libetcd");
  assert.deepEqual({ ...(await import("libetcd")) }, required);
  const own = await required.connect(host, port);
  await assert.rejects(own.get(`${top}/nothing`), EtcdError);
  own.close();
});

/** A client of the cluster of which the tests may do what they like. */
const administrator = (t, settings) => configured(t, { endpoints: process.env.ETCD_PRIVATE, ...settings });

/** A test over each API: v2 and v3 have users and roles of their own. */
const overEach = (name, body) => {
  for (const api of ["v2", "v3"]) testWithin(`${name} (${api})`, { skip, timeout: 60_000 }, (t) => body(t, api));
};

/**
 * etcd drops a change of its members, without a word, until its leader has done with the one before. When a majority
 * reads something after that one, the leader has.
 */
const settled = (client) => client.get("/", { quorum: true });

const skip = process.env.ETCD_PRIVATE ? false : "needs ETCD_PRIVATE";

testWithin("members are added, given other URLs and removed", { skip, timeout: 60_000 }, async (t) => {
  const client = await administrator(t);
  const { id, peerURLs } = await client.memberAdd(["http://127.0.0.1:7", "http://127.0.0.1:9"]);
  assert.deepEqual(peerURLs, ["http://127.0.0.1:7", "http://127.0.0.1:9"]);
  await settled(client);
  assert.deepEqual(await client.memberUpdate(id, "http://127.0.0.1:11"), {});
  assert.deepEqual((await client.members())[id].peerURLs, ["http://127.0.0.1:11"]);
  await settled(client);
  await assert.rejects(client.memberAdd("http://127.0.0.1:11"), { code: Code.HTTP, status: 409 });
  await settled(client);
  assert.deepEqual(await client.memberRemove(id), {});
  assert.equal((await client.members())[id], undefined);
  await settled(client);
  await assert.rejects(client.memberRemove(id), { code: Code.HTTP, status: 410 });
});

overEach("roles have permissions", async (t, api) => {
  const client = await administrator(t, { api });
  assert.deepEqual((await client.roleCreate("app")).permissions.kv, { read: [], write: [] });
  await assert.rejects(client.roleCreate("app"), { code: Code.HTTP, status: 409 });
  const both = await client.roleGrant("app", "/app/*", { read: true, write: true });
  assert.deepEqual(both.permissions.kv, { read: ["/app/*"], write: ["/app/*"] });
  const read = await client.roleRevoke("app", "/app/*", { write: true });
  assert.deepEqual(read.permissions.kv, { read: ["/app/*"], write: [] });
  assert.deepEqual(await client.roleGet("app"), read);
  const roles = await client.roleList();
  assert.deepEqual(
    roles.map(({ role }) => role),
    api === "v2" ? ["app", "root"] : ["app"], // v2 has "root" before anybody makes it
  );
  assert.deepEqual(await client.roleDelete("app"), {});
});

overEach("users may do what their roles say", async (t, api) => {
  const client = await administrator(t, { api });
  await client.roleCreate("app");
  await client.roleGrant("app", "/app/*", { read: true, write: true });
  assert.deepEqual(await client.userCreate("bob", "old"), { user: "bob", roles: [] });
  assert.deepEqual((await client.userGrant("bob", "app")).roles, ["app"]);
  assert.deepEqual((await client.userRevoke("bob", "app")).roles, []);
  await client.userGrant("bob", "app");
  assert.equal((await client.userSetPassword("bob", "new")).user, "bob");
  await assert.rejects(client.userCreate("bob", "other"), { code: Code.HTTP, status: 409 });
  await assert.rejects(client.authEnable(), { status: 409 }); // no root yet
  await client.userCreate("root", "secret");
  const users = await client.userList();
  assert.deepEqual(
    users.map(({ user }) => user),
    ["bob", "root"],
  );
  assert.deepEqual(await client.userGet("bob"), { user: "bob", roles: ["app"] });

  assert.deepEqual(await client.authStatus(), { enabled: false });
  await client.authEnable();
  const root = await administrator(t, { api, username: "root", password: "secret" });
  try {
    assert.deepEqual(await client.authStatus(), { enabled: true });
    const bob = await administrator(t, { api, username: "bob", password: "new" });
    await bob.set("/app/a", "1");
    await assert.rejects(bob.userList(), { code: Code.UNAUTHENTICATED });
    const old = await administrator(t, { api, username: "bob", password: "old" });
    await assert.rejects(old.get("/app/a"), { code: Code.UNAUTHENTICATED });
  } finally {
    await root.authDisable();
  }
  if (api === "v2") await assert.rejects(client.authDisable(), { status: 409 }); // v3 takes it twice
  await client.deleteDir("/app", { recursive: true });
  for (const user of ["bob", "root"]) assert.deepEqual(await client.userDelete(user), {});
  for (const role of ["app", api === "v2" ? "guest" : "root"]) assert.deepEqual(await client.roleDelete(role), {});
  await assert.rejects(client.userGet("bob"), { status: 404 });
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
  await assert.rejects(closed.get(top), { code: Code.INVALID_ARGUMENT, cause: "client: closed already" });
  await assert.rejects(closed.exists(top), { code: Code.INVALID_ARGUMENT });
  await assert.rejects(closed.watchLoop(top), { code: Code.INVALID_ARGUMENT });
});

both("a watch delivers every change in order, past ones included", async (client) => {
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

test("a signal ends a watch that is still being opened", async (t) => {
  const server = createServer((socket) => t.after(() => socket.destroy()));
  const silent = await configured(t, { endpoints: await listen(t, server), "timeout.request_ms": 30000 });
  for (const watch of ["watchLoop", "watch"]) {
    const controller = new AbortController();
    const connected = once(server, "connection");
    const aborted = assert.rejects(silent[watch]("/", { signal: controller.signal }), { message: "enough" });
    await connected;
    controller.abort(new Error("enough"));
    await aborted;
  }
});

both("what a watch has is handed out once it is stopped, and not once it is closed", async (client) => {
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
  const old = await configured(t, { endpoints: await listen(t, server), api: "v2" });
  const watch = await old.watchLoop("/");
  await assert.rejects(collect(watch), { code: Code.UNSUPPORTED, cause: "404 page not found" });
  assert.deepEqual(await watch.next(), { done: true, value: undefined });
});

both("ten watches wait at once, and leave the pool of threads alone", async (client) => {
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
