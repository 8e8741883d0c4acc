/* Every way to end a watch: by another thread, inside its callback, by disconnecting, and while its callback runs. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>

#define KEY "/watch-stop"

enum end { STOP, FREE, DISCONNECT, NOTHING };

struct watch {
    etcd_client *client;
    _Atomic(etcd_watcher *) watcher; /* the callback may be faster than the call that returns it */
    enum end end;
    atomic_int calls, inside, released;
};

static void on_change(void *user_data, const char *event)
{
    struct watch *watch = user_data;
    CHECK(etcd_error_code(event) == 0);
    CHECK(atomic_fetch_add(&watch->inside, 1) == 0);
    atomic_fetch_add(&watch->calls, 1);
    etcd_watcher *own;
    while (!(own = atomic_load(&watch->watcher)))
        thrd_yield();
    switch (watch->end) {
    case STOP:
        etcd_watch_stop(own);
        CHECK(etcd_watch_wait(own, -1) == 0); /* it does not wait for itself */
        break;
    case FREE:
        etcd_watch_free(own);
        break;
    case DISCONNECT:
        etcd_disconnect(watch->client);
        break;
    case NOTHING:
        thrd_sleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        break;
    }
    CHECK(!atomic_load(&watch->released));
    atomic_fetch_sub(&watch->inside, 1);
}

static void give_back(void *user_data)
{
    struct watch *watch = user_data;
    CHECK(!atomic_load(&watch->inside));
    atomic_fetch_add(&watch->released, 1);
}

static void start(struct watch *watch, etcd_client *client, enum end end)
{
    memset(watch, 0, sizeof *watch);
    watch->client = client;
    watch->end = end;
    etcd_watcher *watcher = etcd_watchloop(client, KEY, 0, 0, on_change, NULL, watch, give_back, NULL);
    CHECK(watcher);
    atomic_store(&watch->watcher, watcher);
}

static void wait_for_release(struct watch *watch)
{
    while (!atomic_load(&watch->released))
        thrd_yield();
}

static void *stop_it(void *watcher)
{
    etcd_watch_stop(watcher);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *writer = client_of(argv[1]);
    etcd_client *client = client_of(argv[1]);
    struct watch watch;

    for (int i = 0; i < 5; i++) {
        /* Inside its own callback: one call, and no more, however many changes there are. */
        start(&watch, client, STOP);
        OK(etcd_set(writer, KEY, "1", 0, 0));
        OK(etcd_set(writer, KEY, "2", 0, 0));
        CHECK(etcd_watch_wait(watch.watcher, -1) == 1);
        CHECK(watch.calls == 1 && watch.released == 1);
        etcd_watch_free(watch.watcher);

        start(&watch, client, FREE);
        OK(etcd_set(writer, KEY, "1", 0, 0));
        OK(etcd_set(writer, KEY, "2", 0, 0));
        wait_for_release(&watch);
        CHECK(watch.calls == 1);

        etcd_client *passing = client_of(argv[1]);
        start(&watch, passing, DISCONNECT);
        OK(etcd_set(writer, KEY, "1", 0, 0));
        OK(etcd_set(writer, KEY, "2", 0, 0));
        CHECK(etcd_watch_wait(watch.watcher, -1) == 1);
        CHECK(watch.calls == 1 && watch.released == 1);
        etcd_watch_free(watch.watcher); /* its handle has outlived the client */

        /* By another thread. */
        start(&watch, client, NOTHING);
        pthread_t stopper;
        CHECK(pthread_create(&stopper, NULL, stop_it, watch.watcher) == 0);
        CHECK(etcd_watch_wait(watch.watcher, -1) == 1);
        CHECK(pthread_join(stopper, NULL) == 0);
        CHECK(watch.released == 1);
        etcd_watch_free(watch.watcher);

        /* While its callback runs: freeing waits for that. */
        start(&watch, client, NOTHING);
        OK(etcd_set(writer, KEY, "1", 0, 0));
        while (!atomic_load(&watch.calls))
            thrd_yield();
        etcd_watch_free(watch.watcher);
        CHECK(!watch.inside && watch.released == 1);
    }

    /* Without a thought: one runs, one has ended, and the client goes first. */
    start(&watch, client, NOTHING);
    etcd_disconnect(client);
    CHECK(watch.released == 1 && etcd_watch_wait(watch.watcher, 0) == 1);
    etcd_watch_free(watch.watcher);
    etcd_watch_free(watch.watcher);
    etcd_watch_free(NULL);
    OK(etcd_delete(writer, KEY));
    etcd_disconnect(writer);
    return 0;
}
