// Tests of what came with v3: the store, limits of calls, leases, locks, mirrors. Usage: node test_v3.mjs HOST PORT
//
// The server has both APIs, and what both can do is tested over both.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, test as testWithin } from "node:test";
import { Code, connect, EtcdError } from "libetcd";
import { configured, gone, listen, range } from "./test_support.mjs";

const [host, port] = [process.argv[2], Number(process.argv[3])];
const top = "/test/node-v3";
const client = await connect(host, port, "v3");
const older = await connect(host, port, "v2");

/** What does not end is a failure, too. */
const test = (name, body) => testWithin(name, { timeout: 60_000 }, body);

/** Over each API that can do it. */
const both = (name, body) => {
  test(`${name} (v2)`, () => body(older));
  test(`${name} (v3)`, () => body(client));
};

/** The time to live of what somebody deletes: over v2 that is noticed after a third of it, over v3 at once. */
const watched = (client) => (client === older ? 6 : 30);

async function clear() {
  await client.deleteRange(top, { prefix: true });
  if (await older.exists(top)) await older.deleteDir(top, { recursive: true });
}

before(clear);

after(async () => {
  await clear();
  client.close();
  older.close();
});

const texts = (kvs) => kvs.map(({ key, value }) => `${key}`.slice(top.length) + `=${value}`);

test("the version is the one asked for", async () => {
  assert.equal(await client.api(), "v3");
  assert.equal(await older.api(), "v2");
});

test("any bytes arrive as they are", async () => {
  const key = Buffer.concat([Buffer.from(`${top}/bytes/`), Buffer.from([0, 255, 195, 40])]);
  const value = Uint8Array.from(range(256));
  const { header } = await client.put(key, value);
  const { kvs, count, more } = await client.range(key);
  assert.deepEqual([count, more], [1, false]);
  assert.ok(kvs[0].key.equals(key) && kvs[0].value.equals(value));
  assert.deepEqual([kvs[0].mod_revision, kvs[0].version, kvs[0].lease], [header.revision, 1, "0"]);
  await client.put(`${top}/bytes/empty`, "");
  assert.equal((await client.range(`${top}/bytes/empty`)).kvs[0].value.length, 0);
  const text = `Grüße\0 🌍`;
  await client.put(`${top}/bytes/${text}`, text);
  assert.equal(`${(await client.range(`${top}/bytes/${text}`)).kvs[0].value}`, text);
});

test("what bytes are is settled when the call is made", async () => {
  const value = Buffer.from("before");
  const writing = client.put(`${top}/settled`, value);
  value.write("AFTER!");
  await writing;
  assert.equal(`${(await client.range(`${top}/settled`)).kvs[0].value}`, "before");
});

test("ranges are read, limited and counted", async () => {
  const dir = `${top}/range/`;
  for (const name of "abcd") await client.put(dir + name, name);
  const before = (await client.put(`${dir}a`, "new", { prevKv: true })).prev_kv;
  assert.equal(`${before.value}`, "a");
  assert.deepEqual(texts((await client.range(`${dir}a`, { rangeEnd: `${dir}c` })).kvs), ["/range/a=new", "/range/b=b"]);
  const last = await client.range(dir, { prefix: true, descending: true, limit: 1, keysOnly: true });
  assert.deepEqual([texts(last.kvs), last.more, last.count], [["/range/d="], true, 4]);
  const counted = await client.range(dir, { prefix: true, countOnly: true, serializable: true });
  assert.deepEqual([counted.kvs, counted.count], [[], 4]);
  const past = await client.range(`${dir}a`, { revision: before.mod_revision });
  assert.equal(`${past.kvs[0].value}`, "a");
  const { deleted, prev_kvs } = await client.deleteRange(dir, { prefix: true, prevKv: true });
  assert.deepEqual([deleted, `${prev_kvs[3].value}`], [4, "d"]);
});

test("a write on a condition says what is there", async () => {
  const key = `${top}/if`;
  const { header } = await client.putIf(key, "1", 0);
  const refused = await client.putIf(key, "2", 0).catch((error) => error);
  assert.ok(refused instanceof EtcdError);
  assert.deepEqual([refused.code, `${refused.kv.value}`], [Code.COMPARE_FAILED, "1"]);
  await client.putIf(key, "2", header.revision);
  await assert.rejects(client.deleteIf(key, header.revision), { code: Code.COMPARE_FAILED });
  assert.equal((await client.deleteIf(key, (await client.range(key)).kvs[0].mod_revision)).deleted, 1);
  await assert.rejects(client.deleteIf(key, header.revision), { code: Code.KEY_NOT_FOUND });
});

