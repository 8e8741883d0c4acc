/*
 * etcd.h - libetcd 0.2.0, a client for etcd: its v2 and its v3 API, through the same functions
 *
 * Conventions
 *
 * 1. A call that asks etcd something returns one JSON text: UTF-8, ending in NUL, never NULL. It is a result or an
 *    error: etcd_error_code(text) is 0 for a result, else the error's code. The caller owns the text and frees it with
 *    etcd_free.
 * 2. A result of the keys space is etcd's own reply of v2 with one member appended, which says at which point of the
 *    cluster's history it holds: "header":{"clusterId":"cdf8...","etcdIndex":8,"raftIndex":9,"raftTerm":2}. Over v3 it
 *    has the same shape, without "raftIndex": an index is a revision.
 * 3. An error is {"errorCode":100,"message":"Key not found","cause":"/foo","index":8}, plus "status", the HTTP status,
 *    and "header" where the server sent them. Codes below 1000 are etcd's. Codes from 1000 up are the library's own: no
 *    server can make a call return one of its choice.
 * 4. A call that makes a handle returns it, or NULL on failure. Its last parameter, `error`, may be NULL; else it is
 *    always written: NULL on success, or an error's text, which the caller owns and frees with etcd_free.
 * 5. Strings that come in are UTF-8, end in NUL, and are borrowed for the call only. (A binding whose strings may contain
 *    a NUL must look for it: the rest would be cut off.) Bytes are given with their length, and may be NULL if that is 0;
 *    they are borrowed, too. An invalid argument is error 1001; its `cause` names the
 *    parameter, and nothing has been sent. etcd_free, ..._free and etcd_disconnect accept NULL.
 * 6. Any number of threads may use one client at once. A handle that was freed, or is of another kind, is error 1001; no
 *    handle is used again for another object. After fork a child may go on using its parent's clients; it opens
 *    connections of its own. A signal handler must not call fork (posix_spawn is allowed): the thread that it interrupts
 *    may hold a lock that fork waits for.
 * 7. A call that asks etcd something returns within the client's `timeout.request_ms`. A write whose answer did not come
 *    is error 1004: it may or may not have been carried out, and is not repeated. So may one have been that another thread
 *    gave up, error 1009, if its `cause` says that it was sent. A read that failed has changed nothing.
 * 8. Nothing is printed, no signal is raised, no panic leaves the library: a bug in it is error 1099. Where there is no
 *    memory for a reply, a value or an event of more than 64 KiB, the call fails with error 1011 (a write that was sent:
 *    1004). Where there is none for less than that, or another thread takes it after the call has looked, or a text of which
 *    most must be escaped takes more than it looked for, the process is aborted, with a line on its standard error.
 * 9. `user_data` is the first argument of a callback. A callback returns: it must not throw an exception or call longjmp.
 *    If it calls pthread_exit, as Python does while it ends, the thread goes on as if it had returned, and its watch ends
 *    (on x86-64; elsewhere the process is aborted).
 * 10. No call is a cancellation point: a thread that is cancelled during a call (pthread_cancel) ends after it. A thread
 *    whose cancellation is asynchronous must not call the library. The library's own threads are never cancelled.
 *
 * A function's line "etcd:" names its request over v2. Where v3 differs, its comment says so; what it says nothing of is
 * the same over both.
 *
 * Errors of every call: 1001 to 1011 and 1099; 210, for a request that is too large; 300, where the cluster cannot agree
 * on a write, or on a read with ETCD_QUORUM. What to do: after 1002, and 1003 or 300 of a read, call again later; after
 * 1004 look whether the write is there; after 1011 free something first; 1001, 1007, 1008 and 1010 need a person; 1009
 * is the program's own doing.
 */
#ifndef ETCD_H
#define ETCD_H

#include <stddef.h>
#include <stdint.h>

#define ETCD_VERSION "0.2.0"
/* A byte each for major, minor and patch version: ETCD_VERSION_NUMBER >= 0x000200. */
#define ETCD_VERSION_NUMBER 0x000200

/* Before a function whose result the caller owns: a compiler that can warns where it is dropped. */
#if defined(__GNUC__) || defined(__clang__)
#define ETCD_MUST_USE __attribute__((warn_unused_result))
#else
#define ETCD_MUST_USE
#endif

/* Before a function that a later version may no longer have; its comment says what to call in its place. */
#if defined(__GNUC__) || defined(__clang__)
#define ETCD_DEPRECATED __attribute__((deprecated))
#else
#define ETCD_DEPRECATED
#endif

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
/** Something failed inside the cluster; `cause` says what. */
#define ETCD_ERROR_RAFT_INTERNAL 300
/** etcd 0.4: no leader at this moment. */
#define ETCD_ERROR_LEADER_ELECTION 301
/** A watch was ended by the server's recovery; or there is no such revision yet. */
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
/** An argument of the call was invalid; nothing was sent. `cause` names the parameter. */
#define ETCD_ERROR_INVALID_ARGUMENT 1001
/** No endpoint could be reached, or a read lost its connection; nothing was carried out. */
#define ETCD_ERROR_UNAVAILABLE 1002
/** A read gave no answer in time. */
#define ETCD_ERROR_TIMEOUT 1003
/** A write was sent and no answer came that can be understood: it may or may not have been carried out; it was not repeated. */
#define ETCD_ERROR_OUTCOME_UNKNOWN 1004
/** An HTTP failure with no etcd error in it; `cause` holds the body's text. */
#define ETCD_ERROR_HTTP 1005
/** The answer to a read was not HTTP, truncated, not JSON where JSON is due, or too large. */
#define ETCD_ERROR_BAD_RESPONSE 1006
/** Certificate or handshake refused; `cause` says why. */
#define ETCD_ERROR_TLS 1007
/** The server wants credentials, or better ones. */
#define ETCD_ERROR_UNAUTHENTICATED 1008
/** The client was disconnected, or the watch stopped, while the call was under way. */
#define ETCD_ERROR_CANCELLED 1009
/** This server cannot do that. */
#define ETCD_ERROR_UNSUPPORTED 1010
/** The system has no thread, descriptor or memory left for the call; `cause` says which. */
#define ETCD_ERROR_SYSTEM_LIMIT 1011
/** A bug in the library. */
#define ETCD_ERROR_INTERNAL 1099

/* ==== Connecting ======================================================================
 * A client is a handle for a cluster. Its connections are opened when they are needed, kept alive, and shared by all threads
 * that use the client.
 */

/**
 * A client of an etcd cluster; see `etcd_connect`.
 */
typedef struct etcd_client etcd_client;

/**
 * Makes a client for one etcd server, without TLS and credentials; `etcd_connect_config` can do more. It does no I/O: if
 * the server cannot be reached, the first call fails.
 *
 * - `host`: name or address of the server, without a scheme; NULL or "" is `127.0.0.1`.
 * - `port`: its client port; 0 is 2379.
 * - `version`: the API to use, `"v2"`, `"v3"` or `"auto"`; NULL or "" is `"auto"`: the first call finds out which one the
 *   server has.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the client, which the caller owns and ends with `etcd_disconnect`; NULL on failure.
 *
 * Errors: 1001.
 *
 *     char *error;
 *     etcd_client *client = etcd_connect("127.0.0.1", 2379, NULL, &error);
 *     if (!client) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
etcd_client *etcd_connect(const char *host,
                          uint16_t port,
                          const char *version,
                          char **error);

/**
 * Returns the version of etcd's API that a client uses. With "auto" it is found out now, if no call has done so yet.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"api":"v2"}` or `{"api":"v3"}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1002 (no endpoint tells which API it has; the next call asks again), and those of every call.
 *
 * etcd: `GET /version`, `GET /v2/keys/_libetcd`; nothing where the version is given
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE char *etcd_api(const etcd_client *client);

/**
 * Ends a client: calls under way in other threads return with error 1009, its watches are stopped, and the connections
 * are closed. It waits for callbacks of these watches that are running, unless it is called inside a callback; the
 * watches' handles stay valid until `etcd_watch_free`. The client's handle must not be used any more; a call that uses it
 * fails with error 1001.
 *
 * - `client`: NULL is fine.
 *
 * Since: 0.1.0
 */
void etcd_disconnect(etcd_client *client);

/* ==== Configuration ===================================================================
 * Each setting has a name, a default (in brackets), and a unit and a range. Values are texts, also for numbers.
 *
 * - `endpoints` ("http://127.0.0.1:2379"): URLs of the cluster's members, separated by commas; "http" or "https", IPv6
 *   in brackets, with a zone where it needs one ("http://[fe80::1%25eth0]:2379"), a path where a reverse proxy wants
 *   one; without a port it is HTTP's, 80 or 443.
 * - `api` ("auto"): the version of etcd's API, "v2", "v3" or "auto". With "auto" the first call finds out, once for the
 *   client: v3 if the cluster is of version 3.6 or later; else v2 if any endpoint serves it; else v3.
 * - `username`, `password` (none): credentials, for the endpoints and the cluster's members only. Over v2 they are sent with
 *   every request, over v3 they are exchanged for a token, which is renewed when it is no longer good.
 * - `tls.ca_file` (the system's authorities): PEM file of the authorities to trust; the server's own certificate may be
 *   one. The environment's `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's are, but not to a program that is
 *   setuid, setgid or has file capabilities.
 * - `tls.cert_file`, `tls.key_file` (none): PEM files of the client's certificate and of its key, in PKCS#8, PKCS#1 or
 *   SEC1.
 * - `tls.server_name` (the endpoint's host): the name that the server's certificate must have.
 * - `tls.insecure_skip_verify` ("false"): "true" trusts any server, whatever its certificate and key are, if a handshake
 *   with it can be done; for tests only.
 * - `timeout.connect_ms` (2000): to open one connection, TLS included; 1 to 3600000 ms. The look-up of a name is not: it may
 *   use the whole time of the call.
 * - `timeout.request_ms` (10000): for one call, all its requests and tries included; 1 to 3600000 ms.
 * - `retry.attempts` (2): how often each endpoint is tried in one call; 1 to 100.
 * - `retry.max_delay_ms` (2000): the longest pause between two tries; 0 to 3600000 ms.
 * - `sync_interval_ms` (0): the time after which the endpoints are read anew from the cluster; 0 (never) to 86400000 ms. A
 *   forked child does not do so.
 * - `discovery.srv_domain` (none): a domain whose SRV records name the endpoints, read when connecting: those of
 *   `_etcd-client-ssl._tcp` or, if there are none and nothing asks for TLS, of `_etcd-client._tcp`.
 * - `discovery.nameserver` (the system's): the name server to ask for them, an address with a port, "127.0.0.1:53".
 * - `max_response_bytes` (134217728): the largest reply that is read; 1024 to 1099511627776 bytes.
 * - `watch.queue` (1024): how many events of a watch without a callback can wait to be fetched; when the queue is full, the
 *   watch waits; 1 to 1000000.
 * - `watch.poll_ms` (30000): the longest time that a watch waits before it asks again, and so the time in which it notices
 *   that its server has gone silently; 100 to 3600000 ms.
 * - `user_agent` ("libetcd/" and the version): the `User-Agent` line; visible ASCII.
 * - `root` ("/"): what every key of the v3 API begins with: "" for keys without a leading slash, or like "/app/", with a
 *   slash at its end. Replies
 *   have it taken off, and keys that do not begin with it are not seen. On v2, the directory that every key is below.
 * - `v3.strict_tree` ("true"): "false" leaves out the rules of a tree over v3: errors 102 and 104 are not found. What a call
 *   itself asks for holds: 105 of `etcd_create`, 108 of `etcd_deletedir`.
 * - `v3.tell_expire` ("true"): "false" saves the request that tells `expire` from `delete` in the events of a watch over v3.
 *   A key whose lease was revoked has expired, too.
 * - `no_value_on_success` ("false"): "true" has the replies of `etcd_create`, `etcd_update` and `etcd_cas` leave out the
 *   node, as `ETCD_NO_VALUE_ON_SUCCESS` has that of `etcd_set`.
 *
 * An https endpoint, or any setting that begins with `tls.`, asks for TLS. Then the only plain endpoints that are used are
 * configured ones, whatever name servers or the cluster say.
 */

