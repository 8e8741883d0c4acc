/* One loop around poll(2) waits for several watches and for a pipe, as it might for standard input. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define WATCHES 4
#define CHANGES 25

static const char *const keys[WATCHES] = {"/poll/a", "/poll/b", "/poll/c", "/poll"};

struct writer {
    const char *port;
    int pipe;
};

static void *change(void *given)
{
    const struct writer *writer = given;
    etcd_client *client = client_of(writer->port);
    for (int i = 0; i < CHANGES; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        for (int k = 0; k < 3; k++)
            OK(etcd_set(client, keys[k], value, 0, 0));
    }
    etcd_disconnect(client);
    CHECK(write(writer->pipe, "done\n", 5) == 5);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    int pipes[2];
    CHECK(pipe(pipes) == 0);

    etcd_watcher *watchers[WATCHES];
    struct pollfd fds[WATCHES + 1];
    int seen[WATCHES] = {0};
    for (int i = 0; i < WATCHES; i++) {
        uint32_t flags = i == 3 ? ETCD_RECURSIVE : 0;
        watchers[i] = etcd_watchloop(client, keys[i], flags, 0, NULL, NULL, NULL, NULL, NULL);
        CHECK(watchers[i]);
        fds[i] = (struct pollfd){.fd = etcd_watch_fd(watchers[i]), .events = POLLIN};
        CHECK(fds[i].fd >= 0);
    }
    fds[WATCHES] = (struct pollfd){.fd = pipes[0], .events = POLLIN};
    CHECK(poll(fds, WATCHES + 1, 0) == 0);

    struct writer writer = {argv[1], pipes[1]};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, change, &writer) == 0);

    int done = 0;
    while (!done || seen[0] + seen[1] + seen[2] + seen[3] < 6 * CHANGES) {
        CHECK(poll(fds, WATCHES + 1, 60000) > 0);
        for (int i = 0; i < WATCHES; i++) {
            if (!(fds[i].revents & POLLIN))
                continue;
            char *event = etcd_watch_next(watchers[i], 0);
            CHECK(event && etcd_error_code(event) == 0);
            /* Of a key its values come one by one; of the directory three times each. */
            CHECK(etcd_json_int(event, "/node/value", -1) == -1); /* it is a text */
            char *value = etcd_json_text(event, "/node/value");
            CHECK(value && atoi(value) == (i == 3 ? seen[i] / 3 : seen[i]));
            etcd_free(value);
            etcd_free(event);
            seen[i]++;
        }
        if (fds[WATCHES].revents & POLLIN) {
            char line[16];
            CHECK(read(pipes[0], line, sizeof line) == 5);
            done = 1;
            fds[WATCHES].fd = -1; /* poll passes it over */
        }
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(poll(fds, WATCHES, 0) == 0);

    /* The end can be waited for in the same way. */
    for (int i = 0; i < WATCHES; i++)
        etcd_watch_stop(watchers[i]);
    for (int i = 0; i < WATCHES; i++) {
        CHECK(poll(&fds[i], 1, 60000) == 1);
        CHECK(!etcd_watch_next(watchers[i], 0));
        CHECK(etcd_watch_wait(watchers[i], -1) == 1);
        etcd_watch_free(watchers[i]);
    }
    OK(etcd_deletedir(client, "/poll", ETCD_RECURSIVE));
    etcd_disconnect(client);
    close(pipes[0]);
    close(pipes[1]);
    return 0;
}
