"use strict";

const { json, string } = require("./arguments.cjs");
const { cancelled, decode, decodeBytes, EtcdError } = require("./error.cjs");
const { Holding } = require("./holding.cjs");
const { etcd } = require("./library.cjs");
const { inTurn } = require("./turns.cjs");

/**
 * Waits until a lock is held; one that is lost before that is an error.
 *
 * @type {(lock: Lock, abandoned: AbortSignal) => Promise<Lock>}
 */
let held;

/**
 * A lock that is held, or was: `client.lock` and `client.withLock` make one. Who holds the lock of an election leads.
 *
 * That it is held may be false a moment later. What must never be done by two at once is to be protected where it is
 * done: in etcd by `txn`, elsewhere by the `token`, which is larger with every holder.
 */
class Lock {
  #holding;

  /**
   * @internal
   * @param {any} lock
   */
  constructor(lock) {
    this.#holding = new Holding("lock", lock, etcd.lockFd, () => this.#lossAfter(this.#look()), etcd.lockFree);
  }

  static {
    held = async (lock, abandoned) => {
      for (;;) {
        abandoned.throwIfAborted();
        const look = lock.#look();
        if (look === 1) return lock;
        const loss = lock.#lossAfter(look);
        if (loss) throw loss;
        await lock.#holding.changed(abandoned);
      }
    };
  }

  /** @returns {number} 1 while it is held, 0 before that, and -1 once it is lost */
  #look() {
    return etcd.lockWait(this.#holding.handle, 0);
  }

  /**
   * @param {number} look
   * @returns {EtcdError | undefined}
   */
  #lossAfter(look) {
    if (look !== -1) return undefined;
    const { error } = this.#holding.isClosing ? { error: null } : this.state();
    return error ? new EtcdError(error) : cancelled("the lock was given up");
  }

  /** Whether it is held, as far as the clock tells. Nobody is asked. */
  get isHeld() {
    return !this.loss;
  }

  /** Why it is not held any more; undefined while it is. Nobody is asked. */
  get loss() {
    const loss = this.#lossAfter(this.#look());
    if (loss && !this.#holding.isClosing) this.#holding.wake();
    return loss;
  }

  /** What tells a holder from those before it: the index at which its key was created; 0 while it is not held. */
  get token() {
    return Number(etcd.lockToken(this.#holding.handle));
  }

  /**
   * How it is. Nobody is asked.
   *
   * @returns {import("./types.cjs").LockState}
   */
  state() {
    return decode(etcd.lockState(this.#holding.handle));
  }

  /**
   * Aborted once the lock is lost or closed; its reason is the error. What is done under the lock takes it:
   * `fetch(url, { signal: lock.signal })`.
   *
   * @returns {AbortSignal}
   */
  get signal() {
    return this.#holding.signal;
  }

  /**
   * Gives it another value, which others see; the token stays. `Code.COMPARE_FAILED`: it is not held.
   *
   * @param {string} value
   * @returns {Promise<import("./types.cjs").Reply>}
   */
  async proclaim(value) {
    const text = string("value", value);
    return decode(await inTurn(() => etcd.lockProclaim(this.#holding.handle, text)));
  }

  /**
   * Carries out a transaction, as `client.txn`, which the server does only while the lock is held.
   * `Code.COMPARE_FAILED`: it was not, and nothing was done. Over v3 only.
   *
   * @param {import("./types.cjs").Txn} txn
   * @returns {Promise<import("./types.cjs").TxnReply>}
   */
  async txn(txn) {
    const text = json("txn", txn);
    return decodeBytes(await inTurn(() => etcd.lockTxn(this.#holding.handle, text)));
  }

  /** Gives it up, so that the next one has it: at once if a server can be told within a second, else after its ttl. */
  close() {
    return this.#holding.close();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}

module.exports = { Lock, held };