/**
 * A configuration to connect with; see `etcd_config_new`.
 */
typedef struct etcd_config etcd_config;

/**
 * Makes a configuration in which everything has its default.
 *
 * Returns the configuration, which the caller owns and frees with `etcd_config_free`.
 *
 *     etcd_config *config = etcd_config_new();
 *     etcd_config_set(config, "endpoints", "https://10.0.0.1:2379,https://10.0.0.2:2379");
 *     etcd_config_set(config, "tls.ca_file", "/etc/etcd/ca.pem");
 *     etcd_client *client = etcd_connect_config(config, &error);
 *     etcd_config_free(config);
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE etcd_config *etcd_config_new(void);

/**
 * Sets one thing, in place of its former value. An invalid name or value is remembered: `etcd_connect_config` fails with
 * the first one, and says what is wrong with it.
 *
 * - `config`: must not be NULL.
 * - `name`: must not be NULL; one of the list above.
 * - `value`: must not be NULL; a number is digits only; yes or no is "true" or "false".
 *
 * Returns 0; or 1001, `ETCD_ERROR_INVALID_ARGUMENT`, for a name or a value that is invalid, or a configuration that is
 * none.
 *
 * Since: 0.1.0
 */
int etcd_config_set(etcd_config *config,
                    const char *name,
                    const char *value);

/**
 * Makes a client as configured. The only I/O is to read files, and to ask for SRV records if `discovery.srv_domain` is set.
 *
 * - `config`: must not be NULL. The caller still owns it; later changes to it do not affect the client.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the client, which the caller owns and ends with `etcd_disconnect`; NULL on failure.
 *
 * Errors: 1001 (the first invalid name or value, or a file that cannot be read), 1002 (no SRV records), 1010, 1011.
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
etcd_client *etcd_connect_config(const etcd_config *config,
                                 char **error);

/**
 * Frees a configuration; clients made with it live on.
 *
 * - `config`: NULL is fine.
 *
 * Since: 0.1.0
 */
void etcd_config_free(etcd_config *config);

/**
 * Makes a client that shares another one's endpoints, connections and token, with settings of its own: a time limit for
 * some calls, a part of the tree, another user. It costs no connection, no thread and less than 1 KB (2 KB with another user), so it
 * may be made for a single call, which another thread then ends with `etcd_disconnect` of this client alone. (A write that is
 * given up so is error 1009, whose `cause` says whether it was sent. What stands in the line of a lock is given up with
 * `etcd_lock_free`.)
 *
 * - `client`: must not be NULL; may be derived itself. Its end is this one's, too: calls under way end with 1009, watches are
 *   stopped.
 * - `changes`: must not be NULL; what was set in it, and no more, is another than `client`'s: `timeout.request_ms`,
 *   `retry.attempts`, `retry.max_delay_ms`, `root`, `watch.queue`, `watch.poll_ms`,
 *   `username`, `password` or `user_agent`. The root is appended to that of `client`: "sub/" of one with "/app/" is
 *   "/app/sub/". Another `username` has no password but the one that comes with it. The caller
 *   still owns it.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the client, which the caller owns and ends with `etcd_disconnect`, before or after `client`; NULL on failure.
 *
 * Errors: 1001 (an invalid setting, or one that cannot be another's), 1009 (`client` has ended).
 *
 * etcd: nothing
 *
 *     etcd_config *changes = etcd_config_new();
 *     etcd_config_set(changes, "timeout.request_ms", "200");
 *     etcd_client *hasty = etcd_with(client, changes, &error);
 *     etcd_config_free(changes);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_client *etcd_with(const etcd_client *client,
                       const etcd_config *changes,
                       char **error);

/* ==== Keys ============================================================================
 * A key is a path of UTF-8 like `/app/config/port`; its leading `/` may be left out. It may contain any character, but
 * neither `//` nor the segments `.` and `..`. A name that begins with `_` is hidden: it is left out of listings, and of
 * watches of what is above it. A value is UTF-8, over v2 of at most 10 MiB (less what percent-encoding adds on the
 * wire), over v3 of at most 1.5 MiB (the server's `--max-request-bytes`; above that error 209, and nothing is written).
 *
 * A call that writes and has a `ttl` gives the key that many seconds to live. 0 or less means without end, and removes the
 * limit of an earlier write. Over v3 a ttl is a lease of the key's own, of at least 2 seconds (the server's minimum).
 * (A binding that takes durations must round up: half a second, cut to 0, would be without
 * end.)
 *
 * All results have the shape
 * `{"action":"set","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4},"header":{...}}`. A directory's
 * node has `"dir":true` and no value, a deleted key's no value, and the root's neither key nor indexes.
 *
 * Over v3 the path `/a/b` is the key `/a/b`, behind the setting `root`. A directory is whatever has keys below it, or a key
 * that ends in `/`, which `etcd_createdir` and `etcd_setdir` write; one that was not made ends with its last key. Bytes
 * that are not UTF-8 are `"value_base64"` in place of `"value"`. That a key is below no key and no value is where a
 * directory is (102, 104, 105, 108) is a condition of each transaction; where a role may not read what is compared, it
 * is left open.
 */

/** The whole tree below a directory: for `etcd_get`, `etcd_deletedir` and watches. */
#define ETCD_RECURSIVE 1
/** Children sorted by key: for `etcd_get`. */
#define ETCD_SORTED 2
/** The newest state, as agreed by a majority of the cluster, instead of the asked server's own copy: for `etcd_get`. */
#define ETCD_QUORUM 4
/** A new key below the given one, with a name that sorts in the order of creation: for `etcd_set`. */
#define ETCD_ORDERED 8

/**
 * A reply without the node, so that a large value is not sent back: for `etcd_set`. With `ETCD_ORDERED` that leaves out
 * the new key's name, too. Servers before 3.1 ignore it.
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
 * Over v3 a large directory is read in pages at one revision, sorted in any case; only the reply for a single key has its
 * ttl. Where both `/a` and `/a/b` are keys, `/a` is the key, and with `ETCD_RECURSIVE` the directory.
 *
 * Errors: 100 (no such key), 104 (a component of the path holds a value), and those of every call.
 *
 * etcd: `GET /v2/keys/{key}`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_get(const etcd_client *client,
               const char *key,
               uint32_t flags);

/**
 * Writes a key, whether or not it exists; missing directories above it are made.
 *
 * - `client`: must not be NULL.
 * - `key`: must not be NULL. With `ETCD_ORDERED` the directory in which to make a new key.
 * - `value`: must not be NULL; may be "".
 * - `ttl`: seconds to live; 0 or less: without end. At most 2147483647 over v2, 9000000000 over v3.
 * - `flags`: 0, or `ETCD_ORDERED`, `ETCD_NO_VALUE_ON_SUCCESS`.
 *
 * Returns etcd's reply, with the former state in `/prevNode` if there was one. The caller owns the text and
 * frees it with `etcd_free`.
 *
 * Over v3 the `createdIndex` of a key that existed stays. Written again with the same ttl, the key keeps its lease. Names
 * of `ETCD_ORDERED` grow in the order of the commits and are never given twice; they need not be the `createdIndex`.
 *
 * Errors: 102 (the key is a directory), 104, 107 (the root), and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}`, or `POST /v2/keys/{key}` with `ETCD_ORDERED`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_set(const etcd_client *client,
               const char *key,
               const char *value,
               int64_t ttl,
               uint32_t flags);

/**
 * Writes a key only if it does not exist yet.
 *
 * - `client`, `key`, `value`: must not be NULL.
 * - `ttl`: seconds to live; 0 or less: without end.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 105 (it exists), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `prevExist=false`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_create(const etcd_client *client, const char *key, const char *value, int64_t ttl);

/**
 * Writes a key only if it exists. Its `createdIndex` stays; its time to live does not, unless it is given again.
 *
 * - `client`, `key`, `value`: must not be NULL.
 * - `ttl`: seconds to live; 0 or less: without end.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 102 (a directory), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `prevExist=true`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_update(const etcd_client *client, const char *key, const char *value, int64_t ttl);

/**
 * Gives a key a new time to live. Its value stays, and watches get no event. Its `modifiedIndex` changes, so a condition on
 * the former one no longer holds; and a refresh takes a place in etcd's history, which many refreshes fill. On servers
 * before 2.3.7, which would empty the value, the key is written anew instead, which watches see. Over v3 the same ttl again
 * keeps the key's lease alive, and the index stays; another ttl is a write, which watches see.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live; without one the server answers with error 212.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 104, 212 (no ttl), and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `refresh=true`; before the first one `GET /version`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_refresh(const etcd_client *client,
                   const char *key,
                   int64_t ttl);

/**
 * Makes a directory. A key with a value in that place is replaced and its value is lost; `etcd_createdir` does not do
 * that.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live, with all that is in it; 0 or less: without end. Over v3 a directory cannot have one:
 *   error 1010.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 102 (it is a directory already), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `dir=true`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_setdir(const etcd_client *client, const char *key, int64_t ttl);

/**
 * Makes a directory only if nothing is there yet.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live, with all that is in it; 0 or less: without end. Over v3 a directory cannot have one:
 *   error 1010.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 105 (something is there), 104, 107, and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `dir=true&prevExist=false`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_createdir(const etcd_client *client, const char *key, int64_t ttl);

/**
 * Gives an existing directory a new time to live; what is in it stays. etcd 3.5 cannot do that and answers with error 300,
 * "Not a file". A key with a value is not changed: the library looks at it first, because the server would empty it.
 *
 * - `client`, `key`: must not be NULL.
 * - `ttl`: seconds to live, with all that is in it; 0 or less: without end. Over v3 a directory cannot have one:
 *   error 1010.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such directory), 104 (it holds a value), 300 (etcd 3.5), and those of every call.
 *
 * etcd: `GET /v2/keys/{key}`, then `PUT /v2/keys/{key}` with `dir=true&prevExist=true`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_updatedir(const etcd_client *client,
                     const char *key,
                     int64_t ttl);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_delete(const etcd_client *client, const char *key);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_deletedir(const etcd_client *client, const char *key, uint32_t flags);

/**
 * Says whether a key or a directory exists.
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
 *
 * Since: 0.1.0
 */
