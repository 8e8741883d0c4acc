/* The tour of all calls on keys, the cluster and the administration, over v3. The port is the argument. */
#include "check.h"
#include <inttypes.h>

/* Takes a reply that must be a result with this text in that place. */
static void expect(char *reply, const char *pointer, const char *expected)
{
    if (etcd_error_code(reply) != 0 || !says(reply, pointer, expected))
        give_up(__FILE__, __LINE__, expected, reply ? reply : "(NULL)");
    etcd_free(reply);
}

static uint64_t index_of(char *reply)
{
    CHECK(etcd_error_code(reply) == 0);
    uint64_t index = (uint64_t)etcd_json_int(reply, "/node/modifiedIndex", 0);
    CHECK(index > 0);
    etcd_free(reply);
    return index;
}

static void keys(etcd_client *client)
{
    OK(etcd_set(client, "/c/a", "1", 0, 0));
    expect(etcd_get(client, "/c/a", ETCD_QUORUM), "/node/value", "1");
    uint64_t index = index_of(etcd_update(client, "/c/a", "2", 0));
    FAILS(ETCD_ERROR_KEY_EXISTS, etcd_create(client, "/c/a", "3", 0));
    OK(etcd_create(client, "/c/b/c", "3", 0));
    expect(etcd_cas(client, "/c/a", "4", NULL, index, 0), "/prevNode/value", "2");
    FAILS(ETCD_ERROR_COMPARE_FAILED, etcd_cas(client, "/c/a", "5", "2", 0, 0));
    FAILS(ETCD_ERROR_COMPARE_FAILED, etcd_cad(client, "/c/a", NULL, index));
    FAILS(ETCD_ERROR_NOT_FILE, etcd_set(client, "/c/b", "1", 0, 0));
    FAILS(ETCD_ERROR_NOT_DIRECTORY, etcd_set(client, "/c/a/below", "1", 0, 0));
    FAILS(ETCD_ERROR_KEY_NOT_FOUND, etcd_get(client, "/c/none", 0));
    expect(etcd_get(client, "/c", ETCD_RECURSIVE | ETCD_SORTED), "/node/nodes/1/nodes/0/value", "3");
    OK(etcd_createdir(client, "/c/d", 0));
    FAILS(ETCD_ERROR_DIRECTORY_NOT_EMPTY, etcd_deletedir(client, "/c/b", 0));
    OK(etcd_deletedir(client, "/c/d", 0));
    OK(etcd_setdir(client, "/c/d", 0));
    for (int i = 0; i < 3; i++)
        OK(etcd_set(client, "/c/q", "job", 0, ETCD_ORDERED));
    char *queue = etcd_get(client, "/c/q", ETCD_SORTED);
    CHECK(etcd_json_length(queue, "/node/nodes") == 3);
    etcd_free(queue);
    for (int i = 0; i < 5; i++)
        OK(etcd_set(client, "/c/ttl", "beat", 60, 0));
    OK(etcd_refresh(client, "/c/ttl", 60));
    char *error = NULL;
    CHECK(etcd_exists(client, "/c/ttl", &error) == 1 && !error);
    CHECK(etcd_exists(client, "/c/none", &error) == 0 && !error);
    OK(etcd_delete(client, "/c/ttl"));
    OK(etcd_cad(client, "/c/a", "4", 0));
    OK(etcd_deletedir(client, "/c", ETCD_RECURSIVE));
}

static void cluster(etcd_client *client)
{
    expect(etcd_api(client), "/api", "v3");
    char *members = etcd_members(client);
    CHECK(etcd_json_length(members, "") == 1);
    etcd_free(members);
    OK(etcd_leader(client));
    OK(etcd_machines(client));
    OK(etcd_server_version(client));
    expect(etcd_health(client), "/health", "true");
    OK(etcd_sync(client));
    OK(etcd_stats(client, "self"));
    FAILS(ETCD_ERROR_UNSUPPORTED, etcd_stats(client, "store"));
    FAILS(ETCD_ERROR_UNSUPPORTED, etcd_createdir(client, "/c", 60));
}

static void administration(etcd_client *client)
{
    etcd_free(etcd_user_delete(client, "c"));
    etcd_free(etcd_role_delete(client, "c"));
    OK(etcd_role_create(client, "c"));
    OK(etcd_role_grant(client, "c", "/c/*", ETCD_READ | ETCD_WRITE));
    OK(etcd_user_create(client, "c", "secret"));
    OK(etcd_user_grant(client, "c", "c"));
    OK(etcd_user_set_password(client, "c", "secret2"));
    OK(etcd_user_get(client, "c"));
    OK(etcd_role_get(client, "c"));
    OK(etcd_user_list(client));
    OK(etcd_role_list(client));
    OK(etcd_auth_status(client));
    OK(etcd_user_revoke(client, "c", "c"));
    OK(etcd_role_revoke(client, "c", "/c/*", ETCD_WRITE));
    OK(etcd_user_delete(client, "c"));
    OK(etcd_role_delete(client, "c"));
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    char *error;
    etcd_client *client = etcd_connect("127.0.0.1", (uint16_t)atoi(argv[1]), "v3", &error);
    if (!client)
        give_up(__FILE__, __LINE__, "connected", error);
    keys(client);
    cluster(client);
    administration(client);
    etcd_disconnect(client);
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_get(client, "/c", 0));
    return 0;
}
