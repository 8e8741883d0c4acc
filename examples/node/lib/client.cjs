"use strict";

const {
  bytes,
  callOptions,
  flagsOf,
  integer,
  json,
  leaseId,
  optionalInteger,
  optionalString,
  optionsOf,
  settingsOf,
  string,
} = require("./arguments.cjs");
const { Cluster } = require("./cluster.cjs");
const { ask, askBytes, carryOut, configOf, derive, endpointsOf, open } = require("./connection.cjs");
const { cancelled, decodeBytes, invalid, made, withError } = require("./error.cjs");
const { Lease } = require("./lease.cjs");
const { etcd } = require("./library.cjs");
const { Lock, held } = require("./lock.cjs");
const { Mirror } = require("./mirror.cjs");
const { inTurn, within } = require("./turns.cjs");
const { Watch } = require("./watch.cjs");

/** @typedef {import("./types.cjs").Bytes} Bytes */
/** @typedef {import("./types.cjs").CallOptions} CallOptions */
/** @typedef {import("./types.cjs").Reply} Reply */
/** @typedef {import("./types.cjs").Settings} Settings */
/** @typedef {import("./types.cjs").WatchOptions} WatchOptions */
/** @typedef {import("./types.cjs").WriteOptions} WriteOptions */

/**
 * Makes a client for one server. Nothing is sent yet: that it cannot be reached is told by the first call.
 *
 * @param {string} [host]
 * @param {number} [port]
 * @param {import("./types.cjs").Version} [version] of the API; with "auto" the first call finds out which the server
 *     has
 */
async function connect(host = "127.0.0.1", port = 2379, version = "auto") {
  optionsOf(arguments, 3);
  if (port !== (port & 0xffff)) throw invalid("port: must be an integer from 0 to 65535");
  const handle = made(etcd.connect, string("host", host), port, string("version", version));
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host || "127.0.0.1";
  return new Client(handle, `http://${name}:${port || 2379}`);
}

/**
 * Makes a client as configured, with the names of etcd.h; what is null or undefined has its default:
 *
 *     connectConfig({ endpoints: ["https://10.0.0.1:2379", "https://10.0.0.2:2379"], "tls.ca_file": "ca.pem" })
 *
 * @param {Settings} settings
 */
async function connectConfig(settings) {
  optionsOf(arguments, 1);
  const texts = settingsOf(settings);
  const shown = texts.get("endpoints") ?? texts.get("discovery.srv_domain") ?? "http://127.0.0.1:2379";
  const config = configOf(texts);
  try {
    return new Client(await inTurn(() => withError(etcd.connectConfig, config)), shown); // it may ask a name server
  } finally {
    etcd.configFree(config);
  }
}

/** A client of an etcd cluster; `connect` and `connectConfig` make one. */
class Client extends Cluster {
  /**
   * A client that shares this one's connections, with settings of its own: a `root`, a `username`, a
   * `timeout.request_ms`. Its end is this one's at the latest.
   *
   * @param {Settings} settings
   */
  with(settings) {
    optionsOf(arguments, 1);
    return new Client(derive(this, settingsOf(settings)), endpointsOf(this));
  }

  /**
   * The version of the API that is used; with "auto" it is found out now, if no call has done so yet.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<"v2" | "v3">}
   */
  async api(options) {
    return (await ask(this, callOptions(arguments, 0), etcd.api)).api;
  }

  // -- keys --

  /**
   * Reads a key, or lists a directory: error KEY_NOT_FOUND.
   *
   * @param {string} key
   * @param {import("./types.cjs").GetOptions} [options]
   * @returns {Promise<Reply>}
   */
  async get(key, options) {
    const given = callOptions(arguments, 1, "recursive", "sorted", "quorum");
    return ask(this, given, etcd.get, string("key", key), flagsOf(given));
  }

