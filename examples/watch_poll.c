/*
 * One loop around poll(2) waits for several watches and for standard input.
 *
 *     watch_poll HOST PORT KEY...
 *
 * Prints every change of the keys and of all below them. A line "KEY VALUE" on standard input sets a key; the end of the
 * input ends the program. No thread of the library calls back here: each watch has a descriptor, as epoll, libuv and
 * other event loops want it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <etcd.h>

/* As much of the input as has come; a line may come in pieces. */
static char input[4096];
static size_t length;

static void set(const etcd_client *client, char *line)
{
    char *space = strchr(line, ' ');
    if (!space) {
        fprintf(stderr, "a line is: KEY VALUE\n");
        return;
    }
    *space = '\0';
    char *reply = etcd_set(client, line, space + 1, 0, 0);
    if (etcd_error_code(reply))
        fprintf(stderr, "%s\n", reply);
    etcd_free(reply);
}

/* Reads what has come and carries out the lines that are complete. 0 at the end of the input. */
static int read_input(const etcd_client *client)
{
    ssize_t count = read(STDIN_FILENO, input + length, sizeof input - length - 1);
    if (count <= 0)
        return count < 0 && errno == EINTR;
    length += (size_t)count;
    input[length] = '\0';

    char *line = input, *end;
    for (; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        set(client, line);
    }
    length -= (size_t)(line - input);
    memmove(input, line, length);
    if (length == sizeof input - 1) {
        fprintf(stderr, "a line is too long\n");
        length = 0;
    }
    return 1;
}

/* Prints all that is waiting. 0 once the watch has ended, which only an error does that waiting cannot mend. */
static int print_changes(const char *watched, etcd_watcher *watcher)
{
    for (char *event; (event = etcd_watch_next(watcher, 0)); etcd_free(event)) {
        if (etcd_error_code(event)) {
            fprintf(stderr, "%s: %s\n", watched, event);
            continue;
        }
        char *action = etcd_json_text(event, "/action");
        char *node = etcd_json_text(event, "/node"); /* also of a "resync", for changes that etcd has forgotten */
        printf("%s: %s %s\n", watched, action, node);
        etcd_free(action);
        etcd_free(node);
    }
    fflush(stdout);
    return !etcd_watch_ended(watcher);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s HOST PORT KEY...\n", argv[0]);
        return 2;
    }
    char *error;
    etcd_client *client = etcd_connect(argv[1], (uint16_t)atoi(argv[2]), "v2", &error);
    if (!client) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        return 1;
    }

    nfds_t watches = (nfds_t)argc - 3;
    char **keys = argv + 3;
    etcd_watcher **watchers = calloc(watches, sizeof *watchers);
    struct pollfd *descriptors = calloc(watches + 1, sizeof *descriptors);
    int is_running = watchers && descriptors, status = !is_running;
    for (nfds_t i = 0; is_running && i < watches; i++) {
        watchers[i] = etcd_watch_open(client, keys[i], ETCD_RECURSIVE, 0, &error);
        if (!watchers[i]) {
            fprintf(stderr, "%s\n", error);
            etcd_free(error);
            is_running = 0;
            status = 1;
        }
        descriptors[i] = (struct pollfd){.fd = etcd_watch_fd(watchers[i]), .events = POLLIN};
    }
    if (is_running) {
        descriptors[watches] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        printf("watching\n");
        fflush(stdout);
    }

    while (is_running) {
        if (poll(descriptors, watches + 1, -1) < 0 && errno != EINTR) {
            perror("poll");
            status = 1;
            break;
        }
        for (nfds_t i = 0; i < watches; i++) {
            if (descriptors[i].revents && !print_changes(keys[i], watchers[i])) {
                descriptors[i].fd = -1; /* poll passes it over from now on */
                status = 1;
            }
        }
        if (descriptors[watches].revents)
            is_running = read_input(client);
    }

    for (nfds_t i = 0; watchers && i < watches; i++)
        etcd_watch_free(watchers[i]);
    free(watchers);
    free(descriptors);
    etcd_disconnect(client);
    return status;
}
