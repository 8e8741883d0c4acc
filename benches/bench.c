/* libetcd's benchmark: one private etcd, the parts that are asked for, a table each.
 *
 *     bench FOLDER ROUNDS CALLS PART...     the parts; FOLDER takes the server's data
 *     bench serve FOLDER                    only the server, until killed; prints its port
 *     bench once PORT CONTENDER CALL COUNT  that many calls and no more, on that server: for profilers
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    void (*run)(const struct plan *plan);
} parts[] = {
    /* First, for its processes start as copies of this one. */
    {"memory", part_memory},
    {"calls", part_calls},
    {"threads", part_threads},
    {"watchers", part_watchers},
    {"latency", part_latency},
    {"burst", part_burst},
    {"tls", part_tls},
};

static void once(const char *port, const char *name, enum call call, long count)
{
    const struct contender *const contenders[] = {&bare_socket, &libetcd, &libcurl, &ureq};
    struct server server = {.port = (uint16_t)atoi(port)};
    snprintf(server.authority, sizeof server.authority, "127.0.0.1:%u", server.port);
    for (size_t i = 0; i < sizeof contenders / sizeof *contenders; i++) {
        if (strncmp(contenders[i]->name, name, strlen(name)) == 0) {
            void *session;
            contenders[i]->open(&server, &session, 1);
            for (long j = 0; j < count; j++) {
                contenders[i]->call(session, call);
            }
            contenders[i]->close(&session, 1);
            return;
        }
    }
    die("no contender %s", name);
}

int main(int count, char **arguments)
{
    if (count == 6 && strcmp(arguments[1], "once") == 0) {
        once(arguments[2], arguments[3], strcmp(arguments[4], "PUT") == 0 ? PUT : GET, atol(arguments[5]));
        return 0;
    }
    if (count == 3 && strcmp(arguments[1], "serve") == 0) {
        printf("%u\n", server_start(arguments[2]).port);
        fflush(stdout);
        for (;;) {
            pause();
        }
    }
    if (count < 5) {
        die("see benches/README.md for how to run it");
    }
    struct plan plan = {.rounds = strtoul(arguments[2], NULL, 10), .calls = strtoul(arguments[3], NULL, 10)};
    if (plan.rounds == 0 || plan.calls == 0) {
        die("ROUNDS and CALLS must be numbers above 0");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    plan.server = server_start(arguments[1]);
    for (int i = 4; i < count; i++) {
        size_t part = 0;
        while (part < sizeof parts / sizeof *parts && strcmp(parts[part].name, arguments[i]) != 0) {
            part++;
        }
        if (part == sizeof parts / sizeof *parts) {
            die("no part %s", arguments[i]);
        }
        parts[part].run(&plan);
    }
    return 0;
}
