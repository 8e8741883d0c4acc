/* A private etcd for each API version: on loopback, on free ports, gone when the benchmark is. */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t etcd[2]; /* of each API version */
static pid_t benchmark;

static void stop(void)
{
    if (getpid() != benchmark) {
        return; /* a forked child that ends must not take the server along */
    }
    for (size_t i = 0; i < sizeof etcd / sizeof *etcd; i++) {
        if (etcd[i]) {
            kill(etcd[i], SIGKILL);
            waitpid(etcd[i], NULL, 0);
        }
    }
}

/* The kernel's choice. Another program may take it before etcd does, so starting is tried more than once. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (s < 0 || bind(s, (struct sockaddr *)&address, length) || getsockname(s, (struct sockaddr *)&address, &length)) {
        die("no free port: %s", strerror(errno));
    }
    close(s);
    return ntohs(address.sin_port);
}

const char *server_binary(enum api api)
{
    const char *named = getenv(api == V2 ? "ETCD_3_4" : "ETCD_3_6"); /* as the tests have it */
    const char *gotten = api == V2 ? "target/etcd/3.4/etcd" : "target/etcd/3.6/etcd";
    const char *binary = realpath(named && *named ? named : gotten, NULL);
    return binary ? binary : "/no/etcd";
}

static pid_t start(const char *folder, enum api api, uint16_t port, uint16_t peer_port)
{
    char client[64], peer[64], cluster[80], data[512], log[512];
    snprintf(client, sizeof client, "http://127.0.0.1:%u", port);
    snprintf(peer, sizeof peer, "http://127.0.0.1:%u", peer_port);
    snprintf(cluster, sizeof cluster, "bench=%s", peer);
    snprintf(data, sizeof data, "%s/data-%u", folder, port);
    snprintf(log, sizeof log, "%s/etcd-%s.log", folder, api == V2 ? "v2" : "v3");
    pid_t child = fork();
    if (child < 0) {
        die("fork: %s", strerror(errno));
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != benchmark) {
            _exit(1);
        }
        int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, 1);
        dup2(out, 2);
        /* An environment of its own: ETCD_NAME and the like would change it. */
        execle(server_binary(api), "etcd", "--name", "bench", "--data-dir", data, "--logger", "zap", "--listen-client-urls", client,
               "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
               api == V2 ? "--enable-v2=true" : (char *)NULL, (char *)NULL, (char *[]){NULL});
        _exit(127);
    }
    return child;
}

static int answers(const struct server *server, enum api api)
{
    int s = bare_connect(server);
    if (s < 0) {
        return 0;
    }
    /* Only a server with a leader takes a write, or is well. */
    char reply[4096];
    const char *body = bare_ask(s,
                                api == V2 ? "PUT /v2/keys" KEY " HTTP/1.1\r\nHost: x\r\n"
                                            "Content-Type: application/x-www-form-urlencoded\r\n"
                                            "Content-Length: 70\r\n\r\nvalue=" VALUE
                                          : "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
                                reply, sizeof reply);
    close(s);
    return body && strstr(body, api == V2 ? "{\"action\":\"set\"" : "\"health\":\"true\"");
}

struct server server_start(const char *folder, enum api api)
{
    struct server server = {.api = api == V2 ? "v2" : "v3"};
    if (!benchmark) {
        benchmark = getpid();
        atexit(stop);
    }
    for (int attempt = 0; attempt < 3; attempt++) {
        server.port = free_port();
        snprintf(server.authority, sizeof server.authority, "127.0.0.1:%u", server.port);
        etcd[api] = start(folder, api, server.port, free_port());
        for (double until = clock_us(CLOCK_MONOTONIC) + 30e6; clock_us(CLOCK_MONOTONIC) < until;) {
            if (answers(&server, api)) {
                return server;
            }
            int status;
            if (waitpid(etcd[api], &status, WNOHANG) == etcd[api]) {
                etcd[api] = 0;
                if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
                    die("no etcd to run: tests/setup.sh gets it");
                }
                break; /* it lost its port to someone else */
            }
            nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        }
        if (etcd[api]) {
            kill(etcd[api], SIGKILL);
        }
    }
    die("etcd did not start; see %s/etcd-%s.log", folder, server.api);
}