test("a transaction takes text and bytes, and brings both back", async () => {
  const [from, to, bytes] = [`${top}/from`, `${top}/to`, Buffer.from([1, 254])];
  await client.put(from, bytes);
  const move = {
    compare: [
      { key: to, version: 0 },
      { key: from, value: bytes, result: "EQUAL" },
    ],
    success: [
      { request_put: { key: to, value: bytes } },
      { request_delete_range: { key: from } },
      { request_range: { key: to } },
    ],
    failure: [{ request_range: { key: to } }],
  };
  const moved = await client.txn(move);
  assert.equal(moved.succeeded, true);
  assert.ok(moved.responses[2].response_range.kvs[0].value.equals(bytes));
  const again = await client.txn(move);
  assert.deepEqual([again.succeeded, again.responses[0].response_range.count], [false, 1]);
  await assert.rejects(client.txn({ success: [{ request_put: {} }] }), { cause: /^json: \/success\/0|^\/success\/0/ });
  await assert.rejects(client.txn("{}"), { cause: /^txn: / });
});

test("calls by name", async () => {
  const status = await client.call("maintenance/status");
  assert.match(status.version, /^3\./);
  const { kvs } = await client.call("kv/range", { key: Buffer.from(`${top}/none`) });
  assert.deepEqual(kvs, []);
  await assert.rejects(client.call("kv/no"), { code: Code.INVALID_ARGUMENT });
});

test("a range is watched", async () => {
  const dir = `${top}/watched/`;
  const watch = await client.watchRange(dir, { prefix: true, prevKv: true });
  const puts = [..."ab"].map((name) => ({ request_put: { key: dir + name, value: name } }));
  const { revision } = (await client.txn({ success: puts })).header;
  const seen = [];
  for await (const { events } of watch) {
    seen.push(events.map(({ type, kv, prev_kv }) => `${type} ${`${kv.key}`.slice(dir.length)} ${prev_kv?.value}`));
    if (seen.length === 2) break;
    // Not before, or both revisions might be one event.
    await client.deleteRange(`${dir}a`);
  }
  assert.deepEqual(seen, [["PUT a undefined", "PUT b undefined"], ["DELETE a a"]]);
  const late = await client.watchRange(dir, { prefix: true, noPut: true, revision });
  assert.equal((await late.next()).value.events[0].type, "DELETE");
  late.close();
});

test("over v2 the store of v3 is error 1010", async () => {
  for (const call of [(c) => c.range("a"), (c) => c.put("a", "b"), (c) => c.lease(10), (c) => c.watchRange("a")]) {
    await assert.rejects(call(older), { code: Code.UNSUPPORTED });
  }
});

test("wrong arguments are refused and named", async () => {
  const wrong = (cause) => ({ name: "EtcdError", code: Code.INVALID_ARGUMENT, cause });
  await assert.rejects(client.put(5, "a"), wrong(/^key: /));
  await assert.rejects(client.put("a", { a: 1 }), wrong(/^value: /));
  await assert.rejects(client.put("\ud83c", "a"), wrong(/^key: .*surrogate/));
  await assert.rejects(client.put("a", "b", { lease: "x" }), wrong(/^lease: /));
  await assert.rejects(client.put("a", "b", { lease: 2n ** 64n }), wrong(/^lease: /));
  await assert.rejects(client.range("a", { limit: 1.5 }), wrong(/^limit: /));
  await assert.rejects(client.range("a", { prefix: true, rangeEnd: "b" }), wrong(/^end: /));
  await assert.rejects(client.putIf("a", "b"), wrong(/^modRevision: /));
  await assert.rejects(client.lease("10"), wrong(/^ttl: /));
  await assert.rejects(client.lock("/a", { ttl: -1 }), wrong(/^ttl: /));
  await assert.rejects(client.withLock("/a"), wrong(/^body: /));
  assert.throws(() => client.with({ endpoints: "http://a" }), wrong(/^endpoints: /));
  assert.throws(() => client.with(), wrong(/^settings: /));
});

both("a derived client has settings of its own, and an end", async (client) => {
  await client.set(`${top}/sub/key`, "below");
  const sub = client.with({ root: `${top.slice(1)}/sub/` });
  assert.equal((await sub.get("/key")).node.value, "below");
  sub.close();
  await assert.rejects(sub.get("/key"), { cause: "client: closed already" });
  assert.equal((await client.get(`${top}/sub/key`)).node.value, "below");
});

