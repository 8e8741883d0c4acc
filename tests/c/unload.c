/* The library is dropped under watches whose callbacks run, loaded again, and the process ends with all of them. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <dlfcn.h>
#include <stdatomic.h>

enum { WATCHES = 8, EVENTS = 20 };

/* ISO C has no cast from an object's address to a function's; POSIX has this one. */
#define FIND(function, library) CHECK(*(void **)&(function) = dlsym(library, "etcd_" #function))

static etcd_client *(*connect)(const char *, uint16_t, const char *, char **);
static char *(*set)(const etcd_client *, const char *, const char *, int64_t, uint32_t);
static void (*free_text)(char *);
static etcd_watcher *(*watchloop)(const etcd_client *, const char *, uint32_t, uint64_t, etcd_watch_fn, etcd_predicate_fn,
                                  void *, etcd_release_fn, char **);
static etcd_watcher *(*watch_open)(const etcd_client *, const char *, uint32_t, uint64_t, char **);
static etcd_client *client;
static atomic_int events;

static void *loaded(void)
{
    void *library = dlopen("libetcd.so.0", RTLD_NOW | RTLD_LOCAL);
    CHECK(library);
    FIND(connect, library);
    FIND(set, library);
    FIND(watchloop, library);
    FIND(watch_open, library);
    CHECK(*(void **)&free_text = dlsym(library, "etcd_free"));
    return library;
}

/* Each event brings the next one. */
static void on_event(void *user_data, const char *event)
{
    CHECK(event && !user_data);
    events++;
    free_text(set(client, "/unload", "1", 0, 0));
}

static void wait_for_events(void)
{
    for (int seen = events; events < seen + EVENTS;)
        poll(NULL, 0, 1);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    void *library = loaded();
    CHECK(client = connect("127.0.0.1", (uint16_t)atoi(argv[1]), NULL, NULL));
    for (int i = 0; i < WATCHES; i++)
        CHECK(i % 2 ? watchloop(client, "/unload", 0, 0, on_event, NULL, NULL, NULL, NULL)
                    : watch_open(client, "/unload", 0, 0, NULL));
    free_text(set(client, "/unload", "1", 0, 0));
    wait_for_events();
    CHECK(dlclose(library) == 0);
    wait_for_events();
    CHECK(dlclose(loaded()) == 0);
    wait_for_events();
    return 0;
}
