/*
 * etcd.h - libetcd 0.1.0, a client for etcd's v2 API
 *
 * Conventions
 *
 * 1. A call that asks etcd something returns one JSON text: UTF-8, ending in NUL, never NULL. It tells all: a
 *    result, or an error. etcd_error_code(text) is 0 for a result, else the error's code. The caller owns the text
 *    and frees it with etcd_free.
 * 2. A result of the keys space is etcd's own reply with one member appended, which says where in the cluster's
 *    history it stands: "header":{"clusterId":"cdf8...","etcdIndex":8,"raftIndex":9,"raftTerm":2}.
 * 3. An error is {"errorCode":100,"message":"Key not found","cause":"/foo","index":8}, plus "status", the HTTP status,
 *    and "header" where the server sent them. Codes below 1000 are etcd's; those from 1000 up are the library's.
 * 4. A call that makes a handle returns it, or NULL on failure. Its last parameter, `error`, may be NULL; else it is
 *    always written: NULL on success, or an error's text, which the caller owns and frees with etcd_free.
 * 5. Strings that come in are UTF-8, end in NUL, and are borrowed for the call only. (A binding whose strings may hold a
 *    NUL has to look for it: the rest would be cut off.) An argument that is error 1001 is named by the error's cause, and
 *    nothing has been sent. etcd_free, ..._free and etcd_disconnect accept NULL.
 * 6. Any number of threads may use one client at once. A handle that was freed, or is of another kind, is found
 *    out: error 1001; no handle is ever used again for another object. After fork a child may go on using its parent's
 *    clients; it opens connections of its own.
 * 7. A call that asks etcd something returns within the client's `timeout.request_ms`. A write whose answer did not come
 *    is error 1004: it may or may not have been carried out, and is not repeated. A read that failed has changed nothing.
 * 8. Nothing is printed, no signal is raised, no panic leaves the library: a bug in it is error 1099.
 * 9. `user_data` is the first argument of a callback.
 *
 * Errors of every call: 1001 to 1010 and 1099; 210, for a request that is too large; 300, where the cluster cannot agree
 * on a write, or on a read with ETCD_QUORUM. What to do: after 1002, and 1003 or 300 of a read, call again later; after
 * 1004 look whether the write is there; 1001, 1007, 1008 and 1010 need a person; 1009 is one's own doing.
 */
#ifndef ETCD_H
#define ETCD_H

#include <stdint.h>

#define ETCD_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* ==== Error codes =====================================================================
 */

/** Nothing is stored under this key. `cause` is the first component that is missing. */
#define ETCD_ERROR_KEY_NOT_FOUND 100
/** The condition of a compare-and-swap or compare-and-delete did not hold. `cause` is `[given != actual]`. */
#define ETCD_ERROR_COMPARE_FAILED 101
/** The key is a directory; the call is for keys with a value. */
#define ETCD_ERROR_NOT_FILE 102
/** etcd 0.4: the cluster has its full number of peers. */
#define ETCD_ERROR_NO_MORE_PEER 103
/** A component of the key's path holds a value, so nothing can be below it. */
#define ETCD_ERROR_NOT_DIRECTORY 104
/** The key exists already. */
#define ETCD_ERROR_KEY_EXISTS 105
/** etcd 0.4: the key's prefix is a keyword of etcd. */
#define ETCD_ERROR_KEY_IS_PRESERVED 106
/** The root directory can be neither written nor deleted. */
#define ETCD_ERROR_ROOT_READ_ONLY 107
/** The directory is not empty; hidden keys count too. */
#define ETCD_ERROR_DIRECTORY_NOT_EMPTY 108
/** etcd 0.4: a peer with this address exists. */
#define ETCD_ERROR_EXISTING_PEER_ADDRESS 109
/** The server's code for missing permission; the library reports `ETCD_ERROR_UNAUTHENTICATED` for it. */
#define ETCD_ERROR_UNAUTHORIZED 110
/** The request had no value. */
#define ETCD_ERROR_VALUE_REQUIRED 200
/** The condition's value was empty. */
#define ETCD_ERROR_PREV_VALUE_REQUIRED 201
/** The ttl was not a number. */
#define ETCD_ERROR_TTL_NOT_A_NUMBER 202
/** An index was not a number. */
#define ETCD_ERROR_INDEX_NOT_A_NUMBER 203
/** The request had neither value nor ttl. */
#define ETCD_ERROR_VALUE_OR_TTL_REQUIRED 204
/** The timeout was not a number. */
#define ETCD_ERROR_TIMEOUT_NOT_A_NUMBER 205
/** The request had no name. */
#define ETCD_ERROR_NAME_REQUIRED 206
/** The request had neither index nor value. */
#define ETCD_ERROR_INDEX_OR_VALUE_REQUIRED 207
/** The request had both index and value. */
#define ETCD_ERROR_INDEX_VALUE_MUTEX 208
/** A parameter of the request had an impossible value. */
#define ETCD_ERROR_INVALID_FIELD 209
/** The request's form could not be read; one above 10 MiB says so here. */
#define ETCD_ERROR_INVALID_FORM 210
/** A refresh came with a value. */
#define ETCD_ERROR_REFRESH_VALUE 211
/** A refresh came without a ttl. */
#define ETCD_ERROR_REFRESH_TTL_REQUIRED 212
/** Something failed inside the cluster; `cause` tells what. */
#define ETCD_ERROR_RAFT_INTERNAL 300
/** etcd 0.4: no leader at this moment. */
#define ETCD_ERROR_LEADER_ELECTION 301
/** A watch was ended by the server's recovery. */
#define ETCD_ERROR_WATCHER_CLEARED 400
/** etcd's history no longer reaches back to the index asked for. */
#define ETCD_ERROR_EVENT_INDEX_CLEARED 401
/** etcd 0.4: a standby failed. */
#define ETCD_ERROR_STANDBY_INTERNAL 402
/** etcd 0.4: an invalid active size. */
#define ETCD_ERROR_INVALID_ACTIVE_SIZE 403
/** etcd 0.4: an invalid standby remove delay. */
#define ETCD_ERROR_INVALID_REMOVE_DELAY 404
/** A client's internal failure, as etcd's own clients number it. */
#define ETCD_ERROR_CLIENT_INTERNAL 500
/** No peer could be reached, as etcd's own clients number it. */
#define ETCD_ERROR_CLIENT_UNREACHABLE 501
/** The call was wrong; nothing was sent. `cause` names the parameter. */
#define ETCD_ERROR_INVALID_ARGUMENT 1001
/** No endpoint could be reached, or a read lost its connection; nothing was carried out. */
#define ETCD_ERROR_UNAVAILABLE 1002
/** A read gave no answer in time. */
#define ETCD_ERROR_TIMEOUT 1003
/** A write was sent and no answer came: it may or may not have been carried out; it was not repeated. */
#define ETCD_ERROR_OUTCOME_UNKNOWN 1004
/** An HTTP failure with no etcd error in it; `cause` holds the body's text. */
#define ETCD_ERROR_HTTP 1005
/** The answer was not HTTP, truncated, not JSON where JSON is due, or too large. */
#define ETCD_ERROR_BAD_RESPONSE 1006
/** Certificate or handshake refused; `cause` says why. */
#define ETCD_ERROR_TLS 1007
/** The server wants credentials, or better ones. */
#define ETCD_ERROR_UNAUTHENTICATED 1008
/** The client was disconnected, or the watch stopped, while the call was under way. */
#define ETCD_ERROR_CANCELLED 1009
/** This server cannot do that. */
#define ETCD_ERROR_UNSUPPORTED 1010
/** A bug in the library. */
#define ETCD_ERROR_INTERNAL 1099

