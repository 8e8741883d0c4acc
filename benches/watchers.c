/* Part "watchers": what idle watches cost in memory, and how long it takes to stop them. */
#define _GNU_SOURCE
#include "bench.h"

#include <etcd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void ignore(void *user_data, const char *event)
{
    (void)user_data;
    (void)event;
}

static void keep(const struct plan *plan, size_t count)
{
    etcd_client *client = etcd_connect("127.0.0.1", plan->server.port, "v2", NULL);
    etcd_watcher **watchers = calloc(count, sizeof *watchers);
    struct resident before = resident();
    int control = bare_connect(&plan->server);
    for (size_t i = 0; i < count; i++) {
        char key[32], *error;
        snprintf(key, sizeof key, "/idle/%zu", i);
        watchers[i] = etcd_watchloop(client, key, 0, 0, ignore, NULL, NULL, NULL, &error);
        if (!watchers[i]) {
            die("watch %zu: %s", i, error);
        }
    }
    bare_until_waiting(control, (long)count);
    struct resident idle = resident();

    double start = clock_us(CLOCK_MONOTONIC);
    for (size_t i = 0; i < count; i++) {
        etcd_watch_stop(watchers[i]);
    }
    for (size_t i = 0; i < count; i++) {
        etcd_watch_wait(watchers[i], -1);
    }
    double stopped = clock_us(CLOCK_MONOTONIC);
    for (size_t i = 0; i < count; i++) {
        etcd_watch_free(watchers[i]);
    }
    double kilobytes = (double)(idle.all - before.all) / (double)count;
    double milliseconds = (stopped - start) / 1e3;
    printf("  %5zu watchers: %5.1f KB each, stopped within %.0f ms\n", count, kilobytes, milliseconds);
    target("KB each", kilobytes, "<=", 48);
    if (count == 1000) {
        target("ms to stop 1,000", milliseconds, "<=", 300);
    }
    etcd_disconnect(client);
}

void part_watchers(const struct plan *plan)
{
    printf("Idle watches: resident memory, and the time from the first stop to the last end\n\n");
    const size_t counts[] = {1000, 4000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        alone(keep, plan, counts[i]);
    }
    printf("\n");
}
