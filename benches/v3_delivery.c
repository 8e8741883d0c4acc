/* Part "v3-latency": how soon a change is delivered to a watch over the v3 API, by the library and by others. A bare
 * socket writes. */
#define _GNU_SOURCE
#include "bench.h"

#include <etcd.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 200, WHO = 3 };

static const char *const names[WHO] = {"libetcd's callback", "clientv3", "etcd-client"};

struct watch {
    etcd_client *client;
    etcd_watcher *watcher;
    sem_t delivered;
    double at;
    struct child *child; /* or NULL: the library */
};

static void deliver(void *user_data, const char *event)
{
    struct watch *watch = user_data;
    (void)event;
    watch->at = clock_us(CLOCK_MONOTONIC);
    sem_post(&watch->delivered);
}

static void begin(struct watch *watch)
{
    if (watch->child) {
        child_say(watch->child, "watch", 0, EVENTS);
        child_answer(watch->child);
    } else {
        watch->watcher = etcd_watchloop(watch->client, KEY, 0, 0, deliver, NULL, watch, NULL, NULL);
    }
}

static double next(struct watch *watch)
{
    if (watch->child) {
        return child_answer(watch->child).wall;
    }
    sem_wait(&watch->delivered);
    return watch->at;
}

static void end(struct watch *watch)
{
    if (!watch->child) {
        etcd_watch_free(watch->watcher);
    }
}

void part_v3_latency(const struct plan *plan)
{
    struct watch watches[WHO] = {{.client = etcd_connect("127.0.0.1", plan->v3.port, "v3", NULL)},
                                 {.child = child_start(CLIENTV3_PROGRAM, &plan->v3)},
                                 {.child = child_start(ETCD_CLIENT_PROGRAM, &plan->v3)}};
    sem_init(&watches[0].delivered, 0, 0);
    void *writer;
    bare_frames.open(&plan->v3, &writer, 1);
    struct sample *rounds[WHO];
    for (int who = 0; who < WHO; who++) {
        rounds[who] = calloc(plan->rounds, sizeof **rounds);
    }
    for (size_t round = 0; round < plan->rounds; round++) {
        for (int i = 0; i < WHO; i++) {
            int who = (int)((size_t)i + round) % WHO;
            double after_sending[EVENTS];
            begin(&watches[who]);
            for (int event = 0; event < EVENTS; event++) {
                double sent = clock_us(CLOCK_MONOTONIC);
                bare_frames.call(writer, PUT);
                after_sending[event] = next(&watches[who]) - sent;
            }
            end(&watches[who]);
            rounds[who][round].wall = spread_of(after_sending, EVENTS).median;
        }
    }
    printf("v3 delivery: microseconds from the sending of a PUT until its event is there, medians\n\n");
    for (int who = 0; who < WHO; who++) {
        printf("  %-20s %8.1f   ", names[who], median_of(rounds[who], plan->rounds, wall));
        print_ratio(ratio_of(rounds[who], rounds[1], plan->rounds, wall));
        printf("of clientv3's\n");
    }
    target("delivery, of clientv3's", ratio_of(rounds[0], rounds[1], plan->rounds, wall).median, "<=", 0.9);
    printf("\n");
    bare_frames.close(&writer, 1);
    etcd_disconnect(watches[0].client);
    for (int who = 0; who < WHO; who++) {
        if (watches[who].child) {
            child_stop(watches[who].child);
        }
        free(rounds[who]);
    }
}
