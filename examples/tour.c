/*
 * A tour of libetcd: every kind of call once, printed as it stands in the source, with what etcd replied.
 *
 *     tour [HOST [PORT]]
 *
 * It works in /foo and /fooDir, which must not exist, and leaves nothing behind. `make demo` runs it with an
 * etcd of its own. It is the same over v2 and v3, whichever the server has, but for the statistics of the store. The calls come in the order of the README of Etcd.jl, the client that libetcd set out from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <etcd.h>

static etcd_client *client;
static char *reply; /* to the last call */

/* Prints a call, makes it, prints the reply, and ends the tour if that is not the one expected. */
#define DO(expected, call) (printf("\n%s\n", #call), etcd_free(reply), reply = (call), judge(expected))
#define ERROR(code) #code

/* ---- what the reply says, for people ---- */

/* One line for a key; for a directory, one for each key in it, too. */
static void print_node(const char *place, const char *label, int depth)
{
    char at[256];
    snprintf(at, sizeof at, "%s/key", place);
    char *key = etcd_json_text(reply, at);
    snprintf(at, sizeof at, "%s/value", place);
    char *value = etcd_json_text(reply, at);
    snprintf(at, sizeof at, "%s/ttl", place);
    int64_t ttl = etcd_json_int(reply, at, 0);
    snprintf(at, sizeof at, "%s/dir", place);
    char *is_directory = etcd_json_text(reply, at);
    snprintf(at, sizeof at, "%s/modifiedIndex", place);
    int64_t index = etcd_json_int(reply, at, 0);

    printf("    %-18s%*s%s%s", label, 2 * depth, "", key ? key : "/", is_directory ? "/" : "");
    if (value)
        printf(" = \"%s\"", value);
    /* Over v3 a directory that nobody made, but that has keys in it, has no index of its own. */
    if (index > 0)
        printf("   (index %" PRId64, index);
    if (ttl > 0)
        printf(", gone in %" PRId64 " s", ttl);
    puts(index > 0 ? ")" : "");
    etcd_free(key);
    etcd_free(value);
    etcd_free(is_directory);

    snprintf(at, sizeof at, "%s/nodes", place);
    int64_t children = etcd_json_length(reply, at);
    for (int64_t i = 0; i < children; i++) {
        snprintf(at, sizeof at, "%s/nodes/%" PRId64, place, i);
        print_node(at, "", depth + 1);
    }
}

/* JSON in lines of a width that can be read; broken after the commas that are not part of a string. */
static void print_json(const char *json)
{
    int column = 0, in_string = 0;
    for (const char *at = json; *at; at++) {
        if (column == 0)
            printf("    ");
        putchar(*at);
        column++;
        if (*at == '\\' && at[1])
            putchar(*++at);
        else if (*at == '"')
            in_string = !in_string;
        else if (*at == ',' && !in_string && column > 90) {
            putchar('\n');
            column = 0;
        }
    }
    puts("");
}

static void print_error(void)
{
    char *message = etcd_json_text(reply, "/message");
    char *cause = etcd_json_text(reply, "/cause");
    printf("    error %d: %s (%s)\n", etcd_error_code(reply), message, cause ? cause : "");
    etcd_free(message);
    etcd_free(cause);
}

static void print_reply(void)
{
    char *action = etcd_json_text(reply, "/action");
    if (etcd_error_code(reply))
        print_error();
    else if (!action)
        print_json(reply);
    else {
        print_node("/node", action, 0);
        char *before = etcd_json_text(reply, "/prevNode");
        if (before)
            print_node("/prevNode", "  before", 0);
        etcd_free(before);
    }
    etcd_free(action);
}

/* ---- the tour goes on, or ends ---- */

static void leave(int status)
{
    /* /foo and /fooDir are the tour's own: it has looked. An error that they are not there is fine. */
    etcd_free(etcd_deletedir(client, "/foo", ETCD_RECURSIVE));
    etcd_free(etcd_deletedir(client, "/fooDir", ETCD_RECURSIVE));
    etcd_free(reply);
    etcd_disconnect(client);
    exit(status);
}

/* `expected` is an action of etcd's, a result of another shape (""), or an error's code. */
static void judge(const char *expected)
{
    print_reply();
    int code = etcd_error_code(reply), expected_code = atoi(expected);
    char *action = etcd_json_text(reply, "/action");
    int is_right = code == expected_code && (code || strcmp(action ? action : "", expected) == 0);
    etcd_free(action);
    if (!is_right) {
        fprintf(stderr, "tour: that should have been %s\n", *expected ? expected : "a result");
        leave(EXIT_FAILURE);
    }
}

/* The last reply must have this text in this place. */
static void expect(const char *pointer, const char *text)
{
    char *found = etcd_json_text(reply, pointer);
    int is_right = found && strcmp(found, text) == 0;
    etcd_free(found);
    if (!is_right) {
        fprintf(stderr, "tour: %s should have been \"%s\"\n", pointer, text);
        leave(EXIT_FAILURE);
    }
}

/* Ends the tour unless a key's existence is as expected. */
static void expect_existence(const char *key, int expected)
{
    char *error;
    printf("\netcd_exists(client, \"%s\", &error)\n", key);
    int exists = etcd_exists(client, key, &error);
    if (exists == -1) {
        etcd_free(reply);
        reply = error;
        print_error();
    } else
        puts(exists ? "    yes" : "    no");
    if (exists != expected) {
        fprintf(stderr, "tour: %s should %sexist\n", key, expected ? "" : "not ");
        leave(EXIT_FAILURE);
    }
}