int etcd_exists(const etcd_client *client, const char *key, char **error);

/**
 * Compare-and-swap: writes a key only if it is as expected. What is expected is a value, an index, or both.
 *
 * - `client`, `key`, `value`: must not be NULL.
 * - `prev_value`: the value it must have, or NULL. "" is error 1001 over v2, which cannot compare with it: use the
 *   index. Over v3 it is compared.
 * - `prev_index`: the `modifiedIndex` it must have, or 0: any. NULL with 0 is error 1001.
 * - `ttl`: seconds to live; 0 or less: without end.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (no such key), 101 (it is not as expected; `cause` says what it is), 102 (a directory), 104, 107, and
 * those of every call.
 *
 * etcd: `PUT /v2/keys/{key}` with `prevValue`, `prevIndex` or both
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_cas(const etcd_client *client,
               const char *key,
               const char *value,
               const char *prev_value,
               uint64_t prev_index,
               int64_t ttl);

/**
 * The same as `etcd_cas`.
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_compare_and_swap(const etcd_client *client,
                            const char *key,
                            const char *value,
                            const char *prev_value,
                            uint64_t prev_index,
                            int64_t ttl);

/**
 * The same as `etcd_cas`.
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
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
 * - `prev_value`: the value it must have, or NULL; over v2 not "". Over v2 a value of more than 1,000 bytes is compared by
 *   the library, after a quorum read, and the key is deleted by its index.
 * - `prev_index`: the `modifiedIndex` it must have, or 0. NULL with 0 is error 1001.
 *
 * Returns etcd's reply. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 101 (it is not as expected; `cause` says what it is), 100 (no such key), 102 (a directory), and
 * those of every call.
 *
 * etcd: `DELETE /v2/keys/{key}` with `prevValue`, `prevIndex` or both
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_cad(const etcd_client *client,
               const char *key,
               const char *prev_value,
               uint64_t prev_index);

/**
 * The same as `etcd_cad`.
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_compare_and_delete(const etcd_client *client,
                              const char *key,
                              const char *prev_value,
                              uint64_t prev_index);

/* ==== Watching ========================================================================
 * A watch delivers each change of what it watches once and in order. It loses none, whatever happens to connections and
 * servers meanwhile: over v2 it asks in long polls, each from where the last answer ended, over v3 it reads a stream; after
 * a failure it goes on from there. Over v2 etcd keeps the last 1,000 changes of the whole store, over v3 all since the last
 * compaction. Where that history no longer reaches back far enough, or the cluster was rebuilt, the watch delivers one
 * event that says what is there now and which changes are unknown:
 * `{"action":"resync","node":{...},"missed":{"after":A,"before":B},"header":{...}}`. `node` is null if nothing is
 * there. The indexes strictly between A and B are the ones missed. (In a rebuilt cluster the indexes begin anew, and B may
 * be below A: then it is not known what was missed. A rebuilt cluster that has the former one's id and has overtaken its
 * index before it is asked again cannot be told from it.)
 *
 * Any other event has the shape `{"action":"set","node":{...},"prevNode":{...},"header":{...}}`. Over v2 its `action` is
 * set, create, update, compareAndSwap, delete, compareAndDelete or expire. When a directory is deleted or expires with all
 * that is in it, a watch of something in it gets one event, whose `/node/key` is the directory: a watch of `/d/a/b` may get
 * `/d`. A refresh is no change. Over v3 the `action` is set, create, delete or expire (see the setting `v3.tell_expire`). A
 * directory that is deleted gives one event for each key, all of one index; and a refresh with another ttl is a set.
 *
 * To resume later, begin with the change's own `/node/modifiedIndex` plus 1, or after a resync with B; an event's `header`
 * describes the store when it was asked, which may be before the change. (Over v3 several changes may have one index: it
 * is safe to resume only after the last of them.)
 *
 * A watch of a key that cannot exist yet, because a part of its path holds a value, waits until it can and does.
 *
 * An error ends a watch, as its last event, where waiting cannot help: 1008, an error of etcd's own, 1005 or 1010 once
 * every endpoint has answered so, a change larger than `max_response_bytes`. Endpoints that cannot be reached, TLS that
 * fails (1007), time that runs out and answers that cannot be read are tried again without end, with growing pauses; the
 * log says so.
 *
 * Events are pulled with `etcd_watch_next` from a watch of `etcd_watch_open`, or pushed to a callback. A watch with a
 * callback, an `until` or a `release`, and any watch over v2, has a thread of the library, named `etcd-watch`, with a stack
 * of 2 MiB and all signals blocked. Callbacks run on it: those of one watch never overlap, those of several do. They may
 * call any function of the library, but two must not free each other's watch. Other watches have no thread: those of a
 * client share one, `etcd-grpc`, which reads their stream, and at most four that ask servers when a watch begins at an
 * index and while something is wrong, `etcd-watches`. They go on whether or not somebody fetches. A watch that is stopped,
 * or whose client is disconnected, ends without a last event. A forked child has none of its parent's watches.
 */

/**
 * A watch; see `etcd_watch` and `etcd_watchloop`.
 */
typedef struct etcd_watcher etcd_watcher;

/**
 * Takes one event. `event` is borrowed until the callback returns.
 *
 * Since: 0.1.0
 */
typedef void (*etcd_watch_fn)(void *user_data, const char *event);

/**
 * Takes `user_data` back. It is called once, after the last callback has returned, also when the watch could not be made.
 *
 * Since: 0.1.0
 */
typedef void (*etcd_release_fn)(void *user_data);

/**
 * Says whether an event was the last: anything but 0 ends the watch. It is called after each event has been delivered.
 * `event` is borrowed until the callback returns.
 *
 * Since: 0.1.0
 */
typedef int (*etcd_predicate_fn)(void *user_data, const char *event);

/**
 * Watches for one change, then ends. A resync counts as one.
 *
 * - `client`, `key`: must not be NULL. The key need not exist.
 * - `flags`: 0 for the key itself (of a directory not what is in it), `ETCD_RECURSIVE` for all below it, too.
 * - `wait_index`: the first change of interest, which may be in the past: the `modifiedIndex` last seen, plus 1. 0: from
 *   now on. Then a server is asked what "now" is, so that no change after this call has returned is missed, and the call
 *   waits for the answer, at most `timeout.request_ms`; if no server can say, the watch begins with a resync as soon as
 *   one can. With any other index the call returns at once.
 * - `callback`: takes the event; it may be called before this call has returned. NULL: the event is fetched with
 *   `etcd_watch_next`.
 * - `user_data`: passed to the callbacks; may be NULL.
 * - `release`: takes `user_data` back; may be NULL.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure. A server that cannot be
 * reached is no failure: the watch begins when it can.
 *
 * Errors: 1001, 1009, 1011 (no thread), 1099. An error that comes later and ends the watch is its last event, the error's
 * text; `etcd_error_code` recognises it.
 *
 * etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
etcd_watcher *etcd_watch(const etcd_client *client,
                         const char *key,
                         uint32_t flags,
                         uint64_t wait_index,
                         etcd_watch_fn callback,
                         void *user_data,
                         etcd_release_fn release,
                         char **error);

/**
 * Watches for every change until it is stopped, `until` ends it, or an error ends it; that error's text is the last event.
 *
 * - `client`, `key`, `flags`, `wait_index`, `callback`, `user_data`, `release`, `error`: as for `etcd_watch`.
 * - `until`: says which event is the last; may be NULL. Without a `callback` it is called when the event is ready to be
 *   fetched.
 *
 * Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure.
 *
 * Errors: as for `etcd_watch`.
 *
 * etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
 *
 *     static void print(void *user_data, const char *event) { puts(event); }
 *     etcd_watcher *watcher = etcd_watchloop(client, "/app", ETCD_RECURSIVE, 0, print, NULL, NULL, NULL, NULL);
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
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
 * Watches for every change, to be fetched with `etcd_watch_next`; the same as `etcd_watchloop` without callbacks.
 *
 * - `client`, `key`, `flags`, `wait_index`, `error`: as for `etcd_watch`.
 *
 * Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure.
 *
 * Errors: as for `etcd_watch`.
 *
 * etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
 *
 * A directory and then all its changes, with nothing lost in between (error 100: nothing is there yet):
 *
 *     char *now = etcd_get(client, "/app", ETCD_RECURSIVE | ETCD_QUORUM);
 *     uint64_t index = (uint64_t)etcd_json_int(now, "/header/etcdIndex", 0);
 *     if (etcd_error_code(now) == 0 || etcd_error_code(now) == ETCD_ERROR_KEY_NOT_FOUND) {
 *         etcd_watcher *watcher = etcd_watch_open(client, "/app", ETCD_RECURSIVE, index + 1, &error);
 *         for (char *event; (event = etcd_watch_next(watcher, -1)); etcd_free(event))
 *             puts(event);
 *     }
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
etcd_watcher *etcd_watch_open(const etcd_client *client,
                              const char *key,
                              uint32_t flags,
                              uint64_t wait_index,
                              char **error);

/**
 * Fetches the next event of a watch that was made without a callback. A signal does not end the waiting; a program that
 * wants that waits with `poll` for `etcd_watch_fd`.
 *
 * - `watcher`: NULL, or a watch with a callback, has no events to fetch.
 * - `timeout_ms`: how many milliseconds to wait for an event; 0: not at all; below 0: without end.
 *
 * Returns the event; NULL if there was none in time, or if the watch has ended and all its events have been
 * fetched: `etcd_watch_ended` says which. The caller owns the text and frees it with `etcd_free`.
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_watch_next(etcd_watcher *watcher, int64_t timeout_ms);

/**
 * Says whether a watch has no more events to fetch, now or later.
 *
 * - `watcher`: NULL, or a watch that was freed, has ended.
 *
 * Returns 1 once the watch has ended and all its events have been fetched, so that `etcd_watch_next` returns nothing but
 * NULL; 0 before that.
 *
 * Since: 0.1.0
 */
int etcd_watch_ended(const etcd_watcher *watcher);

/**
 * Makes a watch usable with `poll`, `epoll`, asyncio or libuv.
 *
 * - `watcher`: a watch that was made without a callback.
 *
 * Returns a descriptor that is readable while an event, or the end, waits for `etcd_watch_next`. It may be waited for
 * level- or edge-triggered: each event and the end are an edge. It does not block, is closed on exec, and may be
 * duplicated. It belongs to the watcher: it must not be read from or closed, and is valid until `etcd_watch_free`; so stop
 * the watch first, and free it when no thread waits for the descriptor any more. -1 for any other watcher, or if the
 * process has no descriptor left; a later call tries again.
 *
 * Since: 0.1.0
 */
