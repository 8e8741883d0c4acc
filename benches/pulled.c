/* Part "pulled": ten thousand watches over v3 whose events are fetched, on one client. */
#define _GNU_SOURCE
#include "bench.h"

#include <dirent.h>
#include <etcd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WATCHES 10000
#define A_TRANSACTION 100

static double milliseconds(void) { return clock_us(CLOCK_MONOTONIC) / 1e3; }

static int threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    while (folder && readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count - 2; /* "." and ".." */
}

/* Begins the watches, each from now on; the time it takes. */
static double begin(const etcd_client *client, etcd_watcher **watchers)
{
    double start = milliseconds();
    for (int i = 0; i < WATCHES; i++) {
        char key[32], *error;
        snprintf(key, sizeof key, "/pulled/%d", i);
        watchers[i] = etcd_watch_open(client, key, 0, 0, &error);
        if (!watchers[i]) {
            die("watch %d: %s", i, error);
        }
    }
    return milliseconds() - start;
}

/* One change of each, a hundred in a transaction; the time until the last has been fetched. */
static double change(const etcd_client *client, etcd_watcher **watchers)
{
    static char json[A_TRANSACTION * 80];
    double start = milliseconds();
    for (int i = 0; i < WATCHES; i += A_TRANSACTION) {
        char *end = json + sprintf(json, "{\"success\":[");
        for (int j = i; j < i + A_TRANSACTION; j++) {
            end += sprintf(end, "%s{\"request_put\":{\"key\":\"/pulled/%d\",\"value\":\"1\"}}", j > i ? "," : "", j);
        }
        strcpy(end, "]}");
        char *reply = etcd_txn(client, json);
        if (etcd_error_code(reply)) {
            die("%s", reply);
        }
        etcd_free(reply);
    }
    for (int i = 0; i < WATCHES; i++) {
        char *event = etcd_watch_next(watchers[i], 60000);
        if (!event) {
            die("watch %d: no event", i);
        }
        etcd_free(event);
    }
    return milliseconds() - start;
}

static double stop(etcd_watcher **watchers)
{
    double start = milliseconds();
    for (int i = 0; i < WATCHES; i++) {
        etcd_watch_stop(watchers[i]);
    }
    for (int i = 0; i < WATCHES; i++) {
        etcd_watch_wait(watchers[i], -1);
    }
    double stopped = milliseconds() - start;
    for (int i = 0; i < WATCHES; i++) {
        etcd_watch_free(watchers[i]);
    }
    return stopped;
}

static void keep(const struct plan *plan, size_t which)
{
    (void)which;
    static etcd_watcher *watchers[WATCHES];
    memset(watchers, 1, sizeof watchers); /* resident from the first */
    etcd_client *client = etcd_connect("127.0.0.1", plan->server.port, "v3", NULL);
    etcd_free(etcd_set(client, "/pulled/first", "1", 0, 0));
    struct resident before = resident();
    double begun = begin(client, watchers);
    double kilobytes = (double)(resident().own - before.own) / WATCHES;
    int at_once = threads();
    double changed = change(client, watchers), stopped = stop(watchers);
    printf("  begun within %.0f ms, %.2f KB each, a change of each within %.0f ms, stopped within %.0f ms\n", begun,
           kilobytes, changed, stopped);
    target("ms to begin", begun, "<=", 2000);
    target("KB each", kilobytes, "<=", 1);
    target("threads beside the program's", at_once - 1, "<=", 1);
    target("ms to stop", stopped, "<=", 1000);
    etcd_disconnect(client);
}

void part_pulled(const struct plan *plan)
{
    printf("Watches over v3 whose events are fetched: %d on one client\n\n", WATCHES);
    alone(keep, plan, 0);
    printf("\n");
}
