"use strict";

const { poll } = require("./library.cjs");

/** A descriptor for which any number may wait; libuv takes each but once. Who waits keeps the process alive. */
class Descriptor {
  #fd;
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /** @type {{ close(): void } | undefined} */
  #poll;

  /** @param {() => number} fd is asked for it when it is needed first */
  constructor(fd) {
    this.#fd = fd;
  }

  /**
   * Waits until it is readable, or `wake` is called.
   *
   * @param {AbortSignal | null} [signal] ends the waiting, without an error
   * @returns {Promise<void>}
   */
  readable(signal) {
    return new Promise((resolve) => {
      const done = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(done);
        if (this.#waiting.size === 0) this.#stop();
        done();
      };
      if (signal?.aborted) return resolve();
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.add(done);
      this.#poll ??= poll(this.#fd(), () => this.wake());
    });
  }

  /** Has all who wait go on. To be called before the descriptor is closed, which libuv polls. */
  wake() {
    const woken = [...this.#waiting];
    this.#waiting.clear();
    this.#stop();
    for (const done of woken) done();
  }

  #stop() {
    this.#poll?.close();
    this.#poll = undefined;
  }
}

module.exports = { Descriptor };