int etcd_watch_fd(const etcd_watcher *watcher);

/**
 * Waits for a watch to end: until its last callback and `release` have returned, also while another thread is freeing
 * it. A watch whose queue is full does not end by itself before there is room for its last event.
 *
 * - `watcher`: NULL, or a watch that was freed, has ended.
 * - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
 *
 * Returns 1 if it has ended, 0 if not yet. Inside its own callback it has not ended, and this returns at once.
 *
 * Since: 0.1.0
 */
int etcd_watch_wait(const etcd_watcher *watcher, int64_t timeout_ms);

/**
 * Asks a watch to end, and returns at once. No callback begins any more. The watch ends within milliseconds, or as soon as
 * a callback that is running returns. Events that were not fetched yet still can be.
 *
 * - `watcher`: NULL, or a watch that was freed, has ended.
 *
 * Since: 0.1.0
 */
void etcd_watch_stop(etcd_watcher *watcher);

/**
 * Ends a watch and frees it. Waits until its last callback and `release` have returned, also when another thread is
 * freeing it already. Called inside a callback of that watch it only marks it and returns; the rest happens after the
 * callback.
 *
 * - `watcher`: NULL is fine. In a forked child only the handle is freed: the watch is the parent's.
 *
 * Since: 0.1.0
 */
void etcd_watch_free(etcd_watcher *watcher);

/* ==== Bytes, ranges and transactions ==================================================
 * The store of etcd's v3 API as it is: keys and values are any bytes, given with their lengths, and keys lie in the order
 * of their bytes, without directories. Over v2 each call of this section is error 1010. The setting `root` has no meaning
 * here, that of a derived client neither: what `etcd_set` writes as `/a/b` is the key `/a/b` behind that root.
 *
 * A range is given by its first key and by `end`, the key that follows its last one: "a" and "c" are all keys from "a" up
 * to, but without, "c". Without an `end` (NULL, or a length of 0) it is the key alone; with an `end` of the single byte 0,
 * all keys from the first on. With `ETCD_PREFIX` it is all keys that begin with the given one, and all keys there are if
 * that is empty; then there is no `end`.
 *
 * A reply is etcd's own in JSON, made regular: names in snake_case, zero values filled in, numbers as numbers, ids (of
 * clusters, members, leases) as decimal strings. Bytes are text, `"key"` and `"value"`, where they are UTF-8; else they
 * are base64, and called `"key_base64"` and `"value_base64"`. `etcd_json_bytes` reads both. A key is
 * `{"key":"a","create_revision":4,"mod_revision":7,"version":2,"value":"1","lease":"0"}`, and a header
 * `{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":7,"raft_term":2}`.
 *
 * Each change of the store is a revision. A key's `mod_revision` is that of its last change: a write on the condition that
 * it still is (`etcd_put_if`) takes nothing from another writer. Reads are linearizable, what a majority has agreed on,
 * unless `ETCD_SERIALIZABLE` is given.
 */

/** All keys that begin with the given one; with an empty key, all there are. */
#define ETCD_PREFIX 256
/** Keys without their values: for `etcd_range`. */
#define ETCD_KEYS_ONLY 512
/** The number of keys alone: for `etcd_range`. */
#define ETCD_COUNT_ONLY 1024
/** The last keys first: for `etcd_range`. */
#define ETCD_DESCENDING 2048
/** What was there before, as `prev_kv` or `prev_kvs`. */
#define ETCD_PREV_KV 4096
/** The key keeps its value, and gets another lease: for `etcd_put`. */
#define ETCD_IGNORE_VALUE 8192
/** The key keeps its lease, and gets another value: for `etcd_put`. */
#define ETCD_IGNORE_LEASE 16384
/** No events of writes: for `etcd_watch_range`. */
#define ETCD_NO_PUT 32768
/** No events of deletions: for `etcd_watch_range`. */
#define ETCD_NO_DELETE 65536
/** All bytes as `_base64`, also those that are text. */
#define ETCD_BASE64 131072
/** The asked server's own copy, which may lag behind and is there without a quorum, too: for `etcd_range`. */
#define ETCD_SERIALIZABLE 262144

