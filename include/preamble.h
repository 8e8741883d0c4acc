/*
 * etcd.h - libetcd @VERSION@, a client for etcd's v2 API
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

#define ETCD_VERSION "@VERSION@"

#ifdef __cplusplus
extern "C" {
#endif