/* ==== Connecting ======================================================================
 * A client is a handle for a cluster: connections are opened when they are needed, kept alive and
 * shared by all threads that use it.
 */

/**
 * A client of an etcd cluster; see `etcd_connect`.
 */
typedef struct etcd_client etcd_client;

/**
 * Makes a client for one etcd server, without TLS and credentials; `etcd_connect_config` can do more. No I/O is done:
 * that a server cannot be reached is told by the first call.
 *
 * - `host`: name or address of the server, without a scheme; NULL or "" is `127.0.0.1`.
 * - `port`: its client port; 0 is 2379.
 * - `version`: the API to use, `"v2"`; NULL or "" is the same. `"v3"` is error 1010 until it is built.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the client, which the caller owns and gives back with `etcd_disconnect`; NULL on failure.
 *
 * Errors: 1001, 1010.
 *
 *     char *error;
 *     etcd_client *client = etcd_connect("127.0.0.1", 2379, "v2", &error);
 *     if (!client) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
 */
etcd_client *etcd_connect(const char *host, uint16_t port, const char *version, char **error);

/**
 * Ends a client: calls under way in other threads come back with error 1009, its watches are stopped, and the
 * connections are closed. It waits for callbacks of these watches that are running, unless it is called inside a
 * callback; their handles stay valid until `etcd_watch_free`. The client's handle must not be used any more; a call that
 * does gets error 1001.
 *
 * - `client`: NULL is fine.
 */
void etcd_disconnect(etcd_client *client);

/* ==== Configuration ===================================================================
 * Names, their defaults in brackets, then units and ranges. Values are texts, for numbers, too.
 *
 * - `endpoints` ("http://127.0.0.1:2379"): URLs of the cluster's members, separated by commas; "http" or "https", IPv6
 *   in brackets, a path where a reverse proxy wants one; without a port it is HTTP's, 80 or 443.
 * - `api` ("v2"): the version of etcd's API.
 * - `username`, `password` (none): credentials, sent with every request to the endpoints and the cluster's members.
 * - `tls.ca_file` (the system's authorities): PEM file of the authorities to trust.
 * - `tls.cert_file`, `tls.key_file` (none): PEM files of the client's certificate and of its key, in PKCS#8, PKCS#1 or
 *   SEC1.
 * - `tls.server_name` (the endpoint's host): the name that the server's certificate must bear.
 * - `tls.insecure_skip_verify` ("false"): "true" trusts any server; for tests only.
 * - `timeout.connect_ms` (2000): to open one connection, name resolution and TLS included; 1 to 3600000 ms.
 * - `timeout.request_ms` (10000): for one call, all its requests and tries included; 1 to 3600000 ms.
 * - `retry.attempts` (2): how often each endpoint is tried in one call; 1 to 100.
 * - `retry.max_delay_ms` (2000): the longest pause between two tries; 0 to 3600000 ms.
 * - `sync_interval_ms` (0): how often the endpoints are read anew from the cluster; 0, never, to 86400000 ms. A forked
 *   child does not do so.
 * - `discovery.srv_domain` (none): a domain whose SRV records name the endpoints, read when connecting: those of
 *   `_etcd-client-ssl._tcp` or, if there are none and nothing asks for TLS, of `_etcd-client._tcp`.
 * - `discovery.nameserver` (the system's): whom to ask for them, an address with a port, "127.0.0.1:53".
 * - `max_response_bytes` (134217728): the largest reply that is read; 1024 to 1099511627776 bytes.
 * - `watch.queue` (1024): how many events of a watch without a callback wait to be fetched; when so many do, the watch
 *   waits; 1 to 1000000.
 * - `watch.poll_ms` (30000): the longest that a watch waits before it asks again, and so the time in which it notices
 *   that its server is gone without a word; 100 to 3600000 ms.
 * - `user_agent` ("libetcd/" and the version): the `User-Agent` line; visible ASCII.
 *
 * An https endpoint, or anything set under `tls.`, asks for TLS: then no plain endpoint is used but those that are
 * configured, whatever name servers or the cluster say.
 */

/**
 * A configuration to connect with; see `etcd_config_new`.
 */
typedef struct etcd_config etcd_config;

