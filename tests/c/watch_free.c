/* Two threads free a watch while its callback runs, and a third one waits for it: all return when `release` is done. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#define KEY "/watch-free"

enum { MOMENT_MS = 100 };

static sem_t in_callback, go_on;
static atomic_int released, returned;

static void on_change(void *user_data, const char *event)
{
    (void)user_data;
    CHECK(etcd_error_code(event) == 0);
    sem_post(&in_callback);
    while (sem_wait(&go_on))
        ;
}

static void give_back(void *user_data)
{
    CHECK(user_data == &released);
    /* Long enough that whoever does not wait for it is found out. */
    nanosleep(&(struct timespec){.tv_nsec = MOMENT_MS * 1000000}, NULL);
    released++;
}

static void *free_it(void *watcher)
{
    etcd_watch_free(watcher);
    CHECK(released == 1);
    returned++;
    return NULL;
}

static void *wait_for_it(void *watcher)
{
    CHECK(etcd_watch_wait(watcher, -1) == 1);
    CHECK(released == 1);
    returned++;
    return NULL;
}

static void *disconnect(void *client)
{
    etcd_disconnect(client);
    CHECK(released == 1);
    returned++;
    return NULL;
}

static void end_together(etcd_client *client, etcd_watcher *watcher, void *(*const ways[])(void *), void *const of[])
{
    pthread_t threads[3];
    CHECK(sem_init(&in_callback, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    OK(etcd_set(client, KEY, "1", 0, 0));
    while (sem_wait(&in_callback))
        ;
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, ways[i], of[i]) == 0);
        /* So that each finds the one before it at work. */
        nanosleep(&(struct timespec){.tv_nsec = MOMENT_MS * 1000000}, NULL);
        CHECK(returned == 0 && released == 0);
        CHECK(etcd_watch_wait(watcher, 0) == 0);
    }
    sem_post(&go_on);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(returned == 3 && released == 1);
    returned = released = 0;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]), *other = client_of(argv[1]);
    etcd_watcher *watcher = etcd_watchloop(other, KEY, 0, 0, on_change, NULL, &released, give_back, NULL);
    CHECK(watcher);
    end_together(client, watcher, (void *(*const[])(void *)){free_it, free_it, wait_for_it},
                 (void *const[]){watcher, watcher, watcher});
    CHECK(etcd_watch_wait(watcher, -1) == 1); /* freed is ended */

    watcher = etcd_watchloop(other, KEY, 0, 0, on_change, NULL, &released, give_back, NULL);
    CHECK(watcher);
    end_together(client, watcher, (void *(*const[])(void *)){disconnect, disconnect, wait_for_it},
                 (void *const[]){other, other, watcher});
    etcd_watch_free(watcher);
    OK(etcd_delete(client, KEY));
    etcd_disconnect(client);
    return 0;
}
