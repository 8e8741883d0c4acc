/**
 * Arguments are checked before koffi sees them, which takes 1.5 for 1, NaN for 0 and a lone surrogate for U+FFFD, and
 * crashes where an asynchronous call has an argument of another type. C would cut a string at a NUL.
 */

"use strict";

const { invalid } = require("./error.cjs");

/**
 * @param {string} name
 * @param {any} value
 * @returns {string}
 */
function string(name, value) {
  if (typeof value !== "string") throw invalid(`${name}: must be a string`);
  if (/[\0\p{Surrogate}]/u.test(value)) throw invalid(`${name}: must not contain NUL or a lone surrogate`);
  return value;
}

/**
 * @param {string} name
 * @param {any} [value]
 */
function optionalString(name, value) {
  return value === undefined || value === null ? null : string(name, value);
}

/**
 * @param {string} name
 * @param {any} value
 * @returns {number}
 */
function integer(name, value) {
  if (!Number.isSafeInteger(value)) throw invalid(`${name}: must be a safe integer`);
  return value;
}

/**
 * @param {string} name
 * @param {any} [value]
 */
function optionalInteger(name, value) {
  return integer(name, value ?? 0);
}

/**
 * The id of a lease, of which not all are safe integers: a `Lease`, its `id`, or a bigint.
 *
 * @param {any} [value]
 */
function leaseId(value) {
  if (value === undefined || value === null) return 0n;
  try {
    const id = BigInt(typeof value === "object" ? value.id : value);
    if (BigInt.asIntN(64, id) === id) return id;
  } catch {
    // not a whole number
  }
  throw invalid("lease: must be a Lease or the id of one");
}

/**
 * One string, or several in the form in which the library takes them.
 *
 * @param {string} name
 * @param {any} value
 */
function list(name, value) {
  return Array.isArray(value) ? value.map((one) => string(name, one)).join() : string(name, value);
}

/**
 * Bytes and their length. They are copied: they may change while the call is under way.
 *
 * @param {string} name
 * @param {any} [value]
 * @returns {[Buffer | null, number]}
 */
function bytes(name, value) {
  if (value === undefined || value === null) return [null, 0];
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value)) throw invalid(`${name}: must not contain a lone surrogate`);
  } else if (!(value instanceof Uint8Array)) throw invalid(`${name}: must be a string or a Uint8Array`);
  const copy = Buffer.from(value);
  return copy.length === 0 ? [null, 0] : [copy, copy.length];
}

/**
 * A request as JSON, in which bytes are base64 and a lease is its id.
 *
 * @param {string} name
 * @param {any} value
 */
function json(name, value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${name}: must be an object`);
  return JSON.stringify(encoded(value));
}

/**
 * @param {any} value
 * @returns {any}
 */
function encoded(value) {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(encoded);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined && member !== null)
      .map(([name, member]) => {
        if (member instanceof Uint8Array) return [`${name}_base64`, Buffer.from(member).toString("base64")];
        return [name, encoded(name === "lease" ? String(leaseId(member)) : member)];
      }),
  );
}

/**
 * The options of a call that has so many arguments before them. What the call does not have is refused: it would be
 * dropped, and a body or a time to live with it.
 *
 * @param {IArguments} given
 * @param {number} count
 * @param {string[]} names
 * @returns {any}
 */
function optionsOf(given, count, ...names) {
  const most = names.length > 0 ? count + 1 : count;
  if (given.length > most) throw invalid(`argument ${most + 1}: there is none, the call takes at most ${most}`);
  const options = (names.length > 0 && given[count]) || {};
  if (typeof options !== "object" || Array.isArray(options)) {
    throw invalid(`argument ${count + 1}: must be an object with ${names.join(", ")}`);
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(`${unknown}: no option of this call`);
  if (options.signal && typeof options.signal.throwIfAborted !== "function") {
    throw invalid("signal: must be an AbortSignal");
  }
  const { timeout } = options;
  if (timeout !== undefined && timeout !== null && !(integer("timeout", timeout) >= 1 && timeout <= 3_600_000)) {
    throw invalid("timeout: must be from 1 to 3600000 ms");
  }
  return options;
}

/**
 * The options of a call that can be limited in time and given up.
 *
 * @param {IArguments} given
 * @param {number} count
 * @param {string[]} names
 */
function callOptions(given, count, ...names) {
  return optionsOf(given, count, ...names, "timeout", "signal");
}

/** @type {Record<string, number>} */
const FLAGS = {
  recursive: 1,
  sorted: 2,
  quorum: 4,
  ordered: 8,
  noValueOnSuccess: 16,
  prefix: 256,
  keysOnly: 512,
  countOnly: 1024,
  descending: 2048,
  prevKv: 4096,
  ignoreValue: 8192,
  ignoreLease: 16384,
  noPut: 32768,
  noDelete: 65536,
  serializable: 262144,
  try: 524288,
};

/** @param {Record<string, any>} options */
function flagsOf(options) {
  return Object.keys(options).reduce((flags, name) => flags | (options[name] ? (FLAGS[name] ?? 0) : 0), 0);
}

/** @param {{ read?: boolean, write?: boolean }} options */
function accessOf({ read, write }) {
  return (read ? 1 : 0) | (write ? 2 : 0);
}

/**
 * Settings as the library takes them; what is null or undefined has its default.
 *
 * @param {any} settings
 * @returns {Map<string, string>}
 */
function settingsOf(settings) {
  if (typeof settings !== "object" || settings === null) throw invalid("settings: must be an object");
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== null);
  return new Map(given.map(([name, value]) => [string("name", name), setting(name, value)]));
}

/**
 * @param {string} name
 * @param {any} value
 */
function setting(name, value) {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return String(integer(name, value));
  return list(name, value);
}

module.exports = {
  accessOf,
  bytes,
  callOptions,
  flagsOf,
  integer,
  json,
  leaseId,
  list,
  optionalInteger,
  optionalString,
  optionsOf,
  settingsOf,
  string,
};