/**
 * Makes a configuration in which everything has its default.
 *
 * Returns it; the caller owns it and gives it back with `etcd_config_free`.
 *
 *     etcd_config *config = etcd_config_new();
 *     etcd_config_set(config, "endpoints", "https://10.0.0.1:2379,https://10.0.0.2:2379");
 *     etcd_config_set(config, "tls.ca_file", "/etc/etcd/ca.pem");
 *     etcd_client *client = etcd_connect_config(config, &error);
 *     etcd_config_free(config);
 */
etcd_config *etcd_config_new(void);

/**
 * Sets one thing, in place of what was set before. A name or a value that is wrong spoils the configuration:
 * `etcd_connect_config` refuses it and tells the first that was.
 *
 * - `config`: NULL, or one that was freed, takes nothing.
 * - `name`: must not be NULL; one of the list above.
 * - `value`: must not be NULL; a number is digits only, a truth "true" or "false".
 */
void etcd_config_set(etcd_config *config, const char *name, const char *value);

/**
 * Makes a client as configured. No I/O is done but to read files, and to ask for SRV records if
 * `discovery.srv_domain` is set.
 *
 * - `config`: must not be NULL. It stays the caller's, and later changes to it do not reach the client.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the client, which the caller owns and gives back with `etcd_disconnect`; NULL on failure.
 *
 * Errors: 1001 (the first wrong name or value, or a file that cannot be read), 1002 (no SRV records), 1010.
 */
etcd_client *etcd_connect_config(const etcd_config *config, char **error);

/**
 * Frees a configuration; clients made with it live on.
 *
 * - `config`: NULL is fine.
 */
void etcd_config_free(etcd_config *config);

/* ==== Keys ============================================================================
 * A key is a path of UTF-8 like `/app/config/port`; its leading `/` may be left out. Any character may
 * stand in it, but neither `//` nor the segments `.` and `..`. A name that begins with `_` is hidden: listings
 * leave it out, and so do watches of what is above it. A value is UTF-8 of up to 10 MiB (less what percent-encoding adds on the wire).
 *
 * A call that writes and that takes a `ttl` gives the key that many seconds to live; 0 or less means for ever,
 * and takes away what an earlier write gave. (A binding that takes durations has to round up: half a second, cut to 0,
 * would be for ever.)
 *
 * All results have the shape
 * `{"action":"set","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4},"header":{...}}`. A directory's
 * node has `"dir":true` and no value, a deleted key's no value, and the root's neither key nor indexes.
 */

/** The whole tree below a directory: for `etcd_get`, `etcd_deletedir` and watches. */
#define ETCD_RECURSIVE 1
/** Children sorted by key: for `etcd_get`. */
#define ETCD_SORTED 2
/** The newest state, agreed on by a majority of the cluster, not the asked server's own: for `etcd_get`. */
#define ETCD_QUORUM 4
/** A new key below the one given, named so that names sort in the order of creation: for `etcd_set`. */
#define ETCD_ORDERED 8

/**
 * A reply without the node, which spares sending a large value back: for `etcd_set`. With `ETCD_ORDERED` that leaves out
 * the new key's name, too. Servers before 3.1 send it all the same.
 */
#define ETCD_NO_VALUE_ON_SUCCESS 16

/**
 * Reads a key, or lists a directory.
 *
 * - `client`: must not be NULL.
 * - `key`: must not be NULL; "/" is the root.
 * - `flags`: 0, or `ETCD_RECURSIVE`, `ETCD_SORTED`, `ETCD_QUORUM` in any combination. Without
 *   `ETCD_QUORUM` the server asked answers from its own copy, which may lag behind, and does so even
 *   when the cluster has lost its quorum.
 *
 * Returns etcd's reply: `/node/value` for a key, `/node/nodes` for a directory that is not empty. The caller
 * owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 104 (a component of the path holds a value), and those of every call.
 *
 * etcd: `GET /v2/keys/{key}`
 */
char *etcd_get(const etcd_client *client, const char *key, uint32_t flags);

/**
 * Writes a key, whether or not it exists; missing directories above it are made.
 *
 * - `client`: must not be NULL.
 * - `key`: must not be NULL. With `ETCD_ORDERED` the directory in which to make a new key.
 * - `value`: must not be NULL; may be "".
 * - `ttl`: seconds to live; 0 or less: for ever. At most 2147483647.
 * - `flags`: 0, or `ETCD_ORDERED`, `ETCD_NO_VALUE_ON_SUCCESS`.
 *
 * Returns etcd's reply, with the former state in `/prevNode` if there was one. The caller owns the text and
 * frees it with `etcd_free`.
 *
 * Errors: 102 (the key is a directory), 104, 107 (the root), and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}`, or `POST /v2/keys/{key}` with `ETCD_ORDERED`
 */
char *etcd_set(const etcd_client *client, const char *key, const char *value, int64_t ttl, uint32_t flags);

/**
 * Writes a key only if it does not exist yet.
 *
 * - `client`, `key`, `value`: must not be NULL.
 * - `ttl`: seconds to live; 0 or less: for ever.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 105 (it exists), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `prevExist=false`
 */
char *etcd_create(const etcd_client *client, const char *key, const char *value, int64_t ttl);

/**
 * Writes a key only if it exists. Its `createdIndex` stays; its time to live does not, unless given anew.
 *
 * - `client`, `key`, `value`: must not be NULL.
 * - `ttl`: seconds to live; 0 or less: for ever.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 102 (a directory), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `prevExist=true`
 */
char *etcd_update(const etcd_client *client, const char *key, const char *value, int64_t ttl);

/**
 * Gives a key a new time to live. Its value stays, and watchers are not told. Its `modifiedIndex` does not stay, so a
 * condition on the former one no longer holds; and it takes a place in etcd's history, which many refreshes fill. On
 * servers before 2.3.7, which would empty the value, it is written anew instead, which watchers see.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live; without one the server answers with error 212.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 104, 212 (no ttl), and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `refresh=true`; before the first one `GET /version`
 */
char *etcd_refresh(const etcd_client *client, const char *key, int64_t ttl);

