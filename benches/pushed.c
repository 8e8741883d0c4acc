/* Part "pushed": ten thousand watches over v2 whose events come to a callback, on one client: a thread and a connection
 * each. */
#define _GNU_SOURCE
#include "bench.h"

#include <etcd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WATCHES 10000
#define WRITERS 8

static double milliseconds(void) { return clock_us(CLOCK_MONOTONIC) / 1e3; }

static atomic_int delivered;

static void count(void *user_data, const char *event)
{
    (void)event;
    atomic_int *events = user_data;
    if (atomic_fetch_add(events, 1) == 0) {
        atomic_fetch_add(&delivered, 1);
    }
}

static const etcd_client *client;
static atomic_int next_key;

static void *write_keys(void *unused)
{
    (void)unused;
    for (int i; (i = atomic_fetch_add(&next_key, 1)) < WATCHES;) {
        char key[32];
        snprintf(key, sizeof key, "/pushed/%d", i);
        char *reply = etcd_set(client, key, "1", 0, 0);
        if (etcd_error_code(reply)) {
            die("%s", reply);
        }
        etcd_free(reply);
    }
    return NULL;
}

/* One change of each; the time until the last has been delivered. */
static double change(void)
{
    double start = milliseconds();
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        if (pthread_create(&writers[i], NULL, write_keys, NULL)) {
            die("no more threads");
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], NULL);
    }
    while (atomic_load(&delivered) < WATCHES) {
        if (milliseconds() - start > 120e3) {
            die("%d of %d changes delivered", atomic_load(&delivered), WATCHES);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
    return milliseconds() - start;
}

static void keep(const struct plan *plan, size_t which)
{
    (void)which;
    static etcd_watcher *watchers[WATCHES];
    static atomic_int events[WATCHES];
    memset(watchers, 1, sizeof watchers); /* resident from the first */
    memset(events, 0, sizeof events);
    etcd_client *own = etcd_connect("127.0.0.1", plan->server.port, "v2", NULL);
    client = own;
    etcd_free(etcd_set(client, "/pushed/first", "1", 0, 0));
    int control = bare_connect(&plan->server);
    struct resident before = resident();
    double start = milliseconds();
    for (int i = 0; i < WATCHES; i++) {
        char key[32], *error;
        snprintf(key, sizeof key, "/pushed/%d", i);
        watchers[i] = etcd_watchloop(client, key, 0, 0, count, NULL, &events[i], NULL, &error);
        if (!watchers[i]) {
            die("watch %d: %s", i, error);
        }
    }
    bare_until_waiting(control, WATCHES);
    double begun = milliseconds() - start;
    double kilobytes = (double)(resident().own - before.own) / WATCHES;
    double changed = change();
    bare_until_waiting(control, WATCHES);
    start = milliseconds();
    for (int i = 0; i < WATCHES; i++) {
        etcd_watch_stop(watchers[i]);
    }
    for (int i = 0; i < WATCHES; i++) {
        etcd_watch_wait(watchers[i], -1);
    }
    double stopped = milliseconds() - start;
    printf("  begun within %.0f ms, %.1f KB each, a change of each within %.0f ms, stopped within %.0f ms\n", begun,
           kilobytes, changed, stopped);
    target("KB each", kilobytes, "<=", 16);
    target("ms to stop", stopped, "<=", 1000);
}

void part_pushed(const struct plan *plan)
{
    printf("Watches over v2 whose events come to a callback: %d on one client\n\n", WATCHES);
    alone(keep, plan, 0);
    printf("\n");
}
