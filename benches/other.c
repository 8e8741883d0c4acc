/* Another build of libetcd, whose file is named in OTHER: one from before a change, say. In the same process and against
 * the same server as the one of this checkout, so that only the two differ. */
#define _GNU_SOURCE
#include "bench.h"

#include <dlfcn.h>
#include <etcd.h>
#include <stdlib.h>
#include <string.h>

static struct {
    etcd_client *(*connect)(const char *, uint16_t, const char *, char **);
    char *(*get)(const etcd_client *, const char *, uint32_t);
    char *(*set)(const etcd_client *, const char *, const char *, int64_t, uint32_t);
    void (*free)(char *);
    void (*disconnect)(etcd_client *);
} build;

static void *function(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        die("OTHER: %s", dlerror());
    }
    return found;
}

static void other_open(const struct server *server, void **sessions, size_t count)
{
    void *library = dlopen(getenv("OTHER"), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        die("OTHER: %s", dlerror());
    }
    build.connect = function(library, "etcd_connect");
    build.get = function(library, "etcd_get");
    build.set = function(library, "etcd_set");
    build.free = function(library, "etcd_free");
    build.disconnect = function(library, "etcd_disconnect");
    etcd_client *client = build.connect("127.0.0.1", server->port, server->api, NULL);
    for (size_t i = 0; i < count; i++) {
        sessions[i] = client;
    }
}

static void other_call(void *session, enum call call)
{
    char *reply = call == GET ? build.get(session, KEY, 0) : build.set(session, KEY, VALUE, 0, 0);
    if (strncmp(reply, "{\"action\":", 10) != 0) {
        die("OTHER: a wrong reply: %s", reply);
    }
    build.free(reply);
}

static void other_close(void **sessions, size_t count)
{
    (void)count;
    build.disconnect(sessions[0]);
}

const struct contender other_build = {"another libetcd", other_open, other_call, other_close, NULL};
