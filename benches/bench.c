/* libetcd's benchmark: one private etcd, the parts that are asked for, a table each.
 *
 *     bench FOLDER ROUNDS CALLS PART...     the parts; FOLDER takes the server's data
 *     bench serve API FOLDER                only the server of v2 or v3, until killed; prints its port
 *     bench once API PORT CONTENDER CALL COUNT  that many calls and no more, on that server: for profilers
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
    const char *name;
    void (*run)(const struct plan *plan);
    enum api api;
    int wants_both; /* servers */
} parts[] = {
    /* First, for its processes start as copies of this one. */
    {"memory", part_memory, V2, 0},
    {"calls", part_calls, V2, 0},
    {"threads", part_threads, V2, 0},
    {"watchers", part_watchers, V2, 0},
    {"pulled", part_pulled, V2, 0},
    {"pushed", part_pushed, V2, 0},
    {"large", part_large, V2, 1},
    {"first", part_first, V2, 0},
    {"latency", part_latency, V2, 0},
    {"burst", part_burst, V2, 0},
    {"tls", part_tls, V2, 0},
    {"mirror", part_mirror, V3, 0},
    {"v3", part_v3, V3, 0},
    {"v3-threads", part_v3_threads, V3, 0},
    {"v3-latency", part_v3_latency, V3, 0},
};

static void once(const char *api, const char *port, const char *name, enum call call, long count)
{
    const struct contender *const contenders[] = {&bare_socket, &libetcd, &libcurl, &ureq, &bare_frames};
    struct server server = {.port = (uint16_t)atoi(port), .api = api};
    snprintf(server.authority, sizeof server.authority, "127.0.0.1:%u", server.port);
    for (size_t i = 0; i < sizeof contenders / sizeof *contenders; i++) {
        if (strncmp(contenders[i]->name, name, strlen(name)) == 0) {
            void *session;
            contenders[i]->open(&server, &session, 1);
            contenders[i]->call(session, PUT); /* so that there is something to get */
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
    if (count == 7 && strcmp(arguments[1], "once") == 0) {
        enum call call = strcmp(arguments[5], "PUT") == 0 ? PUT : GET;
        once(arguments[2], arguments[3], arguments[4], call, atol(arguments[6]));
        return 0;
    }
    if (count == 4 && strcmp(arguments[1], "serve") == 0) {
        printf("%u\n", server_start(arguments[3], strcmp(arguments[2], "v2") == 0 ? V2 : V3).port);
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
    /* As many connections as may be, for the servers, too, which inherit it. */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 4; i < count; i++) {
        size_t part = 0;
        while (part < sizeof parts / sizeof *parts && strcmp(parts[part].name, arguments[i]) != 0) {
            part++;
        }
        if (part == sizeof parts / sizeof *parts) {
            die("no part %s", arguments[i]);
        }
        for (enum api api = V2; api <= V3; api++) {
            struct server *server = api == V2 ? &plan.server : &plan.v3;
            if (!server->port && (parts[part].wants_both || parts[part].api == api)) {
                *server = server_start(arguments[1], api);
            }
        }
        parts[part].run(&plan);
    }
    return 0;
}