/**
 * Makes a directory. A key with a value in that place is replaced and its value lost: `etcd_createdir`
 * does not do that.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live, with all that is in it; 0 or less: for ever.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 102 (it is a directory already), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `dir=true`
 */
char *etcd_setdir(const etcd_client *client, const char *key, int64_t ttl);

/**
 * Makes a directory only if nothing is there yet.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live, with all that is in it; 0 or less: for ever.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 105 (something is there), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `dir=true&prevExist=false`
 */
char *etcd_createdir(const etcd_client *client, const char *key, int64_t ttl);

/**
 * Gives an existing directory a new time to live; what is in it stays. etcd 3.5 cannot do that and
 * answers with error 300, "Not a file". A key with a value is left alone: it is looked at first, for the server
 * would empty it.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live, with all that is in it; 0 or less: for ever.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such directory), 104 (it holds a value), 300 (etcd 3.5), and those of every call.
 *
 * etcd: `GET /v2/keys/{key}`, then `PUT /v2/keys/{key}` with `dir=true&prevExist=true`
 */
char *etcd_updatedir(const etcd_client *client, const char *key, int64_t ttl);

/**
 * Deletes a key.
 *
 * - `client`, `key`: must not be NULL.
 *
 * Returns etcd's reply, with the former state in `/prevNode`. The caller owns the text and frees it with
 * `etcd_free`.
 *
 * Errors: 100 (no such key), 102 (a directory; see `etcd_deletedir`), 104, 107, and those of every call.
 *
 * etcd: `DELETE /v2/keys/{key}`
 */
char *etcd_delete(const etcd_client *client, const char *key);

/**
 * Deletes a directory; a key with a value, too.
 *
 * - `client`, `key`: must not be NULL.
 * - `flags`: 0 for an empty directory, `ETCD_RECURSIVE` for one with all that is in it.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such directory), 104, 107 (the root), 108 (not empty; hidden keys count), and those of every call.
 *
 * etcd: `DELETE /v2/keys/{key}` with `dir=true`, and `recursive=true`
 */
char *etcd_deletedir(const etcd_client *client, const char *key, uint32_t flags);

/**
 * Tells whether a key or a directory exists.
 *
 * - `client`, `key`: must not be NULL.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns 1 if it does, 0 if it does not, -1 on failure. The caller owns the error's text and frees it
 * with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/keys/{key}`
 */
int etcd_exists(const etcd_client *client, const char *key, char **error);

/**
 * Compare-and-swap: writes a key only if it is as expected. What is expected is a value, an index, or both.
 *
 * - `client`, `key`, `value`: must not be NULL.
 * - `prev_value`: the value it must have, or NULL. "" is error 1001: the API cannot compare with it; use the
 *   index.
 * - `prev_index`: the `modifiedIndex` it must have, or 0: any. NULL with 0 is error 1001.
 * - `ttl`: seconds to live; 0 or less: for ever.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 101 (it is not as expected; `cause` tells what it is), 102 (a directory), 104, 107, and
 * those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `prevValue`, `prevIndex` or both
 */
char *etcd_cas(const etcd_client *client,
               const char *key,
               const char *value,
               const char *prev_value,
               uint64_t prev_index,
               int64_t ttl);

/**
 * The same as `etcd_cas`.
 */
char *etcd_compare_and_swap(const etcd_client *client,
                            const char *key,
                            const char *value,
                            const char *prev_value,
                            uint64_t prev_index,
                            int64_t ttl);

/**
 * The same as `etcd_cas`.
 */
char *etcd_test_and_set(const etcd_client *client,
                        const char *key,
                        const char *value,
                        const char *prev_value,
                        uint64_t prev_index,
                        int64_t ttl);

/**
 * Compare-and-delete: deletes a key only if it is as expected. What is expected is a value, an index, or both.
 *
 * - `client`, `key`: must not be NULL.
 * - `prev_value`: the value it must have, or NULL; not "". One of more than 1,000 bytes is compared here, after
 *   a quorum read, and the key deleted by its index.
 * - `prev_index`: the `modifiedIndex` it must have, or 0. NULL with 0 is error 1001.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 101 (it is not as expected; `cause` tells what it is), 100 (no such key), 102 (a directory), and
 * those of every call.
 *
 * etcd: `DELETE /v2/keys/{key}` with `prevValue`, `prevIndex` or both
 */
char *etcd_cad(const etcd_client *client, const char *key, const char *prev_value, uint64_t prev_index);

/**
 * The same as `etcd_cad`.
 */
char *etcd_compare_and_delete(const etcd_client *client, const char *key, const char *prev_value, uint64_t prev_index);

/* ==== Watching ========================================================================
 * A watch loses nothing: it delivers each change of what it watches once, in order, whatever happens to
 * connections and servers meanwhile. It asks in long polls from where the last answer left off, and after a
 * failure goes on from there. Where etcd's history (the last 1,000 changes of the whole store) no longer reaches back
 * so far, or the cluster was rebuilt, it delivers one event that tells what is there now and which changes are unknown:
 * `{"action":"resync","node":{...},"missed":{"after":A,"before":B},"header":{...}}`; `node` is null if nothing is
 * there, and the indexes strictly between A and B are the ones missed. (In a rebuilt cluster the indexes begin anew, and
 * B may be below A: then it is not known what was missed. One that has its predecessor's id and has overtaken its index
 * before it is asked again cannot be told from it.)
 *
 * Any other event is etcd's own, `{"action":"set","node":{...},"prevNode":{...},"header":{...}}`. Its `action` is
 * set, create, update, compareAndSwap, delete, compareAndDelete or expire. When a directory goes with all that is in
 * it, those who watch something in it get one event, whose `/node/key` is the directory: who watches `/d/a/b` may get
 * `/d`. A refresh is no change. Whoever resumes later does so from the change's own `/node/modifiedIndex` plus 1, or
 * after a resync from B: an event's `header` tells of the store when it was asked, which may be before the change.
 *
 * An error ends a watch, as its last event, where waiting cannot mend it: 1008, an error of etcd's own (104, say, where
 * something above the key holds a value), 1005 once every endpoint has answered so, a change larger than
 * `max_response_bytes`. Endpoints that cannot be reached, TLS that fails (1007), time that runs out and answers that cannot
 * be read are tried again for ever, with growing pauses; the log tells.
 *
 * Events are pulled with `etcd_watch_next` from a watch of `etcd_watch_open`, or pushed to a callback. Each watch has a
 * thread of the library, named `etcd-watch`, with a stack of 2 MiB and all signals blocked. Callbacks run on it: those of
 * one watch never overlap, those of several do. They may call any function of the library, but two must not free each
 * other's watch. A watch that is stopped, or whose client is disconnected, ends without a last event. A forked child has
 * none of its parent's watches.
 */

