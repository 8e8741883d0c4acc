/**
 * A client for etcd's v2 API: libetcd, called through koffi.
 *
 *     import { connect } from "./etcd.js";
 *
 *     const client = await connect("127.0.0.1", 2379);
 *     await client.set("/app/greeting", "Hello World", { ttl: 60 });
 *     const { node } = await client.get("/app/greeting");
 *     client.close();
 *
 * A reply is etcd's own, decoded; an error is thrown as an `EtcdError`.
 *
 * What waits for a server does so on a thread of libuv's pool, never in the event loop. That pool has 4 threads
 * unless UV_THREADPOOL_SIZE says otherwise; further calls wait for their turn. A watch that waits occupies none.
 */

import { promisify } from "node:util";
import koffi from "koffi";

/**
 * @typedef {object} Node
 * @property {string} key
 * @property {string} [value] a directory has none
 * @property {boolean} [dir]
 * @property {Node[]} [nodes] what is in a directory, where that was read, too
 * @property {number} modifiedIndex
 * @property {number} createdIndex
 * @property {number} [ttl] seconds left
 * @property {string} [expiration]
 *
 * @typedef {object} Reply
 * @property {string} action
 * @property {Node} node
 * @property {Node} [prevNode] what was there before
 * @property {{ after: number, before: number }} [missed] with the action "resync" of a watch
 * @property {{ clusterId?: string, etcdIndex?: number, raftIndex?: number, raftTerm?: number }} header
 *
 * @typedef {object} Member
 * @property {string} id
 * @property {string} name
 * @property {string[]} peerURLs
 * @property {string[]} clientURLs
 *
 * @typedef {object} WatchOptions
 * @property {boolean} [recursive] all below the key, too
 * @property {number} [waitIndex] the first change of interest, past ones included; else from now on
 * @property {AbortSignal} [signal] ends the watch; its reason is thrown then
 */

// ---- the library ----

const library = koffi.load("libetcd.so.0");

/**
 * @param {string} name
 * @param {any} result
 * @param {any[]} parameters
 */
function declare(name, result, ...parameters) {
  return library.func(`etcd_${name}`, result, parameters);
}

/** How many calls more may be handed to koffi, which throws at the 257th; the others queue here. */
const turns = {
  left: 64,
  /** @type {(() => void)[]} */
  queue: [],

  /** @returns {Promise<void> | undefined} */
  take() {
    if (this.left === 0) return new Promise((resolve) => this.queue.push(resolve));
    this.left--;
  },

  give() {
    const next = this.queue.shift();
    if (next) next();
    else this.left++;
  },
};

/**
 * Declares a function that waits for a server, and so is called on a thread of the pool.
 *
 * @param {string} name
 * @param {any} result
 * @param {any[]} parameters
 * @returns {(...args: any[]) => Promise<any>}
 */
function declareAsync(name, result, ...parameters) {
  const call = promisify(declare(name, result, ...parameters).async);
  return async (...args) => {
    await turns.take();
    try {
      return await call(...args);
    } finally {
      turns.give();
    }
  };
}

// koffi makes a string of a text that the library gives, then has the text freed.
const text = koffi.disposable("str", declare("free", "void", "void *"));
const out = koffi.out(koffi.pointer(text));
const handle = "void *";
const [str, ttl, index, flags] = ["str", "int64", "uint64", "uint32"];

