/** libetcd's functions, by koffi. What waits for a server is called on a thread of libuv's pool. */

"use strict";

const { promisify } = require("node:util");
// @ts-ignore: its types are those of an ES module alone
const koffi = require("koffi");

const library = load("libetcd.so.0");

/** @param {string} name */
function load(name) {
  try {
    return koffi.load(name);
  } catch (cause) {
    throw new Error(`${name} cannot be loaded: install libetcd, or name its folder in LD_LIBRARY_PATH`, { cause });
  }
}

/**
 * @param {string} name
 * @param {any} result
 * @param {any[]} parameters
 */
function declare(name, result, ...parameters) {
  return library.func(`etcd_${name}`, result, parameters);
}

/**
 * Arguments of calls under way: koffi takes the address of bytes, and does not keep them from being collected.
 *
 * @type {Set<any[]>}
 */
const underway = new Set();

/**
 * Declares a function that waits for a server. Who calls it has a turn (turns.cjs).
 *
 * @param {string} name
 * @param {any} result
 * @param {any[]} parameters
 * @returns {(...args: any[]) => Promise<any>}
 */
function declareAsync(name, result, ...parameters) {
  const call = promisify(declare(name, result, ...parameters).async);
  return async (...args) => {
    underway.add(args);
    try {
      return await call(...args);
    } finally {
      underway.delete(args);
    }
  };
}

// koffi makes a string of a text that the library gives, then has the text freed.
const text = koffi.disposable("str", declare("free", "void", "void *"));
const out = koffi.out(koffi.pointer(text));
const [handle, bytes] = ["void *", "void *"];
const [str, size, id, ms, ttl, index, flags] = ["str", "size_t", "int64", "int64", "int64", "uint64", "uint32"];

