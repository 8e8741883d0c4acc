/* Part "large": a listing of ten thousand keys and a value of one megabyte, read over v2 by a bare socket that drops what
 * comes in, by libetcd and by libcurl; and what libetcd takes to judge the listing, and over v3. */
#define _GNU_SOURCE
#include "bench.h"

#include <curl/curl.h>
#include <etcd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEYS 10000
#define LISTING "/large/listing"
#define MEGABYTE "/large/value"

/* ---- The floor: reads to the end of the chunks, and looks for no more than that ---- */

static int bare;
static char bare_requests[2][128];
static const char *const keys[] = {LISTING, MEGABYTE};

static void ask_bare(int which)
{
    static char buffer[65536];
    size_t length = strlen(bare_requests[which]);
    if (write(bare, bare_requests[which], length) != (ssize_t)length) {
        die("bare socket: cannot write");
    }
    char end[5] = "";
    for (;;) {
        ssize_t more = read(bare, buffer, sizeof buffer);
        if (more <= 0) {
            die("bare socket: the reply breaks off");
        }
        /* The last five bytes, which may come in two pieces. */
        size_t kept = more >= 5 ? 0 : 5 - (size_t)more;
        memmove(end, end + 5 - kept, kept);
        memcpy(end + kept, buffer + more - (5 - kept), 5 - kept);
        if (memcmp(end, "0\r\n\r\n", 5) == 0) {
            return;
        }
    }
}

/* ---- libetcd ---- */

static void ask_library(const etcd_client *client, int which)
{
    char *reply = etcd_get(client, keys[which], 0);
    if (strncmp(reply, "{\"action\":", 10) != 0) {
        die("libetcd: a wrong reply: %.200s", reply);
    }
    etcd_free(reply);
}

/* ---- libcurl ---- */

static CURL *curls[2];
static struct {
    char *at;
    size_t length, capacity;
} collected;

static size_t collect(char *data, size_t size, size_t count, void *unused)
{
    (void)unused;
    size_t more = size * count;
    if (collected.length + more > collected.capacity) {
        collected.capacity = 2 * (collected.length + more);
        collected.at = realloc(collected.at, collected.capacity);
        if (!collected.at) {
            return 0;
        }
    }
    memcpy(collected.at + collected.length, data, more);
    collected.length += more;
    return more;
}

static void ask_curl(int which)
{
    collected.length = 0;
    CURLcode code = curl_easy_perform(curls[which]);
    if (code != CURLE_OK || collected.length < 1000000) {
        die("libcurl: %s", curl_easy_strerror(code));
    }
}

/* ---- The table ---- */

static void fill(const etcd_client *client)
{
    for (int i = 0; i < KEYS; i++) {
        char key[64];
        snprintf(key, sizeof key, LISTING "/key-%06d", i);
        char *reply = etcd_set(client, key, VALUE, 0, 0);
        if (etcd_error_code(reply)) {
            die("libetcd: %s", reply);
        }
        etcd_free(reply);
    }
    size_t length = 1 << 20;
    /* What etcd takes in one request, and a little less. */
    char *value = malloc(length);
    memset(value, 'x', length);
    value[length - 1000] = '\0';
    etcd_free(etcd_set(client, MEGABYTE, value, 0, 0));
    free(value);
}

enum { BARE, LIBRARY, CURL_EASY, V3_LIBRARY, CONTENDERS };
static const char *const names[] = {"bare socket", "libetcd", "libcurl, easy", "libetcd, v3"};

