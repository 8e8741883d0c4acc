/* A service follows its settings while another program changes them: a callback for each change, a predicate that knows
 * the last one, and everything given back at the end. */
#include "check.h"
#include <pthread.h>

#define SETTINGS "/settings"
#define CHANGES 50

struct service {
    int changes;     /* seen by the callback */
    int asked;       /* shown to the predicate */
    int released;
    int64_t index;   /* of the last change */
    char level[16];  /* the setting */
};

static void follow(void *user_data, const char *event)
{
    struct service *service = user_data;
    CHECK(etcd_error_code(event) == 0);
    CHECK(service->changes == service->asked && !service->released);
    CHECK(says(event, "/action", "set") && says(event, "/node/key", SETTINGS "/level"));
    int64_t index = etcd_json_int(event, "/node/modifiedIndex", -1);
    CHECK(index > service->index);
    service->index = index;
    char *level = etcd_json_text(event, "/node/value");
    CHECK(level && strlen(level) < sizeof service->level);
    strcpy(service->level, level);
    etcd_free(level);
    CHECK(atoi(service->level) == service->changes);
    service->changes++;
}

static int is_last(void *user_data, const char *event)
{
    struct service *service = user_data;
    service->asked++;
    CHECK(service->changes == service->asked);
    CHECK(says(event, "/node/value", service->level));
    return service->changes == CHANGES;
}

static void give_back(void *user_data)
{
    ((struct service *)user_data)->released++;
}

static void *change(void *port)
{
    etcd_client *client = client_of(port);
    for (int i = 0; i < CHANGES + 5; i++) {
        char level[16];
        snprintf(level, sizeof level, "%d", i);
        OK(etcd_set(client, SETTINGS "/level", level, 0, 0));
        OK(etcd_set(client, SETTINGS "x", "not one of them", 0, 0));
    }
    etcd_disconnect(client);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    char *error = NULL;
    struct service service = {0};
    etcd_watcher *watcher =
        etcd_watchloop(client, SETTINGS, ETCD_RECURSIVE, 0, follow, is_last, &service, give_back, &error);
    CHECK(watcher && !error);
    CHECK(etcd_watch_wait(watcher, 0) == 0);

    pthread_t writer;
    CHECK(pthread_create(&writer, NULL, change, argv[1]) == 0);
    CHECK(etcd_watch_wait(watcher, -1) == 1);
    CHECK(service.changes == CHANGES && service.asked == CHANGES && service.released == 1);
    CHECK(pthread_join(writer, NULL) == 0);
    etcd_watch_free(watcher);
    CHECK(service.released == 1);

    /* What was missed after that can be had: from the index after the last one. One change, then the end. */
    struct service late = service;
    late.released = 0;
    watcher = etcd_watch(client, SETTINGS "/level", 0, (uint64_t)service.index + 1, follow, &late, give_back, NULL);
    CHECK(etcd_watch_wait(watcher, -1) == 1);
    CHECK(late.changes == CHANGES + 1 && late.released == 1);
    etcd_watch_free(watcher);

    /* A watch that cannot be is refused, and user_data comes back all the same. */
    late.released = 0;
    CHECK(!etcd_watch(client, "a//b", 0, 0, follow, &late, give_back, &error));
    CHECK(late.released == 1);
    FAILS(ETCD_ERROR_INVALID_ARGUMENT, error);

    OK(etcd_deletedir(client, SETTINGS, ETCD_RECURSIVE));
    OK(etcd_delete(client, SETTINGS "x"));
    etcd_disconnect(client);
    return 0;
}
