/* Parts "latency" and "burst": how soon a change is delivered, and how many a second, beside a bare socket that
 * asks in long polls, too. */
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

#define BURST 10000
/* The server keeps 1,000 changes; a writer that is further ahead would measure its forgetting. */
#define AHEAD 900
#define WRITERS 4

/* What a watch has seen. The one who waits sleeps on `more`. */
struct seen {
    const struct plan *plan;
    const char *key; /* without /v2/keys */
    pthread_mutex_t lock;
    pthread_cond_t more;
    long count, last;
    double at;
    atomic_long written;
};

static void see(struct seen *seen, const char *event)
{
    double now = clock_us(CLOCK_MONOTONIC);
    const char *index = strstr(event, "\"modifiedIndex\":");
    if (!index) {
        die("not an event: %s", event);
    }
    long modified = atol(index + strlen("\"modifiedIndex\":"));
    pthread_mutex_lock(&seen->lock);
    if (modified <= seen->last) {
        die("event %ld after %ld", modified, seen->last);
    }
    seen->last = modified;
    seen->at = now;
    seen->count++;
    pthread_cond_broadcast(&seen->more);
    pthread_mutex_unlock(&seen->lock);
}

static void until_seen(struct seen *seen, long count)
{
    pthread_mutex_lock(&seen->lock);
    while (seen->count < count) {
        pthread_cond_wait(&seen->more, &seen->lock);
    }
    pthread_mutex_unlock(&seen->lock);
}

static void deliver(void *user_data, const char *event)
{
    see(user_data, event);
}

struct bare_watch {
    struct seen *seen;
    long from, count;
};

/* The floor: ask, read until the last chunk, ask for the next. */
static void *poll_bare(void *argument)
{
    struct bare_watch watch = *(struct bare_watch *)argument;
    int socket = bare_connect(&watch.seen->plan->server);
    for (long next = watch.from; watch.count > 0; watch.count--) {
        char request[256], reply[8192];
        int length = snprintf(request, sizeof request,
                              "GET /v2/keys%s?wait=true&recursive=true&waitIndex=%ld HTTP/1.1\r\nHost: x\r\n\r\n",
                              watch.seen->key, next);
        if (write(socket, request, (size_t)length) != length) {
            die("bare socket: cannot write");
        }
        size_t have = 0;
        reply[0] = '\0';
        while (have < 5 || strcmp(reply + have - 5, "0\r\n\r\n") != 0) {
            ssize_t more = read(socket, reply + have, sizeof reply - 1 - have);
            if (more <= 0) {
                die("bare socket: no event");
            }
            have += (size_t)more;
            reply[have] = '\0';
        }
        const char *body = strstr(reply, "\r\n\r\n{") ? strstr(reply, "\r\n\r\n{") : strstr(reply, "\r\n{");
        see(watch.seen, body ? body : reply);
        next = watch.seen->last + 1;
    }
    close(socket);
    return NULL;
}

static long put(int socket, const char *key)
{
    char request[256], reply[4096];
    snprintf(request, sizeof request,
             "PUT /v2/keys%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: 7\r\n\r\nvalue=1",
             key);
    const char *body = bare_ask(socket, request, reply, sizeof reply);
    const char *index = body ? strstr(body, "\"modifiedIndex\":") : NULL;
    if (!index) {
        die("bare socket: a PUT failed: %s", body ? body : "");
    }
    return atol(index + strlen("\"modifiedIndex\":"));
}

/* Starts a watch of `key`, either way, from the change `from` on. */
static void begin(struct seen *seen, etcd_client *client, etcd_watcher **watcher, pthread_t *thread,
                  struct bare_watch *bare, long from, long count)
{
    *watcher = NULL;
    if (client) {
        *watcher = etcd_watchloop(client, seen->key, ETCD_RECURSIVE, (uint64_t)from, deliver, NULL, seen, NULL, NULL);
    } else {
        *bare = (struct bare_watch){seen, from, count};
        pthread_create(thread, NULL, poll_bare, bare);
    }
}

static void end(etcd_watcher *watcher, pthread_t thread)
{
    if (watcher) {
        etcd_watch_free(watcher);
    } else {
        pthread_join(thread, NULL);
    }
}

static struct seen *new_seen(const struct plan *plan, const char *key)
{
    struct seen *seen = calloc(1, sizeof *seen);
    seen->plan = plan;
    seen->key = key;
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->more, NULL);
    return seen;
}

