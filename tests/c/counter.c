/* Four threads raise one counter, each by compare-and-swap, over one client. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <inttypes.h>
#include <pthread.h>

enum { THREADS = 4, STEPS = 25 };

static void raise_by_one(const etcd_client *client)
{
    for (;;) {
        char *reply = etcd_get(client, "/counter", ETCD_QUORUM);
        char *now = etcd_json_text(reply, "/node/value");
        uint64_t index = (uint64_t)etcd_json_int(reply, "/node/modifiedIndex", 0);
        CHECK(now && index > 0);
        char next[32];
        snprintf(next, sizeof next, "%" PRId64, (int64_t)strtoll(now, NULL, 10) + 1);
        etcd_free(now);
        etcd_free(reply);

        reply = etcd_cas(client, "/counter", next, NULL, index, 0);
        int code = etcd_error_code(reply);
        CHECK(code == 0 || code == ETCD_ERROR_COMPARE_FAILED);
        etcd_free(reply);
        if (code == 0)
            return;
    }
}

static void *work(void *client)
{
    for (int i = 0; i < STEPS; i++)
        raise_by_one(client);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    OK(etcd_set(client, "/counter", "0", 0, ETCD_NO_VALUE_ON_SUCCESS));

    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, client) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);

    char expected[32];
    snprintf(expected, sizeof expected, "%d", THREADS * STEPS);
    char *reply = etcd_get(client, "/counter", ETCD_QUORUM);
    CHECK(says(reply, "/node/value", expected));
    etcd_free(reply);
    etcd_disconnect(client);
    return 0;
}
