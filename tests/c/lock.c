/* A lock: whoever creates the key has it, and keeps it by refreshing its time to live. */
#include "check.h"

#define LOCK "/lock/job"

static int acquire(const etcd_client *client, const char *who, int64_t ttl)
{
    char *reply = etcd_create(client, LOCK, who, ttl);
    int code = etcd_error_code(reply);
    CHECK(code == 0 || code == ETCD_ERROR_KEY_EXISTS);
    etcd_free(reply);
    return code == 0;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *anna = client_of(argv[1]);
    etcd_client *bert = client_of(argv[1]);
    etcd_free(etcd_delete(anna, LOCK));

    CHECK(acquire(anna, "anna", 60));
    CHECK(!acquire(bert, "bert", 60));

    /* Only the holder keeps it alive, and only the holder gives it back. */
    char *reply = etcd_refresh(anna, LOCK, 600);
    CHECK(etcd_json_int(reply, "/node/ttl", 0) > 60);
    CHECK(says(reply, "/node/value", "anna"));
    etcd_free(reply);
    FAILS(ETCD_ERROR_COMPARE_FAILED, etcd_cad(bert, LOCK, "bert", 0));
    OK(etcd_cad(anna, LOCK, "anna", 0));

    /* A holder that dies loses it when its time has come, which whoever waits is told. */
    reply = etcd_create(anna, LOCK, "anna", 1);
    long long index = etcd_json_int(reply, "/node/modifiedIndex", 0);
    OK(reply);
    etcd_disconnect(anna);
    char change[80];
    snprintf(change, sizeof change, "/v2/keys" LOCK "?wait=true&waitIndex=%lld", index + 1);
    reply = etcd_request(bert, "GET", change, NULL, NULL);
    CHECK(says(reply, "/action", "expire"));
    etcd_free(reply);
    CHECK(acquire(bert, "bert", 60));
    reply = etcd_get(bert, LOCK, 0);
    CHECK(says(reply, "/node/value", "bert"));
    etcd_free(reply);
    OK(etcd_compare_and_delete(bert, LOCK, "bert", 0));
    FAILS(ETCD_ERROR_KEY_NOT_FOUND, etcd_refresh(bert, LOCK, 60));
    etcd_disconnect(bert);
    return 0;
}
