/* A child goes on using its parent's client, also one that another thread of the parent was just using. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 4, CALLS = 10 };

static atomic_int stop;

static void *keep_busy(void *client)
{
    while (!stop)
        OK(etcd_get(client, "/fork/parent", 0));
    return NULL;
}

/* Each process reads back what it wrote itself: answers that got mixed up would show. */
static void work(const etcd_client *client, int number)
{
    char key[32], value[32];
    snprintf(key, sizeof key, "/fork/%d", number);
    for (int i = 0; i < CALLS; i++) {
        snprintf(value, sizeof value, "%d of %d", i, number);
        OK(etcd_set(client, key, value, 0, 0));
        char *reply = etcd_get(client, key, 0);
        CHECK(says(reply, "/node/value", value));
        etcd_free(reply);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    OK(etcd_set(client, "/fork/parent", "here", 0, 0)); /* so that there is a connection to inherit */
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, keep_busy, client) == 0);

    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] != -1);
        if (children[i] == 0) {
            work(client, i);
            etcd_client *own = client_of(argv[1]);
            work(own, i);
            etcd_disconnect(own);
            _exit(0);
        }
    }
    work(client, CHILDREN);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    work(client, CHILDREN);
    OK(etcd_deletedir(client, "/fork", ETCD_RECURSIVE));
    etcd_disconnect(client);
    return 0;
}