static uint64_t index_of_reply(void)
{
    return (uint64_t)etcd_json_int(reply, "/node/modifiedIndex", 0);
}

/* ---- the tour ---- */

static void connect_to(const char *host, uint16_t port)
{
    char *error;
    printf("etcd_connect(\"%s\", %d, NULL, &error)\n", host, port);
    client = etcd_connect(host, port, NULL, &error);
    if (!client) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        exit(EXIT_FAILURE);
    }
    printf("    libetcd %s\n", etcd_library_version());

    /* Only what is not there can be made here and removed again without harm to anybody. */
    const char *own[] = {"/foo", "/fooDir"};
    for (int i = 0; i < 2; i++) {
        int exists = etcd_exists(client, own[i], &error);
        if (exists == 0)
            continue;
        if (exists == 1)
            fprintf(stderr, "tour: this server has a key %s already, which the tour will not touch\n", own[i]);
        else
            fprintf(stderr, "tour: %s\n", error);
        etcd_free(error);
        etcd_disconnect(client);
        exit(EXIT_FAILURE);
    }
}

static void write_and_compare(void)
{
    uint64_t index;
    DO("set", etcd_set(client, "/foo/bar", "Hello World", 0, 0));
    DO("set", etcd_set(client, "/foo/bar", "Hello World", 60, 0));
    expect("/node/ttl", "60");
    DO("compareAndSwap", etcd_cas(client, "/foo/bar", "Goodbye Cruel World", "Hello World", 0, 0));
    expect("/prevNode/value", "Hello World");

    index = index_of_reply();
    printf("\nindex = %" PRIu64 "   (of the last reply)", index);
    DO("compareAndSwap", etcd_cas(client, "/foo/bar", " Goodbye Cruel World", NULL, index, 0));
    DO(ERROR(101), etcd_cas(client, "/foo/bar", "too late", NULL, index, 0));
}

static void create_and_update(void)
{
    DO("create", etcd_create(client, "/foo/boo", "Hello World", 0));
    DO(ERROR(105), etcd_create(client, "/foo/boo", "Hello again", 0));
    DO("create", etcd_createdir(client, "/fooDir", 0));
    DO("update", etcd_update(client, "/foo/boo", "Merhaba", 0));
    expect("/node/value", "Merhaba");
    DO("create", etcd_set(client, "/foo/queue", "first", 0, ETCD_ORDERED));
    DO("create", etcd_set(client, "/foo/queue", "second", 0, ETCD_ORDERED));
}

static void read_and_delete(void)
{
    DO("get", etcd_get(client, "/foo/bar", 0));
    expect("/node/value", " Goodbye Cruel World");
    expect_existence("/foo/bar", 1);
    DO("create", etcd_createdir(client, "/foo/qux", 0));
    DO("delete", etcd_delete(client, "/foo/boo"));
    expect_existence("/foo/boo", 0);
    DO("delete", etcd_deletedir(client, "/foo/qux", 0));
    DO("get", etcd_get(client, "/foo", ETCD_RECURSIVE | ETCD_SORTED));
    expect("/node/nodes/1/nodes/1/value", "second");
    DO(ERROR(108), etcd_deletedir(client, "/foo", 0));
    DO("delete", etcd_deletedir(client, "/foo", ETCD_RECURSIVE));
    DO(ERROR(100), etcd_get(client, "/foo", ETCD_RECURSIVE));
}

static void compare_and_delete(void)
{
    uint64_t index;
    DO("create", etcd_create(client, "/foo/bar", "bar value", 0));
    DO("compareAndDelete", etcd_cad(client, "/foo/bar", "bar value", 0));
    DO("create", etcd_create(client, "/foo/bar", "Hello World", 0));
    index = index_of_reply();
    printf("\nindex = %" PRIu64 "   (of the last reply)", index);
    DO("compareAndDelete", etcd_cad(client, "/foo/bar", NULL, index));
    expect("/prevNode/value", "Hello World");
}

static void look_at_the_cluster(void)
{
    DO("", etcd_api(client));
    char *api = etcd_json_text(reply, "/api");
    int is_v3 = strcmp(api ? api : "", "v3") == 0;
    etcd_free(api);
    DO(is_v3 ? ERROR(1010) : "", etcd_stats(client, "store"));
    DO("", etcd_stats(client, "self"));
    DO("", etcd_leader(client));
    DO("", etcd_members(client));
    DO("", etcd_server_version(client));
    DO("", etcd_health(client));
    expect("/health", "true");
}

int main(int argc, char **argv)
{
    int port = argc > 2 ? atoi(argv[2]) : 2379;
    if (argc > 3 || port <= 0 || port > 65535) {
        fprintf(stderr, "usage: %s [HOST [PORT]]\n", argv[0]);
        return EXIT_FAILURE;
    }
    connect_to(argc > 1 ? argv[1] : "127.0.0.1", (uint16_t)port);
    DO("", etcd_machines(client));
    write_and_compare();
    create_and_update();
    read_and_delete();
    compare_and_delete();
    look_at_the_cluster();
    puts("\nThat was the tour. What it wrote is deleted again.");
    leave(EXIT_SUCCESS);
}
