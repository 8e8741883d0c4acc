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

/* Nobody else gets the port as long as it is ours, and nobody can connect before we listen. */
static struct server bind_to_any_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct server server = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
    CHECK(bind(server.listener, (struct sockaddr *)&address, size) == 0);
    CHECK(getsockname(server.listener, (struct sockaddr *)&address, &size) == 0);
    server.port = ntohs(address.sin_port);
    return server;
}

static struct server listen_on_any_port(void)
{
    struct server server = bind_to_any_port();
    CHECK(listen(server.listener, 16) == 0);
    return server;
}

static etcd_client *client_of_server(const struct server *server)
{
    etcd_client *client = etcd_connect("127.0.0.1", server->port, "v2", NULL);
    CHECK(client);
    return client;
}

/* On each connection: reads a little, says `answer`, and hangs up. */
static void *answer_all(void *given)
{
    const struct server *server = given;
    char request[65536];
    int connection;
    while ((connection = accept(server->listener, NULL, NULL)) != -1) {
        size_t length = strlen(server->answer);
        CHECK(read(connection, request, sizeof request) > 0);
        CHECK(write(connection, server->answer, length) == (ssize_t)length);
        close(connection);
    }
    return NULL;
}

static etcd_client *client_of_one_that_says(struct server *server, const char *answer)
{
    *server = listen_on_any_port();
    server->answer = answer;
    CHECK(pthread_create(&server->thread, NULL, answer_all, server) == 0);
    return client_of_server(server);
}

static void stop(struct server *server, etcd_client *client)
{
    shutdown(server->listener, SHUT_RDWR); /* ends `accept` */
    CHECK(pthread_join(server->thread, NULL) == 0);
    close(server->listener);
    etcd_disconnect(client);
}

static void reading_ends_in(int code, const char *answer)
{
    struct server server;
    etcd_client *client = client_of_one_that_says(&server, answer);
    FAILS(code, etcd_get(client, "/a", 0));
    stop(&server, client);
}

static void writing_ends_in(int code, const char *value, const char *answer)
{
    struct server server;
    etcd_client *client = client_of_one_that_says(&server, answer);
    FAILS(code, etcd_set(client, "/a", value, 0, 0));
    stop(&server, client);
}

static void what_it_may_say(void)
{
    reading_ends_in(ETCD_ERROR_UNAVAILABLE, "");
    writing_ends_in(ETCD_ERROR_OUTCOME_UNKNOWN, "1", "");
    reading_ends_in(ETCD_ERROR_BAD_RESPONSE, "SSH-2.0-OpenSSH_9.2\r\n");
    reading_ends_in(ETCD_ERROR_BAD_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"action\"");
    reading_ends_in(ETCD_ERROR_BAD_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello");
    reading_ends_in(ETCD_ERROR_UNSUPPORTED, "HTTP/1.1 404 No\r\nContent-Length: 18\r\n\r\n404 page not found");
    writing_ends_in(ETCD_ERROR_HTTP, "1", "HTTP/1.1 418 Teapot\r\nContent-Length: 6\r\n\r\nteapot");
    reading_ends_in(ETCD_ERROR_UNAUTHENTICATED, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");

    /* It hangs up in the middle of a large value: no SIGPIPE ends the program. */
    size_t size = 8 << 20;
    char *value = malloc(size + 1);
    memset(value, 'v', size);
    value[size] = '\0';
    writing_ends_in(ETCD_ERROR_OUTCOME_UNKNOWN, value, "");
    free(value);
}

static void nobody_is_there(void)
{
    struct server server = bind_to_any_port();
    etcd_client *client = client_of_server(&server);
    FAILS(ETCD_ERROR_UNAVAILABLE, etcd_get(client, "/a", 0));
    FAILS(ETCD_ERROR_UNAVAILABLE, etcd_set(client, "/a", "1", 0, 0));
    etcd_disconnect(client);
    close(server.listener);
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
    etcd_client *client = client_of_server(&server);
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
    etcd_client *client = client_of_server(&silent);
    pthread_t reader, writer;
    CHECK(pthread_create(&reader, NULL, read_in_vain, client) == 0);
    CHECK(pthread_create(&writer, NULL, write_in_vain, client) == 0);

    what_it_may_say();
    nobody_is_there();
    disconnecting_ends_a_call();

    CHECK(pthread_join(reader, NULL) == 0);
    CHECK(pthread_join(writer, NULL) == 0);
    etcd_disconnect(client);
    close(silent.listener);
    return 0;
}
