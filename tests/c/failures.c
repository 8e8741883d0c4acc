/* What a program is told when the server is away, silent, or not an etcd. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server of our own. As long as nobody accepts, it takes requests and says nothing. */
struct server {
    int listener;
    uint16_t port;
    const char *answer;
    pthread_t thread;
};

static struct server listen_on_any_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct server server = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
    CHECK(bind(server.listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(server.listener, 16) == 0);
    CHECK(getsockname(server.listener, (struct sockaddr *)&address, &size) == 0);
    server.port = ntohs(address.sin_port);
    return server;
}

/* Takes one request, says `answer`, and hangs up, having read no more than it needed to know. */
static void *answer_once(void *given)
{
    const struct server *server = given;
    char request[65536];
    int connection = accept(server->listener, NULL, NULL);
    CHECK(connection != -1 && read(connection, request, sizeof request) > 0);
    size_t length = strlen(server->answer);
    CHECK(write(connection, server->answer, length) == (ssize_t)length);
    close(connection);
    return NULL;
}

static void will_say(struct server *server, const char *answer)
{
    server->answer = answer;
    CHECK(pthread_create(&server->thread, NULL, answer_once, server) == 0);
}

static void has_said(struct server *server)
{
    CHECK(pthread_join(server->thread, NULL) == 0);
}

/* A call to a server that will say `answer` must come back with `code`. */
#define SAID(answer, code, call) (will_say(&server, answer), FAILS(code, call), has_said(&server))

static void what_it_may_say(void)
{
    struct server server = listen_on_any_port();
    etcd_client *client = etcd_connect("127.0.0.1", server.port, NULL, NULL);
    CHECK(client);

    SAID("", ETCD_ERROR_OUTCOME_UNKNOWN, etcd_set(client, "/a", "1", 0, 0));
    SAID("SSH-2.0-OpenSSH_9.2\r\n", ETCD_ERROR_BAD_RESPONSE, etcd_get(client, "/a", 0));
    SAID("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"action\"", ETCD_ERROR_BAD_RESPONSE, etcd_get(client, "/a", 0));
    SAID("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", ETCD_ERROR_BAD_RESPONSE, etcd_get(client, "/a", 0));
    SAID("HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n404 page not found", ETCD_ERROR_HTTP,
         etcd_get(client, "/a", 0));
    SAID("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", ETCD_ERROR_HTTP, etcd_set(client, "/a", "1", 0, 0));
    SAID("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno", ETCD_ERROR_UNAUTHENTICATED, etcd_get(client, "/a", 0));

    /* It hangs up in the middle of a large value: no SIGPIPE ends the program. */
    size_t size = 8 << 20;
    char *value = malloc(size + 1);
    memset(value, 'v', size);
    value[size] = '\0';
    SAID("", ETCD_ERROR_OUTCOME_UNKNOWN, etcd_set(client, "/a", value, 0, 0));
    free(value);

    close(server.listener);
    FAILS(ETCD_ERROR_UNAVAILABLE, etcd_get(client, "/a", 0));
    FAILS(ETCD_ERROR_UNAVAILABLE, etcd_set(client, "/a", "1", 0, 0));
    etcd_disconnect(client);
}

static void *read_in_vain(void *client)
{
    FAILS(ETCD_ERROR_TIMEOUT, etcd_get(client, "/a", 0));
    return NULL;
}

static void *write_in_vain(void *client)
{
    FAILS(ETCD_ERROR_OUTCOME_UNKNOWN, etcd_set(client, "/a", "1", 0, 0));
    return NULL;
}

static void *be_cancelled(void *client)
{
    FAILS(ETCD_ERROR_CANCELLED, etcd_get(client, "/a", 0));
    return NULL;
}

static void disconnecting_ends_a_call(void)
{
    struct server server = listen_on_any_port();
    etcd_client *client = etcd_connect("127.0.0.1", server.port, NULL, NULL);
    pthread_t caller;
    CHECK(pthread_create(&caller, NULL, be_cancelled, client) == 0);
    char request[4096];
    int connection = accept(server.listener, NULL, NULL);
    CHECK(read(connection, request, sizeof request) > 0); /* it is under way */
    etcd_disconnect(client);
    CHECK(pthread_join(caller, NULL) == 0);
    CHECK(read(connection, request, sizeof request) == 0); /* and its connection closed */
    close(connection);
    close(server.listener);
}

int main(void)
{
    struct server silent = listen_on_any_port();
    etcd_client *client = etcd_connect("127.0.0.1", silent.port, NULL, NULL);
    CHECK(client);
    pthread_t reader, writer;
    CHECK(pthread_create(&reader, NULL, read_in_vain, client) == 0);
    CHECK(pthread_create(&writer, NULL, write_in_vain, client) == 0);

    what_it_may_say();
    disconnecting_ends_a_call();

    CHECK(pthread_join(reader, NULL) == 0);
    CHECK(pthread_join(writer, NULL) == 0);
    etcd_disconnect(client);
    close(silent.listener);
    return 0;
}
