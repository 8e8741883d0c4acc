/* Each call and each text under watch: how long it takes, what it returns, and whether the library gives back what it was
 * handed. */
#ifndef WATCHED_H
#define WATCHED_H

#include "check.h"
#include "json.h"
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* A call may take its deadline, which is ten seconds, with that of a callback that it waits for; the rest is for a busy
 * machine. Under a tool that slows all down it may take so many times as long. */
enum { LIMIT_MS = 60000, THREADS = 64 };

/* What a thread is doing. */
struct doing {
    _Atomic(const char *) call;
    _Atomic(int64_t) since;
};

static struct doing doings[THREADS];
static atomic_int taken;
static _Atomic(uint64_t) calls, results;
static _Atomic(int64_t) longest;
static _Atomic(const char *) longest_call;
static int slowness = 1;
/* How many `user_data` the library holds. */
static atomic_int lent;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ends the process with what is wrong, even where no lock can be had: in a forked child, say. */
static void wrong(const char *call, const char *what, const char *text)
{
    char said[2000];
    int length = snprintf(said, sizeof said, "%s: %s: %s\n", call, what, text ? text : "NULL");
    if (write(STDERR_FILENO, said, (size_t)(length < (int)sizeof said ? length : (int)sizeof said - 1)) < 0)
        _exit(98);
    abort();
}

static void may_take(const char *call, int64_t since)
{
    int64_t took = now_ms() - since;
    if (took > (int64_t)LIMIT_MS * slowness)
        wrong(call, "takes longer than it may", "");
    if (took > longest) {
        longest = took;
        longest_call = call;
    }
}

/* One for each thread of the program's. A callback that does not end is seen by whoever waits for it. */
static struct doing *own_doing(void)
{
    static _Thread_local struct doing *own;
    if (!own)
        own = &doings[atomic_fetch_add(&taken, 1) % THREADS];
    return own;
}

/* Looks whether anybody is in a call that does not end. */
static void look_for_hangs(void)
{
    for (size_t i = 0; i < THREADS; i++) {
        const char *call = doings[i].call;
        if (call)
            may_take(call, doings[i].since);
    }
}

static void is_well_formed(const char *call, const char *text)
{
    if (!text || !is_json(text))
        wrong(call, "no JSON", text);
    int code = etcd_error_code(text);
    if (code == ETCD_ERROR_INTERNAL || code < 0)
        wrong(call, "a bug", text);
    if (code == 0)
        atomic_fetch_add(&results, 1);
}

#endif