/**
 * Reads a key, or all keys of a range.
 *
 * - `client`: must not be NULL.
 * - `key`, `key_length`: the key, or the first key of the range.
 * - `end`, `end_length`: where the range ends; NULL and 0: the key alone.
 * - `limit`: how many keys at most; 0: all.
 * - `revision`: as it was at that revision; 0: as it is.
 * - `flags`: 0, or `ETCD_PREFIX`, `ETCD_KEYS_ONLY`, `ETCD_COUNT_ONLY`, `ETCD_DESCENDING`, `ETCD_SERIALIZABLE`, `ETCD_BASE64`
 *   in any combination.
 *
 * Returns `{"header":{...},"kvs":[{"key":"a","create_revision":4,"mod_revision":7,"version":2,"value":"1","lease":"0"}],
 * "more":false,"count":1}`, with the keys in their order: `count` is how many the range has, `more` whether the limit
 * left any out. A key that is not there is no error, but an empty `kvs`. The caller owns the text and frees it with
 * `etcd_free`.
 *
 * A large range is read in pages, all at one revision: a consistent snapshot, of at most `max_response_bytes`.
 *
 * Errors: 401 (the revision was compacted), 400 (there is no such revision yet), and those of every call.
 *
 * etcd: `KV/Range`
 *
 *     char *all = etcd_range(client, "/app/", 5, NULL, 0, 0, 0, ETCD_PREFIX);
 *     int64_t revision = etcd_json_int(all, "/header/revision", 0);
 *     etcd_free(all);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_range(const etcd_client *client,
                 const void *key,
                 size_t key_length,
                 const void *end,
                 size_t end_length,
                 int64_t limit,
                 int64_t revision,
                 uint32_t flags);

/**
 * Writes a key, whether or not it exists.
 *
 * - `client`: must not be NULL.
 * - `key`, `key_length`: the key; not empty.
 * - `value`, `value_length`: the value; NULL and 0: an empty one.
 * - `lease`: the id of the lease that the key ends with; 0: none.
 * - `flags`: 0, or `ETCD_PREV_KV`, `ETCD_IGNORE_VALUE` (no value is given then; the key must exist), `ETCD_IGNORE_LEASE` (no
 *   lease is given then; the key must exist), `ETCD_BASE64` in any combination.
 *
 * Returns `{"header":{...}}`, whose `revision` is the key's `mod_revision`; with `ETCD_PREV_KV`, `prev_kv` is the key as it
 * was, if it was there. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 209 (larger than the server takes), 300 (there is no such lease), and those of every call.
 *
 * etcd: `KV/Put`
 *
 *     etcd_free(etcd_put(client, "k\0ey", 4, "\xff\x00", 2, 0, 0));
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_put(const etcd_client *client,
               const void *key,
               size_t key_length,
               const void *value,
               size_t value_length,
               int64_t lease,
               uint32_t flags);

/**
 * Writes a key only if it was changed last at a given revision, or only if it is not there.
 *
 * - `client`: must not be NULL.
 * - `key`, `key_length`: the key; not empty.
 * - `value`, `value_length`: the value; NULL and 0: an empty one.
 * - `mod_revision`: the `mod_revision` that the key must have; 0: it must not exist.
 * - `lease`: the id of the lease that the key ends with; 0: none.
 * - `flags`: as of `etcd_put`.
 *
 * Returns what `etcd_put` returns. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 101 (the key has another `mod_revision`; the error's `/kv` is the key as it is, if it is there), 209, 300, and
 * those of every call.
 *
 * etcd: `KV/Txn`
 *
 *     char *reply = etcd_put_if(client, "job", 3, "mine", 4, 0, 0, 0);
 *     if (etcd_error_code(reply) == ETCD_ERROR_COMPARE_FAILED) {
 *         char *holder = etcd_json_text(reply, "/kv/value");
 *         etcd_free(holder);
 *     }
 *     etcd_free(reply);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_put_if(const etcd_client *client,
                  const void *key,
                  size_t key_length,
                  const void *value,
                  size_t value_length,
                  int64_t mod_revision,
                  int64_t lease,
                  uint32_t flags);

/**
 * Deletes a key, or all keys of a range.
 *
 * - `client`: must not be NULL.
 * - `key`, `key_length`: the key, or the first key of the range.
 * - `end`, `end_length`: where the range ends; NULL and 0: the key alone.
 * - `flags`: 0, or `ETCD_PREFIX`, `ETCD_PREV_KV`, `ETCD_BASE64` in any combination.
 *
 * Returns `{"header":{...},"deleted":2,"prev_kvs":[]}`; with `ETCD_PREV_KV`, `prev_kvs` are the keys as they were. That there
 * was none is no error. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call. With `ETCD_PREV_KV`, more than `max_response_bytes` is error 1004: they are deleted.
 *
 * etcd: `KV/DeleteRange`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_delete_range(const etcd_client *client,
                        const void *key,
                        size_t key_length,
                        const void *end,
                        size_t end_length,
                        uint32_t flags);

/**
 * Deletes a key only if it was changed last at a given revision.
 *
 * - `client`: must not be NULL.
 * - `key`, `key_length`: the key; not empty.
 * - `mod_revision`: the `mod_revision` that the key must have; above 0.
 *
 * Returns `{"header":{...},"deleted":1,"prev_kvs":[]}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100 (there is no such key), 101 (it has another `mod_revision`; the error's `/kv` is the key as it is), and those
 * of every call.
 *
 * etcd: `KV/Txn`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_delete_if(const etcd_client *client,
                     const void *key,
                     size_t key_length,
                     int64_t mod_revision);

/**
 * Watches a key, or all keys of a range, for every change until it is stopped or an error ends it. It loses none and
 * delivers each once, as all watches (see "Watching").
 *
 * - `client`: must not be NULL.
 * - `key`, `key_length`: the key, or the first key of the range.
 * - `end`, `end_length`: where the range ends; NULL and 0: the key alone.
 * - `revision`: the revision of the first change of interest, which may be in the past; 0: from now on, as of
 *   `etcd_watchloop`.
 * - `flags`: 0, or `ETCD_PREFIX`, `ETCD_PREV_KV`, `ETCD_NO_PUT`, `ETCD_NO_DELETE`, `ETCD_BASE64` in any combination.
 * - `callback`: takes each event; NULL: they are fetched with `etcd_watch_next`.
 * - `user_data`, `release`, `error`: as for `etcd_watch`.
 *
 * Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure. A server that cannot be
 * reached is no failure: the watch begins when it can.
 *
 * An event is `{"header":{...},"events":[{"type":"PUT","kv":{...},"prev_kv":{...}}]}`, with all changes of one revision or of
 * several, never with a part of one: a transaction that writes 100 keys is one event. `type` is `"PUT"` or `"DELETE"`; of a
 * deleted key, `kv` has the `key` and the `mod_revision` of its deletion. `prev_kv` is the key as it was, with
 * `ETCD_PREV_KV`, if it was there and the history still has it. To resume later, begin with the last event's
 * `/events/N/kv/mod_revision` of its last element plus 1; after a RESYNC with its `/missed/before`.
 *
 * Where the history no longer reaches back far enough, or the cluster was rebuilt, there is one event
 * `{"type":"RESYNC","kvs":[...],"missed":{"after":A,"before":B},"header":{...}}`: the keys that are there now, whatever
 * `flags` leaves out; the revisions strictly between A and B are the ones missed, and the watch goes on with B.
 *
 * Errors: as for `etcd_watch`; 1010 over v2.
 *
 * etcd: `Watch/Watch`
 *
 *     etcd_watcher *watcher = etcd_watch_range(client, "jobs/", 5, NULL, 0, 0, ETCD_PREFIX, NULL, NULL, NULL, &error);
 *     for (char *event; (event = etcd_watch_next(watcher, -1)); etcd_free(event))
 *         puts(event);
 *     etcd_watch_free(watcher);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_watcher *etcd_watch_range(const etcd_client *client,
                               const void *key,
                               size_t key_length,
                               const void *end,
                               size_t end_length,
                               int64_t revision,
                               uint32_t flags,
                               etcd_watch_fn callback,
                               void *user_data,
                               etcd_release_fn release,
                               char **error);

/**
 * Carries out a transaction: if all conditions hold, the operations of one list, else those of another, as one change.
 *
 * - `client`: must not be NULL.
 * - `json`: the transaction; must not be NULL. `{"compare":[...],"success":[...],"failure":[...]}`, each of which may be left
 *   out. It is checked before it is sent.
 *
 * A condition has a `key`, or a `range_end`, too, all of whose keys must fulfil it; one of `version`, `create_revision`,
 * `mod_revision`, `value` and `lease`; and a `result`: `"EQUAL"`, which may be left out, `"GREATER"`, `"LESS"` or
 * `"NOT_EQUAL"`. `{"key":"a","mod_revision":7}`: "a" was changed last at revision 7. `{"key":"a","version":0}`: there is no
 * "a". A `target`, as etcd has it (`"MOD"`), may be given and must fit.
 *
 * An operation has one member: `request_range`, `request_put`, `request_delete_range`, or `request_txn`, a transaction within,
 * up to 32 deep. Their members are etcd's: `key`, `range_end`, `limit`, `revision`, `sort_order` (`"ASCEND"`, `"DESCEND"`),
 * `sort_target` (`"KEY"`, `"VERSION"`, `"CREATE"`, `"MOD"`, `"VALUE"`), `serializable`, `keys_only`, `count_only`,
 * `min_mod_revision` and so on; `key`, `value`, `lease`, `prev_kv`, `ignore_value`, `ignore_lease`; `key`, `range_end`,
 * `prev_kv`. Bytes that are not UTF-8 are given in base64, as `key_base64`, `value_base64`, `range_end_base64`; numbers as such
 * or as decimal strings. A range within a transaction is not read in pages.
 *
 * Returns `{"header":{...},"succeeded":true,"responses":[{"response_put":{"header":{...}}}]}`: whether the conditions held,
 * and what each operation of that list brought. That they did not is no error. The caller owns the text and frees it
 * with `etcd_free`.
 *
 * Errors: 1001 (the cause begins with the place that is wrong, `/success/1/request_put/key: ...`), 209 (larger than the server
 * takes, or more than its `--max-txn-ops`), and those of every call.
 *
 * etcd: `KV/Txn`
 *
 *     char *moved = etcd_txn(client,
 *         "{\"compare\":[{\"key\":\"to\",\"version\":0},{\"key\":\"from\",\"value\":\"1\"}],"
 *         "\"success\":[{\"request_put\":{\"key\":\"to\",\"value\":\"1\"}},{\"request_delete_range\":{\"key\":\"from\"}}],"
 *         "\"failure\":[{\"request_range\":{\"key\":\"from\"}}]}");
 *     if (etcd_error_code(moved) == 0) {
 *         char *succeeded = etcd_json_text(moved, "/succeeded");
 *         char *from = etcd_json_text(moved, "/responses/0/response_range/kvs/0/value");
 *         etcd_free(from);
 *         etcd_free(succeeded);
 *     }
 *     etcd_free(moved);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_txn(const etcd_client *client,
               const char *json);

/**
 * Makes a unary call of one of etcd's services by its name: of all but its own locks and elections, for which `etcd_lock_open`
 * is. It is sent with the client's token, and repeated where that does no harm.
 *
 * - `client`: must not be NULL.
 * - `method`: what etcd's JSON gateway calls it; must not be NULL. `kv/range`, `kv/put`, `kv/deleterange`, `kv/txn`,
 *   `kv/compaction`; `lease/grant`, `lease/revoke`, `lease/keepalive`, `lease/timetolive`, `lease/leases`;
 *   `cluster/member/add`, `remove`, `update`, `list`, `promote`; `maintenance/alarm`, `status`, `defragment`, `hash`, `hashkv`,
 *   `moveleader`, `downgrade`; `auth/enable`, `disable`, `status`, `authenticate`; `auth/user/add`, `get`, `list`, `delete`,
 *   `changepw`, `grant`, `revoke`; `auth/role/add`, `get`, `list`, `delete`, `grant`, `revoke`.
 * - `json`: the request, `{}` if it has no members; must not be NULL. The members are etcd's, in snake_case (`id`, `ttl`,
 *   `granted_ttl`, `peer_urls`, `target_id`), and as in `etcd_txn`.
 *
 * Returns etcd's reply as regular JSON. What is about one server, as `maintenance/status` is, is about the endpoint that
 * answers. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1001 (no such method, or a member that is wrong, by its place), 1010 (the server does not know the method), and
 * those of every call, of the calls on members and of those on users.
 *
 * etcd: the method
 *
 *     char *status = etcd_call(client, "maintenance/status", "{}");
 *     int64_t size = etcd_json_int(status, "/db_size", -1);
 *     etcd_free(status);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_call(const etcd_client *client,
                const char *method,
                const char *json);

/* ==== Leases and registration =========================================================
 * A lease keeps keys alive: as long as it is kept alive itself, and not a ttl longer. The library does that, at a third
 * of the ttl, on whatever endpoint answers, until the lease is freed. A program that dies or hangs, and a machine that is
 * cut off, keeps nothing alive: what it held is gone after the ttl.
 *
 * When no server has answered for the whole ttl, the lease is taken for lost, even if a server may still have it: the time
 * counts from before the last request that was answered was sent, so it is over here before it is over there. A suspended
 * machine counts the time, too.
 *
 * Over v3 a lease is etcd's own, and may hold any number of keys. Over v2, which has none, a registration is a key with a
 * ttl that is refreshed.
 *
 * The leases, registrations and locks of a client share two threads of the library, `etcd-lease` and `etcd-recipe`,
 * however many there are, and the thread of its streams. Those of derived clients share them, too, unless they have a user
 * of their own, or over v2 a root. (Over v2 a lock that waits has a thread, as a watch has.)
 *
 * A call on a handle has the time limit of the client that the handle was made with, and ends with that client. So a lease
 * or a lock of a derived client has a limit of its own. `etcd_disconnect` ends them: free them before, for what is not
 * revoked stays until its ttl is over. A forked child has the handles, but not what they stand for: to it they are lost.
 */

/**
 * A lease, or a registration; see `etcd_lease_open` and `etcd_register`.
 */
typedef struct etcd_lease etcd_lease;

/**
 * Grants a lease and keeps it alive. Keys are written with its id: `etcd_put(..., etcd_lease_id(lease), 0)`.
 *
 * - `client`: must not be NULL.
 * - `ttl`: how many seconds it lives without being kept alive, at least 1. (The server raises what is below its minimum,
 *   usually 2.) A short one makes others learn sooner that this program is gone; but all that lasts longer, a pause of the
 *   program or an election of a new leader, loses the lease. 10 is a good choice.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the lease, which the caller owns and frees with `etcd_lease_free`; NULL on failure.
 *
 * Errors: 202 (the ttl is longer than the server allows), 1010 (over v2), and those of every call.
 *
 * etcd: over v3 only: `Lease/LeaseGrant`, and then `Lease/LeaseKeepAlive`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_lease *etcd_lease_open(const etcd_client *client,
                            int64_t ttl,
                            char **error);

/**
 * Registers something, say a service's address: writes a key that must not be there, and keeps it there. If it is lost, for
 * its ttl has passed without an answer or somebody deleted it, it is written again as soon as that can be done; if another
 * has taken the key meanwhile, as soon as it is free.
 *
 * - `client`: must not be NULL.
 * - `key`: the key, like `/services/web/10.0.0.1:80`; must not be NULL.
 * - `value`: its value; must not be NULL.
 * - `ttl`, `error`: as for `etcd_lease_open`.
 *
 * Returns the registration's lease, which the caller owns; NULL on failure. `etcd_lease_free` withdraws it at once.
 *
 * Errors: 105 (there is such a key: another holds it, or an earlier run of this program, until its ttl is over), 107, and those of every
 * call.
 *
 * etcd: `PUT /v2/keys/{key}?prevExist=false&ttl={ttl}`; over v3 `Lease/LeaseGrant` and `KV/Txn`
 *
 *     char *error;
 *     etcd_lease *here = etcd_register(client, "/services/web/10.0.0.1:80", "{\"weight\":1}", 10, &error);
 *     if (!here) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_lease *etcd_register(const etcd_client *client,
                          const char *key,
                          const char *value,
                          int64_t ttl,
                          char **error);

/**
 * Returns a lease's id, to write keys with. That of a registration changes when it is made again.
 *
 * - `lease`: must not be NULL.
 *
 * Returns the id; 0 for no lease. Over v2 it means nothing to etcd.
 *
 * Since: 0.2.0
 */
int64_t etcd_lease_id(const etcd_lease *lease);

/**
 * Says how long what a lease holds is surely there still. It asks nobody.
 *
 * - `lease`: NULL, or one that was freed, has no time left.
 *
 * Returns the milliseconds; 0: it is lost, or may be.
 *
 * Since: 0.2.0
 */
int64_t etcd_lease_remaining_ms(const etcd_lease *lease);

/**
 * Makes a lease usable with `poll`, `epoll`, asyncio or libuv.
 *
 * - `lease`: must not be NULL.
 *
 * Returns a descriptor that is readable once what `etcd_lease_state` says has changed (not for the time left and nothing
 * else): the lease is lost, or was revoked, by whichever thread; a registration was made again, or could not be, for
 * another reason than before. Calling `etcd_lease_state` ends that. It must not be read from or closed, and is valid until
 * `etcd_lease_free`. -1 for no lease, or if the process has no descriptor left.
 *
 * Since: 0.2.0
 */
int etcd_lease_fd(const etcd_lease *lease);

