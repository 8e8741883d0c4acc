/* Part "mirror": 10,000 keys of 120 bytes, values included, held in memory: how long a read of one takes, and what they
 * take. A mirror reads without a server, so nothing stands beside it but its targets. */
#include "bench.h"

#include <etcd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIRECTORY "/bench-mirror"
#define KEYS 10000
#define AT_ONCE 100 /* keys of a transaction */
#define LENGTH 100  /* of a value */
#define MIRRORS 10

static etcd_client *client_of(const struct plan *plan)
{
    char *error;
    etcd_client *client = etcd_connect("127.0.0.1", plan->v3.port, "v3", &error);
    if (!client) {
        die("libetcd: %s", error);
    }
    return client;
}

static void key_of(char key[32], int number)
{
    snprintf(key, 32, DIRECTORY "/key%05d", number);
}

static void fill(const etcd_client *client)
{
    static char txn[AT_ONCE * (LENGTH + 100)], value[LENGTH + 1];
    memset(value, 'v', LENGTH);
    for (int number = 0; number < KEYS;) {
        int length = sprintf(txn, "{\"success\":[");
        for (int i = 0; i < AT_ONCE; i++, number++) {
            char key[32];
            key_of(key, number);
            length += sprintf(txn + length, "%s{\"request_put\":{\"key\":\"%s\",\"value\":\"%s\"}}", i ? "," : "", key, value);
        }
        sprintf(txn + length, "]}");
        char *reply = etcd_txn(client, txn);
        if (etcd_error_code(reply)) {
            die("libetcd: %s", reply);
        }
        etcd_free(reply);
    }
}

static etcd_mirror *mirror_of(const etcd_client *client)
{
    char *error;
    etcd_mirror *mirror = etcd_mirror_open(client, DIRECTORY, &error);
    if (!mirror) {
        die("libetcd: %s", error);
    }
    return mirror;
}

/* Keys far from each other, one after the other, so that no read finds what the one before it has brought into the caches. */
static void read_all(const etcd_mirror *mirror, long calls)
{
    for (long i = 0; i < calls; i++) {
        char key[32];
        key_of(key, (int)(i * 7919 % KEYS));
        char *reply = etcd_mirror_get(mirror, key);
        if (strncmp(reply, "{\"action\":", 10) != 0) {
            die("libetcd: a wrong reply: %s", reply);
        }
        etcd_free(reply);
    }
}

static void measure(const struct plan *plan, size_t unused)
{
    (void)unused;
    etcd_client *client = client_of(plan);
    fill(client);

    /* What a reply takes on its way is given back, or used again. */
    etcd_mirror_free(mirror_of(client));
    long before = resident().own;
    etcd_mirror *mirrors[MIRRORS];
    for (int i = 0; i < MIRRORS; i++) {
        mirrors[i] = mirror_of(client);
    }
    double bytes = (double)(resident().own - before) * 1024 / MIRRORS, net = KEYS * (sizeof DIRECTORY - 1 + 9 + LENGTH);

    double *wall = malloc(plan->rounds * sizeof *wall), *busy = malloc(plan->rounds * sizeof *busy);
    read_all(mirrors[0], (long)plan->calls);
    for (size_t round = 0; round < plan->rounds; round++) {
        double from = clock_us(CLOCK_MONOTONIC), cpu = clock_us(CLOCK_THREAD_CPUTIME_ID);
        read_all(mirrors[0], (long)plan->calls);
        wall[round] = (clock_us(CLOCK_MONOTONIC) - from) / (double)plan->calls;
        busy[round] = (clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu) / (double)plan->calls;
    }
    struct spread walls = spread_of(wall, plan->rounds), processor = spread_of(busy, plan->rounds);
    printf("  %-30s %6.2f (%.2f-%.2f)\n", "a read, us", walls.median, walls.low, walls.high);
    printf("  %-30s %6.2f (%.2f-%.2f)\n", "of that, processor", processor.median, processor.low, processor.high);
    printf("  %-30s %6.0f of %.0f in keys and values\n\n", "kilobytes of a mirror", bytes / 1024, net / 1024);
    target("us of etcd_mirror_get, its key and etcd_free", walls.median, "<=", 2);
    target("bytes of a mirror / those of its keys and values", bytes / net, "<=", 3);
    free(busy);
    free(wall);
    for (int i = 0; i < MIRRORS; i++) {
        etcd_mirror_free(mirrors[i]);
    }
    etcd_free(etcd_deletedir(client, DIRECTORY, ETCD_RECURSIVE));
    etcd_disconnect(client);
}

void part_mirror(const struct plan *plan)
{
    printf("A mirror of 10,000 keys of %zu bytes each, values included\n\n", sizeof DIRECTORY - 1 + 9 + LENGTH);
    alone(measure, plan, 0);
    printf("\n");
}
