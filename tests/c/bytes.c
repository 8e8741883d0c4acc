/* Keys and values that are bytes, ranges, conditions and transactions, over v3. The port is the argument. */
#include "check.h"

static etcd_client *client;

/* A counter in the store, raised by whoever gets in between last; binary, as a program has it. */
static uint32_t count_up(const char *name)
{
    for (;;) {
        char *found = etcd_range(client, name, strlen(name), NULL, 0, 0, 0, 0);
        CHECK(etcd_error_code(found) == 0);
        uint32_t count = 0;
        size_t length;
        void *value = etcd_json_bytes(found, "/kvs/0/value", &length);
        if (value && length == sizeof count)
            memcpy(&count, value, sizeof count);
        count++;
        int64_t revision = etcd_json_int(found, "/kvs/0/mod_revision", 0);
        char *written = etcd_put_if(client, name, strlen(name), &count, sizeof count, revision, 0, 0);
        int code = etcd_error_code(written);
        etcd_free(value);
        etcd_free(found);
        etcd_free(written);
        if (code == 0)
            return count;
        CHECK(code == ETCD_ERROR_COMPARE_FAILED);
    }
}

static void bytes(void)
{
    static const char key[] = "bytes/\0\xff\n", value[] = "\0\xfe\0";
    enum { KEY = sizeof key - 1, VALUE = sizeof value - 1 };
    OK(etcd_put(client, key, KEY, value, VALUE, 0, 0));
    char *reply = etcd_range(client, "bytes/", 6, NULL, 0, 0, 0, ETCD_PREFIX);
    CHECK(etcd_error_code(reply) == 0 && etcd_json_int(reply, "/count", 0) == 1);
    size_t length;
    char *found = etcd_json_bytes(reply, "/kvs/0/key", &length);
    CHECK(found && length == KEY && memcmp(found, key, KEY) == 0);
    etcd_free(found);
    found = etcd_json_bytes(reply, "/kvs/0/value", &length);
    CHECK(found && length == VALUE && memcmp(found, value, VALUE) == 0 && found[length] == '\0');
    etcd_free(found);
    CHECK(!etcd_json_bytes(reply, "/kvs/1/value", &length) && length == 0);
    etcd_free(reply);

    reply = etcd_delete_range(client, "bytes/", 6, NULL, 0, ETCD_PREFIX | ETCD_PREV_KV | ETCD_BASE64);
    CHECK(etcd_json_int(reply, "/deleted", 0) == 1 && says(reply, "/prev_kvs/0/value_base64", "AP4A"));
    etcd_free(reply);
}

static void conditions(void)
{
    for (uint32_t i = 1; i <= 3; i++)
        CHECK(count_up("counter") == i);
    char *refused = etcd_put_if(client, "counter", 7, "x", 1, 0, 0, 0);
    CHECK(etcd_error_code(refused) == ETCD_ERROR_COMPARE_FAILED);
    int64_t revision = etcd_json_int(refused, "/kv/mod_revision", 0);
    CHECK(revision > 0 && etcd_json_int(refused, "/kv/version", 0) == 3);
    etcd_free(refused);
    FAILS(ETCD_ERROR_COMPARE_FAILED, etcd_delete_if(client, "counter", 7, revision + 1000));
    OK(etcd_delete_if(client, "counter", 7, revision));
    FAILS(ETCD_ERROR_KEY_NOT_FOUND, etcd_delete_if(client, "counter", 7, revision));
}