static void compare_large(const etcd_client *clients[2], int which, size_t rounds)
{
    struct sample *samples[CONTENDERS];
    for (size_t i = 0; i < CONTENDERS; i++) {
        samples[i] = malloc(rounds * sizeof *samples[i]);
    }
    for (size_t round = 0; round < rounds + 2; round++) { /* two to warm up */
        for (size_t i = 0; i < CONTENDERS; i++) {
            size_t who = (i + round) % CONTENDERS;
            double wall_time = clock_us(CLOCK_MONOTONIC), processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID);
            switch (who) {
            case BARE: ask_bare(which); break;
            case CURL_EASY: ask_curl(which); break;
            default: ask_library(clients[who == V3_LIBRARY], which);
            }
            samples[who][round % rounds] = (struct sample){clock_us(CLOCK_MONOTONIC) - wall_time,
                                                           clock_us(CLOCK_PROCESS_CPUTIME_ID) - processor_time};
        }
    }
    printf("%s, %zu rounds: microseconds a call; ratios and where half of them lie\n\n",
           which == 0 ? "A listing of 10,000 keys" : "A value of 1 MB", rounds);
    printf("  %-18s %8s %9s   %-18s %-18s\n", "", "wall", "processor", "wall / floor", "processor / floor");
    for (size_t i = 0; i < CONTENDERS; i++) {
        printf("  %-18s %8.0f %9.0f   ", names[i], median_of(samples[i], rounds, wall),
               median_of(samples[i], rounds, processor));
        print_ratio(ratio_of(samples[i], samples[BARE], rounds, wall));
        print_ratio(ratio_of(samples[i], samples[BARE], rounds, processor));
        printf("\n");
    }
    printf("\n");
    target("wall time / the floor's", ratio_of(samples[LIBRARY], samples[BARE], rounds, wall).median,
           "<=", which == 0 ? 1.05 : 1.1);
    target("processor time / the floor's", ratio_of(samples[LIBRARY], samples[BARE], rounds, processor).median, "<=", 4);
    for (size_t i = 0; i < CONTENDERS; i++) {
        free(samples[i]);
    }
    printf("\n");
}

/* What it takes to tell that the listing is a result. */
static void judge(const etcd_client *client)
{
    char *listing = etcd_get(client, LISTING, 0);
    enum { TIMES = 1000 };
    double start = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < TIMES; i++) {
        if (etcd_error_code(listing)) {
            die("libetcd: %.200s", listing);
        }
    }
    double each = (clock_us(CLOCK_PROCESS_CPUTIME_ID) - start) / TIMES;
    printf("  etcd_error_code of that listing, %zu KB: %.2f us\n", strlen(listing) / 1024, each);
    target("us to judge it", each, "<=", 0.1);
    printf("\n");
    etcd_free(listing);
}

void part_large(const struct plan *plan)
{
    const struct server *servers[] = {&plan->server, &plan->v3};
    const etcd_client *clients[2];
    for (size_t i = 0; i < 2; i++) {
        char *error;
        clients[i] = etcd_connect("127.0.0.1", servers[i]->port, servers[i]->api, &error);
        if (!clients[i]) {
            die("libetcd: %s", error);
        }
        fill(clients[i]);
    }
    bare = bare_connect(&plan->server);
    curl_global_init(CURL_GLOBAL_ALL);
    for (int which = 0; which < 2; which++) {
        snprintf(bare_requests[which], sizeof bare_requests[which], "GET /v2/keys%s HTTP/1.1\r\nHost: %s\r\n\r\n",
                 keys[which], plan->server.authority);
        char url[128];
        snprintf(url, sizeof url, "http://%s/v2/keys%s", plan->server.authority, keys[which]);
        curls[which] = curl_easy_init();
        curl_easy_setopt(curls[which], CURLOPT_URL, url);
        curl_easy_setopt(curls[which], CURLOPT_NOPROXY, "*");
        curl_easy_setopt(curls[which], CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curls[which], CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(curls[which], CURLOPT_WRITEFUNCTION, collect);
    }
    for (int which = 0; which < 2; which++) {
        compare_large(clients, which, plan->rounds * 5);
    }
    judge(clients[0]);
    for (size_t i = 0; i < 2; i++) {
        curl_easy_cleanup(curls[i]);
        etcd_disconnect((etcd_client *)clients[i]);
    }
    free(collected.at);
    close(bare);
}
