/* Part "memory": what a client with 64 idle connections keeps resident, against 64 bare sockets. */
#define _GNU_SOURCE
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <etcd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 64
#define GATE "/v2/keys/bench/gate"

struct resident resident(void)
{
    struct resident resident = {0};
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        sscanf(line, "RssAnon: %ld", &resident.own);
        sscanf(line, "VmRSS: %ld", &resident.all);
    }
    if (!status || resident.all == 0) {
        die("/proc/self/status does not tell the resident memory");
    }
    fclose(status);
    return resident;
}

static size_t open_sockets(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char link[64] = "";
        count += readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1) > 0 && !strncmp(link, "socket:", 7);
    }
    closedir(folder);
    return count;
}

/* A connection each, held by a request that the server answers once the gate opens. */
static void *wait_on_library(void *client)
{
    char *reply = etcd_request(client, "GET", GATE "?wait=true", NULL, NULL);
    if (etcd_error_code(reply)) {
        die("libetcd: %s", reply);
    }
    etcd_free(reply);
    return NULL;
}

static void *wait_on_socket(void *socket)
{
    char reply[4096];
    if (!bare_ask((int)(intptr_t)socket, "GET " GATE "?wait=true HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof reply)) {
        die("bare socket: %s", strerror(errno));
    }
    return NULL;
}

void bare_until_waiting(int control, long count)
{
    for (long waiting = -1; waiting != count;) {
        char reply[4096];
        const char *body =
            bare_ask(control, "GET /v2/stats/store HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof reply);
        const char *watchers = body ? strstr(body, "\"watchers\":") : NULL;
        if (!watchers) {
            die("the server does not tell how many requests wait");
        }
        waiting = atol(watchers + strlen("\"watchers\":"));
    }
}

static void print(const char *when, struct resident now, struct resident before)
{
    printf("  %-46s %7ld %7ld   %+7ld\n", when, now.own, now.all, now.own - before.own);
}

static const struct contender *const contenders[] = {&bare_socket, &libetcd};

static void keep(const struct plan *plan, size_t which)
{
    const struct contender *contender = contenders[which];
    printf("  %s\n", contender->name);
    void *sessions[CONNECTIONS];
    struct resident start = resident();
    print("before anything", start, start);
    int is_library = contender == &libetcd;
    contender->open(&plan->server, sessions, is_library ? 1 : CONNECTIONS);
    contender->call(sessions[0], GET);
    struct resident first = resident();
    print(is_library ? "a client after its first call" : "64 sockets after a first call", first, start);

    int sockets[CONNECTIONS], control = bare_connect(&plan->server);
    pthread_t threads[CONNECTIONS];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sockets[i] = is_library ? -1 : bare_connect(&plan->server);
        void *argument = is_library ? sessions[0] : (void *)(intptr_t)sockets[i];
        if (pthread_create(&threads[i], NULL, is_library ? wait_on_library : wait_on_socket, argument)) {
            die("no more threads");
        }
    }
    bare_until_waiting(control, CONNECTIONS);
    char reply[4096];
    if (!bare_ask(control, "PUT " GATE " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", reply, sizeof reply)) {
        die("the gate does not open");
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        pthread_join(threads[i], NULL);
    }
    close(control);
    struct resident idle = resident();
    char when[64];
    snprintf(when, sizeof when, "64 threads waited and ended; %zu sockets open", open_sockets());
    print(when, idle, first);
}

void part_memory(const struct plan *plan)
{
    printf("Memory of 64 idle connections: kilobytes, own (heap and stacks) and all (with mapped files)\n\n");
    printf("  %-46s %7s %7s   %7s\n", "", "own", "all", "more");
    for (size_t i = 0; i < sizeof contenders / sizeof *contenders; i++) {
        alone(keep, plan, i);
    }
    printf("\n");
}