/**
 * A watch; see `etcd_watch` and `etcd_watchloop`.
 */
typedef struct etcd_watcher etcd_watcher;

/**
 * Takes one event. `event` is borrowed until the callback returns.
 */
typedef void (*etcd_watch_fn)(void *user_data, const char *event);

/**
 * Takes `user_data` back: called once, after the last callback has returned, also when registering failed.
 */
typedef void (*etcd_release_fn)(void *user_data);

/**
 * Is asked after each event has been delivered whether that was the last: anything but 0 ends the watch.
 * `event` is borrowed until the callback returns.
 */
typedef int (*etcd_predicate_fn)(void *user_data, const char *event);

/**
 * Watches for one change, then ends. A resync counts as one.
 *
 * - `client`, `key`: must not be NULL. The key need not exist.
 * - `flags`: 0 for the key itself (of a directory not what is in it), `ETCD_RECURSIVE` for all below it, too.
 * - `wait_index`: the first change of interest, past ones included: the `modifiedIndex` last seen, plus 1. One that is
 *   still to come is waited for. After `etcd_get` it is `/header/etcdIndex` plus 1. 0: from now on; a server is asked
 *   what "now" is, so that no change after this call has returned is missed, and the call waits for its answer,
 *   `timeout.request_ms` at most. If none can say, the watch begins with a resync when one can. With any other index
 *   the call returns at once.
 * - `callback`: takes the event; it may be called before this call has returned. NULL: `etcd_watch_next` fetches it,
 *   as with `etcd_watch_open`.
 * - `user_data`: handed to the callbacks; may be NULL.
 * - `release`: takes `user_data` back; may be NULL.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the watcher, which the caller owns and gives back with `etcd_watch_free`; NULL on failure. That a
 * server cannot be reached is no failure: the watch begins when it can.
 *
 * Errors: 1001, 1009, 1099. What cannot mend later is delivered as the last event: an error's text, for
 * `etcd_error_code`.
 *
 * etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`
 */
etcd_watcher *etcd_watch(const etcd_client *client,
                         const char *key,
                         uint32_t flags,
                         uint64_t wait_index,
                         etcd_watch_fn callback,
                         void *user_data,
                         etcd_release_fn release,
                         char **error);

/**
 * Watches for every change until it is stopped, `until` says so, or an error that cannot mend; that error's text
 * is the last event.
 *
 * - `client`, `key`, `flags`, `wait_index`, `callback`, `user_data`, `release`, `error`: as for `etcd_watch`.
 * - `until`: ends the watch; may be NULL. Without a `callback` it is asked when the event is ready to be fetched.
 *
 * Returns the watcher, which the caller owns and gives back with `etcd_watch_free`; NULL on failure.
 *
 * Errors: as for `etcd_watch`.
 *
 * etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
 *
 *     static void print(void *user_data, const char *event) { puts(event); }
 *     etcd_watcher *watcher = etcd_watchloop(client, "/app", ETCD_RECURSIVE, 0, print, NULL, NULL, NULL, NULL);
 */
etcd_watcher *etcd_watchloop(const etcd_client *client,
                             const char *key,
                             uint32_t flags,
                             uint64_t wait_index,
                             etcd_watch_fn callback,
                             etcd_predicate_fn until,
                             void *user_data,
                             etcd_release_fn release,
                             char **error);

/**
 * Watches for every change, to be fetched with `etcd_watch_next`: the same as `etcd_watchloop` without callbacks.
 *
 * - `client`, `key`, `flags`, `wait_index`, `error`: as for `etcd_watch`.
 *
 * Returns the watcher, which the caller owns and gives back with `etcd_watch_free`; NULL on failure.
 *
 * Errors: as for `etcd_watch`.
 *
 * etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
 *
 * A directory and all that becomes of it, with nothing lost in between (error 100: nothing is there yet):
 *
 *     char *now = etcd_get(client, "/app", ETCD_RECURSIVE | ETCD_QUORUM);
 *     uint64_t index = (uint64_t)etcd_json_int(now, "/header/etcdIndex", 0);
 *     if (etcd_error_code(now) == 0 || etcd_error_code(now) == ETCD_ERROR_KEY_NOT_FOUND) {
 *         etcd_watcher *watcher = etcd_watch_open(client, "/app", ETCD_RECURSIVE, index + 1, &error);
 *         for (char *event; (event = etcd_watch_next(watcher, -1)); etcd_free(event))
 *             puts(event);
 *     }
 */
etcd_watcher *etcd_watch_open(const etcd_client *client,
                              const char *key,
                              uint32_t flags,
                              uint64_t wait_index,
                              char **error);

/**
 * Fetches the next event of a watch that was made without a callback. Signals do not end the waiting; `etcd_watch_fd`
 * serves whoever wants to heed them.
 *
 * - `watcher`: NULL, or one with a callback, has no events to fetch.
 * - `timeout_ms`: how many milliseconds to wait for one; 0: not at all; below 0: without end.
 *
 * Returns the event; NULL if there was none in time, or if the watch has ended and all its events have been
 * fetched: `etcd_watch_ended` tells which. The caller owns the text and frees it with `etcd_free`.
 */
char *etcd_watch_next(etcd_watcher *watcher, int64_t timeout_ms);

