/* Threads that are cancelled in a call, and callbacks that end their thread: neither ends the process. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define KEY "/thread-end"

enum { MOMENT_MS = 100 };

static sem_t called;
static atomic_int calls, releases;
static pthread_t library_thread;

static void wait_for_call(void)
{
    while (sem_wait(&called))
        ;
}

static void exit_thread(void *user_data, const char *event)
{
    (void)user_data, (void)event;
    calls++;
    pthread_exit(NULL);
}

static int exit_thread_and_ask(void *user_data, const char *event)
{
    exit_thread(user_data, event);
    return 0;
}

static void exit_thread_at_release(void *user_data)
{
    (void)user_data;
    releases++;
    pthread_exit(NULL);
}

static void a_callback_that_ends_its_thread_ends_its_watch(etcd_client *client)
{
    for (int in_predicate = 0; in_predicate < 2; in_predicate++) {
        calls = releases = 0;
        etcd_watcher *watcher =
            in_predicate
                ? etcd_watchloop(client, KEY, 0, 0, NULL, exit_thread_and_ask, NULL, exit_thread_at_release, NULL)
                : etcd_watchloop(client, KEY, 0, 0, exit_thread, NULL, NULL, exit_thread_at_release, NULL);
        CHECK(watcher);
        OK(etcd_set(client, KEY, "1", 0, 0));
        OK(etcd_set(client, KEY, "2", 0, 0));
        CHECK(etcd_watch_wait(watcher, -1) == 1);
        CHECK(calls == 1 && releases == 1);
        etcd_watch_free(watcher);
    }
}

static void exit_thread_in_log(void *user_data, int level, const char *message)
{
    (void)user_data, (void)level, (void)message;
    calls++;
    pthread_exit(NULL);
}

static void a_log_callback_that_ends_its_thread_does_not(etcd_client *client)
{
    calls = 0;
    etcd_set_log(ETCD_LOG_DEBUG, exit_thread_in_log, NULL);
    OK(etcd_get(client, KEY, 0));
    etcd_set_log(ETCD_LOG_OFF, NULL, NULL);
    CHECK(calls == 2);
}

static void *fetch(void *watcher)
{
    int former;
    CHECK(etcd_watch_next(watcher, -1) == NULL); /* cancelled meanwhile, and back when it is stopped */
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former) == 0 && former == PTHREAD_CANCEL_ENABLE);
    CHECK(etcd_watch_ended(watcher) == 1);
    CHECK(pthread_setcancelstate(former, &former) == 0 && former == PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    return NULL;
}

static void *ask_one_that_is_silent(void *client)
{
    FAILS(ETCD_ERROR_TIMEOUT, etcd_get(client, KEY, 0));
    pthread_testcancel();
    return NULL;
}

static void is_cancelled(pthread_t thread)
{
    void *ended;
    CHECK(pthread_join(thread, &ended) == 0 && ended == PTHREAD_CANCELED);
}

static void a_thread_is_cancelled_when_its_call_has_returned(etcd_client *client)
{
    pthread_t thread;
    etcd_watcher *watcher = etcd_watch_open(client, KEY, 0, 0, NULL);
    CHECK(watcher && pthread_create(&thread, NULL, fetch, watcher) == 0);
    nanosleep(&(struct timespec){.tv_nsec = MOMENT_MS * 1000000}, NULL);
    CHECK(pthread_cancel(thread) == 0);
    etcd_watch_stop(watcher);
    is_cancelled(thread);
    etcd_watch_free(watcher);
}

static void in_the_midst_of_a_request_too(const char *silent_port)
{
    pthread_t thread;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%s", silent_port);
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", url);
    etcd_config_set(config, "timeout.request_ms", "1000");
    etcd_client *client = etcd_connect_config(config, NULL);
    etcd_config_free(config);
    CHECK(client && pthread_create(&thread, NULL, ask_one_that_is_silent, client) == 0);
    nanosleep(&(struct timespec){.tv_nsec = MOMENT_MS * 1000000}, NULL);
    CHECK(pthread_cancel(thread) == 0);
    is_cancelled(thread);
    etcd_disconnect(client);
}

static void note_thread(void *user_data, const char *event)
{
    (void)user_data, (void)event;
    library_thread = pthread_self();
    calls++;
    sem_post(&called);
}

static void a_thread_of_the_library_is_not_cancelled(etcd_client *client)
{
    calls = 0;
    etcd_watcher *watcher = etcd_watchloop(client, KEY, 0, 0, note_thread, NULL, NULL, NULL, NULL);
    CHECK(watcher);
    OK(etcd_set(client, KEY, "3", 0, 0));
    wait_for_call();
    CHECK(pthread_cancel(library_thread) == 0);
    OK(etcd_set(client, KEY, "4", 0, 0));
    wait_for_call();
    CHECK(calls == 2);
    etcd_watch_free(watcher);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3 && sem_init(&called, 0, 0) == 0);
    etcd_client *client = client_of(argv[1]);
    a_callback_that_ends_its_thread_ends_its_watch(client);
    a_log_callback_that_ends_its_thread_does_not(client);
    a_thread_is_cancelled_when_its_call_has_returned(client);
    in_the_midst_of_a_request_too(argv[2]);
    a_thread_of_the_library_is_not_cancelled(client);
    OK(etcd_delete(client, KEY));
    etcd_disconnect(client);
    return 0;
}