const etcd = {
  connect: declare("connect", handle, str, "uint16", str, out),
  disconnect: declare("disconnect", "void", handle),
  configNew: declare("config_new", handle),
  configSet: declare("config_set", "void", handle, str, str),
  configFree: declare("config_free", "void", handle),
  connectConfig: declareAsync("connect_config", handle, handle, out),

  get: declareAsync("get", text, handle, str, flags),
  set: declareAsync("set", text, handle, str, str, ttl, flags),
  create: declareAsync("create", text, handle, str, str, ttl),
  update: declareAsync("update", text, handle, str, str, ttl),
  refresh: declareAsync("refresh", text, handle, str, ttl),
  setDir: declareAsync("setdir", text, handle, str, ttl),
  createDir: declareAsync("createdir", text, handle, str, ttl),
  updateDir: declareAsync("updatedir", text, handle, str, ttl),
  delete: declareAsync("delete", text, handle, str),
  deleteDir: declareAsync("deletedir", text, handle, str, flags),
  exists: declareAsync("exists", "int", handle, str, out),
  cas: declareAsync("cas", text, handle, str, str, str, index, ttl),
  cad: declareAsync("cad", text, handle, str, str, index),

  watchOpen: declareAsync("watch_open", handle, handle, str, flags, index, out),
  watchNext: declare("watch_next", text, handle, "int64"),
  watchEnded: declare("watch_ended", "int", handle),
  watchFd: declare("watch_fd", "int", handle),
  watchStop: declare("watch_stop", "void", handle),
  watchFree: declare("watch_free", "void", handle),

  machines: declareAsync("machines", text, handle),
  members: declareAsync("members", text, handle),
  sync: declareAsync("sync", text, handle),
  leader: declareAsync("leader", text, handle),
  stats: declareAsync("stats", text, handle, str),
  serverVersion: declareAsync("server_version", text, handle),
  health: declareAsync("health", text, handle),
  request: declareAsync("request", text, handle, str, str, str, str),
};

const RECURSIVE = 1;
const SORTED = 2;
const QUORUM = 4;
const ORDERED = 8;
const NO_VALUE_ON_SUCCESS = 16;

// ---- errors, replies, arguments ----

/** The codes of those errors that programs tell apart; etcd.h has them all. */
export const Code = Object.freeze({
  KEY_NOT_FOUND: 100,
  COMPARE_FAILED: 101,
  NOT_FILE: 102,
  NOT_DIRECTORY: 104,
  KEY_EXISTS: 105,
  ROOT_READ_ONLY: 107,
  DIRECTORY_NOT_EMPTY: 108,
  RAFT_INTERNAL: 300,
  INVALID_ARGUMENT: 1001,
  UNAVAILABLE: 1002,
  TIMEOUT: 1003,
  OUTCOME_UNKNOWN: 1004,
  HTTP: 1005,
  BAD_RESPONSE: 1006,
  TLS: 1007,
  UNAUTHENTICATED: 1008,
  CANCELLED: 1009,
  UNSUPPORTED: 1010,
  INTERNAL: 1099,
});

/** An error of etcd's; from code 1000 up one of the library's. */
export class EtcdError extends Error {
  static {
    this.prototype.name = "EtcdError";
  }

  /** @param {{ errorCode: number, message: string, cause: string, index?: number, status?: number }} error */
  constructor({ errorCode, message, cause, index = 0, status }) {
    super(message, { cause });
    /** `Code.KEY_NOT_FOUND`, say. */
    this.code = errorCode;
    /** Where etcd's history stood; 0 in an error of the library's. */
    this.index = index;
    /** The HTTP status, where a server has answered. */
    this.status = status;
  }

  /** `EtcdError: Key already exists - /mykey (105)` */
  toString() {
    return `${this.name}: ${this.message}${this.cause ? ` - ${this.cause}` : ""} (${this.code})`;
  }
}

/** @param {string} text */
function decode(text) {
  const reply = JSON.parse(text);
  if (reply?.errorCode) throw new EtcdError(reply);
  return reply;
}

/**
 * Calls a function whose last parameter is where to put an error.
 *
 * @param {(...args: any[]) => any} call
 * @param {any[]} args
 */
async function withError(call, ...args) {
  const error = [null];
  const result = await call(...args, error);
  if (error[0] !== null) decode(error[0]);
  return result;
}

// Arguments are checked before koffi sees them, which takes 1.5 for 1, NaN for 0 and a lone surrogate for U+FFFD,
// and crashes where an asynchronous call has an argument of another type. C would cut a string at a NUL.

/**
 * @param {string} name
 * @param {string} value
 */
function string(name, value) {
  if (typeof value !== "string") throw invalid(`${name}: must be a string`);
  if (/[\0\p{Surrogate}]/u.test(value)) throw invalid(`${name}: must not contain NUL or a lone surrogate`);
  return value;
}

