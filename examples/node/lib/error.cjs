/** Errors, and how replies become results. */

"use strict";

/** The codes of those errors that programs tell apart; etcd.h has them all. */
const Code = Object.freeze({
  KEY_NOT_FOUND: 100,
  COMPARE_FAILED: 101,
  NOT_FILE: 102,
  NOT_DIRECTORY: 104,
  KEY_EXISTS: 105,
  ROOT_READ_ONLY: 107,
  DIRECTORY_NOT_EMPTY: 108,
  RAFT_INTERNAL: 300,
  WATCHER_CLEARED: 400,
  EVENT_INDEX_CLEARED: 401,
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
  SYSTEM_LIMIT: 1011,
  INTERNAL: 1099,
});

/** An error of etcd's; from code 1000 up one of the library's. */
class EtcdError extends Error {
  static {
    this.prototype.name = "EtcdError";
  }

  /** @param {import("./types.cjs").ErrorReply} error */
  constructor({ errorCode, message, cause, index = 0, status, kv }) {
    // Of handles, which the library speaks of, a program knows nothing.
    super(message, { cause: cause.replace(/^(client|lease|lock|mirror): not a handle.*/, "$1: closed already") });
    /** `Code.KEY_NOT_FOUND`, say. */
    this.code = errorCode;
    /** Where etcd's history stood; 0 in an error of the library's. */
    this.index = index;
    /** The HTTP status, where a server has answered. */
    this.status = status;
    /** The key as it is, where `putIf` or `deleteIf` found another than was asked for (`Code.COMPARE_FAILED`). */
    this.kv = kv;
  }

  /**
   * `EtcdError: Key already exists - /mykey (105)`
   *
   * @override
   */
  toString() {
    return `${this.name}: ${this.message}${this.cause ? ` - ${this.cause}` : ""} (${this.code})`;
  }
}

/** @param {string} cause */
function invalid(cause) {
  return new EtcdError({ errorCode: Code.INVALID_ARGUMENT, message: "Invalid argument; nothing was sent", cause });
}

/** @param {string} cause */
function cancelled(cause) {
  return new EtcdError({ errorCode: Code.CANCELLED, message: "The call was given up", cause });
}

/**
 * @param {string} text
 * @param {(this: any, name: string, value: any) => any} [reviver]
 */
function decode(text, reviver) {
  const reply = JSON.parse(text, reviver);
  if (reply?.errorCode) throw new EtcdError(reply);
  return reply;
}

/** @param {string} text of the store of v3, whose keys and values are bytes */
function decodeBytes(text) {
  return decode(text, bytes);
}

const BYTES = new Set(["key", "value", "range_end"]);

/**
 * Makes a `Buffer` of each key and value, whether the library gave it as text or as base64.
 *
 * @this {any}
 * @param {string} name
 * @param {any} value
 */
function bytes(name, value) {
  if (typeof value !== "string") return value;
  if (BYTES.has(name)) return Buffer.from(value);
  if (!name.endsWith("_base64")) return value;
  this[name.slice(0, -"_base64".length)] = Buffer.from(value, "base64");
}

/**
 * Calls a function whose last parameter is where to put an error.
 *
 * @param {(...args: any[]) => any} call
 * @param {any[]} args
 */
function made(call, ...args) {
  const error = [null];
  const result = call(...args, error);
  if (error[0] !== null) decode(error[0]);
  return result;
}

/**
 * The same with a function that is called on a thread of the pool.
 *
 * @param {(...args: any[]) => Promise<any>} call
 * @param {any[]} args
 */
async function withError(call, ...args) {
  const error = [null];
  const result = await call(...args, error);
  if (error[0] !== null) decode(error[0]);
  return result;
}

module.exports = { Code, EtcdError, cancelled, decode, decodeBytes, invalid, made, withError };