  /**
   * Writes a key, whether or not it exists; if `ordered`, a new one in that directory.
   *
   * @param {string} key
   * @param {string} value
   * @param {import("./types.cjs").SetOptions} [options]
   * @returns {Promise<Reply>}
   */
  async set(key, value, options) {
    const given = callOptions(arguments, 2, "ttl", "ordered", "noValueOnSuccess");
    const pair = [string("key", key), string("value", value)];
    return ask(this, given, etcd.set, ...pair, optionalInteger("ttl", given.ttl), flagsOf(given));
  }

  /**
   * Writes a key only if it does not exist yet: else error KEY_EXISTS.
   *
   * @param {string} key
   * @param {string} value
   * @param {WriteOptions} [options]
   * @returns {Promise<Reply>}
   */
  async create(key, value, options) {
    const given = callOptions(arguments, 2, "ttl");
    return ask(this, given, etcd.create, string("key", key), string("value", value), optionalInteger("ttl", given.ttl));
  }

  /**
   * Writes a key only if it exists: else error KEY_NOT_FOUND.
   *
   * @param {string} key
   * @param {string} value
   * @param {WriteOptions} [options]
   * @returns {Promise<Reply>}
   */
  async update(key, value, options) {
    const given = callOptions(arguments, 2, "ttl");
    return ask(this, given, etcd.update, string("key", key), string("value", value), optionalInteger("ttl", given.ttl));
  }

  /**
   * Gives a key a new time to live; its value stays, and watches are not told.
   *
   * @param {string} key
   * @param {number} ttl
   * @param {CallOptions} [options]
   * @returns {Promise<Reply>}
   */
  async refresh(key, ttl, options) {
    const given = callOptions(arguments, 2);
    return ask(this, given, etcd.refresh, string("key", key), integer("ttl", ttl));
  }

  /**
   * Makes a directory, also in place of a value. Over v3, which knows none, it can have no `ttl`.
   *
   * @param {string} key
   * @param {WriteOptions} [options]
   * @returns {Promise<Reply>}
   */
  async setDir(key, options) {
    const given = callOptions(arguments, 1, "ttl");
    return ask(this, given, etcd.setDir, string("key", key), optionalInteger("ttl", given.ttl));
  }

  /**
   * Makes a directory only if nothing is there yet: else error KEY_EXISTS.
   *
   * @param {string} key
   * @param {WriteOptions} [options]
   * @returns {Promise<Reply>}
   */
  async createDir(key, options) {
    const given = callOptions(arguments, 1, "ttl");
    return ask(this, given, etcd.createDir, string("key", key), optionalInteger("ttl", given.ttl));
  }

  /**
   * Gives a directory a new time to live. Over v2 only.
   *
   * @param {string} key
   * @param {WriteOptions} [options]
   * @returns {Promise<Reply>}
   */
  async updateDir(key, options) {
    const given = callOptions(arguments, 1, "ttl");
    return ask(this, given, etcd.updateDir, string("key", key), optionalInteger("ttl", given.ttl));
  }