/**
 * Says how a lease is. It asks nobody.
 *
 * - `lease`: must not be NULL.
 *
 * Returns `{"state":"alive","remainingMs":9800,"renewals":0,"error":null}`. `state` is `alive`, `lost` or `revoked`; a
 * registration that is lost is alive again once it could be made again, and `renewals` counts how often that was. `error`
 * is why it is lost, or why it could not be made again. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1001.
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_lease_state(const etcd_lease *lease);

/**
 * Ends a lease: what it holds is deleted now. Its handle stays until `etcd_lease_free`.
 *
 * - `lease`: must not be NULL.
 *
 * Returns its state, as `etcd_lease_state`. The caller owns the text and frees it with `etcd_free`. After an error it is not
 * kept alive any more, and ends by itself.
 *
 * Errors: those of every call.
 *
 * etcd: `DELETE /v2/keys/{key}?prevIndex={index}`; over v3 `Lease/LeaseRevoke`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_lease_revoke(etcd_lease *lease);

/**
 * Frees a lease, and ends it at once if a server can be told within a second; else it ends by itself after its ttl.
 *
 * - `lease`: NULL is fine. In a forked child only the handle is freed: the lease is the parent's.
 *
 * etcd: as for `etcd_lease_revoke`
 *
 * Since: 0.2.0
 */
void etcd_lease_free(etcd_lease *lease);

/* ==== Locks and elections =============================================================
 * A lock is held by one program at a time. Those that want it stand in a line, in the order in which they came; each waits
 * for the one before it alone. An election is a lock, too: who holds it leads, and its value says who that is.
 *
 * What a lock is worth. It ends: when its holder has been silent for its ttl, because it hung, was suspended or was cut
 * off, the next one has it. The former holder cannot notice that while it hangs. So "I hold the lock" is true when
 * `etcd_lock_wait` returns 1, and may be false a moment later, when the program gets to what it wanted the lock for. What
 * must never be done by two at once is to be protected where it is done:
 *
 * - in etcd, by `etcd_lock_txn`, which the server carries out only while the lock is held;
 * - elsewhere, by the token of `etcd_lock_token`, which is larger with every holder: send it along with each request, and
 *   have the receiver refuse those with a smaller one than it has seen.
 *
 * Where doing something twice does no harm, and is only a waste, it is enough to look at `etcd_lock_wait`, without
 * waiting, before each piece of work: it knows by the clock alone when the lock is over.
 *
 * Over v3 the keys are those of Go's `concurrency.Mutex` and `Election`, and of `etcdctl lock` and `etcdctl elect`, which
 * stand in the same line: `<name>/<lease id in hexadecimal>`, in the order of their creation. Another lock's name must
 * not begin with this one's and a slash. Over v2 they are in-order keys below the name, and have a mark of 16 digits before
 * their value.
 */

/** Not to stand in line: for `etcd_lock_open`. */
#define ETCD_TRY 524288

/**
 * A lock, or a candidate of an election; see `etcd_lock_open`.
 */
typedef struct etcd_lock etcd_lock;

/**
 * Stands in line for a lock. It may be held when this returns: `etcd_lock_wait` says so.
 *
 * - `client`: must not be NULL.
 * - `name`: the lock's name, a path like `/locks/backup`; must not be NULL. What is below it belongs to the lock.
 * - `value`: what others see of the holder, of a leader say its address; may be NULL, for "".
 * - `ttl`: as for `etcd_lease_open`. A holder that dies without giving it up blocks the others for so long.
 * - `flags`: 0, or `ETCD_TRY`: an error if another holds it or stands in line.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the lock, which the caller owns; `etcd_lock_free` gives it up. NULL on failure.
 *
 * Errors: 105 (with `ETCD_TRY`: another holds it), 202, and those of every call.
 *
 * etcd: `POST /v2/keys/{name}`; over v3 `Lease/LeaseGrant` and `KV/Txn`
 *
 * A total that only the holder changes, whatever happens to it meanwhile:
 *
 *     etcd_lock *lock = etcd_lock_open(client, "/locks/total", NULL, 10, 0, &error);
 *     if (etcd_lock_wait(lock, -1) == 1) {
 *         char *done = etcd_lock_txn(lock, "{\"success\":[{\"request_put\":{\"key\":\"/total\",\"value\":\"42\"}}]}");
 *         if (etcd_error_code(done) == ETCD_ERROR_COMPARE_FAILED)
 *             puts("the lock was lost before it was done; nothing was written");
 *         etcd_free(done);
 *     }
 *     etcd_lock_free(lock);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_lock *etcd_lock_open(const etcd_client *client,
                          const char *name,
                          const char *value,
                          int64_t ttl,
                          uint32_t flags,
                          char **error);

/**
 * Waits until a lock is held, or cannot be any more. A signal does not end the waiting.
 *
 * - `lock`: NULL, or one that was freed, is lost.
 * - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
 *
 * Returns 1 while it is held, 0 if it is not yet, and -1 once it is lost: its ttl has passed without an answer, somebody
 * deleted its key, it was freed, or the client was disconnected. A lock that is lost is never held again. It returns at
 * once, and asks nobody, once the lock is held: with a timeout of 0 it is a look at whether it still is.
 *
 * Since: 0.2.0
 */
int etcd_lock_wait(etcd_lock *lock,
                   int64_t timeout_ms);

/**
 * Makes a lock usable with `poll`, `epoll`, asyncio or libuv.
 *
 * - `lock`: must not be NULL.
 *
 * Returns a descriptor that is readable while `etcd_lock_wait` would return something else than it has last: once the lock
 * is held, and once it is lost. It must not be read from or closed, and is valid until `etcd_lock_free`. -1 for no lock, or
 * if the process has no descriptor left.
 *
 * Since: 0.2.0
 */
int etcd_lock_fd(const etcd_lock *lock);

/**
 * Returns a lock's token, by which others can tell a holder from the ones before it. It asks nobody.
 *
 * - `lock`: NULL, or one that was freed, is not held.
 *
 * Returns the index at which the lock's key was created; 0 while it is not held.
 *
 * Since: 0.2.0
 */
uint64_t etcd_lock_token(const etcd_lock *lock);

/**
 * Says how long a lock is surely held still, or a place in its line kept. It asks nobody.
 *
 * - `lock`: NULL, or one that was freed, has no time left.
 *
 * Returns the milliseconds; 0: it is lost, or may be.
 *
 * Since: 0.2.0
 */
int64_t etcd_lock_remaining_ms(const etcd_lock *lock);

/**
 * Says how a lock is. It asks nobody.
 *
 * - `lock`: must not be NULL.
 *
 * Returns `{"state":"held","key":"/locks/a/...","token":17,"remainingMs":9800,"error":null}`. `state` is `waiting`, `held` or
 * `lost`; `token` is 0 unless it is held; `error` is why it is lost. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1001.
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_lock_state(const etcd_lock *lock);

/**
 * Gives a lock that is held another value; a leader tells so what has changed about it. The token stays.
 *
 * - `lock`: must not be NULL.
 * - `value`: the new value; must not be NULL.
 *
 * Returns the change, with its node, as of `etcd_update`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 101 (the lock is not held), and those of every call.
 *
 * etcd: `PUT /v2/keys/{key}?prevIndex={index}`; over v3 `KV/Txn`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE char *etcd_lock_proclaim(etcd_lock *lock, const char *value);

/**
 * Carries out a transaction, which the server does only if the lock is held at that moment: neither branch else. Its keys
 * are those of the store: the setting `root`, which the lock's name is below, has no meaning for them. So two
 * holders never act at once, however long one of them was suspended.
 *
 * - `lock`: must not be NULL.
 * - `json`: as for `etcd_txn`; must not be NULL.
 *
 * Returns a reply as of `etcd_txn`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 101 (the lock is not held, and nothing was done), 1010 (over v2), and those of `etcd_txn`.
 *
 * etcd: over v3 only: `KV/Txn`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_lock_txn(etcd_lock *lock,
                    const char *json);

/**
 * Frees a lock, or a place in its line. The next one has it at once if a server can be told within a second; else after
 * this one's ttl.
 *
 * - `lock`: NULL is fine. In a forked child only the handle is freed: the lock is the parent's.
 *
 * etcd: `DELETE /v2/keys/{key}?prevIndex={index}`; over v3 `Lease/LeaseRevoke`
 *
 * Since: 0.2.0
 */
void etcd_lock_free(etcd_lock *lock);

/**
 * Watches who holds a lock, or leads an election. Events are fetched with `etcd_watch_next`.
 *
 * - `client`: must not be NULL.
 * - `name`: as for `etcd_lock_open`.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure. Its events are
 * `{"leader":{"value":"10.0.0.1:80","key":"/leader/...","token":17}}`, or `{"leader":null}` while there is none: what is so
 * now, and then each change, of its value, too. Of changes that follow each other quickly some may be left out, never the
 * last.
 *
 * Errors: 1001, 1009, 1011 (no thread), 1099. An error that comes later and ends the watch is its last event.
 *
 * etcd: `GET /v2/keys/{name}`, and a watch; over v3 the same with `KV/Range`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_watcher *etcd_leader_watch(const etcd_client *client,
                                const char *name,
                                char **error);

/* ==== Mirrors =========================================================================
 * A mirror is a directory held in memory: read once, then kept up by a watch. Reading it is no I/O and takes about a
 * microsecond, so a program can look at its configuration wherever it needs it, and goes on with what it had while no
 * server answers. Several threads may read at once, and none waits for another or for a change that comes in.
 *
 * Each read shows the mirror as it was at one index of the store, the `/header/etcdIndex` of the reply: all changes of one
 * transaction are seen at once. (Not where a role may not read the mirrored key and what is below it alike: then the two are
 * watched by themselves.) After a gap, which a watch would tell by a resync, all of it is exchanged at once.
 *
 * Replies have the shape of `etcd_get`'s. What differs: there is neither `ttl` nor `expiration`, for a refresh is not told to
 * watches. Hidden keys below the mirrored one are not there. A directory of v3 in which there are
 * hidden or in-order keys may have other indexes than `etcd_get` shows, and end with its last key that is not hidden, or stay
 * without it.
 *
 * 10,000 keys of 100 bytes each take about 1.3 MB. A mirror ends with `etcd_mirror_free`, with its client, or with an error
 * that ends a watch; reads return that error from then on. In a forked child it has ended.
 */

/**
 * A directory held in memory; see `etcd_mirror_open`.
 */
typedef struct etcd_mirror etcd_mirror;