void part_latency(const struct plan *plan)
{
    enum { EACH = 200 };
    const char *const keys[] = {"/latency/bare", "/latency/library"};
    etcd_client *client = etcd_connect("127.0.0.1", plan->server.port, "v2", NULL);
    int writer = bare_connect(&plan->server), control = bare_connect(&plan->server);
    double after_sending[EACH], after_answer[EACH];
    struct sample *rounds[2]; /* wall: from sending, processor: from the answer */
    for (int who = 0; who < 2; who++) {
        rounds[who] = calloc(plan->rounds, sizeof **rounds);
    }
    for (size_t round = 0; round < plan->rounds; round++) {
        for (int who = 0; who < 2; who++) {
            struct seen *seen = new_seen(plan, keys[who]);
            etcd_watcher *watcher;
            pthread_t thread;
            struct bare_watch bare;
            long from = put(writer, keys[who]) + 1;
            begin(seen, who ? client : NULL, &watcher, &thread, &bare, from, EACH);
            for (int i = 0; i < EACH; i++) {
                bare_until_waiting(control, 1);
                double sent = clock_us(CLOCK_MONOTONIC);
                put(writer, keys[who]);
                double answered = clock_us(CLOCK_MONOTONIC);
                until_seen(seen, i + 1);
                after_sending[i] = seen->at - sent;
                after_answer[i] = seen->at - answered;
            }
            end(watcher, thread);
            rounds[who][round].wall = spread_of(after_sending, EACH).median;
            rounds[who][round].processor = spread_of(after_answer, EACH).median;
        }
    }
    printf("Delivery: microseconds until the event of a PUT is there, medians; below 0: before the PUT is answered\n\n");
    printf("                                 from sending it   from its answer\n");
    const char *const names[] = {"bare socket in a blocking read", "libetcd's callback"};
    for (int who = 0; who < 2; who++) {
        printf("  %-30s %15.1f   %15.1f\n", names[who], median_of(rounds[who], plan->rounds, wall),
               median_of(rounds[who], plan->rounds, processor));
    }
    struct spread ratio = ratio_of(rounds[1], rounds[0], plan->rounds, wall);
    printf("  %-30s ", "ratio");
    print_ratio(ratio);
    printf("\n");
    /* Of the time from sending: that from the answer is around 0, for the event often comes first. */
    target("delivery, of the bare socket's", ratio.median, "<=", 1.3);
    printf("\n");
    etcd_disconnect(client);
    close(writer);
    close(control);
}

static void *write_burst(void *argument)
{
    struct seen *seen = argument;
    int socket = bare_connect(&seen->plan->server);
    for (long mine; (mine = atomic_fetch_add(&seen->written, 1)) < BURST;) {
        until_seen(seen, mine - AHEAD);
        char key[64];
        snprintf(key, sizeof key, "%s/%ld", seen->key, mine % 100);
        put(socket, key);
    }
    close(socket);
    return NULL;
}

void part_burst(const struct plan *plan)
{
    size_t rounds = plan->rounds < 5 ? plan->rounds : 5;
    etcd_client *client = etcd_connect("127.0.0.1", plan->server.port, "v2", NULL);
    struct sample *samples[2] = {calloc(rounds, sizeof **samples), calloc(rounds, sizeof **samples)};
    int control = bare_connect(&plan->server);
    for (size_t round = 0; round < rounds; round++) {
        for (int who = 0; who < 2; who++) {
            struct seen *seen = new_seen(plan, "/burst");
            etcd_watcher *watcher;
            pthread_t thread, writers[WRITERS];
            struct bare_watch bare;
            long from = put(control, "/before") + 1;
            begin(seen, who ? client : NULL, &watcher, &thread, &bare, from, BURST);
            double start = clock_us(CLOCK_MONOTONIC);
            for (int i = 0; i < WRITERS; i++) {
                pthread_create(&writers[i], NULL, write_burst, seen);
            }
            until_seen(seen, BURST);
            samples[who][round].wall = (seen->at - start) / BURST;
            for (int i = 0; i < WRITERS; i++) {
                pthread_join(writers[i], NULL);
            }
            end(watcher, thread);
            if (seen->count != BURST) {
                die("%ld events of %d", seen->count, BURST);
            }
        }
    }
    printf("A burst of 10,000 changes under one prefix, all delivered in order: events a second\n\n");
    printf("  bare loop of long polls %8.0f\n", 1e6 / median_of(samples[0], rounds, wall));
    printf("  libetcd's callback      %8.0f\n", 1e6 / median_of(samples[1], rounds, wall));
    struct spread ratio = ratio_of(samples[0], samples[1], rounds, wall);
    printf("  ratio                   ");
    print_ratio(ratio);
    printf("\n");
    target("events a second, of the bare loop's", ratio.median, ">=", 1.0);
    printf("\n");
    etcd_disconnect(client);
    close(control);
}
