"use strict";

const { cancelled, decode, EtcdError } = require("./error.cjs");
const { Holding } = require("./holding.cjs");
const { etcd } = require("./library.cjs");
const { inTurn } = require("./turns.cjs");

/** @typedef {import("./types.cjs").LeaseState} LeaseState */

/**
 * A lease, or a registration, which the library keeps alive until it is closed: `client.lease` and `client.register`
 * make one.
 *
 *     const lease = await client.lease(10); // await using lease = ..., where the language has that
 *     await client.put("workers/7", "busy", { lease });
 *     await lease.close();
 */
class Lease {
  #holding;
  #last = "";

  /**
   * @internal
   * @param {any} lease
   */
  constructor(lease) {
    const lossOf = () => {
      const { state, error } = this.state();
      if (state !== "alive") return error ? new EtcdError(error) : cancelled("the lease was revoked");
    };
    this.#holding = new Holding("lease", lease, etcd.leaseFd, lossOf, etcd.leaseFree);
  }

  /**
   * Its id, to write keys with; a text, for it may be larger than a number can be. That of a registration changes when
   * it is made again. "0" once it is closed.
   */
  get id() {
    return String(etcd.leaseId(this.#holding.handle));
  }

  /** How many milliseconds what it holds is surely there still; 0: it is lost, or may be. */
  get remaining() {
    return etcd.leaseRemaining(this.#holding.handle);
  }

  /**
   * How it is. Nobody is asked.
   *
   * @returns {LeaseState}
   */
  state() {
    const state = decode(etcd.leaseState(this.#holding.handle));
    const seen = `${state.state} ${state.renewals}`;
    if (seen !== this.#last) this.#holding.wake();
    this.#last = seen;
    return state;
  }

  /**
   * Aborted once the lease is lost, revoked or closed; its reason is the error. What is done for the lease takes it:
   * `fetch(url, { signal: lease.signal })`. (A registration is made again; the signal stays aborted.)
   *
   * @returns {AbortSignal}
   */
  get signal() {
    return this.#holding.signal;
  }

  /**
   * Each new state, from now on: `lost`, and `alive` again where a registration could be made again. It ends once the
   * lease is revoked or closed.
   *
   * @returns {AsyncGenerator<LeaseState, void, void>}
   */
  async *changes() {
    let before = this.state();
    while (!this.#holding.isClosing) {
      const now = this.state();
      if (now.state !== before.state || now.renewals !== before.renewals) yield (before = now);
      else if (now.state === "revoked") return;
      else await this.#holding.changed();
    }
  }

  /**
   * Ends it: what it holds is deleted now. After an error it is not kept alive any more, and ends by itself.
   *
   * @returns {Promise<LeaseState>}
   */
  async revoke() {
    return decode(await inTurn(() => etcd.leaseRevoke(this.#holding.handle)));
  }

  /** Ends it, at once if a server can be told within a second, else after its ttl; that is no error. */
  close() {
    return this.#holding.close();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}

module.exports = { Lease };