/**
 * Makes a mirror of a key and all below it. It returns when the mirror has all there is, as a majority of the cluster agrees
 * on.
 *
 * - `client`, `key`: must not be NULL. The key need not exist, and may hold a value: the mirror follows what becomes of it.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the mirror, which the caller owns and frees with `etcd_mirror_free`; NULL on failure.
 *
 * Errors: 104, and those of every call: there is no mirror if the key cannot be read, but that nothing is there (100) is no
 * failure. 1011: no thread.
 *
 * etcd: `GET /v2/keys/{key}?quorum=true&recursive=true&sorted=true`, then as `etcd_watch_open`
 *
 *     etcd_mirror *mirror = etcd_mirror_open(client, "/app", &error);
 *     if (!mirror) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
 *     char *reply = etcd_mirror_get(mirror, "/app/colour");
 *     char *colour = etcd_json_text(reply, "/node/value");
 *     printf("%s\n", colour ? colour : "no colour");
 *     etcd_free(colour);
 *     etcd_free(reply);
 *     etcd_mirror_free(mirror);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_mirror *etcd_mirror_open(const etcd_client *client,
                              const char *key,
                              char **error);

/**
 * Reads a key, or lists one level of a directory, as `etcd_get` does without a flag, and without asking a server.
 *
 * - `mirror`: must not be NULL.
 * - `key`: must not be NULL; the mirrored key, or one below it, with its whole path.
 *
 * Returns a reply of `etcd_get`'s shape. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 100, 104, 1001 (the key is not in the mirror, or hidden), 1009 (the mirror has ended), and the error that has ended
 * it.
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_mirror_get(const etcd_mirror *mirror,
                      const char *key);

/**
 * Lists a directory and all below it, sorted, as `etcd_get` does with `ETCD_RECURSIVE` and `ETCD_SORTED`, and without asking
 * a server.
 *
 * - `mirror`, `key`: as for `etcd_mirror_get`.
 *
 * Returns a reply of `etcd_get`'s shape. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: as for `etcd_mirror_get`.
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_mirror_list(const etcd_mirror *mirror,
                       const char *key);

/**
 * Waits until a mirror has seen an index: with the `/header/etcdIndex` of a reply, what that reply tells of. So one reads
 * one's own writes.
 *
 * - `mirror`: NULL, or a mirror that was freed, has ended.
 * - `index`: the index. Where nothing in the mirror has it, because the change was elsewhere in the store, a server is asked
 *   after 50 ms, and then now and then, by reading the directory again.
 * - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
 *
 * Returns 1 if the mirror has seen the index, 0 if not yet, -1 if it has ended.
 *
 * Since: 0.2.0
 */
int etcd_mirror_wait(const etcd_mirror *mirror,
                     uint64_t index,
                     int64_t timeout_ms);

/**
 * Waits as `etcd_mirror_wait` does, but not in a call: by a watch of one event, for `poll`, `epoll`, asyncio or libuv. Any
 * number of them may wait for the same mirror, each for its index, and none costs a thread. (While no event shows what is
 * awaited, one thread asks on behalf of all that wait for a mirror.)
 *
 * - `mirror`: must not be NULL.
 * - `index`: as for `etcd_mirror_wait`.
 * - `error`: where to put an error's text, or NULL. NULL is put there on success.
 *
 * Returns the watcher, which the caller owns and frees with `etcd_watch_free`, also to wait no longer; NULL on failure. Its
 * one event, `{"header":{"etcdIndex":17}}`, says how far the mirror is once it has seen the index. If the mirror ends before,
 * the event is the error that its reads return from then on.
 *
 * Errors: 1001, 1009.
 *
 * etcd: as for `etcd_mirror_open`, to ask
 *
 *     etcd_mirror *mirror = etcd_mirror_open(client, "/app", NULL);
 *     etcd_watcher *seen = etcd_mirror_await(mirror, (uint64_t)etcd_json_int(reply, "/header/etcdIndex", 0), NULL);
 *     int descriptor = etcd_watch_fd(seen); // once the program's loop finds it readable:
 *     char *event = etcd_watch_next(seen, 0);
 *     etcd_free(event);
 *     etcd_watch_free(seen);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
etcd_watcher *etcd_mirror_await(const etcd_mirror *mirror,
                                uint64_t index,
                                char **error);

/**
 * Fetches the next change of what is mirrored. When it is fetched, the mirror has it already.
 *
 * Changes are kept for a reader from the first call of this function or of `etcd_mirror_fd` on. Who did not ask before the
 * first change, or lets more than `watch.queue` changes wait, gets one `resync` in place of those that were not kept, with
 * all there is, as a watch does; so a mirror needs no more memory for one who never asks, or asks too rarely. After a gap
 * in the watch itself what differs is told: `delete` for each key that has gone, and `set` for each that is new or has
 * changed, with `prevNode`.
 *
 * - `mirror`: NULL, or a mirror that was freed, has no changes.
 * - `timeout_ms`: how many milliseconds to wait for a change; 0: not at all; below 0: without end.
 *
 * Returns the change, an event as `etcd_watch_next` returns it; NULL if there was none in time, or if the mirror has ended,
 * of which `etcd_mirror_wait` tells. An error that ends the mirror is its last event. The caller owns the text and frees it
 * with `etcd_free`.
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_mirror_next(etcd_mirror *mirror,
                       int64_t timeout_ms);

/**
 * Makes the changes of a mirror usable with `poll`, `epoll`, asyncio or libuv.
 *
 * - `mirror`: NULL, or a mirror that was freed, has none.
 *
 * Returns a descriptor that is readable while a change, or the end, waits for `etcd_mirror_next`. What `etcd_watch_fd` says
 * of its own holds for it, too. -1 if there is none, or if the process has no descriptor left; a later call tries again.
 *
 * Since: 0.2.0
 */
int etcd_mirror_fd(const etcd_mirror *mirror);

/**
 * Ends a mirror and frees it. A thread that waits in `etcd_mirror_next` or `etcd_mirror_wait` returns.
 *
 * - `mirror`: NULL is fine. In a forked child only the handle is freed: the mirror is the parent's.
 *
 * Since: 0.2.0
 */
void etcd_mirror_free(etcd_mirror *mirror);

/* ==== The cluster =====================================================================
 * Its members, their state, and any request that has no function of its own.
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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_machines(const etcd_client *client);

/**
 * Lists the members.
 *
 * - `client`: must not be NULL.
 *
 * Returns a JSON object of members by their id,
 * `{"8e9e05c52164694d":{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}}`; a member that
 * has not started yet has the name "". Over v3 each has `"isLearner"`, too. The caller owns the text and frees it with
 * `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/members`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_members(const etcd_client *client);

/**
 * Adds the members' client URLs to the endpoints of this client, each once it has answered and is of the same cluster. The
 * configured endpoints stay. The setting `sync_interval_ms` does the same at intervals.
 *
 * - `client`: must not be NULL.
 *
 * Returns a JSON array of all endpoints, `["http://10.0.0.1:2379"]`. The caller owns the text and frees it with
 * `etcd_free`.
 *
 * Errors: those of every call.
 *
 * Over v3 the members are asked by gRPC.
 *
 * etcd: `GET /v2/members`, and of each new one `GET /version` and `HEAD /v2/keys/`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_sync(const etcd_client *client);

/**
 * Returns the member that leads; every member knows it.
 *
 * - `client`: must not be NULL.
 *
 * Returns the member's object, `{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}`. The
 * caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 with status 503 while there is no leader, and those of every call.
 *
 * etcd: `GET /v2/members/leader`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_leader(const etcd_client *client);

/**
 * Reads statistics.
 *
 * - `client`: must not be NULL.
 * - `kind`: must not be NULL. `"store"`: the operations on keys, counted. `"self"`: the server asked.
 *   `"leader"`: the followers' latencies, which only the leader knows; any other member answers with error 1005
 *   and `cause` "not current leader". Over v3 `"store"` and `"leader"` are error 1010.
 *
 * Returns etcd's JSON object; over v3 the state of the server asked, `{"name":...,"id":...,"state":"StateLeader",
 * "leaderInfo":{...},"version":...,"raftTerm":2,"raftIndex":9,"raftAppliedIndex":9,"dbSize":...,"dbSizeInUse":...,
 * "errors":[]}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/stats/{kind}`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_stats(const etcd_client *client, const char *kind);

/**
 * Returns the version of the server and of the cluster.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}`; from a port that speaks only gRPC without `etcdcluster`. The
 * caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /version`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_server_version(const etcd_client *client);

/**
 * Asks a server whether it is healthy: whether it has a leader and can write.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"health":"true"}`, or `{"health":"false"}` from a server that is not healthy, which is no error; "true" is a string.
 * The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /health`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_health(const etcd_client *client);

/**
 * Sends any other request, over HTTP/1.1 whichever the API is; over v3 without credentials.
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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_request(const etcd_client *client,
                   const char *method,
                   const char *path,
                   const char *body,
                   const char *content_type);

/* ==== Administration ==================================================================
 * Members of the cluster, and who may do what. A call that has no result returns `{}`. Once authentication is enabled
 * these calls need the credentials of root. Then a client without credentials is `guest` over v2, who may do everything
 * until its role is narrowed; over v3 it is refused.
 *
 * A failure here has no code of etcd's own: it is error 1005 with the server's `status` and, in `cause`, the server's
 * text ("membership: peerURL exists"). Over v3 the `status` is that of the same kind of failure: 404, 409, 403 or 400.
 * The two APIs have users and roles of their own each.
 */

/** Permission to read: for `etcd_role_grant` and `etcd_role_revoke`. */
#define ETCD_READ 1
/** Permission to write: for `etcd_role_grant` and `etcd_role_revoke`. */
#define ETCD_WRITE 2