both("a call is limited in time, or given up", async (client) => {
  await client.set(`${top}/limited`, "x");
  const { signal } = new AbortController();
  assert.equal((await client.get(`${top}/limited`, { timeout: 60_000, signal })).node.value, "x");
  await assert.rejects(client.get("/", { signal: AbortSignal.abort(new Error("enough")) }), { message: "enough" });
});

test("a silent server is waited for no longer than was said, and a signal ends the call", async (t) => {
  const server = createServer((socket) => t.after(() => socket.destroy()));
  const silent = await configured(t, { endpoints: await listen(t, server), "timeout.request_ms": 60_000, api: "v3" });
  const late = ({ code }) => [Code.TIMEOUT, Code.UNAVAILABLE].includes(code); // nobody has spoken HTTP/2 yet
  await assert.rejects(silent.range("a", { timeout: 50 }), late);
  await assert.rejects(silent.lock("/a", { timeout: 50 }), { code: Code.TIMEOUT });
  await assert.rejects(silent.watch("/a", { timeout: 50 }), { code: Code.TIMEOUT });

  // As many as there are threads, and some that wait for one: these have sent nothing.
  const controller = new AbortController();
  const calls = range(8).map(() => silent.range("a", { signal: controller.signal }));
  await assert.rejects(silent.put("a", "b", { timeout: 50 }), { code: Code.TIMEOUT, cause: /nothing was sent/ });
  controller.abort(new Error("enough"));
  for (const call of calls) await assert.rejects(call, { message: "enough" });
  assert.equal((await client.health()).health, "true"); // the threads are free again
});

test("a lease holds keys until it is closed", async () => {
  const lease = await client.lease(10);
  await client.put(`${top}/leased`, "x", { lease });
  await client.txn({ success: [{ request_put: { key: `${top}/leased/too`, lease } }] });
  const { kvs } = await client.range(`${top}/leased`, { prefix: true });
  assert.deepEqual(
    kvs.map((kv) => kv.lease),
    [lease.id, lease.id],
  );
  assert.ok(lease.remaining > 0);
  assert.equal(lease.state().state, "alive");
  const lost = once(lease.signal, "abort");
  const changes = lease.changes();
  const next = changes.next();
  await lease[Symbol.asyncDispose]();
  await lease.close();
  await lost;
  assert.equal(lease.signal.reason.code, Code.CANCELLED);
  assert.equal((await next).done, true);
  await gone(client, `${top}/leased`);
  assert.deepEqual([lease.id, lease.remaining], ["0", 0]);
  assert.throws(() => lease.state(), { code: Code.INVALID_ARGUMENT, cause: "lease: closed already" });
});

test("a lease that somebody revokes is lost, and its signal says so", async () => {
  const lease = await client.lease(6); // notices at its next renewal
  const lost = once(lease.signal, "abort");
  const changes = lease.changes();
  const next = changes.next();
  await client.call("lease/revoke", { id: lease.id });
  await lost;
  assert.ok(lease.signal.reason instanceof EtcdError);
  assert.equal((await next).value.state, "lost");
  await changes.return();
  await lease.close();

  const revoked = await client.lease(10);
  assert.equal((await revoked.revoke()).state, "revoked");
  assert.equal(revoked.signal.aborted, true);
  await revoked.close();
});

both("a registration is there until it is closed, and is made again", async (client) => {
  const key = `${top}/services/web`;
  const here = await client.register(key, "10.0.0.1:80", { ttl: watched(client) });
  assert.equal((await client.get(key)).node.value, "10.0.0.1:80");
  await assert.rejects(client.register(key, "10.0.0.2:80"), { code: Code.KEY_EXISTS });
  const states = here.changes();
  const seen = (async () => {
    for await (const { state, renewals } of states) if (state === "alive" && renewals > 0) return renewals;
  })();
  await client.delete(key);
  assert.ok((await seen) > 0);
  assert.equal((await client.get(key)).node.value, "10.0.0.1:80");
  await here.close();
  await gone(client, key);
});

