/* A private etcd: on loopback, on free ports, gone when the benchmark is. */
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

static pid_t etcd;
static pid_t benchmark;

static void stop(void)
{
    if (getpid() != benchmark) {
        return; /* a forked child that ends must not take the server along */
    }
    kill(etcd, SIGKILL);
    waitpid(etcd, NULL, 0);
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

static void start(const char *folder, uint16_t port, uint16_t peer_port)
{
    char client[64], peer[64], cluster[80], data[512], log[512];
    snprintf(client, sizeof client, "http://127.0.0.1:%u", port);
    snprintf(peer, sizeof peer, "http://127.0.0.1:%u", peer_port);
    snprintf(cluster, sizeof cluster, "bench=%s", peer);
    snprintf(data, sizeof data, "%s/data-%u", folder, port);
    snprintf(log, sizeof log, "%s/etcd.log", folder);
    etcd = fork();
    if (etcd < 0) {
        die("fork: %s", strerror(errno));
    }
    if (etcd == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != benchmark) {
            _exit(1);
        }
        int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, 1);
        dup2(out, 2);
        const char *etcd_3_4 = getenv("ETCD_3_4"); /* as the tests have it */
        const char *binary = etcd_3_4 && *etcd_3_4 ? etcd_3_4 : "/usr/bin/etcd";
        /* An environment of its own: ETCD_NAME and the like would change it. */
        execle(binary, "etcd", "--name", "bench", "--data-dir", data, "--enable-v2=true", "--logger", "zap",
               "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
               "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster, (char *)NULL,
               (char *[]){NULL});
        _exit(127);
    }
}

static int answers(const struct server *server)
{
    int s = bare_connect(server);
    if (s < 0) {
        return 0;
    }
    /* A write: only a server with a leader takes it. */
    char reply[4096];
    const char *body = bare_ask(s,
                                "PUT /v2/keys" KEY " HTTP/1.1\r\nHost: x\r\n"
                                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 70\r\n\r\n"
                                "value=" VALUE,
                                reply, sizeof reply);
    close(s);
    return body && strncmp(body, "{\"action\":\"set\"", 15) == 0;
}

struct server server_start(const char *folder)
{
    struct server server = {0};
    benchmark = getpid();
    atexit(stop);
    for (int attempt = 0; attempt < 3; attempt++) {
        server.port = free_port();
        snprintf(server.authority, sizeof server.authority, "127.0.0.1:%u", server.port);
        start(folder, server.port, free_port());
        for (double until = clock_us(CLOCK_MONOTONIC) + 30e6; clock_us(CLOCK_MONOTONIC) < until;) {
            if (answers(&server)) {
                return server;
            }
            int status;
            if (waitpid(etcd, &status, WNOHANG) == etcd) {
                if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
                    die("no etcd to run: tests/setup.sh gets it");
                }
                break; /* it lost its port to someone else */
            }
            nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        }
        kill(etcd, SIGKILL);
    }
    die("etcd did not start; see %s/etcd.log", folder);
}