/**
 * Tells whether nothing more will come of a watch.
 *
 * - `watcher`: NULL, or one that was freed, has ended.
 *
 * Returns 1 once the watch has ended and all its events have been fetched, so that `etcd_watch_next` will return NULL
 * for ever; 0 before that.
 */
int etcd_watch_ended(const etcd_watcher *watcher);

/**
 * Gives a descriptor for `poll`, `epoll`, asyncio or libuv.
 *
 * - `watcher`: one that was made without a callback.
 *
 * Returns a descriptor that is readable while an event, or the end, waits for `etcd_watch_next`; level- or
 * edge-triggered, each event and the end make it so anew. It does not block, is closed on exec, and may be duplicated;
 * it is the watcher's own, not to be read from or closed, and lives until `etcd_watch_free`: stop the watch first, and free
 * it once nobody waits for the descriptor. -1 for any other watcher, or if the process has no descriptor left; a later
 * call tries again.
 */
int etcd_watch_fd(const etcd_watcher *watcher);

/**
 * Waits for a watch to end: for its last callback to have returned and `release`, too. One whose queue is full does not
 * end by itself before there is room for its last event.
 *
 * - `watcher`: NULL, or one that was freed, has ended.
 * - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
 *
 * Returns 1 if it has ended, 0 if not yet. Inside its own callback it has not ended, and this returns at once.
 */
int etcd_watch_wait(const etcd_watcher *watcher, int64_t timeout_ms);

/**
 * Asks a watch to end, and returns at once. No callback is begun any more. It ends within milliseconds, whatever it
 * waits for, but for a callback that is running. Events that were not fetched yet still can be.
 *
 * - `watcher`: NULL, or one that was freed, has ended.
 */
void etcd_watch_stop(etcd_watcher *watcher);

/**
 * Ends a watch and frees it: waits until its last callback has returned and `release`, too. Called inside a callback of
 * that watch it only marks it and returns; the rest happens after the callback.
 *
 * - `watcher`: NULL is fine. In a forked child only the handle is freed: the watch is the parent's.
 */
void etcd_watch_free(etcd_watcher *watcher);

/* ==== The cluster =====================================================================
 * Who is in it, how it is, and the door to all that has no function of its own.
 */

/**
 * Lists the client URLs of all members.
 *
 * - `client`: must not be NULL.
 *
 * Returns a JSON array, `["http://10.0.0.1:2379","http://10.0.0.2:2379"]`. The caller owns the text and frees
 * it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/machines`
 */
char *etcd_machines(const etcd_client *client);

/**
 * Lists the members.
 *
 * - `client`: must not be NULL.
 *
 * Returns a JSON object of members by their id,
 * `{"8e9e05c52164694d":{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}}`; one that has not
 * started yet has the name "". The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/members`
 */
char *etcd_members(const etcd_client *client);

/**
 * Takes the members' client URLs for endpoints of this client, too, each once it has answered and is of the same
 * cluster. The configured endpoints stay. `sync_interval_ms` has this done now and then.
 *
 * - `client`: must not be NULL.
 *
 * Returns a JSON array of all endpoints, `["http://10.0.0.1:2379"]`. The caller owns the text and frees it with
 * `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/members`, and of each new one `GET /version` and `HEAD /v2/keys/`
 */
char *etcd_sync(const etcd_client *client);

/**
 * Tells which member leads; every member knows.
 *
 * - `client`: must not be NULL.
 *
 * Returns the member's object, `{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}`. The
 * caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 with status 503 while there is no leader, and those of every call.
 *
 * etcd: `GET /v2/members/leader`
 */
char *etcd_leader(const etcd_client *client);

/**
 * Reads statistics.
 *
 * - `client`: must not be NULL.
 * - `kind`: must not be NULL. `"store"`: the operations on keys, counted. `"self"`: the server asked.
 *   `"leader"`: the followers' latencies, which only the leader knows; any other member answers with error 1005
 *   and `cause` "not current leader".
 *
 * Returns etcd's JSON object. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/stats/{kind}`
 */
char *etcd_stats(const etcd_client *client, const char *kind);

/**
 * Tells the version of the server and of the cluster.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}`. The caller owns the text and frees it with
 * `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /version`
 */
char *etcd_server_version(const etcd_client *client);

/**
 * Asks a server whether it is healthy: whether it has a leader and can write.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"health":"true"}`, or `{"health":"false"}` from one that is not, which is no error; "true" is a string.
 * The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /health`
 */
char *etcd_health(const etcd_client *client);

/**
 * Sends any other request.
 *
 * - `client`: must not be NULL.
 * - `method`: must not be NULL; in capitals, `"GET"`.
 * - `path`: must not be NULL; path and query as they are to be sent, percent-encoded by the caller:
 *   `"/v2/keys/a?recursive=true"`.
 * - `body`: the request's body, or NULL for none.
 * - `content_type`: the body's type, or NULL for none. etcd ignores a form without
 *   `"application/x-www-form-urlencoded"` and writes "".
 *
 * Returns the reply's body if it is JSON, with `header` appended under `/v2/keys`; any other text as a JSON string,
 * `""` if there is none. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: as given
 */
char *etcd_request(const etcd_client *client,
                   const char *method,
                   const char *path,
                   const char *body,
                   const char *content_type);

/* ==== Administration ==================================================================
 * Members of the cluster, and who may do what. Where a call has nothing to tell it returns `{}`. Once
 * authentication is enabled these calls need the credentials of root; without credentials a client is `guest`, who
 * may do everything until its role is narrowed.
 *
 * A failure here has no code of etcd's own: it is error 1005 with the server's `status` and, in `cause`, its words
 * ("membership: peerURL exists").
 */

/** Permission to read: for `etcd_role_grant` and `etcd_role_revoke`. */
#define ETCD_READ 1
/** Permission to write: for `etcd_role_grant` and `etcd_role_revoke`. */
#define ETCD_WRITE 2

