/**
 * Calls take turns for the threads of libuv's pool, here and not in libuv: what has its turn has a thread, so the time
 * of a call that waits for one can be up, and then surely nothing has been sent.
 */

"use strict";

const { Code, EtcdError } = require("./error.cjs");

/** koffi throws at the 257th call at once, and other things want the pool's threads, too. */
const MOST = 64;

const turns = {
  left: Math.min(Math.max(Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? "", 10) || 4, 1), MOST),
  /** @type {(() => void)[]} */
  queue: [],

  /**
   * @param {number} [timeout] milliseconds
   * @returns {Promise<void> | undefined}
   */
  take(timeout) {
    if (this.left === 0) return this.wait(timeout);
    this.left--;
  },

  /**
   * @param {number} [timeout]
   * @returns {Promise<void>}
   */
  wait(timeout) {
    return new Promise((resolve, reject) => {
      /** @type {NodeJS.Timeout | undefined} */
      let timer;
      const next = () => {
        clearTimeout(timer);
        resolve();
      };
      this.queue.push(next);
      if (timeout === undefined) return;
      timer = setTimeout(() => {
        this.queue.splice(this.queue.indexOf(next), 1);
        reject(tooLate("no thread of libuv's pool was free; nothing was sent"));
      }, timeout);
    });
  },

  give() {
    const next = this.queue.shift();
    if (next) next();
    else this.left++;
  },
};

/**
 * Calls a function of the library's on a thread of the pool.
 *
 * @template T
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
async function inTurn(call) {
  await turns.take();
  try {
    return await call();
  } finally {
    turns.give();
  }
}

/**
 * What is under way; the signal's reason, or error 1003, if either comes first. Then `giveUp` is called, once.
 *
 * @template T
 * @param {{ timeout?: number | null, signal?: AbortSignal | null }} limits
 * @param {() => Promise<T>} begin
 * @param {(underway: Promise<T>) => void} giveUp
 * @returns {Promise<T>}
 */
async function within({ timeout, signal }, begin, giveUp) {
  signal?.throwIfAborted();
  const underway = begin();
  if (!signal && (timeout === undefined || timeout === null)) return underway;
  return new Promise((resolve, reject) => {
    const end = (/** @type {any} */ reason) => {
      settle();
      reject(reason);
      underway.catch(() => {}); // nobody is there for it any more
      giveUp(underway);
    };
    const abort = () => end(signal?.reason);
    const timer =
      timeout === undefined || timeout === null
        ? undefined
        : setTimeout(() => end(tooLate(`it took longer than ${timeout} ms`)), timeout);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort, { once: true });
    underway.then(resolve, reject).finally(settle);
  });
}

/** @param {string} cause */
function tooLate(cause) {
  return new EtcdError({ errorCode: Code.TIMEOUT, message: "No answer in time", cause });
}

module.exports = { inTurn, turns, within };
