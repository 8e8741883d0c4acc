"use strict";

const { decode } = require("./error.cjs");
const { Descriptor } = require("./descriptor.cjs");
const { etcd } = require("./library.cjs");

/**
 * The changes of what is watched, as an async iterator. It ends when it is stopped, when the loop over it is left, or
 * when the client is closed; one that is not iterated to its end is to be closed.
 *
 * @template [Event=import("./types.cjs").Reply]
 */
class Watch {
  /**
   * Null once it is freed, which to the library is a watch that has ended.
   *
   * @type {any}
   */
  #watcher;
  #signal;
  #decode;
  #changes = this.#fetch();
  #descriptor = new Descriptor(() => etcd.watchFd(this.#watcher));
  #abort = () => this.close();

  /**
   * @internal
   * @param {any} watcher
   * @param {AbortSignal | null} [signal]
   * @param {(text: string) => any} [decoder]
   */
  constructor(watcher, signal, decoder = decode) {
    this.#watcher = watcher;
    this.#signal = signal;
    this.#decode = decoder;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.close();
  }

  /** Ends the watch. The changes that it has already are still handed out. */
  stop() {
    etcd.watchStop(this.#watcher);
  }

  /** Ends the watch and the loop over it, and frees it. */
  close() {
    this.#descriptor.wake();
    etcd.watchFree(this.#watcher);
    this.#watcher = null;
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    this.close();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** The next change; once the watch has ended, `{ done: true }`. */
  next() {
    return this.#changes.next();
  }

  return() {
    this.close();
    return this.#changes.return();
  }

  /** @returns {AsyncGenerator<Event, void, void>} */
  async *#fetch() {
    try {
      for (;;) {
        const event = etcd.watchNext(this.#watcher, 0);
        if (event !== null) yield this.#decode(event);
        else if (etcd.watchEnded(this.#watcher)) break;
        else await this.#descriptor.readable();
      }
      this.#signal?.throwIfAborted();
    } finally {
      this.close();
    }
  }
}

module.exports = { Watch };