const etcd = {
  connect: declare("connect", handle, str, "uint16", str, out),
  disconnect: declare("disconnect", "void", handle),
  configNew: declare("config_new", handle),
  configSet: declare("config_set", "int", handle, str, str),
  configFree: declare("config_free", "void", handle),
  connectConfig: declareAsync("connect_config", handle, handle, out),
  with: declare("with", handle, handle, handle, out),
  api: declareAsync("api", text, handle),

  get: declareAsync("get", text, handle, str, flags),
  set: declareAsync("set", text, handle, str, str, ttl, flags),
  create: declareAsync("create", text, handle, str, str, ttl),
  update: declareAsync("update", text, handle, str, str, ttl),
  refresh: declareAsync("refresh", text, handle, str, ttl),
  setDir: declareAsync("setdir", text, handle, str, ttl),
  createDir: declareAsync("createdir", text, handle, str, ttl),
  updateDir: declareAsync("updatedir", text, handle, str, ttl),
  delete: declareAsync("delete", text, handle, str),
  deleteDir: declareAsync("deletedir", text, handle, str, flags),
  exists: declareAsync("exists", "int", handle, str, out),
  cas: declareAsync("cas", text, handle, str, str, str, index, ttl),
  cad: declareAsync("cad", text, handle, str, str, index),

  watchOpen: declareAsync("watch_open", handle, handle, str, flags, index, out),
  // Its callbacks are never given.
  watchRange: declareAsync(
    "watch_range",
    handle,
    ...[handle, bytes, size, bytes, size, "int64", flags, "void *", "void *", "void *", out],
  ),
  leaderWatch: declareAsync("leader_watch", handle, handle, str, out),
  watchNext: declare("watch_next", text, handle, ms),
  watchEnded: declare("watch_ended", "int", handle),
  watchFd: declare("watch_fd", "int", handle),
  watchStop: declare("watch_stop", "void", handle),
  watchFree: declare("watch_free", "void", handle),

  range: declareAsync("range", text, handle, bytes, size, bytes, size, "int64", "int64", flags),
  put: declareAsync("put", text, handle, bytes, size, bytes, size, id, flags),
  putIf: declareAsync("put_if", text, handle, bytes, size, bytes, size, "int64", id, flags),
  deleteRange: declareAsync("delete_range", text, handle, bytes, size, bytes, size, flags),
  deleteIf: declareAsync("delete_if", text, handle, bytes, size, "int64"),
  txn: declareAsync("txn", text, handle, str),
  call: declareAsync("call", text, handle, str, str),

  leaseOpen: declareAsync("lease_open", handle, handle, ttl, out),
  register: declareAsync("register", handle, handle, str, str, ttl, out),
  leaseId: declare("lease_id", id, handle),
  leaseRemaining: declare("lease_remaining_ms", ms, handle),
  leaseFd: declare("lease_fd", "int", handle),
  leaseState: declare("lease_state", text, handle),
  leaseRevoke: declareAsync("lease_revoke", text, handle),
  leaseFree: declareAsync("lease_free", "void", handle),

  lockOpen: declareAsync("lock_open", handle, handle, str, str, ttl, flags, out),
  lockWait: declare("lock_wait", "int", handle, ms),
  lockFd: declare("lock_fd", "int", handle),
  lockToken: declare("lock_token", index, handle),
  lockState: declare("lock_state", text, handle),
  lockProclaim: declareAsync("lock_proclaim", text, handle, str),
  lockTxn: declareAsync("lock_txn", text, handle, str),
  lockFree: declareAsync("lock_free", "void", handle),

  mirrorOpen: declareAsync("mirror_open", handle, handle, str, out),
  mirrorGet: declare("mirror_get", text, handle, str),
  mirrorList: declare("mirror_list", text, handle, str),
  mirrorAwait: declare("mirror_await", handle, handle, index, out),
  mirrorEnded: declare("mirror_wait", "int", handle, index, ms),
  mirrorNext: declare("mirror_next", text, handle, ms),
  mirrorFd: declare("mirror_fd", "int", handle),
  mirrorFree: declare("mirror_free", "void", handle),

  machines: declareAsync("machines", text, handle),
  members: declareAsync("members", text, handle),
  sync: declareAsync("sync", text, handle),
  leader: declareAsync("leader", text, handle),
  stats: declareAsync("stats", text, handle, str),
  serverVersion: declareAsync("server_version", text, handle),
  health: declareAsync("health", text, handle),
  request: declareAsync("request", text, handle, str, str, str, str),

  memberAdd: declareAsync("member_add", text, handle, str),
  memberUpdate: declareAsync("member_update", text, handle, str, str),
  memberPromote: declareAsync("member_promote", text, handle, str),
  memberRemove: declareAsync("member_remove", text, handle, str),
  authStatus: declareAsync("auth_status", text, handle),
  authEnable: declareAsync("auth_enable", text, handle),
  authDisable: declareAsync("auth_disable", text, handle),
  userList: declareAsync("user_list", text, handle),
  userGet: declareAsync("user_get", text, handle, str),
  userCreate: declareAsync("user_create", text, handle, str, str),
  userSetPassword: declareAsync("user_set_password", text, handle, str, str),
  userDelete: declareAsync("user_delete", text, handle, str),
  userGrant: declareAsync("user_grant", text, handle, str, str),
  userRevoke: declareAsync("user_revoke", text, handle, str, str),
  roleList: declareAsync("role_list", text, handle),
  roleGet: declareAsync("role_get", text, handle, str),
  roleCreate: declareAsync("role_create", text, handle, str),
  roleDelete: declareAsync("role_delete", text, handle, str),
  roleGrant: declareAsync("role_grant", text, handle, str, str, "uint32"),
  roleRevoke: declareAsync("role_revoke", text, handle, str, str, "uint32"),
};

/**
 * Calls `back` whenever a descriptor of the library's is readable: libuv polls it as it does a socket, which takes no
 * thread. (Callbacks that koffi relays to the event loop would deliver events before anybody asks for them, and hold up
 * a thread of the library meanwhile.) koffi does not document `node.poll` yet: that is why package.json asks for one
 * version of it only.
 *
 * @param {number} fd
 * @param {() => void} back
 */
function poll(fd, back) {
  return koffi.node.poll(fd, back);
}

module.exports = { etcd, poll };