static void transactions(void)
{
    OK(etcd_put(client, "from", 4, "1", 1, 0, 0));
    static const char move[] =
        "{\"compare\":[{\"key\":\"to\",\"version\":0},{\"key\":\"from\",\"value\":\"1\"}],"
        "\"success\":[{\"request_put\":{\"key\":\"to\",\"value\":\"1\"}},{\"request_delete_range\":{\"key\":\"from\"}}],"
        "\"failure\":[{\"request_range\":{\"key\":\"to\"}}]}";
    char *reply = etcd_txn(client, move);
    CHECK(says(reply, "/succeeded", "true") && etcd_json_int(reply, "/responses/1/response_delete_range/deleted", 0) == 1);
    etcd_free(reply);
    reply = etcd_txn(client, move);
    CHECK(says(reply, "/succeeded", "false") && says(reply, "/responses/0/response_range/kvs/0/value", "1"));
    etcd_free(reply);
    reply = etcd_txn(client, "{\"success\":[{\"request_put\":{\"key\":\"\"}}]}");
    CHECK(etcd_error_code(reply) == ETCD_ERROR_INVALID_ARGUMENT);
    CHECK(says(reply, "/cause", "/success/0/request_put/key: must be given, and not be empty"));
    etcd_free(reply);
    OK(etcd_delete_range(client, "to", 2, NULL, 0, 0));
}

static void calls(void)
{
    char *granted = etcd_call(client, "lease/grant", "{\"ttl\":60}"), *text = etcd_json_text(granted, "/id"), request[64];
    CHECK(text);
    OK(etcd_put(client, "mortal", 6, "1", 1, strtoll(text, NULL, 10), 0));
    snprintf(request, sizeof request, "{\"id\":\"%s\"}", text);
    OK(etcd_call(client, "lease/revoke", request));
    etcd_free(text);
    etcd_free(granted);
    char *gone = etcd_range(client, "mortal", 6, NULL, 0, 0, 0, 0);
    CHECK(etcd_json_length(gone, "/kvs") == 0);
    etcd_free(gone);
    char *status = etcd_call(client, "maintenance/status", "{}");
    CHECK(etcd_json_int(status, "/db_size", 0) > 0);
    etcd_free(status);
}

static void count_events(void *user_data, const char *event)
{
    int *seen = user_data;
    *seen += etcd_json_length(event, "/events");
}

static void watches(void)
{
    char *error;
    etcd_watcher *pulled =
        etcd_watch_range(client, "w\0", 2, NULL, 0, 0, ETCD_PREFIX | ETCD_PREV_KV, NULL, NULL, NULL, &error);
    CHECK(pulled && !error && etcd_watch_fd(pulled) >= 0);
    int seen = 0;
    etcd_watcher *pushed = etcd_watch_range(client, "w\0a", 3, NULL, 0, 0, 0, count_events, &seen, NULL, &error);
    CHECK(pushed && !error);
    OK(etcd_txn(client, "{\"success\":[{\"request_put\":{\"key\":\"w\\u0000a\",\"value\":\"1\"}},"
                        "{\"request_put\":{\"key\":\"w\\u0000b\",\"value\":\"2\"}}]}"));
    char *event = etcd_watch_next(pulled, 60000);
    CHECK(event && etcd_json_length(event, "/events") == 2 && says(event, "/events/1/kv/value", "2"));
    etcd_free(event);
    OK(etcd_delete_range(client, "w\0", 2, NULL, 0, ETCD_PREFIX));
    event = etcd_watch_next(pulled, 60000);
    CHECK(event && says(event, "/events/0/type", "DELETE") && says(event, "/events/0/prev_kv/value", "1"));
    etcd_free(event);
    etcd_watch_free(pulled);
    etcd_watch_free(pushed);
    CHECK(seen <= 2);
    CHECK(!etcd_watch_range(client, "", 0, NULL, 0, 0, 0, NULL, NULL, NULL, &error));
    CHECK(etcd_error_code(error) == ETCD_ERROR_INVALID_ARGUMENT);
    etcd_free(error);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    char *error;
    client = etcd_connect("127.0.0.1", (uint16_t)atoi(argv[1]), "v3", &error);
    if (!client)
        give_up(__FILE__, __LINE__, "connected", error);
    bytes();
    conditions();
    transactions();
    calls();
    watches();
    etcd_disconnect(client);
    await_threads();
    return 0;
}
