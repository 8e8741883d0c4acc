/* Walks a tree with nothing but the library's JSON readers, as one would without a JSON library. */
#include "check.h"
#include <inttypes.h>

struct found {
    int directories, keys;
    size_t bytes;
};

/* `place` is a JSON pointer to a node, in a buffer that is long enough for what is below it. */
static void walk(const char *reply, char *place, struct found *found)
{
    size_t length = strlen(place);
    strcpy(place + length, "/dir");
    char *is_directory = etcd_json_text(reply, place);
    if (is_directory) {
        CHECK(strcmp(is_directory, "true") == 0);
        found->directories++;
        strcpy(place + length, "/nodes");
        int64_t children = etcd_json_length(reply, place);
        for (int64_t i = 0; i < children; i++) {
            sprintf(place + length, "/nodes/%" PRId64, i);
            walk(reply, place, found);
        }
    } else {
        found->keys++;
        strcpy(place + length, "/value");
        char *value = etcd_json_text(reply, place);
        CHECK(value);
        found->bytes += strlen(value);
        etcd_free(value);
    }
    place[length] = '\0';
    etcd_free(is_directory);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    etcd_free(etcd_deletedir(client, "/walk", ETCD_RECURSIVE));
    char key[256] = "/walk";
    for (int depth = 0; depth < 5; depth++) {
        size_t length = strlen(key);
        for (int i = 0; i < 3; i++) {
            sprintf(key + length, "/key %d?#%%", i);
            OK(etcd_set(client, key, "12345", 0, 0));
        }
        sprintf(key + length, "/Ordner \"ä\" %d", depth);
        OK(etcd_createdir(client, key, 0));
    }

    char *reply = etcd_get(client, "/walk", ETCD_RECURSIVE);
    CHECK(etcd_error_code(reply) == 0);
    char place[1024] = "/node";
    struct found found = {0, 0, 0};
    walk(reply, place, &found);
    CHECK(found.directories == 6); /* the root of the tree, too */
    CHECK(found.keys == 15);
    CHECK(found.bytes == 75);

    /* The same keys of one directory, in one pass. */
    char *nodes = etcd_json_text(reply, "/node/nodes"), *node;
    const char *rest = nodes;
    int64_t children = 0;
    while ((node = etcd_json_next(&rest))) {
        char *name = etcd_json_text(node, "/key");
        CHECK(name && strncmp(name, "/walk/", 6) == 0);
        children++;
        etcd_free(name);
        etcd_free(node);
    }
    CHECK(children == 4 && children == etcd_json_length(reply, "/node/nodes"));
    etcd_free(nodes);

    /* What is not there, or not of the kind that is asked for. */
    CHECK(!etcd_json_text(reply, "/node/nothing"));
    CHECK(!etcd_json_text(reply, "node"));
    CHECK(!etcd_json_text(reply, NULL));
    CHECK(!etcd_json_text(NULL, "/node"));
    CHECK(!etcd_json_text("{", "/node"));
    CHECK(etcd_json_length(reply, "/node/key") == -1);
    CHECK(etcd_json_length(reply, "/node/nothing") == -1);
    CHECK(etcd_json_length(NULL, "") == -1);
    CHECK(etcd_json_length(reply, "/header") == 4);
    CHECK(etcd_json_int(reply, "/node/key", -7) == -7);
    CHECK(etcd_json_int(NULL, "", -7) == -7);
    CHECK(says(reply, "/node/dir", "true"));
    char *whole = etcd_json_text(reply, "");
    CHECK(whole && strcmp(whole, reply) == 0);
    etcd_free(whole);
    etcd_free(reply);

    OK(etcd_deletedir(client, "/walk", ETCD_RECURSIVE));
    etcd_disconnect(client);
    return 0;
}
