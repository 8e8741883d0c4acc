"use strict";

const { accessOf, callOptions, list, optionalString, string } = require("./arguments.cjs");
const { Connection, ask } = require("./connection.cjs");
const { etcd } = require("./library.cjs");

/** @typedef {import("./types.cjs").CallOptions} CallOptions */
/** @typedef {import("./types.cjs").Member} Member */
/** @typedef {import("./types.cjs").Role} Role */
/** @typedef {import("./types.cjs").User} User */

/** The part of a client that is about the cluster, its members, and users and roles. */
class Cluster extends Connection {
  // -- the cluster --

  /**
   * Lists the client URLs of all members.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<string[]>}
   */
  async machines(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.machines);
  }

  /**
   * Lists the members, by their ids.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Record<string, Member>>}
   */
  async members(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.members);
  }

  /**
   * Takes the members' client URLs for endpoints, too.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<string[]>} all endpoints
   */
  async sync(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.sync);
  }

  /**
   * Tells which member leads.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Member>}
   */
  async leader(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.leader);
  }

  /**
   * Reads statistics.
   *
   * @param {"store" | "self" | "leader"} kind
   * @param {CallOptions} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async stats(kind, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.stats, string("kind", kind));
  }

  /**
   * Tells the versions of the server that is asked and of the cluster.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<{ etcdserver: string, etcdcluster: string }>}
   */
  async serverVersion(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.serverVersion);
  }

  /**
   * Asks a server for its health, which is "true" if it has a leader and can write.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<{ health: string }>}
   */
  async health(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.health);
  }

  /**
   * Sends any other request.
   *
   * @param {string} method
   * @param {string} path with its query, percent-encoded
   * @param {CallOptions & { body?: string | null, contentType?: string | null }} [options]
   * @returns {Promise<any>}
   */
  async request(method, path, options) {
    const given = callOptions(arguments, 2, "body", "contentType");
    return ask(
      this,
      given,
      etcd.request,
      string("method", method),
      string("path", path),
      optionalString("body", given.body),
      optionalString("contentType", given.contentType),
    );
  }

  // -- members --

  /**
   * Adds a member, which is then to be started, and returns it with its id.
   *
   * @param {string | string[]} peerUrls
   * @param {CallOptions} [options]
   * @returns {Promise<Member>}
   */
  async memberAdd(peerUrls, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.memberAdd, list("peerUrls", peerUrls));
  }

  /**
   * Gives a member other peer URLs.
   *
   * @param {string} id
   * @param {string | string[]} peerUrls
   * @param {CallOptions} [options]
   * @returns {Promise<{}>}
   */
  async memberUpdate(id, peerUrls, options) {
    const given = callOptions(arguments, 2);
    return ask(this, given, etcd.memberUpdate, string("id", id), list("peerUrls", peerUrls));
  }

  /**
   * Makes a learner a member with a vote. Over v3 only.
   *
   * @param {string} id
   * @param {CallOptions} [options]
   * @returns {Promise<Member>}
   */
  async memberPromote(id, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.memberPromote, string("id", id));
  }

  /**
   * Removes a member; its process ends.
   *
   * @param {string} id
   * @param {CallOptions} [options]
   * @returns {Promise<{}>}
   */
  async memberRemove(id, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.memberRemove, string("id", id));
  }

  // -- who may do what --

  /**
   * Tells whether authentication is enabled.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<{ enabled: boolean }>}
   */
  async authStatus(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.authStatus);
  }

  /**
   * Enables authentication; the user "root" must exist.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<{}>}
   */
  async authEnable(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.authEnable);
  }

  /**
   * Disables authentication.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<{}>}
   */
  async authDisable(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.authDisable);
  }

  /**
   * Lists the users.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<User[]>}
   */
  async userList(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.userList);
  }

  /**
   * Reads a user.
   *
   * @param {string} user
   * @param {CallOptions} [options]
   * @returns {Promise<User>}
   */
  async userGet(user, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.userGet, string("user", user));
  }

  /**
   * Creates a user, without a role yet.
   *
   * @param {string} user
   * @param {string} password
   * @param {CallOptions} [options]
   * @returns {Promise<User>}
   */
  async userCreate(user, password, options) {
    const given = callOptions(arguments, 2);
    return ask(this, given, etcd.userCreate, string("user", user), string("password", password));
  }

  /**
   * Gives a user another password.
   *
   * @param {string} user
   * @param {string} password
   * @param {CallOptions} [options]
   * @returns {Promise<User>}
   */
  async userSetPassword(user, password, options) {
    const given = callOptions(arguments, 2);
    return ask(this, given, etcd.userSetPassword, string("user", user), string("password", password));
  }

  /**
   * Deletes a user.
   *
   * @param {string} user
   * @param {CallOptions} [options]
   * @returns {Promise<{}>}
   */
  async userDelete(user, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.userDelete, string("user", user));
  }

  /**
   * Gives a user a role.
   *
   * @param {string} user
   * @param {string} role
   * @param {CallOptions} [options]
   * @returns {Promise<User>}
   */
  async userGrant(user, role, options) {
    const given = callOptions(arguments, 2);
    return ask(this, given, etcd.userGrant, string("user", user), string("role", role));
  }

  /**
   * Takes a role from a user.
   *
   * @param {string} user
   * @param {string} role
   * @param {CallOptions} [options]
   * @returns {Promise<User>}
   */
  async userRevoke(user, role, options) {
    const given = callOptions(arguments, 2);
    return ask(this, given, etcd.userRevoke, string("user", user), string("role", role));
  }

  /**
   * Lists the roles; over v2 "root" is always among them.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Role[]>}
   */
  async roleList(options) {
    const given = callOptions(arguments, 0);
    return ask(this, given, etcd.roleList);
  }

  /**
   * Reads a role.
   *
   * @param {string} role
   * @param {CallOptions} [options]
   * @returns {Promise<Role>}
   */
  async roleGet(role, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.roleGet, string("role", role));
  }

  /**
   * Creates a role, without a permission yet.
   *
   * @param {string} role
   * @param {CallOptions} [options]
   * @returns {Promise<Role>}
   */
  async roleCreate(role, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.roleCreate, string("role", role));
  }

  /**
   * Deletes a role.
   *
   * @param {string} role
   * @param {CallOptions} [options]
   * @returns {Promise<{}>}
   */
  async roleDelete(role, options) {
    const given = callOptions(arguments, 1);
    return ask(this, given, etcd.roleDelete, string("role", role));
  }

  /**
   * Gives a role a permission for a key, or with a pattern like "/app/*" for all below it.
   *
   * @param {string} role
   * @param {string} pattern
   * @param {import("./types.cjs").Access} options
   * @returns {Promise<Role>}
   */
  async roleGrant(role, pattern, options) {
    const given = callOptions(arguments, 2, "read", "write");
    return ask(this, given, etcd.roleGrant, string("role", role), string("pattern", pattern), accessOf(given));
  }

  /**
   * Takes a permission from a role; the pattern is the one that was granted.
   *
   * @param {string} role
   * @param {string} pattern
   * @param {import("./types.cjs").Access} options
   * @returns {Promise<Role>}
   */
  async roleRevoke(role, pattern, options) {
    const given = callOptions(arguments, 2, "read", "write");
    return ask(this, given, etcd.roleRevoke, string("role", role), string("pattern", pattern), accessOf(given));
  }
}

module.exports = { Cluster };
