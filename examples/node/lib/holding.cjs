"use strict";

const { cancelled } = require("./error.cjs");
const { Descriptor } = require("./descriptor.cjs");
const { inTurn } = require("./turns.cjs");

/** What a lease and a lock have in common: they may be lost, and are closed. */
class Holding {
  #free;
  #lossOf;
  #descriptor;
  /** @type {AbortController | undefined} */
  #lost;
  /** @type {Promise<void> | undefined} */
  #closing;

  /**
   * @param {string} name what it is
   * @param {any} handle
   * @param {(handle: any) => number} fd readable where there is something to look at
   * @param {() => Error | undefined} lossOf looks whether it is lost, and why
   * @param {(handle: any) => Promise<void>} free
   */
  constructor(name, handle, fd, lossOf, free) {
    this.name = name;
    this.handle = handle;
    this.#descriptor = new Descriptor(() => fd(handle));
    this.#lossOf = lossOf;
    this.#free = free;
  }

  get isClosing() {
    return this.#closing !== undefined;
  }

  /**
   * Waits until there is something to look at.
   *
   * @param {AbortSignal} [signal] ends the waiting, without an error
   */
  changed(signal) {
    return this.#descriptor.readable(signal);
  }

  /** Has all who wait look: the library makes nobody look at what one of them was told. */
  wake() {
    this.#descriptor.wake();
  }

  /** @returns {AbortSignal} aborted once it is lost or closed */
  get signal() {
    if (!this.#lost) {
      this.#lost = new AbortController();
      this.#watchOver(this.#lost);
    }
    return this.#lost.signal;
  }

  /** @param {AbortController} lost */
  async #watchOver(lost) {
    while (!lost.signal.aborted) {
      const loss = this.#closing ? cancelled(`the ${this.name} was closed`) : this.#lossOf();
      if (loss) lost.abort(loss);
      else await this.#descriptor.readable();
    }
  }

  close() {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end() {
    await undefined; // until it is known as closing
    this.wake(); // before the descriptor is closed, which libuv polls
    await inTurn(() => this.#free(this.handle));
  }
}

module.exports = { Holding };
