/* A mirror that threads read, wait for and are told by, while another one writes. Over v3, and before that over v2 where the
 * server has it. */
#include "check.h"

#include <pthread.h>

#define DIRECTORY "/mirrored"
#define LAST 30

static etcd_mirror *mirror;

/* Each look shows all that was there before, and never less. */
static void *look(void *unused)
{
    (void)unused;
    long before = 0;
    for (int times = 0; times < 200; times++) {
        char *reply = etcd_mirror_get(mirror, DIRECTORY "/number");
        CHECK(etcd_error_code(reply) == 0);
        char *value = etcd_json_text(reply, "/node/value");
        CHECK(value && atol(value) >= before);
        before = atol(value);
        etcd_free(value);
        etcd_free(reply);
        OK(etcd_mirror_list(mirror, DIRECTORY));
    }
    return NULL;
}

/* Each change is told once, and in order. */
static void *listen(void *unused)
{
    (void)unused;
    for (int number = 1; number <= LAST; number++) {
        char expected[16], *change = etcd_mirror_next(mirror, -1);
        snprintf(expected, sizeof expected, "%d", number);
        CHECK(says(change, "/node/value", expected));
        etcd_free(change);
    }
    return NULL;
}

static void *wait_for_the_end(void *unused)
{
    (void)unused;
    CHECK(etcd_mirror_wait(mirror, INT64_MAX, -1) == -1);
    return NULL;
}

static void over(const char *port, const char *api)
{
    char *error;
    etcd_client *client = client_over(port, api);
    etcd_free(etcd_deletedir(client, DIRECTORY, ETCD_RECURSIVE));
    OK(etcd_set(client, DIRECTORY "/number", "0", 0, 0));
    mirror = etcd_mirror_open(client, DIRECTORY, &error);
    CHECK(mirror && !error);
    CHECK(etcd_mirror_fd(mirror) >= 0 && !etcd_mirror_next(mirror, 0));

    void *(*const bodies[])(void *) = {look, look, listen, wait_for_the_end};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, bodies[i], NULL) == 0);
    for (int number = 1; number <= LAST; number++) {
        char value[16];
        snprintf(value, sizeof value, "%d", number);
        char *reply = etcd_set(client, DIRECTORY "/number", value, 0, 0);
        uint64_t index = (uint64_t)etcd_json_int(reply, "/header/etcdIndex", 0);
        etcd_free(reply);
        CHECK(etcd_mirror_wait(mirror, index, -1) == 1);
    }
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);

    etcd_mirror_free(mirror);
    CHECK(pthread_join(threads[3], NULL) == 0);
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_mirror_get(mirror, DIRECTORY));
    etcd_mirror_free(mirror);
    mirror = etcd_mirror_open(client, DIRECTORY "/number/below", &error);
    CHECK(!mirror && etcd_error_code(error) == ETCD_ERROR_NOT_DIRECTORY);
    etcd_free(error);

    /* One that is freed after its client. */
    mirror = etcd_mirror_open(client, DIRECTORY, &error);
    CHECK(mirror);
    OK(etcd_deletedir(client, DIRECTORY, ETCD_RECURSIVE));
    etcd_disconnect(client);
    FAILS(ETCD_ERROR_CANCELLED, etcd_mirror_get(mirror, DIRECTORY));
    etcd_mirror_free(mirror);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    if (has_v2(argv[1]))
        over(argv[1], "v2");
    over(argv[1], "v3");
    await_threads();
    return 0;
}
