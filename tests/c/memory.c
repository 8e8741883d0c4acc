/* No memory for something large is an error, after which all goes on. The server is a scripted one: tests/process/memory.rs. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/resource.h>

enum { ROOM = 12 << 20, VALUE = 10 << 20 };

static void limit_memory(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* Leaves the process that much more than it has. */
static void leave_little(void)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmSize: %lu kB", &kilobytes) == 1)
            break;
    fclose(status);
    CHECK(kilobytes > 0);
    limit_memory((rlim_t)kilobytes * 1024 + ROOM);
}

static void is_plain(char *reply)
{
    /* It is no fault of the server's. */
    CHECK(!strstr(reply, "is this an etcd"));
    CHECK(strstr(reply, "memory"));
}

static void fails(int code, char *reply)
{
    is_plain(reply);
    FAILS(code, reply);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    char *value = malloc(VALUE + 1), *large, *text;
    CHECK(value);
    memset(value, 'v', VALUE);
    value[VALUE] = '\0';
    OK(etcd_get(client, "/small", 0));
    CHECK((large = etcd_get(client, "/large", 0)) && etcd_error_code(large) == 0);
    etcd_watcher *watcher = etcd_watch_open(client, "/watched", 0, 1, NULL);
    CHECK(watcher);
    CHECK((text = etcd_watch_next(watcher, -1)));
    etcd_free(text);

    leave_little();
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/large", 0));
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/chunks", 0));
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_request(client, "GET", "/v2/keys/large", NULL, NULL));
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/failing", 0));
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_set(client, "/not-sent", value, 0, 0));
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_cas(client, "/not-sent", "1", value, 0, 0));
    fails(ETCD_ERROR_SYSTEM_LIMIT, etcd_request(client, "PUT", "/not-sent", value, "text/plain"));
    fails(ETCD_ERROR_OUTCOME_UNKNOWN, etcd_set(client, "/large", "1", 0, 0));
    CHECK(!etcd_json_text(large, "/node/value"));
    CHECK(etcd_error_code(large) == 0);
    CHECK(!etcd_watch_next(watcher, 300) && !etcd_watch_ended(watcher));
    OK(etcd_get(client, "/small", 0));

    limit_memory(RLIM_INFINITY);
    OK(etcd_get(client, "/large", 0));
    CHECK((text = etcd_json_text(large, "/node/value")));
    etcd_free(text);
    CHECK((text = etcd_watch_next(watcher, -1)) && etcd_error_code(text) == 0);
    etcd_free(text);
    etcd_free(large);
    etcd_watch_free(watcher);
    etcd_disconnect(client);
    free(value);
    return 0;
}
