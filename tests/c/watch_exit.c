/* A program handles its signals on its own threads, and ends in the midst of its watches' callbacks. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define WATCHES 16

static pthread_t host;
static volatile sig_atomic_t handled, elsewhere;
static atomic_int calls;

static void on_signal(int number)
{
    (void)number;
    handled++;
    if (!pthread_equal(pthread_self(), host))
        elsewhere++;
}

static void on_change(void *user_data, const char *event)
{
    const etcd_client *client = user_data;
    CHECK(etcd_error_code(event) == 0);
    atomic_fetch_add(&calls, 1);
    etcd_free(etcd_get(client, "/watch-exit", 0));
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    host = pthread_self();
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);

    etcd_client *client = client_of(argv[1]);
    for (int i = 0; i < WATCHES; i++)
        CHECK(etcd_watchloop(client, "/watch-exit", 0, 0, on_change, NULL, client, NULL, NULL));
    for (int i = 0; i < 100; i++) {
        kill(getpid(), SIGUSR1); /* to whichever thread takes it */
        OK(etcd_set(client, "/watch-exit", "1", 0, 0));
    }
    CHECK(handled > 0 && elsewhere == 0);
    while (atomic_load(&calls) < WATCHES)
        sched_yield();
    return 0; /* with all of them running */
}