both("a lock is held by one at a time, and its block is told of its loss", async (client) => {
  const name = `${top}/lock`;
  const order = [];
  const [first, second] = await Promise.all(
    range(2).map((i) =>
      client.withLock(name, { value: `${i}` }, async (lock) => {
        order.push(`+${i}`);
        assert.equal(lock.isHeld, true);
        assert.equal(lock.state().state, "held");
        assert.ok(lock.token > 0);
        await assert.rejects(client.lock(name, { try: true }), { code: Code.KEY_EXISTS });
        await assert.rejects(client.lock(name, { timeout: 50 }), { code: Code.TIMEOUT });
        order.push(`-${i}`);
        return lock.token;
      }),
    ),
  );
  assert.notEqual(first, second);
  assert.deepEqual(order.map((step) => step[0]).join(""), "+-+-");

  await assert.rejects(
    client.withLock(name, () => Promise.reject(new Error("of the block"))),
    { message: "of the block" },
  );
  const lost = client.withLock(name, { ttl: watched(client) }, async (lock) => {
    const told = once(lock.signal, "abort");
    await client.delete(lock.state().key);
    await told;
    assert.deepEqual([lock.isHeld, lock.token], [false, 0]);
    assert.ok(lock.signal.reason instanceof EtcdError);
  });
  await assert.rejects(lost, EtcdError);
});

both("who waits for a lock and is given up leaves the line", async (client) => {
  const name = `${top}/line`;
  const holder = await client.lock(name);
  const controller = new AbortController();
  const waiting = client.lock(name, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  const next = client.lock(name);
  await holder.close();
  await (await next).close();
  assert.equal(holder.isHeld, false);
  await assert.rejects(holder.proclaim("x"), { cause: "lock: closed already" });
});

test("a transaction under a lock is carried out while it is held", async () => {
  const name = `${top}/guarded`;
  const write = { success: [{ request_put: { key: `${top}/total`, value: "42" } }] };
  const lock = await client.lock(name);
  assert.equal((await lock.txn(write)).succeeded, true);
  await client.delete(lock.state().key);
  await assert.rejects(lock.txn(write), { code: Code.COMPARE_FAILED });
  await lock.close();
});

both("a leader is seen, and what it proclaims", async (client) => {
  const name = `${top}/leader`;
  const watch = await client.leaderWatch(name);
  assert.deepEqual((await watch.next()).value, { leader: null });
  const leading = await client.lock(name, { value: "10.0.0.1:80" });
  assert.equal((await watch.next()).value.leader.value, "10.0.0.1:80");
  assert.equal((await leading.proclaim("10.0.0.1:81")).node.value, "10.0.0.1:81");
  const { leader } = (await watch.next()).value;
  assert.deepEqual([leader.value, leader.token], ["10.0.0.1:81", leading.token]);
  await leading.close();
  assert.deepEqual((await watch.next()).value, { leader: null });
  watch.close();
});

both("a mirror is a map that is kept up to date", async (client) => {
  const dir = `${top}/mirror`;
  await client.set(`${dir}/a`, "1");
  const mirror = await client.mirror(dir);
  assert.deepEqual([...mirror], [[`${dir}/a`, "1"]]);
  const changes = mirror.changes();
  const change = changes.next();
  const { header, node } = await client.set(`${dir}/b/c`, "2");
  await mirror.wait(Math.max(node.modifiedIndex, header.etcdIndex), { timeout: 60_000 });
  assert.equal(mirror.get(`${dir}/b/c`), "2");
  for (const name of ["b", "none"]) assert.equal(mirror.get(`${dir}/${name}`), undefined);
  assert.deepEqual([mirror.has(`${dir}/a`), mirror.has(`${dir}/a/x`), mirror.size], [true, false, 2]);
  assert.deepEqual([...mirror.keys()], [`${dir}/a`, `${dir}/b/c`]);
  assert.deepEqual([...mirror.values()], ["1", "2"]);
  assert.equal(mirror.read(`${dir}/b`).node.nodes[0].key, `${dir}/b/c`);
  assert.equal((await change).value.node.key, `${dir}/b/c`);
  assert.throws(() => mirror.get("/elsewhere"), { code: Code.INVALID_ARGUMENT });
  await assert.rejects(mirror.wait(2 ** 40, { timeout: 50 }), { code: Code.TIMEOUT });
  const last = changes.next();
  mirror.close();
  mirror.close();
  assert.equal((await last).done, true);
  assert.throws(() => mirror.get(`${dir}/a`), { code: Code.CANCELLED });
});

test("what is held is lost with its client", async () => {
  const own = await connect(host, port, "v3");
  const [lease, lock] = [await own.lease(2), await own.lock(`${top}/own`, { ttl: 2 })];
  const lost = [lease, lock].map(({ signal }) => once(signal, "abort"));
  own.close();
  await Promise.all(lost);
  assert.equal(lock.isHeld, false);
  await Promise.all([lease.close(), lock.close()]);
});
