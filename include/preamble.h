/*
 * etcd.h - libetcd @VERSION@, a client for etcd: its v2 and its v3 API, through the same functions
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

#define ETCD_VERSION "@VERSION@"
/* A byte each for major, minor and patch version: ETCD_VERSION_NUMBER >= 0x000200. */
#define ETCD_VERSION_NUMBER @NUMBER@

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

