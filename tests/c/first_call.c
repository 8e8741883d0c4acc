/* A process that forks while another of its threads makes the very first call: neither the child nor a grandchild waits
   for what that thread was doing. */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 300, SECONDS = 20 };

static atomic_int go;

/* A call that needs no server: nothing listens on port 1 of this machine. */
static void *call(void *client)
{
    while (!go)
        ;
    FAILS(client ? ETCD_ERROR_UNAVAILABLE : ETCD_ERROR_INVALID_ARGUMENT, etcd_get(client, "/first", 0));
    return NULL;
}

static void ends_well(pid_t child)
{
    int status;
    CHECK(child != -1 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Forks in the midst of a thread's call, a little later in each round: a first call registers at once, and a client of
   TLS takes a while to come to what it makes for itself. */
static void fork_during_a_call(etcd_client *client, int round)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, call, client) == 0);
    go = 1;
    for (volatile int i = 0; i < (client ? 50000 + round % 100 * 2000 : round * 200); i++)
        ;
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        call(client);
        _exit(0);
    }
    ends_well(child);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    int is_child_of_a_child = argc > 1 && strcmp(argv[1], "grandchildren") == 0;
    etcd_client *client = NULL;
    if (is_child_of_a_child) {
        /* TLS, so that what the child makes for itself takes its time. */
        etcd_config *config = etcd_config_new();
        etcd_config_set(config, "endpoints", "https://127.0.0.1:1");
        etcd_config_set(config, "retry.attempts", "1");
        CHECK(client = etcd_connect_config(config, NULL));
        etcd_config_free(config);
    }
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(SECONDS);
            fork_during_a_call(client, round);
            _exit(0);
        }
        ends_well(child);
    }
    etcd_disconnect(client);
    return 0;
}
