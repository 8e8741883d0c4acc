/*
 * A program whose configuration follows etcd: it reads its settings wherever it needs them, without asking a server, and
 * is told when one changes.
 *
 *     config HOST PORT DIRECTORY
 *
 * A line on standard input is the name of a setting, and is answered with its value: so a program serves requests. What
 * changes is printed, too. While no server answers, the last configuration that was known goes on to serve.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <etcd.h>

static const char *directory;
static etcd_mirror *mirror;

/* The setting as it is at this moment, which is a look into memory; NULL if there is none. The caller frees it. */
static char *setting(const char *name)
{
    char key[1024];
    snprintf(key, sizeof key, "%s/%s", directory, name);
    char *reply = etcd_mirror_get(mirror, key);
    char *value = etcd_json_text(reply, "/node/value");
    etcd_free(reply);
    return value;
}

static void print(const char *name)
{
    char *value = setting(name);
    printf("%s is %s\n", name, value ? value : "not set");
    fflush(stdout);
    etcd_free(value);
}

static void print_all(void)
{
    char *all = etcd_mirror_list(mirror, directory);
    char *nodes = etcd_json_text(all, "/node/nodes"); /* none if nothing is there */
    const char *rest = nodes;
    for (char *node; rest && (node = etcd_json_next(&rest)); etcd_free(node)) {
        char *key = etcd_json_text(node, "/key");
        print(key + strlen(directory) + 1);
        etcd_free(key);
    }
    etcd_free(nodes);
    etcd_free(all);
}

/* Takes all changes that wait. 0 if there will be none any more. */
static int take_changes(void)
{
    for (char *change; (change = etcd_mirror_next(mirror, 0)); etcd_free(change)) {
        if (etcd_error_code(change)) {
            fprintf(stderr, "%s\n", change);
            continue;
        }
        char *action = etcd_json_text(change, "/action");
        char *key = etcd_json_text(change, "/node/key");
        if (strcmp(action, "resync") == 0)
            print_all(); /* more changes came than were fetched in time: all may be different */
        else if (key && strlen(key) > strlen(directory))
            print(key + strlen(directory) + 1);
        etcd_free(key);
        etcd_free(action);
    }
    return etcd_mirror_wait(mirror, 0, 0) >= 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST PORT DIRECTORY\n", argv[0]);
        return 2;
    }
    directory = argv[3];
    setvbuf(stdin, NULL, _IONBF, 0); /* a line that was read ahead would be none that poll knows of */
    char *error;
    etcd_client *client = etcd_connect(argv[1], (uint16_t)atoi(argv[2]), NULL, &error);
    if (client)
        mirror = etcd_mirror_open(client, directory, &error); /* complete when this returns */
    if (!mirror) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        etcd_disconnect(client);
        return 1;
    }

    /* From here on each change is kept until it is fetched. */
    struct pollfd waiting[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = etcd_mirror_fd(mirror), .events = POLLIN}};
    print_all();
    printf("ready\n");
    fflush(stdout);

    int status = 0;
    for (int is_running = 1; is_running;) {
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) {
            perror("poll");
            status = 1;
            break;
        }
        if (waiting[1].revents && !take_changes()) {
            status = 1;
            break;
        }
        if (waiting[0].revents) {
            char name[256];
            is_running = fgets(name, sizeof name, stdin) != NULL;
            if (is_running) {
                name[strcspn(name, "\n")] = '\0';
                print(name);
            }
        }
    }

    etcd_mirror_free(mirror);
    etcd_disconnect(client);
    return status;
}