/**
 * @param {string} name
 * @param {string | undefined} value
 */
function optionalString(name, value) {
  return value === undefined ? null : string(name, value);
}

/**
 * @param {string} name
 * @param {number} value
 */
function integer(name, value) {
  if (!Number.isSafeInteger(value)) throw invalid(`${name}: must be a safe integer`);
  return value;
}

/** @param {string} cause */
function invalid(cause) {
  return new EtcdError({ errorCode: Code.INVALID_ARGUMENT, message: "Invalid argument; nothing was sent", cause });
}

// ---- the client ----

/**
 * Makes a client for one server. Nothing is sent yet: that it cannot be reached is told by the first call.
 *
 * @param {string} [host]
 * @param {number} [port]
 */
export async function connect(host = "127.0.0.1", port = 2379) {
  if (port !== (port & 0xffff)) throw invalid("port: must be an integer from 0 to 65535");
  return new Client(await withError(etcd.connect, string("host", host), port, "v2"));
}

/**
 * Makes a client as configured, with the names of etcd.h:
 *
 *     connectConfig({ endpoints: ["https://10.0.0.1:2379", "https://10.0.0.2:2379"], "tls.ca_file": "ca.pem" })
 *
 * @param {Record<string, string | number | boolean | string[]>} settings
 */
export async function connectConfig(settings) {
  const config = etcd.configNew();
  try {
    for (const [name, value] of Object.entries(settings)) {
      etcd.configSet(config, string("name", name), string(name, String(value)));
    }
    return new Client(await withError(etcd.connectConfig, config));
  } finally {
    etcd.configFree(config);
  }
}

/** A client of an etcd cluster; `connect` and `connectConfig` make one. */
export class Client {
  /** Stays after `close`: the library knows which handles live, and answers with error 1001. */
  #handle;