/**
 * Adds a member to the cluster; it is then to be started with `--initial-cluster-state existing`.
 *
 * - `client`: must not be NULL.
 * - `peer_urls`: must not be NULL; the new member's peer URLs, separated by commas.
 *
 * Returns the new member, `{"id":"...","name":"","peerURLs":[...],"clientURLs":[]}`. The caller owns the text and
 * frees it with `etcd_free`.
 *
 * Errors: 1005 (409: there is one with such a URL), and those of every call.
 *
 * etcd: `POST /v2/members`
 */
char *etcd_member_add(const etcd_client *client, const char *peer_urls);

/**
 * Gives a member other peer URLs.
 *
 * - `client`: must not be NULL.
 * - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
 * - `peer_urls`: must not be NULL; URLs, separated by commas.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such member; 409), and those of every call.
 *
 * etcd: `PUT /v2/members/{id}`
 */
char *etcd_member_update(const etcd_client *client, const char *id, const char *peer_urls);

/**
 * Removes a member from the cluster; its process ends.
 *
 * - `client`: must not be NULL.
 * - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such member; 410: removed already), and those of every call.
 *
 * etcd: `DELETE /v2/members/{id}`
 */
char *etcd_member_remove(const etcd_client *client, const char *id);

/**
 * Tells whether authentication is enabled; anyone may ask.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"enabled":false}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/auth/enable`
 */
char *etcd_auth_status(const etcd_client *client);

/**
 * Enables authentication; the user `root` must exist. Without credentials everyone is `guest` from now on, and may
 * do everything still: narrow its role.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (409: no root user, or enabled already), and those of every call.
 *
 * etcd: `PUT /v2/auth/enable`
 */
char *etcd_auth_enable(const etcd_client *client);

/**
 * Disables authentication.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (409: disabled already), 1008, and those of every call.
 *
 * etcd: `DELETE /v2/auth/enable`
 */
char *etcd_auth_disable(const etcd_client *client);

/**
 * Lists the users.
 *
 * - `client`: must not be NULL.
 *
 * Returns `[{"user":"bob","roles":["rw"]}]`; etcd 2.1 and 2.2 tell no roles here. The caller owns the text and
 * frees it with `etcd_free`.
 *
 * Errors: 1008, and those of every call.
 *
 * etcd: `GET /v2/auth/users`
 */
char *etcd_user_list(const etcd_client *client);

/**
 * Reads a user.
 *
 * - `client`, `user`: must not be NULL.
 *
 * Returns `{"user":"bob","roles":["rw"]}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such user), 1008, and those of every call.
 *
 * etcd: `GET /v2/auth/users/{user}`
 */
char *etcd_user_get(const etcd_client *client, const char *user);

/**
 * Creates a user, without a role yet. One that exists is left alone: it is looked for first, for the server would
 * change its password.
 *
 * - `client`, `user`, `password`: must not be NULL.
 *
 * Returns `{"user":"bob","roles":[]}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (409: it exists), 1008, and those of every call.
 *
 * etcd: `GET`, then `PUT /v2/auth/users/{user}`
 */
char *etcd_user_create(const etcd_client *client, const char *user, const char *password);

/**
 * Gives a user another password. One that does not exist is not created: it is looked for first, for the server
 * would create it.
 *
 * - `client`, `user`, `password`: must not be NULL.
 *
 * Returns the user. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such user), 1008, and those of every call.
 *
 * etcd: `GET`, then `PUT /v2/auth/users/{user}`
 */
char *etcd_user_set_password(const etcd_client *client, const char *user, const char *password);

/**
 * Deletes a user.
 *
 * - `client`, `user`: must not be NULL.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such user; 403: root while authentication is enabled), 1008, and those of every call.
 *
 * etcd: `DELETE /v2/auth/users/{user}`
 */
char *etcd_user_delete(const etcd_client *client, const char *user);

/**
 * Gives a user a role.
 *
 * - `client`, `user`, `role`: must not be NULL.
 *
 * Returns the user. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such user; 409: it has the role already), 1008, and those of every call.
 *
 * etcd: `PUT /v2/auth/users/{user}` with `grant`
 */
char *etcd_user_grant(const etcd_client *client, const char *user, const char *role);

/**
 * Takes a role from a user.
 *
 * - `client`, `user`, `role`: must not be NULL.
 *
 * Returns the user. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such user; 409: it does not have the role), 1008, and those of every call.
 *
 * etcd: `PUT /v2/auth/users/{user}` with `revoke`
 */
char *etcd_user_revoke(const etcd_client *client, const char *user, const char *role);

/**
 * Lists the roles; `root` is always among them.
 *
 * - `client`: must not be NULL.
 *
 * Returns `[{"role":"rw","permissions":{"kv":{"read":["/a*"],"write":[]}}}]`; etcd 2.1 and 2.2 tell no permissions
 * here. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1008, and those of every call.
 *
 * etcd: `GET /v2/auth/roles`
 */
char *etcd_role_list(const etcd_client *client);

/**
 * Reads a role.
 *
 * - `client`, `role`: must not be NULL.
 *
 * Returns `{"role":"rw","permissions":{"kv":{"read":["/a*"],"write":[]}}}`. The caller owns the text and frees it
 * with `etcd_free`.
 *
 * Errors: 1005 (404: no such role), 1008, and those of every call.
 *
 * etcd: `GET /v2/auth/roles/{role}`
 */
char *etcd_role_get(const etcd_client *client, const char *role);

/**
 * Creates a role, without a permission yet.
 *
 * - `client`, `role`: must not be NULL.
 *
 * Returns the role. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (409: it exists), 1008, and those of every call.
 *
 * etcd: `PUT /v2/auth/roles/{role}`
 */
char *etcd_role_create(const etcd_client *client, const char *role);

/**
 * Deletes a role.
 *
 * - `client`, `role`: must not be NULL.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such role; 403: root), 1008, and those of every call.
 *
 * etcd: `DELETE /v2/auth/roles/{role}`
 */
char *etcd_role_delete(const etcd_client *client, const char *role);

