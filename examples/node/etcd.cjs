/**
 * A client for etcd, its v2 and its v3 API: libetcd, called through koffi.
 *
 *     import { connect } from "libetcd"; // or: const { connect } = require("libetcd");
 *
 *     const client = await connect("127.0.0.1", 2379);
 *     await client.set("/app/greeting", "Hello World", { ttl: 60 });
 *     const { node } = await client.get("/app/greeting");
 *     client.close();
 *
 * A reply is etcd's own, decoded; an error is thrown as an `EtcdError`. An argument or an option that a call does not
 * have is one, too; null is as good as an option left out. Each call takes a `timeout` in milliseconds and an
 * `AbortSignal`. What is to be closed has `close`, and `Symbol.asyncDispose` for `await using`.
 *
 * What waits for a server does so on a thread of libuv's pool, never in the event loop. That pool has 4 threads
 * unless UV_THREADPOOL_SIZE says otherwise; further calls wait for their turn. A watch, a lock and a mirror that wait
 * occupy none.
 *
 * @module
 */

"use strict";

const { Client, connect, connectConfig } = require("./lib/client.cjs");
const { Code, EtcdError } = require("./lib/error.cjs");
const { Lease } = require("./lib/lease.cjs");
const { Lock } = require("./lib/lock.cjs");
const { Mirror } = require("./lib/mirror.cjs");
const { Watch } = require("./lib/watch.cjs");

module.exports = { Client, Code, EtcdError, Lease, Lock, Mirror, Watch, connect, connectConfig };
