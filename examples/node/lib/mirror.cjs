"use strict";

const { callOptions, optionalInteger, string } = require("./arguments.cjs");
const { cancelled, Code, decode, EtcdError, made } = require("./error.cjs");
const { Descriptor } = require("./descriptor.cjs");
const { etcd } = require("./library.cjs");
const { within } = require("./turns.cjs");
const { Watch } = require("./watch.cjs");

/** @typedef {import("./types.cjs").Node} Node */
/** @typedef {import("./types.cjs").Reply} Reply */

/** @type {number[]} */
const NOT_THERE = [Code.KEY_NOT_FOUND, Code.NOT_DIRECTORY];

/**
 * A directory held in memory and kept up to date: `client.mirror` makes one. It is a read-only map of the keys that
 * have a value, and reading it is no I/O. It goes on with what it has while no server answers.
 *
 *     const config = await client.mirror("/app");
 *     config.get("/app/colour"); // "blue", or undefined
 *     for (const [key, value] of config) console.log(key, value);
 */
class Mirror {
  /** @type {any} null once it is freed, which to the library is a mirror that has ended */
  #mirror;
  #top;
  #descriptor = new Descriptor(() => etcd.mirrorFd(this.#mirror));

  /**
   * @internal
   * @param {any} mirror
   * @param {string} top
   */
  constructor(mirror, top) {
    this.#mirror = mirror;
    this.#top = top;
  }

  // -- a read-only map --

  /**
   * The value of a key; bytes that are not UTF-8 are a `Buffer`. Undefined if it has none.
   *
   * @param {string} key with its whole path
   * @returns {string | Buffer | undefined}
   */
  get(key) {
    const node = this.#found(() => this.read(key));
    return node && valueOf(node);
  }

  /**
   * Whether a key has a value.
   *
   * @param {string} key
   */
  has(key) {
    return this.get(key) !== undefined;
  }

  /** How many keys have a value. */
  get size() {
    return [...this].length;
  }

  /** @returns {IterableIterator<[string, string | Buffer]>} all keys that have a value, as they were at one index */
  entries() {
    const top = this.#found(() => this.list());
    return top ? valuesBelow(top) : [].values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  *keys() {
    for (const [key] of this) yield key;
  }

  *values() {
    for (const [, value] of this) yield value;
  }

  /** @param {(value: string | Buffer, key: string, mirror: Mirror) => void} callback */
  forEach(callback) {
    for (const [key, value] of this) callback(value, key, this);
  }

  /** @param {() => Reply} read */
  #found(read) {
    try {
      return read().node;
    } catch (error) {
      const isNotThere = error instanceof EtcdError && NOT_THERE.includes(error.code);
      if (!isNotThere) throw error;
    }
  }

  // -- as etcd replies --

  /**
   * Reads a key, or lists one level of a directory, as `client.get` does.
   *
   * @param {string} key
   * @returns {Reply}
   */
  read(key) {
    return decode(etcd.mirrorGet(this.#handle(), string("key", key)));
  }

  /**
   * Lists a directory and all below it, sorted.
   *
   * @param {string} [key] else all there is
   * @returns {Reply}
   */
  list(key = this.#top) {
    return decode(etcd.mirrorList(this.#handle(), string("key", key)));
  }

  #handle() {
    if (this.#mirror === null) throw cancelled("mirror: closed already");
    return this.#mirror;
  }

  // -- its changes --

  /**
   * Waits until the mirror has seen an index: with the `header.etcdIndex` of a reply what that reply tells of. So one
   * reads one's own writes.
   *
   * @param {number} index
   * @param {import("./types.cjs").CallOptions} [options]
   * @returns {Promise<void>}
   */
  async wait(index, options) {
    const limits = callOptions(arguments, 1);
    const wanted = optionalInteger("index", index);
    /** @type {Watch<unknown> | undefined} */
    let seen;
    const wait = async () => {
      seen = new Watch(made(etcd.mirrorAwait, this.#handle(), wanted));
      const { done } = await seen.next();
      seen.close();
      if (done) throw cancelled("the mirror has ended");
    };
    return within(limits, wait, () => seen?.close());
  }

  /**
   * Each change from now on, as a watch of the directory has it; when it is handed out the mirror has it already. One
   * loop at a time. It ends with the mirror; an error that ends that is thrown.
   *
   * @param {{ signal?: AbortSignal | null }} [options]
   * @returns {AsyncGenerator<Reply, void, void>}
   */
  async *changes({ signal } = {}) {
    for (;;) {
      signal?.throwIfAborted();
      const event = etcd.mirrorNext(this.#mirror, 0);
      if (event !== null) yield decode(event);
      else if (etcd.mirrorEnded(this.#mirror, 0, 0) === -1) return;
      else await this.#descriptor.readable(signal);
    }
  }

  /** Ends the mirror, and the loop over its changes. */
  close() {
    this.#descriptor.wake();
    etcd.mirrorFree(this.#mirror);
    this.#mirror = null;
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    this.close();
  }
}

/**
 * @param {Node} node
 * @returns {string | Buffer | undefined}
 */
function valueOf({ value, value_base64: base64 }) {
  return base64 === undefined ? value : Buffer.from(base64, "base64");
}

/**
 * @param {Node} node
 * @returns {IterableIterator<[string, string | Buffer]>}
 */
function* valuesBelow(node) {
  const value = valueOf(node);
  if (value !== undefined) yield [node.key, value];
  for (const child of node.nodes ?? []) yield* valuesBelow(child);
}

module.exports = { Mirror };