/**
 * Gives a role a permission.
 *
 * - `client`, `role`: must not be NULL.
 * - `pattern`: must not be NULL; a key, or with a `*` at its end all keys that begin so: `"/app*"`. Recursive reads and
 *   watches need one with a `*`; it is compared with the key as the caller writes it, trailing `/` included.
 * - `access`: `ETCD_READ`, `ETCD_WRITE`, or both.
 *
 * Returns the role. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such role; 409: it has the permission already), 1008, and those of every call.
 *
 * etcd: `PUT /v2/auth/roles/{role}` with `grant`
 */
char *etcd_role_grant(const etcd_client *client, const char *role, const char *pattern, uint32_t access);

/**
 * Takes a permission from a role.
 *
 * - `client`, `role`: must not be NULL.
 * - `pattern`: must not be NULL; as it was granted.
 * - `access`: `ETCD_READ`, `ETCD_WRITE`, or both.
 *
 * Returns the role. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such role; 400: it does not have the permission), 1008, and those of every call.
 *
 * etcd: `PUT /v2/auth/roles/{role}` with `revoke`
 */
char *etcd_role_revoke(const etcd_client *client, const char *role, const char *pattern, uint32_t access);

/* ==== Reading a reply =================================================================
 * Enough to do without a JSON library. A place in a text is named by an RFC 6901 pointer: `/node/value`,
 * `/node/nodes/0/key`; "" is the whole.
 */

/**
 * Tells whether a text that the library returned is a result or an error.
 *
 * - `json`: such a text. NULL counts as error 1001, what is no JSON as 1006.
 *
 * Returns 0 for a result, else the error's code.
 */
int etcd_error_code(const char *json);

/**
 * Reads one value as text.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it stands; NULL is nowhere.
 *
 * Returns a string without quotes and escapes, any other value as JSON; NULL if there is none. A string that
 * C could not tell from a shorter one, because it holds U+0000, stays JSON, with its quotes. The caller
 * owns the text and frees it with `etcd_free`.
 *
 *     char *value = etcd_json_text(reply, "/node/value");
 */
char *etcd_json_text(const char *json, const char *pointer);

/**
 * Reads one whole number: an index, a ttl. Values of keys are strings, also those that look like numbers; for them
 * there is `etcd_json_text`.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it stands; NULL is nowhere.
 * - `fallback`: what to return if there is none, or if it is no whole number that fits.
 *
 * Returns the number, or `fallback`.
 *
 *     int64_t index = etcd_json_int(reply, "/node/modifiedIndex", 0);
 */
int64_t etcd_json_int(const char *json, const char *pointer, int64_t fallback);

/**
 * Counts the elements of an array, or the members of an object.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it stands; NULL is nowhere.
 *
 * Returns how many there are; -1 if there is no value, or neither array nor object.
 *
 *     int64_t children = etcd_json_length(reply, "/node/nodes");
 */
int64_t etcd_json_length(const char *json, const char *pointer);

/**
 * Reads the name of one member of an object: of the members of a cluster, say, the ids.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where the object stands; NULL is nowhere.
 * - `position`: which member, from 0 to `etcd_json_length` less 1.
 *
 * Returns the name without quotes and escapes; NULL if there is no such member. The caller owns the text and frees it
 * with `etcd_free`.
 *
 *     char *id = etcd_json_name(members, "", 0);
 */
char *etcd_json_name(const char *json, const char *pointer, int64_t position);

/**
 * Takes the next element of an array, or value of an object. However many there are, each is read once, where a pointer
 * for each would have all before it read again.
 *
 * - `rest`: must not be NULL. It points to what is left of the text: at first to the array's or object's own, which must
 *   stay as it is meanwhile; this call moves it on.
 *
 * Returns the element's JSON; NULL if there is none any more. The caller owns the text and frees it with `etcd_free`.
 *
 *     char *nodes = etcd_json_text(reply, "/node/nodes"), *node;
 *     const char *rest = nodes;
 *     while ((node = etcd_json_next(&rest))) {
 *         char *key = etcd_json_text(node, "/key");
 *         puts(key);
 *         etcd_free(key);
 *         etcd_free(node);
 *     }
 *     etcd_free(nodes);
 */
char *etcd_json_next(const char **rest);

/* ==== The library =====================================================================
 */

/**
 * Frees a text that the library returned. Not for what is `const char *`.
 *
 * - `text`: NULL is fine.
 */
void etcd_free(char *text);

/**
 * Tells the version of the library that the program runs with; `ETCD_VERSION` is that of the header it
 * was compiled with.
 *
 * Returns a text like "0.1.0", which lives as long as the library and is not freed.
 */
const char *etcd_library_version(void);

/* ==== Logging =========================================================================
 * The library prints nothing. What it has to say goes to a callback, if there is one.
 */

/** Nothing. */
#define ETCD_LOG_OFF 0
/** What needs a programmer's eye. */
#define ETCD_LOG_ERROR 1
/** What went wrong; the call's error tells it too. */
#define ETCD_LOG_WARN 2
/** What changed: a watch that resumed, an endpoint left for another. */
#define ETCD_LOG_INFO 3
/** Every request, and the body of every reply. */
#define ETCD_LOG_DEBUG 4

/**
 * Takes one line of the log, on whatever thread it arises. `message` is borrowed until the callback
 * returns. Passwords and `Authorization` lines never appear in it. It may call the library, which at `ETCD_LOG_DEBUG` makes
 * further lines.
 */
typedef void (*etcd_log_fn)(void *user_data, int level, const char *message);

/**
 * Sets the log callback of the whole process, in place of the one before. A line under way in another
 * thread may still reach that one.
 *
 * - `level`: `ETCD_LOG_OFF` to `ETCD_LOG_DEBUG`; lines above it are not made. Any other value counts as the nearest.
 * - `callback`: NULL turns the log off.
 * - `user_data`: handed to the callback; may be NULL. It must live as long as a line may be under way: to be safe, as
 *   long as the process.
 */
void etcd_set_log(int level, etcd_log_fn callback, void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* ETCD_H */