/**
 * Adds a member to the cluster. Then start the member with `--initial-cluster-state existing`.
 *
 * - `client`: must not be NULL.
 * - `peer_urls`: must not be NULL; the new member's peer URLs, separated by commas.
 *
 * Returns the new member, `{"id":"...","name":"","peerURLs":[...],"clientURLs":[]}`. The caller owns the text and
 * frees it with `etcd_free`.
 *
 * Errors: 1005 (409: a member has such a URL already), and those of every call.
 *
 * etcd: `POST /v2/members`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_member_add(const etcd_client *client, const char *peer_urls);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_member_update(const etcd_client *client, const char *id, const char *peer_urls);

/**
 * Makes a learner a member with a vote, once it has caught up. Over v3 only: v2 knows no learners.
 *
 * - `client`: must not be NULL.
 * - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
 *
 * Returns the member, as `etcd_members` gives it. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such member; 409: it is no learner), 1010 (over v2), and those of every call.
 *
 * etcd: `etcdserverpb.Cluster/MemberPromote`
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE char *etcd_member_promote(const etcd_client *client, const char *id);

/**
 * Removes a member from the cluster; its process ends.
 *
 * - `client`: must not be NULL.
 * - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such member; over v2 410: removed already), and those of every call.
 *
 * etcd: `DELETE /v2/members/{id}`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_member_remove(const etcd_client *client, const char *id);

/**
 * Says whether authentication is enabled; any user may ask.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{"enabled":false}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: those of every call.
 *
 * etcd: `GET /v2/auth/enable`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_auth_status(const etcd_client *client);

/**
 * Enables authentication; the user `root` must exist. Over v2 a client without credentials is `guest` from then on, who may
 * still do everything: narrow its role. Over v3 it is refused, and `root` is given the role `root` if it lacks it.
 *
 * - `client`: must not be NULL.
 *
 * Returns `{}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (409: no root user, or enabled already), and those of every call.
 *
 * etcd: `PUT /v2/auth/enable`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_auth_disable(const etcd_client *client);

/**
 * Lists the users.
 *
 * - `client`: must not be NULL.
 *
 * Returns `[{"user":"bob","roles":["rw"]}]`; etcd 2.1 and 2.2 list no roles here. The caller owns the text and
 * frees it with `etcd_free`.
 *
 * Errors: 1008, and those of every call.
 *
 * etcd: `GET /v2/auth/users`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_user_list(const etcd_client *client);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_user_get(const etcd_client *client, const char *user);

/**
 * Creates a user, without a role yet. A user that exists is not changed: over v2 the library looks for it first, because
 * the server would change its password.
 *
 * - `client`, `user`, `password`: must not be NULL.
 *
 * Returns `{"user":"bob","roles":[]}`. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (409: it exists), 1008, and those of every call.
 *
 * etcd: `GET`, then `PUT /v2/auth/users/{user}`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_user_create(const etcd_client *client,
                       const char *user,
                       const char *password);

/**
 * Gives a user another password. A user that does not exist is not created: over v2 the library looks for it first, because
 * the server would create it.
 *
 * - `client`, `user`, `password`: must not be NULL.
 *
 * Returns the user. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such user), 1008, and those of every call.
 *
 * etcd: `GET`, then `PUT /v2/auth/users/{user}`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_user_set_password(const etcd_client *client,
                             const char *user,
                             const char *password);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_user_delete(const etcd_client *client, const char *user);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_user_grant(const etcd_client *client, const char *user, const char *role);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_user_revoke(const etcd_client *client, const char *user, const char *role);

/**
 * Lists the roles; over v2 `root` is always among them.
 *
 * - `client`: must not be NULL.
 *
 * Returns `[{"role":"rw","permissions":{"kv":{"read":["/a*"],"write":[]}}}]`; etcd 2.1 and 2.2 list no permissions
 * here. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1008, and those of every call.
 *
 * etcd: `GET /v2/auth/roles`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_role_list(const etcd_client *client);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_role_get(const etcd_client *client, const char *role);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_role_create(const etcd_client *client, const char *role);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_role_delete(const etcd_client *client, const char *role);

/**
 * Gives a role a permission.
 *
 * - `client`, `role`: must not be NULL.
 * - `pattern`: must not be NULL; a key, or with a `*` at its end all keys that begin so: `"/app*"`. Recursive reads and
 *   watches need a pattern with a `*`; it is compared with the key as the caller writes it, trailing `/` included. Over v3
 *   it is a range of keys; a role's ranges that are no pattern are shown as `[a, b)`.
 * - `access`: `ETCD_READ`, `ETCD_WRITE`, or both.
 *
 * Returns the role. The caller owns the text and frees it with `etcd_free`.
 *
 * Errors: 1005 (404: no such role; 409: it has the permission already), 1008, and those of every call.
 *
 * etcd: `PUT /v2/auth/roles/{role}` with `grant`
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_role_grant(const etcd_client *client,
                      const char *role,
                      const char *pattern,
                      uint32_t access);

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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_role_revoke(const etcd_client *client, const char *role, const char *pattern, uint32_t access);

/* ==== Reading a reply =================================================================
 * Enough to need no JSON library. A place in a text is named by a JSON pointer (RFC 6901): `/node/value`,
 * `/node/nodes/0/key`; "" is the whole text.
 */

/**
 * Says whether a text that the library returned is a result or an error.
 *
 * - `json`: such a text. NULL is error 1001; a text that is not JSON is error 1006. One of more than 4 KB that begins as a
 *   result does, `{"action":"` or `{"header":{`, is taken for one by that.
 *
 * Returns 0 for a result, else the error's code.
 *
 * Since: 0.1.0
 */
int etcd_error_code(const char *json);

/**
 * Reads one value as text.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it is; NULL is nowhere.
 *
 * Returns a string without quotes and escapes, any other value as JSON; NULL if there is none, or no memory for it. A string that contains
 * U+0000, which would end it in C, stays JSON, with its quotes. The caller owns the text and frees it with `etcd_free`.
 *
 *     char *value = etcd_json_text(reply, "/node/value");
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_json_text(const char *json,
                     const char *pointer);

/**
 * Reads bytes: of a text, or of base64. Where there is no `value`, a `value_base64` beside it is read and decoded; so the
 * caller need not know which it is.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where they are, without `_base64`; NULL is nowhere.
 * - `length`: where to put how many bytes there are, 0 if there are none; NULL is fine.
 *
 * Returns the bytes, and a NUL behind them that is not counted; NULL if there is neither a string nor base64, or no memory for
 * them. The caller owns the bytes and frees them with `etcd_free`.
 *
 *     size_t length;
 *     unsigned char *value = etcd_json_bytes(reply, "/kvs/0/value", &length);
 *     etcd_free((char *)value);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
void *etcd_json_bytes(const char *json,
                      const char *pointer,
                      size_t *length);

/**
 * Reads one whole number: an index, a ttl. Values of keys are strings, also if they look like numbers, and so are the ids of
 * leases, members and clusters: read them with `etcd_json_text`.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it is; NULL is nowhere.
 * - `fallback`: what to return if there is none, or if it is no whole number that fits.
 *
 * Returns the number, or `fallback`.
 *
 *     int64_t index = etcd_json_int(reply, "/node/modifiedIndex", 0);
 *
 * Since: 0.1.0
 */
int64_t etcd_json_int(const char *json,
                      const char *pointer,
                      int64_t fallback);

/**
 * Reads one truth value: `/succeeded` of a transaction, `/node/dir`.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it is; NULL is nowhere.
 * - `fallback`: what to return if there is none, or if it is neither `true` nor `false`.
 *
 * Returns 1 for `true`, 0 for `false`, or `fallback`.
 *
 *     int is_directory = etcd_json_bool(reply, "/node/dir", 0);
 *
 * Since: 0.2.0
 */
int etcd_json_bool(const char *json, const char *pointer, int fallback);

/**
 * Counts the elements of an array, or the members of an object.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where it is; NULL is nowhere.
 *
 * Returns how many there are; -1 if there is no value, or neither array nor object.
 *
 *     int64_t children = etcd_json_length(reply, "/node/nodes");
 *
 * Since: 0.1.0
 */
int64_t etcd_json_length(const char *json, const char *pointer);

/**
 * Reads the name of one member of an object; of the members of a cluster, for example, the ids.
 *
 * - `json`: a JSON text; NULL has no values.
 * - `pointer`: where the object is; NULL is nowhere.
 * - `position`: which member, from 0 to `etcd_json_length` less 1.
 *
 * Returns the name without quotes and escapes; NULL if there is no such member. The caller owns the text and frees it
 * with `etcd_free`.
 *
 *     char *id = etcd_json_name(members, "", 0);
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE char *etcd_json_name(const char *json, const char *pointer, int64_t position);

/**
 * Takes the next element of an array, or the next value of an object. Each element is read once; to read them with a
 * pointer for each would read all elements before it again.
 *
 * - `rest`: must not be NULL. It points to the rest of the text: at first to the text of the array or object, which must not
 *   change meanwhile. This call moves it forward.
 *
 * Returns the element's JSON; NULL if there is no further one, or no memory for it. The caller owns the text and frees it with `etcd_free`.
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
 *
 * Since: 0.1.0
 */
ETCD_MUST_USE
char *etcd_json_next(const char **rest);

/**
 * Writes a text as a JSON string, for those who put a transaction together.
 *
 * - `text`: must not be NULL, unless `length` is 0. It is UTF-8, in which JSON is written; a NUL in it is a character like
 *   others. (What is no text goes into a transaction as base64, as a `value_base64`.)
 * - `length`: how many bytes it has.
 *
 * Returns the string with its quotes; NULL if the text is not UTF-8, or no memory is left. The caller owns it and frees it with
 * `etcd_free`.
 *
 *     char *value = etcd_json_quote("6' 2\"", 5);
 *     if (value) printf("{\"success\":[{\"request_put\":{\"key\":\"/size\",\"value\":%s}}]}\n", value);
 *     etcd_free(value);
 *
 * Since: 0.2.0
 */
ETCD_MUST_USE
char *etcd_json_quote(const char *text,
                      size_t length);

/* ==== The library =====================================================================
 */

/**
 * Frees a text that the library returned. Not for a `const char *`.
 *
 * - `text`: NULL is fine.
 *
 * Since: 0.1.0
 */
void etcd_free(char *text);

/**
 * Returns the version of the library that the program runs with, as a text; `ETCD_VERSION` is the version of the header that it was
 * compiled with.
 *
 * Returns a text like "0.2.0", which lives as long as the library and is not freed.
 *
 * Since: 0.1.0
 */
const char *etcd_library_version(void);

/**
 * Returns the version of the library that the program runs with, as a number that can be compared; `ETCD_VERSION_NUMBER` is
 * the version of the header that it was compiled with.
 *
 * Returns 0x000200 for 0.2.0: a byte each for major, minor and patch version.
 *
 * Since: 0.2.0
 */
uint32_t etcd_library_version_number(void);

/**
 * Describes the library that the program runs with: its version, its TLS, and how it was built.
 *
 * Returns `{"version":"0.2.0","tls":{"provider":"ring","versions":["1.2","1.3"]},"build":{"target":"x86_64-unknown-linux-gnu",
 * "profile":"release","rustc":"1.95.0"}}`, which lives as long as the library and is not freed. `/build/sourceDate`, in
 * seconds since 1970, is there if `SOURCE_DATE_EPOCH` was set for the build.
 *
 *     int64_t versions = etcd_json_length(etcd_library_info(), "/tls/versions");
 *
 * Since: 0.2.0
 */
const char *etcd_library_info(void);

/* ==== Logging =========================================================================
 * The library prints nothing. Its log goes to a callback, if one is set.
 */

/** No lines. */
#define ETCD_LOG_OFF 0
/** What a programmer must look at. */
#define ETCD_LOG_ERROR 1
/** What went wrong; the error of the call says it, too. */
#define ETCD_LOG_WARN 2
/** What changed: a watch that resumed, an endpoint left for another. */
#define ETCD_LOG_INFO 3
/** Every request, and the body of every reply. */
#define ETCD_LOG_DEBUG 4

/**
 * Takes one line of the log, on the thread in which it arises: several threads may be inside it at once. `message` is
 * borrowed until the callback returns. Passwords and `Authorization` lines never appear in it. It may call the library,
 * which at `ETCD_LOG_DEBUG` makes further lines.
 *
 * Since: 0.1.0
 */
typedef void (*etcd_log_fn)(void *user_data, int level, const char *message);

/**
 * Sets the log callback of the whole process, in place of the former one. It returns when no call of the former one is
 * running any more, so that its `user_data` can be freed; the caller must hold no lock that the former one waits for.
 * Inside a log callback it returns at once.
 *
 * - `level`: `ETCD_LOG_OFF` to `ETCD_LOG_DEBUG`; lines above it are not made. Any other value counts as the nearest.
 * - `callback`: NULL turns the log off.
 * - `user_data`: handed to the callback; may be NULL. It must live until another callback is set.
 *
 * Since: 0.1.0
 */
void etcd_set_log(int level, etcd_log_fn callback, void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* ETCD_H */
