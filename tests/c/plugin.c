/* Loads the library at run time, as foreign function interfaces do, drops it, and loads it again. */
#include "check.h"
#include <dlfcn.h>

/* ISO C has no cast from an object's address to a function's; POSIX has this one. */
#define FIND(function, library, name) (*(void **)&(function) = dlsym(library, name))

static void use(const char *port)
{
    void *library = dlopen("libetcd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(library);
    etcd_client *(*connect)(const char *, uint16_t, const char *, char **);
    char *(*get)(const etcd_client *, const char *, uint32_t);
    int (*code)(const char *);
    void (*release)(char *);
    void (*disconnect)(etcd_client *);
    const char *(*version)(void);
    CHECK(FIND(connect, library, "etcd_connect") && FIND(get, library, "etcd_get"));
    CHECK(FIND(code, library, "etcd_error_code") && FIND(release, library, "etcd_free"));
    CHECK(FIND(disconnect, library, "etcd_disconnect") && FIND(version, library, "etcd_library_version"));

    CHECK(strcmp(version(), ETCD_VERSION) == 0);
    etcd_client *client = connect(NULL, (uint16_t)atoi(port), NULL, NULL);
    CHECK(client);
    char *reply = get(client, "/", ETCD_RECURSIVE);
    CHECK(code(reply) == 0);
    release(reply);
    disconnect(client);
    CHECK(dlclose(library) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    use(argv[1]);
    use(argv[1]);
    return 0;
}
