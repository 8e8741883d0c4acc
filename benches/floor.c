/* The floor: a blocking socket, a request made beforehand, one write, one read. Nothing is parsed. */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct bare {
    int socket;
    size_t lengths[2];
    char requests[2][512];
    char reply[4096];
};

int bare_connect(const struct server *server)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0 && connect(s, (struct sockaddr *)&address, sizeof address)) {
        close(s);
        return -1;
    }
    if (s >= 0) {
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    return s;
}

const char *bare_ask(int socket, const char *request, char *reply, size_t size)
{
    if (write(socket, request, strlen(request)) < 0) {
        return NULL;
    }
    /* etcd writes a small reply at once, and loopback does not take it apart. */
    ssize_t length = read(socket, reply, size - 1);
    if (length <= 0) {
        return NULL;
    }
    reply[length] = '\0';
    char *body = strstr(reply, "\r\n\r\n");
    return body ? body + 4 : NULL;
}

static void bare_open(const struct server *server, void **sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bare *bare = calloc(1, sizeof *bare);
        bare->socket = bare_connect(server);
        if (bare->socket < 0) {
            die("bare socket: %s", strerror(errno));
        }
        bare->lengths[GET] = (size_t)sprintf(bare->requests[GET], "GET /v2/keys" KEY " HTTP/1.1\r\nHost: %s\r\n\r\n",
                                             server->authority);
        bare->lengths[PUT] = (size_t)sprintf(bare->requests[PUT],
                                             "PUT /v2/keys" KEY " HTTP/1.1\r\nHost: %s\r\n"
                                             "Content-Type: application/x-www-form-urlencoded\r\n"
                                             "Content-Length: %zu\r\n\r\nvalue=" VALUE,
                                             server->authority, strlen("value=" VALUE));
        sessions[i] = bare;
    }
}

static void bare_call(void *session, enum call call)
{
    struct bare *bare = session;
    ssize_t sent = write(bare->socket, bare->requests[call], bare->lengths[call]);
    ssize_t length = read(bare->socket, bare->reply, sizeof bare->reply);
    if (sent != (ssize_t)bare->lengths[call] || length < 12 || memcmp(bare->reply, "HTTP/1.1 20", 11) != 0 ||
        bare->reply[length - 1] != '\n') {
        die("bare socket: a wrong reply: %.*s", (int)(length > 0 ? length : 0), bare->reply);
    }
}

static void bare_close(void **sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bare *bare = sessions[i];
        close(bare->socket);
        free(bare);
    }
}

const struct contender bare_socket = {"bare socket", bare_open, bare_call, bare_close, NULL};
