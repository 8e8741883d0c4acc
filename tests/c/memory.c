/* No memory for something large is an error, after which all goes on. The server is a scripted one: tests/process/memory.rs. */
#define _POSIX_C_SOURCE 200809L
#include "little_memory.h"

enum { ROOM = 12 << 20, VALUE = 10 << 20 };

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    char *value = filled(VALUE), *large, *text;
    OK(etcd_get(client, "/small", 0));
    CHECK((large = etcd_get(client, "/large", 0)) && etcd_error_code(large) == 0);
    etcd_watcher *watcher = etcd_watch_open(client, "/watched", 0, 1, NULL);
    CHECK(watcher);
    CHECK((text = etcd_watch_next(watcher, -1)));
    etcd_free(text);

    leave(ROOM);
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/large", 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/chunks", 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_request(client, "GET", "/v2/keys/large", NULL, NULL));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/failing", 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_set(client, "/not-sent", value, 0, 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_cas(client, "/not-sent", "1", value, 0, 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_request(client, "PUT", "/not-sent", value, "text/plain"));
    fails_for_lack(ETCD_ERROR_OUTCOME_UNKNOWN, etcd_set(client, "/large", "1", 0, 0));
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
