/*
 * Prints every change of a key and of all below it, until it is interrupted.
 *
 *     watch KEY [HOST [PORT]]
 *
 * The changes are pushed: the library calls print_change on a thread of its own. Servers may come and go meanwhile; what
 * changed while none was there is printed when one is back.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <etcd.h>

/* What the callbacks share with main, which touches it again only after `release`. */
struct watch {
    int changes;
    int error; /* its code, if an error has ended the watch */
};

/* On the watch's thread. `event` is the library's: whoever wants to keep it copies it. */
static void print_change(void *user_data, const char *event)
{
    struct watch *watch = user_data;
    watch->error = etcd_error_code(event);
    if (watch->error) {
        fprintf(stderr, "%s\n", event);
        return;
    }
    watch->changes++;

    char *action = etcd_json_text(event, "/action");
    if (strcmp(action, "resync") == 0) {
        /* etcd remembers 1,000 changes, and more have passed. What is there now is in /node. */
        char *node = etcd_json_text(event, "/node");
        printf("changes %" PRId64 " to %" PRId64 " are unknown; now there is %s\n",
               etcd_json_int(event, "/missed/after", 0) + 1, etcd_json_int(event, "/missed/before", 0) - 1, node);
        etcd_free(node);
    } else {
        char *key = etcd_json_text(event, "/node/key");
        char *value = etcd_json_text(event, "/node/value"); /* none if it was deleted, or is a directory */
        printf("%s %s%s%s\n", action, key, value ? " = " : "", value ? value : "");
        etcd_free(key);
        etcd_free(value);
    }
    fflush(stdout);
    etcd_free(action);
}

/* After the last call of print_change. If the watch has ended by itself, this ends main's waiting. */
static void wake_main(void *user_data)
{
    (void)user_data;
    kill(getpid(), SIGTERM);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s KEY [HOST [PORT]]\n", argv[0]);
        return 2;
    }
    /* main waits for these. The library's threads have all signals blocked, so none is lost on them. */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);

    char *error;
    etcd_client *client =
        etcd_connect(argc > 2 ? argv[2] : NULL, (uint16_t)(argc > 3 ? atoi(argv[3]) : 0), "v2", &error);
    struct watch watch = {0, 0};
    etcd_watcher *watcher = NULL;
    if (client)
        watcher = etcd_watchloop(client, argv[1], ETCD_RECURSIVE, 0, print_change, NULL, &watch, wake_main, &error);
    if (!watcher) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        etcd_disconnect(client);
        return 1;
    }
    printf("watching %s\n", argv[1]);
    fflush(stdout);

    int signal_number;
    sigwait(&ends, &signal_number);

    etcd_watch_free(watcher); /* waits for a callback that is running */
    etcd_disconnect(client);
    printf("changes seen: %d\n", watch.changes);
    return watch.error != 0;
}