  /** @param {bigint} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  /** Ends the client: calls under way fail with error 1009, watches end. */
  close() {
    // Not on a thread of the pool, for all of those may be busy with the calls that this ends.
    etcd.disconnect(this.#handle);
  }

  [Symbol.dispose]() {
    this.close();
  }

  /**
   * @param {(...args: any[]) => Promise<string>} call
   * @param {any[]} args
   */
  async #ask(call, ...args) {
    return decode(await call(this.#handle, ...args));
  }

  // -- keys --

  /**
   * Reads a key, or lists a directory.
   *
   * @param {string} key
   * @param {{ recursive?: boolean, sorted?: boolean, quorum?: boolean }} [options]
   * @returns {Promise<Reply>}
   */
  async get(key, { recursive, sorted, quorum } = {}) {
    const flags = (recursive ? RECURSIVE : 0) | (sorted ? SORTED : 0) | (quorum ? QUORUM : 0);
    return this.#ask(etcd.get, string("key", key), flags);
  }

  /**
   * Writes a key, whether or not it exists; if `ordered`, a new one in that directory.
   *
   * @param {string} key
   * @param {string} value
   * @param {{ ttl?: number, ordered?: boolean, noValueOnSuccess?: boolean }} [options]
   * @returns {Promise<Reply>}
   */
  async set(key, value, { ttl = 0, ordered, noValueOnSuccess } = {}) {
    const flags = (ordered ? ORDERED : 0) | (noValueOnSuccess ? NO_VALUE_ON_SUCCESS : 0);
    return this.#ask(etcd.set, string("key", key), string("value", value), integer("ttl", ttl), flags);
  }

  /**
   * Writes a key only if it does not exist yet.
   *
   * @param {string} key
   * @param {string} value
   * @param {{ ttl?: number }} [options]
   * @returns {Promise<Reply>}
   */
  async create(key, value, { ttl = 0 } = {}) {
    return this.#ask(etcd.create, string("key", key), string("value", value), integer("ttl", ttl));
  }

  /**
   * Writes a key only if it exists.
   *
   * @param {string} key
   * @param {string} value
   * @param {{ ttl?: number }} [options]
   * @returns {Promise<Reply>}
   */
  async update(key, value, { ttl = 0 } = {}) {
    return this.#ask(etcd.update, string("key", key), string("value", value), integer("ttl", ttl));
  }

  /**
   * Gives a key a new time to live; its value stays, and watches are not told.
   *
   * @param {string} key
   * @param {number} ttl
   * @returns {Promise<Reply>}
   */
  async refresh(key, ttl) {
    return this.#ask(etcd.refresh, string("key", key), integer("ttl", ttl));
  }

  /**
   * Makes a directory, also in place of a value.
   *
   * @param {string} key
   * @param {{ ttl?: number }} [options]
   * @returns {Promise<Reply>}
   */
  async setDir(key, { ttl = 0 } = {}) {
    return this.#ask(etcd.setDir, string("key", key), integer("ttl", ttl));
  }

  /**
   * Makes a directory only if nothing is there yet.
   *
   * @param {string} key
   * @param {{ ttl?: number }} [options]
   * @returns {Promise<Reply>}
   */
  async createDir(key, { ttl = 0 } = {}) {
    return this.#ask(etcd.createDir, string("key", key), integer("ttl", ttl));
  }

  /**
   * Gives a directory a new time to live.
   *
   * @param {string} key
   * @param {{ ttl?: number }} [options]
   * @returns {Promise<Reply>}
   */
  async updateDir(key, { ttl = 0 } = {}) {
    return this.#ask(etcd.updateDir, string("key", key), integer("ttl", ttl));
  }

  /**
   * Deletes a key.
   *
   * @param {string} key
   * @returns {Promise<Reply>}
   */
  async delete(key) {
    return this.#ask(etcd.delete, string("key", key));
  }

  /**
   * Deletes a directory; if `recursive`, with all that is in it.
   *
   * @param {string} key
   * @param {{ recursive?: boolean }} [options]
   * @returns {Promise<Reply>}
   */
  async deleteDir(key, { recursive } = {}) {
    return this.#ask(etcd.deleteDir, string("key", key), recursive ? RECURSIVE : 0);
  }

  /**
   * Tells whether a key or a directory exists.
   *
   * @param {string} key
   * @returns {Promise<boolean>}
   */
  async exists(key) {
    return (await withError(etcd.exists, this.#handle, string("key", key))) === 1;
  }

  /**
   * Compare-and-swap: writes a key only if it has that value, that `modifiedIndex`, or both.
   *
   * @param {string} key
   * @param {string} value
   * @param {{ prevValue?: string, prevIndex?: number, ttl?: number }} options
   * @returns {Promise<Reply>}
   */
  async cas(key, value, { prevValue, prevIndex = 0, ttl = 0 }) {
    return this.#ask(
      etcd.cas,
      string("key", key),
      string("value", value),
      optionalString("prevValue", prevValue),
      integer("prevIndex", prevIndex),
      integer("ttl", ttl),
    );
  }

  /**
   * Compare-and-delete: deletes a key only if it has that value, that `modifiedIndex`, or both.
   *
   * @param {string} key
   * @param {{ prevValue?: string, prevIndex?: number }} options
   * @returns {Promise<Reply>}
   */
  async cad(key, { prevValue, prevIndex = 0 }) {
    return this.#ask(
      etcd.cad,
      string("key", key),
      optionalString("prevValue", prevValue),
      integer("prevIndex", prevIndex),
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
    for await (const event of await this.watchLoop(key, options)) return event;
    const cause = "the client was closed";
    throw new EtcdError({ errorCode: Code.CANCELLED, message: "The call was given up", cause });
  }

  /**
   * Watches for every change from the moment the promise is fulfilled:
   *
   *     for await (const { action, node } of await client.watchLoop("/app", { recursive: true })) {
   *       console.log(action, node.key);
   *     }
   *
   * @param {string} key
   * @param {WatchOptions} [options]
   */
  async watchLoop(key, { recursive, waitIndex = 0, signal } = {}) {
    signal?.throwIfAborted();
    const flags = recursive ? RECURSIVE : 0;
    const index = integer("waitIndex", waitIndex);
    return new Watch(await withError(etcd.watchOpen, this.#handle, string("key", key), flags, index), signal);
  }

  // -- the cluster --

  /**
   * Lists the client URLs of all members.
   *
   * @returns {Promise<string[]>}
   */
  async machines() {
    return this.#ask(etcd.machines);
  }

  /**
   * Lists the members, by their ids.
   *
   * @returns {Promise<Record<string, Member>>}
   */
  async members() {
    return this.#ask(etcd.members);
  }

  /**
   * Takes the members' client URLs for endpoints, too.
   *
   * @returns {Promise<string[]>} all endpoints
   */
  async sync() {
    return this.#ask(etcd.sync);
  }

  /**
   * Tells which member leads.
   *
   * @returns {Promise<Member>}
   */
  async leader() {
    return this.#ask(etcd.leader);
  }

  /**
   * Reads statistics.
   *
   * @param {"store" | "self" | "leader"} kind
   * @returns {Promise<Record<string, any>>}
   */
  async stats(kind) {
    return this.#ask(etcd.stats, string("kind", kind));
  }

  /** @returns {Promise<{ etcdserver: string, etcdcluster: string }>} */
  async serverVersion() {
    return this.#ask(etcd.serverVersion);
  }

  /** @returns {Promise<{ health: string }>} */
  async health() {
    return this.#ask(etcd.health);
  }

  /**
   * Sends any other request.
   *
   * @param {string} method
   * @param {string} path with its query, percent-encoded
   * @param {{ body?: string, contentType?: string }} [options]
   * @returns {Promise<any>}
   */
  async request(method, path, { body, contentType } = {}) {
    return this.#ask(
      etcd.request,
      string("method", method),
      string("path", path),
      optionalString("body", body),
      optionalString("contentType", contentType),
    );
  }
}

// ---- watches ----

/**
 * The changes of what is watched, as an async iterator. It ends when it is stopped, when the loop over it is left, or
 * when the client is closed; one that is not iterated to its end is to be closed.
 */
export class Watch {
  /**
   * Null once it is freed, which to the library is a watch that has ended.
   *
   * @type {bigint | null}
   */
  #watcher;
  #signal;
  #changes = this.#fetch();
  #wake = () => {};
  #abort = () => this.close();

  /**
   * @param {bigint} watcher
   * @param {AbortSignal} [signal]
   */
  constructor(watcher, signal) {
    this.#watcher = watcher;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.close();
  }

  /** Ends the watch. The changes that it has already are still handed out. */
  stop() {
    etcd.watchStop(this.#watcher);
  }

  /** Ends the watch and the loop over it, and frees it. */
  close() {
    this.#wake(); // before the descriptor is closed, which libuv polls
    etcd.watchFree(this.#watcher);
    this.#watcher = null;
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  [Symbol.dispose]() {
    this.close();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    return this.#changes.next();
  }

  return() {
    this.close();
    return this.#changes.return();
  }

  /** @returns {AsyncGenerator<Reply, void, void>} */
  async *#fetch() {
    try {
      for (;;) {
        const event = etcd.watchNext(this.#watcher, 0);
        if (event !== null) yield decode(event);
        else if (etcd.watchEnded(this.#watcher)) break;
        else await this.#readable();
      }
      this.#signal?.throwIfAborted();
    } finally {
      this.close();
    }
  }

  /**
   * Waits for an event, or the end: libuv polls the watch's descriptor as it does a socket's, which takes no thread
   * and keeps the process alive. (Callbacks that koffi relays to the event loop would deliver events before anybody
   * asks for them, and hold up a thread of the library meanwhile.) koffi does not document `node.poll` yet: that is
   * why package.json asks for one version of it only.
   *
   * @returns {Promise<void>}
   */
  #readable() {
    return new Promise((resolve) => {
      const poll = koffi.node.poll(etcd.watchFd(this.#watcher), () => this.#wake());
      this.#wake = () => {
        poll.close();
        resolve();
      };
    });
  }
}