  /**
   * Deletes a key: errors KEY_NOT_FOUND, and NOT_FILE if it is a directory.
   *
   * @param {string} key
   * @param {CallOptions} [options]
   * @returns {Promise<Reply>}
   */
  async delete(key, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.delete, string("key", key));
  }

  /**
   * Deletes an empty directory, else error DIRECTORY_NOT_EMPTY; if `recursive`, one with all that is in it.
   *
   * @param {string} key
   * @param {CallOptions & { recursive?: boolean | null }} [options]
   * @returns {Promise<Reply>}
   */
  async deleteDir(key, options) {
    const given = callOptions(arguments, 1, "recursive");
    return ask(this, given, etcd.deleteDir, string("key", key), flagsOf(given));
  }

  /**
   * Tells whether a key or a directory exists.
   *
   * @param {string} key
   * @param {CallOptions} [options]
   * @returns {Promise<boolean>}
   */
  async exists(key, options) {
    const given = callOptions(arguments, 1);
    const exists = (/** @type {any[]} */ ...args) => withError(etcd.exists, ...args);
    return (await carryOut(this, given, exists, string("key", key))) === 1;
  }

  /**
   * Writes a key only if it has that value, that `modifiedIndex`, or both: else error COMPARE_FAILED.
   *
   * @param {string} key
   * @param {string} value
   * @param {WriteOptions & import("./types.cjs").Compared} options
   * @returns {Promise<Reply>}
   */
  async cas(key, value, options) {
    const given = callOptions(arguments, 2, "prevValue", "prevIndex", "ttl");
    return ask(
      this,
      given,
      etcd.cas,
      string("key", key),
      string("value", value),
      optionalString("prevValue", given.prevValue),
      optionalInteger("prevIndex", given.prevIndex),
      optionalInteger("ttl", given.ttl),
    );
  }

  /**
   * Deletes a key only if it has that value, that `modifiedIndex`, or both: else error COMPARE_FAILED.
   *
   * @param {string} key
   * @param {CallOptions & import("./types.cjs").Compared} options
   * @returns {Promise<Reply>}
   */
  async cad(key, options) {
    const given = callOptions(arguments, 1, "prevValue", "prevIndex");
    return ask(
      this,
      given,
      etcd.cad,
      string("key", key),
      optionalString("prevValue", given.prevValue),
      optionalInteger("prevIndex", given.prevIndex),
    );
  }

  // -- watching --

  /**
   * Waits for one change.
   *
   * @param {string} key
   * @param {WatchOptions} [options]
   * @returns {Promise<Reply>}
   */
  async watch(key, options) {
    const given = callOptions(arguments, 1, "recursive", "waitIndex");
    const { timeout, signal, ...others } = given;
    const abandoned = new AbortController();
    const change = async () => {
      const watch = await this.watchLoop(key, { ...others, signal: abandoned.signal });
      for await (const event of watch) return event;
      throw cancelled("the client was closed");
    };
    return within(given, change, () => abandoned.abort());
  }

  /**
   * Watches for every change from the moment the promise is fulfilled:
   *
   *     for await (const { action, node } of await client.watchLoop("/app", { recursive: true })) {
   *       console.log(action, node.key);
   *     }
   *
   * @param {string} key
   * @param {WatchOptions} [options] `timeout` is for making the watch, `signal` ends it, too: its reason is thrown then
   * @returns {Promise<Watch<Reply>>}
   */
  async watchLoop(key, options) {
    const given = callOptions(arguments, 1, "recursive", "waitIndex");
    const args = [string("key", key), flagsOf(given), optionalInteger("waitIndex", given.waitIndex)];
    return new Watch(await open(this, given, etcd.watchFree, etcd.watchOpen, ...args), given.signal);
  }

  /**
   * Watches a key of the store of v3, or all of a range; each event is all changes of a revision.
   *
   * @param {Bytes} key
   * @param {import("./types.cjs").WatchRangeOptions} [options] as of `watchLoop`
   * @returns {Promise<Watch<import("./types.cjs").RangeEvent | import("./types.cjs").RangeResync>>}
   */
  async watchRange(key, options) {
    const given = callOptions(arguments, 1, "rangeEnd", "prefix", "revision", "prevKv", "noPut", "noDelete");
    const extent = [...bytes("key", key), ...bytes("rangeEnd", given.rangeEnd)];
    const args = [...extent, optionalInteger("revision", given.revision), flagsOf(given), null, null, null];
    const watcher = await open(this, given, etcd.watchFree, etcd.watchRange, ...args);
    return new Watch(watcher, given.signal, decodeBytes);
  }

  // -- the store of v3: bytes, ranges, transactions --

  /**
   * Reads a key, or all keys of a range, at one revision. That there is none is no error.
   *
   * @param {Bytes} key
   * @param {import("./types.cjs").RangeOptions} [options]
   * @returns {Promise<import("./types.cjs").RangeReply>}
   */
  async range(key, options) {
    const names = ["rangeEnd", "prefix", "limit", "revision", "keysOnly", "countOnly", "descending", "serializable"];
    const given = callOptions(arguments, 1, ...names);
    const extent = [...bytes("key", key), ...bytes("rangeEnd", given.rangeEnd)];
    const [limit, revision] = ["limit", "revision"].map((name) => optionalInteger(name, given[name]));
    return askBytes(this, given, etcd.range, ...extent, limit, revision, flagsOf(given));
  }

  /**
   * Writes a key of the store, whether or not it exists.
   *
   * @param {Bytes} key
   * @param {Bytes | null} value
   * @param {import("./types.cjs").PutOptions} [options]
   * @returns {Promise<import("./types.cjs").PutReply>}
   */
  async put(key, value, options) {
    const given = callOptions(arguments, 2, ...PUT_OPTIONS);
    const pair = [...bytes("key", key), ...bytes("value", value)];
    return askBytes(this, given, etcd.put, ...pair, leaseId(given.lease), flagsOf(given));
  }

  /**
   * Writes a key only if it was changed last at that revision; 0: only if it is not there. `Code.COMPARE_FAILED`: it
   * was not, and the error's `kv` is what is there.
   *
   * @param {Bytes} key
   * @param {Bytes | null} value
   * @param {number} modRevision
   * @param {import("./types.cjs").PutOptions} [options]
   * @returns {Promise<import("./types.cjs").PutReply>}
   */
  async putIf(key, value, modRevision, options) {
    const given = callOptions(arguments, 3, ...PUT_OPTIONS);
    const pair = [...bytes("key", key), ...bytes("value", value)];
    const revision = integer("modRevision", modRevision);
    return askBytes(this, given, etcd.putIf, ...pair, revision, leaseId(given.lease), flagsOf(given));
  }

  /**
   * Deletes a key, or all keys of a range.
   *
   * @param {Bytes} key
   * @param {import("./types.cjs").DeleteRangeOptions} [options]
   * @returns {Promise<import("./types.cjs").DeleteRangeReply>}
   */
  async deleteRange(key, options) {
    const given = callOptions(arguments, 1, "rangeEnd", "prefix", "prevKv");
    const extent = [...bytes("key", key), ...bytes("rangeEnd", given.rangeEnd)];
    return askBytes(this, given, etcd.deleteRange, ...extent, flagsOf(given));
  }

  /**
   * Deletes a key only if it was changed last at that revision.
   *
   * @param {Bytes} key
   * @param {number} modRevision
   * @param {CallOptions} [options]
   * @returns {Promise<import("./types.cjs").DeleteRangeReply>}
   */
  async deleteIf(key, modRevision, options) {
    const given = callOptions(arguments, 2);
    return askBytes(this, given, etcd.deleteIf, ...bytes("key", key), integer("modRevision", modRevision));
  }

  /**
   * Carries out a transaction:
   *
   *     const { succeeded } = await client.txn({
   *       compare: [{ key: "to", version: 0 }],
   *       success: [{ request_put: { key: "to", value: "1" } }, { request_delete_range: { key: "from" } }],
   *     });
   *
   * @param {import("./types.cjs").Txn} txn
   * @param {CallOptions} [options]
   * @returns {Promise<import("./types.cjs").TxnReply>}
   */
  async txn(txn, options) {
    const given = callOptions(arguments, 1);
    return askBytes(this, given, etcd.txn, json("txn", txn));
  }

  /**
   * Makes any call of etcd's v3 API: `client.call("maintenance/status")`. Its members are etcd's, in snake_case.
   *
   * @param {string} method what etcd's JSON gateway calls it
   * @param {Record<string, any>} [request]
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  async call(method, request, options) {
    const given = callOptions(arguments, 2);
    return askBytes(this, given, etcd.call, string("method", method), json("request", request ?? {}));
  }

  // -- leases, locks, elections, mirrors --

  /**
   * Grants a lease and keeps it alive until it is closed. Over v3 only.
   *
   * @param {number} [ttl] seconds that it lives without being kept alive; 10 if it is left out
   * @param {CallOptions} [options]
   */
  async lease(ttl, options) {
    const given = callOptions(arguments, 1);
    return new Lease(await open(this, given, freeLater(etcd.leaseFree), etcd.leaseOpen, seconds(ttl)));
  }

  /**
   * Writes a key that must not be there, and keeps it there until what is returned is closed: a service's address, say.
   * If it is lost it is written again. `Code.KEY_EXISTS`: another holds it.
   *
   * @param {string} key
   * @param {string} value
   * @param {import("./types.cjs").RegisterOptions} [options]
   */
  async register(key, value, options) {
    const given = callOptions(arguments, 2, "ttl");
    const args = [string("key", key), string("value", value), seconds(given.ttl)];
    return new Lease(await open(this, given, freeLater(etcd.leaseFree), etcd.register, ...args));
  }

  /**
   * Stands in line for a lock, and waits until it is held; it is to be closed. Who is given up leaves the line.
   *
   * @param {string} name a path like "/locks/backup"
   * @param {import("./types.cjs").LockOptions} [options]
   * @returns {Promise<Lock>}
   */
  async lock(name, options) {
    const given = callOptions(arguments, 1, "value", "ttl", "try");
    const args = [string("name", name), optionalString("value", given.value), seconds(given.ttl), flagsOf(given)];
    const abandoned = new AbortController();
    const begin = async () => {
      const lock = new Lock(await open(this, {}, () => {}, etcd.lockOpen, ...args));
      try {
        return await held(lock, abandoned.signal);
      } catch (error) {
        await lock.close();
        throw error;
      }
    };
    return within(given, begin, () => abandoned.abort());
  }

  /**
   * Calls a function while a lock is held, and gives it up afterwards. The lock's `signal` tells of its loss, which is
   * an error at the end, too:
   *
   *     await client.withLock("/locks/backup", async (lock) => {
   *       await fetch(url, { method: "POST", headers: { token: String(lock.token) }, signal: lock.signal });
   *     });
   *
   * @template T
   * @overload
   * @param {string} name
   * @param {(lock: Lock) => T | Promise<T>} body
   * @returns {Promise<T>} what the function returns
   */
  /**
   * @template T
   * @overload
   * @param {string} name
   * @param {import("./types.cjs").LockOptions} options
   * @param {(lock: Lock) => T | Promise<T>} body
   * @returns {Promise<T>}
   */
  /**
   * @param {string} name
   * @param {any} options
   * @param {any} [body]
   */
  async withLock(name, options, body) {
    optionsOf(arguments, 3);
    const [limits, work] = body === undefined ? [undefined, options] : [options, body];
    if (typeof work !== "function") throw invalid("body: must be a function");
    const lock = await this.lock(name, limits);
    try {
      const result = await work(lock);
      if (lock.loss) throw lock.loss;
      return result;
    } finally {
      await lock.close();
    }
  }

  /**
   * Watches who holds a lock, or leads an election: who does now, and then each change.
   *
   * @param {string} name
   * @param {CallOptions} [options] as of `watchLoop`
   * @returns {Promise<Watch<import("./types.cjs").LeaderEvent>>}
   */
  async leaderWatch(name, options) {
    const given = callOptions(arguments, 1);
    const watcher = await open(this, given, etcd.watchFree, etcd.leaderWatch, string("name", name));
    return new Watch(watcher, given.signal);
  }

  /**
   * Holds a directory in memory and keeps it up to date, until it is closed.
   *
   * @param {string} key
   * @param {CallOptions} [options]
   */
  async mirror(key, options) {
    const given = callOptions(arguments, 1);
    return new Mirror(await open(this, given, etcd.mirrorFree, etcd.mirrorOpen, string("key", key)), key);
  }
}

const PUT_OPTIONS = ["lease", "prevKv", "ignoreValue", "ignoreLease"];

/** How long, in seconds, what is held stays without a word of its holder. */
const DEFAULT_TTL = 10;

/** @param {number | null} [ttl] */
function seconds(ttl) {
  return integer("ttl", ttl ?? DEFAULT_TTL);
}

/** @param {(handle: any) => Promise<void>} free asks a server, too */
function freeLater(free) {
  return (/** @type {any} */ handle) => inTurn(() => free(handle));
}

module.exports = { Client, connect, connectConfig };
