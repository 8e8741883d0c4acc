/* A queue: what is appended to a directory is taken out in that order, each entry by one worker only. */
#include "check.h"

#define QUEUE "/queue"

/* Takes the first entry out; NULL if there is none. The caller frees it with etcd_free. */
static char *take(const etcd_client *client)
{
    for (;;) {
        char *reply = etcd_get(client, QUEUE, ETCD_SORTED | ETCD_QUORUM);
        char *key = etcd_json_text(reply, "/node/nodes/0/key");
        char *value = etcd_json_text(reply, "/node/nodes/0/value");
        uint64_t index = (uint64_t)etcd_json_int(reply, "/node/nodes/0/modifiedIndex", 0);
        etcd_free(reply);
        if (!key)
            return NULL;
        reply = etcd_cad(client, key, NULL, index);
        int code = etcd_error_code(reply);
        etcd_free(reply);
        etcd_free(key);
        if (code == 0)
            return value;
        etcd_free(value);
        CHECK(code == ETCD_ERROR_KEY_NOT_FOUND); /* another worker was faster */
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    etcd_free(etcd_deletedir(client, QUEUE, ETCD_RECURSIVE));
    OK(etcd_createdir(client, QUEUE, 0));
    FAILS(ETCD_ERROR_KEY_EXISTS, etcd_createdir(client, QUEUE, 0));

    char last[256] = "";
    for (int i = 0; i < 12; i++) {
        char value[16];
        snprintf(value, sizeof value, "job %d", i);
        char *reply = etcd_set(client, QUEUE, value, 0, ETCD_ORDERED);
        CHECK(etcd_error_code(reply) == 0);
        CHECK(says(reply, "/action", "create"));
        char *key = etcd_json_text(reply, "/node/key");
        CHECK(key && strlen(key) < sizeof last && strcmp(last, key) < 0);
        strcpy(last, key);
        etcd_free(key);
        etcd_free(reply);
    }
    for (int i = 0; i < 12; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "job %d", i);
        char *value = take(client);
        CHECK(value && strcmp(value, expected) == 0);
        etcd_free(value);
    }
    CHECK(!take(client));
    OK(etcd_deletedir(client, QUEUE, 0));
    etcd_disconnect(client);
    return 0;
}
