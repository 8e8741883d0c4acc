/* Reads a service's configuration: one value with a fallback, one number, one list. */
#include "check.h"

static char *text(const etcd_client *client, const char *key, const char *fallback)
{
    char *reply = etcd_get(client, key, 0);
    char *value = etcd_json_text(reply, "/node/value");
    etcd_free(reply);
    if (!value) {
        value = malloc(strlen(fallback) + 1);
        strcpy(value, fallback);
    }
    return value;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    etcd_free(etcd_deletedir(client, "/config", ETCD_RECURSIVE));

    OK(etcd_set(client, "/config/db/host", "db.example", 0, 0));
    OK(etcd_set(client, "config/db/port", "5432", 0, 0)); /* the leading slash may be left out */
    OK(etcd_set(client, "/config/motd", "\"Grüße\", 100% & more; a+b=c\n", 0, 0));
    OK(etcd_set(client, "/config/empty", "", 0, 0));
    OK(etcd_set(client, "/config/_hidden", "not listed", 0, 0));

    char *reply = etcd_get(client, "/config/db/host", 0);
    CHECK(etcd_error_code(reply) == 0);
    CHECK(says(reply, "/node/value", "db.example"));
    CHECK(says(reply, "/node/key", "/config/db/host"));
    CHECK(etcd_json_int(reply, "/header/etcdIndex", 0) > 0);
    etcd_free(reply);

    reply = etcd_get(client, "/config/db/port", ETCD_QUORUM);
    char *port = etcd_json_text(reply, "/node/value");
    CHECK(port && strtol(port, NULL, 10) == 5432);
    etcd_free(port);
    etcd_free(reply);

    reply = etcd_get(client, "/config/motd", 0);
    CHECK(says(reply, "/node/value", "\"Grüße\", 100% & more; a+b=c\n"));
    etcd_free(reply);

    /* Values that come from etcd_json_text are freed with etcd_free; the fallback is our own. */
    char *name = text(client, "/config/name", "nobody");
    CHECK(strcmp(name, "nobody") == 0);
    free(name);
    char *empty = text(client, "/config/empty", "full");
    CHECK(strcmp(empty, "") == 0);
    etcd_free(empty);

    reply = etcd_get(client, "/config", ETCD_RECURSIVE | ETCD_SORTED);
    CHECK(etcd_json_length(reply, "/node/nodes") == 3);
    CHECK(says(reply, "/node/nodes/0/key", "/config/db"));
    CHECK(says(reply, "/node/nodes/0/nodes/1/value", "5432"));
    CHECK(says(reply, "/node/nodes/1/key", "/config/empty"));
    CHECK(says(reply, "/node/nodes/2/key", "/config/motd"));
    etcd_free(reply);

    OK(etcd_get(client, "/config/_hidden", 0));
    OK(etcd_deletedir(client, "/config", ETCD_RECURSIVE));
    etcd_disconnect(client);
    return 0;
}
