/*
 * A critical section that stays one, also when its holder is suspended in the middle of it.
 *
 *     lock HOST PORT NAME KEY
 *
 * Adds 1 to the number in KEY: reads it, takes its time, and writes it, while it holds the lock NAME. The write is carried
 * out by the server only if the lock is still held then. (Over v3: v2 has no transactions.)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <etcd.h>

/* The number in a key; 0 if there is no such key. */
static int64_t number(const etcd_client *client, const char *key)
{
    char *reply = etcd_get(client, key, ETCD_QUORUM);
    char *value = etcd_json_text(reply, "/node/value");
    int64_t found = value ? strtoll(value, NULL, 10) : 0;
    etcd_free(value);
    etcd_free(reply);
    return found;
}

/* Returns the error's code, 0 if it was written. */
static int add_one(const etcd_client *client, etcd_lock *lock, const char *key)
{
    int64_t next = number(client, key) + 1;
    char json[512];
    /* A key with a quotation mark or a backslash in it would have to be escaped. */
    snprintf(json, sizeof json, "{\"success\":[{\"request_put\":{\"key\":\"%s\",\"value\":\"%" PRId64 "\"}}]}", key, next);
    char *reply = etcd_lock_txn(lock, json);
    int code = etcd_error_code(reply);
    if (code == 0)
        printf("%" PRId64 ", by the holder with token %" PRIu64 "\n", next, etcd_lock_token(lock));
    else if (code == ETCD_ERROR_COMPARE_FAILED)
        puts("the lock was lost before the write: nothing was written");
    else
        fprintf(stderr, "%s\n", reply); /* 1004: it may or may not have been written; look */
    etcd_free(reply);
    return code;
}

int main(int argc, char **argv)
{
    if (argc != 5 || strlen(argv[4]) > 200) {
        fprintf(stderr, "usage: %s HOST PORT NAME KEY\n", argv[0]);
        return 2;
    }
    char *error;
    etcd_client *client = etcd_connect(argv[1], (uint16_t)atoi(argv[2]), "v3", &error);
    etcd_lock *lock = client ? etcd_lock_open(client, argv[3], NULL, 5, 0, &error) : NULL;
    if (!lock) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        etcd_disconnect(client);
        return 1;
    }
    int code = 1;
    if (etcd_lock_wait(lock, -1) == 1)
        code = add_one(client, lock, argv[4]);
    else
        fputs("the lock was lost before it was held\n", stderr);
    etcd_lock_free(lock);
    etcd_disconnect(client);
    return code != 0;
}
