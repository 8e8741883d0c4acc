/* Every error that a call to a healthy server can end in: the server's own, and wrong arguments. */
#include "check.h"

/* Takes a reply that must be a wrong argument with this cause, and frees it. */
static void is_wrong(char *reply, const char *cause)
{
    if (!says(reply, "/cause", cause))
        give_up(__FILE__, __LINE__, cause, reply);
    CHECK(says(reply, "/message", "Invalid argument; nothing was sent"));
    CHECK(etcd_json_int(reply, "/index", -1) == 0);
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, reply);
}

static void what_the_server_says(const etcd_client *client)
{
    OK(etcd_set(client, "/errors/key", "1", 0, 0));
    char *reply = etcd_get(client, "/errors/none/below", 0);
    CHECK(says(reply, "/message", "Key not found"));
    CHECK(says(reply, "/cause", "/errors/none"));
    CHECK(etcd_json_int(reply, "/index", 0) > 0);
    CHECK(etcd_json_int(reply, "/status", 0) == 404);
    CHECK(etcd_json_int(reply, "/header/etcdIndex", 0) == etcd_json_int(reply, "/index", -1));
    FAILS(ETCD_ERROR_KEY_NOT_FOUND, reply);

    reply = etcd_cas(client, "/errors/key", "3", "2", 0, 0);
    CHECK(says(reply, "/cause", "[2 != 1]"));
    FAILS(ETCD_ERROR_COMPARE_FAILED, reply);
    FAILS(ETCD_ERROR_COMPARE_FAILED, etcd_test_and_set(client, "/errors/key", "3", "1", 1, 0));
    FAILS(ETCD_ERROR_COMPARE_FAILED, etcd_cad(client, "/errors/key", NULL, 1));
    FAILS(ETCD_ERROR_KEY_NOT_FOUND, etcd_update(client, "/errors/none", "1", 0));
    FAILS(ETCD_ERROR_KEY_EXISTS, etcd_create(client, "/errors/key", "1", 0));
    FAILS(ETCD_ERROR_NOT_FILE, etcd_delete(client, "/errors"));
    FAILS(ETCD_ERROR_NOT_FILE, etcd_set(client, "/errors", "1", 0, 0));
    FAILS(ETCD_ERROR_NOT_DIRECTORY, etcd_set(client, "/errors/key/below", "1", 0, 0));
    FAILS(ETCD_ERROR_NOT_DIRECTORY, etcd_updatedir(client, "/errors/key", 60));
    FAILS(ETCD_ERROR_ROOT_READ_ONLY, etcd_set(client, "/", "1", 0, 0));
    FAILS(ETCD_ERROR_DIRECTORY_NOT_EMPTY, etcd_deletedir(client, "/errors", 0));
    FAILS(ETCD_ERROR_REFRESH_TTL_REQUIRED, etcd_refresh(client, "/errors/key", 0));

    const char *form = "application/x-www-form-urlencoded", *path = "/v2/keys/errors/key";
    FAILS(ETCD_ERROR_PREV_VALUE_REQUIRED, etcd_request(client, "PUT", path, "prevValue=", form));
    FAILS(ETCD_ERROR_TTL_NOT_A_NUMBER, etcd_request(client, "PUT", path, "ttl=soon", form));
    FAILS(ETCD_ERROR_INDEX_NOT_A_NUMBER, etcd_request(client, "PUT", path, "prevIndex=x", form));
    FAILS(ETCD_ERROR_INVALID_FIELD, etcd_request(client, "PUT", path, "prevExist=maybe", form));
    FAILS(ETCD_ERROR_INVALID_FORM, etcd_request(client, "PUT", path, "value=%zz", form));
    FAILS(ETCD_ERROR_REFRESH_VALUE, etcd_request(client, "PUT", path, "refresh=true&ttl=9&value=1", form));

    reply = etcd_request(client, "GET", "/no/such/page", NULL, NULL);
    CHECK(says(reply, "/cause", "404 page not found"));
    FAILS(ETCD_ERROR_HTTP, reply);
}

static void what_is_refused_before_anything_is_sent(etcd_client *client)
{
    const char *key = "/errors/key";
    is_wrong(etcd_get(client, NULL, 0), "key: must not be NULL");
    is_wrong(etcd_get(NULL, key, 0), "client: must not be NULL");
    is_wrong(etcd_set(client, key, NULL, 0, 0), "value: must not be NULL");
    is_wrong(etcd_set(client, key, "abc\xff", 0, 0), "value: not UTF-8 at byte 3");
    is_wrong(etcd_set(client, "/\xc3", "1", 0, 0), "key: not UTF-8 at byte 1");
    is_wrong(etcd_set(client, "/errors//key", "1", 0, 0), "key: must not contain \"//\"");
    is_wrong(etcd_set(client, "/errors/../key", "1", 0, 0), "key: must not have a segment \".\" or \"..\"");
    is_wrong(etcd_set(client, key, "1", 2147483648, 0), "ttl: must be at most 2147483647 seconds, not 2147483648");
    is_wrong(etcd_set(client, key, "1", 0, ETCD_SORTED), "flags: 0x2 has no meaning for this call");
    is_wrong(etcd_get(client, key, 0x80000000), "flags: 0x80000000 has no meaning for this call");

    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_cas(client, key, "2", NULL, 0, 0));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_cas(client, key, "2", "", 0, 0));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_cas(client, key, "2", "", 1, 0));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_cad(client, key, NULL, 0));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_stats(client, "everything"));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_stats(client, NULL));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_request(client, "put", "/v2/keys/errors/key", NULL, NULL));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_request(client, "PUT", NULL, NULL, NULL));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_get((etcd_client *)(void *)&key, key, 0));

    char *error;
    CHECK(etcd_exists(client, "//", &error) == -1);
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, error);
    CHECK(etcd_exists(client, NULL, NULL) == -1);
    CHECK(etcd_exists(client, key, &error) == 1 && !error);
}

static void connecting(void)
{
    char *error;
    CHECK(!etcd_connect("http://localhost", 0, NULL, &error));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, error);
    CHECK(!etcd_connect(NULL, 0, "v1", &error));
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, error);
    CHECK(!etcd_connect(NULL, 0, "v1", NULL));
    etcd_client *client = etcd_connect("", 0, "", &error);
    CHECK(client && !error);
    etcd_disconnect(client);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    etcd_free(etcd_deletedir(client, "/errors", ETCD_RECURSIVE));
    connecting();
    what_the_server_says(client);
    what_is_refused_before_anything_is_sent(client);

    char *reply = etcd_get(client, "/errors/key", 0);
    CHECK(says(reply, "/node/value", "1")); /* after all those errors */
    etcd_free(reply);
    CHECK(etcd_error_code(NULL) == ETCD_ERROR_INVALID_ARGUMENT);
    CHECK(etcd_error_code("Hello") == ETCD_ERROR_BAD_RESPONSE);

    OK(etcd_deletedir(client, "/errors", ETCD_RECURSIVE));
    etcd_disconnect(client);
    etcd_disconnect(client); /* found out, and of no effect */
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_machines(client));
    etcd_disconnect(NULL);
    etcd_free(NULL);
    return 0;
}
