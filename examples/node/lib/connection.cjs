/** What every call of a client goes through: its turn, its limits, its handle. */

"use strict";

const { inspect } = require("node:util");
const { decode, decodeBytes, made, withError } = require("./error.cjs");
const { etcd } = require("./library.cjs");
const { inTurn, turns, within } = require("./turns.cjs");

/** @typedef {import("./types.cjs").CallOptions} CallOptions */

/** @type {(connection: Connection) => any} */
let handleOf;
/** @type {(connection: Connection) => string} */
let endpointsOf;

/** A client's handle, and its end. */
class Connection {
  /** Stays after `close`: the library knows which handles live, and answers with error 1001. */
  #handle;
  #endpoints;
  #isClosed = false;

  /**
   * @internal
   * @param {any} handle
   * @param {string} endpoints
   */
  constructor(handle, endpoints) {
    this.#handle = handle;
    this.#endpoints = endpoints;
  }

  /** The endpoints, and nothing of the password. */
  toString() {
    return `Client <${this.#endpoints}>${this.#isClosed ? " (closed)" : ""}`;
  }

  [inspect.custom]() {
    return this.toString();
  }

  /** Ends the client and those derived of it: calls under way fail with error 1009, watches end. */
  close() {
    // Not on a thread of the pool, for all of those may be busy with the calls that this ends.
    this.#isClosed = true;
    etcd.disconnect(this.#handle);
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    this.close();
  }

  static {
    handleOf = (connection) => connection.#handle;
    endpointsOf = (connection) => connection.#endpoints;
  }
}

/**
 * A configuration, which the caller frees.
 *
 * @param {Map<string, string>} settings
 */
function configOf(settings) {
  const config = etcd.configNew();
  for (const [name, value] of settings) etcd.configSet(config, name, value); // an error is remembered
  return config;
}

/**
 * The handle of a derived client.
 *
 * @param {Connection} connection
 * @param {Map<string, string>} settings
 */
function derive(connection, settings) {
  const changes = configOf(settings);
  try {
    return made(etcd.with, handleOf(connection), changes);
  } finally {
    etcd.configFree(changes);
  }
}

/**
 * Calls a function that asks a server. One that is limited has a client of its own, which shares the connections: its
 * end is the call's.
 *
 * @template T
 * @param {Connection} connection
 * @param {CallOptions} limits
 * @param {(...args: any[]) => Promise<T>} call
 * @param {any[]} args
 * @returns {Promise<T>}
 */
function carryOut(connection, { timeout, signal }, call, ...args) {
  const start = performance.now();
  const isLimited = Boolean(timeout || signal);
  /** @type {any} */
  let derived = null;
  const begin = async () => {
    await turns.take(timeout ?? undefined);
    try {
      if (!isLimited) return await call(handleOf(connection), ...args);
      signal?.throwIfAborted();
      const left = timeout && Math.max(Math.ceil(timeout - (performance.now() - start)), 1);
      derived = derive(connection, new Map(left ? [["timeout.request_ms", String(left)]] : []));
      return await call(derived, ...args);
    } finally {
      etcd.disconnect(derived);
      turns.give();
    }
  };
  return within({ signal }, begin, () => etcd.disconnect(derived));
}

/**
 * Asks, and decodes the reply.
 *
 * @param {Connection} connection
 * @param {CallOptions} limits
 * @param {(...args: any[]) => Promise<string>} call
 * @param {any[]} args
 * @returns {Promise<any>}
 */
async function ask(connection, limits, call, ...args) {
  return decode(await carryOut(connection, limits, call, ...args));
}

/**
 * Asks about the store of v3, whose keys and values are bytes.
 *
 * @param {Connection} connection
 * @param {CallOptions} limits
 * @param {(...args: any[]) => Promise<string>} call
 * @param {any[]} args
 * @returns {Promise<any>}
 */
async function askBytes(connection, limits, call, ...args) {
  return decodeBytes(await carryOut(connection, limits, call, ...args));
}

/**
 * Calls a function that makes a handle, which ends with its client; one that nobody waits for any more is freed.
 *
 * @param {Connection} connection
 * @param {CallOptions} limits
 * @param {(handle: any) => any} free
 * @param {(...args: any[]) => Promise<any>} call
 * @param {any[]} args
 * @returns {Promise<any>}
 */
function open(connection, limits, free, call, ...args) {
  const begin = () => inTurn(() => withError(call, handleOf(connection), ...args));
  return within(limits, begin, (underway) => underway.then(free, () => {}));
}

module.exports = { Connection, ask, askBytes, carryOut, configOf, derive, endpointsOf, open };
