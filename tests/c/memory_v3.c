/* The same over v3, where the server is a real one: what is large is an error where there is no memory for it. */
#define _POSIX_C_SOURCE 200809L
#include "little_memory.h"

#define LARGE "/memory/large"
/* An answer takes the value up to four times until it is whole, frames of HTTP/2 and a buffer that moves; six more are asked for
 * then. What is there already is looked at before it takes anything. */
enum { VALUE = 10 << 20, TO_RECEIVE = 6 * VALUE, TO_COPY = 4 * VALUE };

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    keep_nothing();
    etcd_client *client = client_over(argv[1], "v3");
    char *value = filled(VALUE), *error;
    OK(etcd_set(client, LARGE, value, 0, 0));
    OK(etcd_set(client, "/memory/small", "1", 0, 0));
    OK(etcd_get(client, LARGE, 0));
    etcd_mirror *mirror = etcd_mirror_open(client, "/memory", &error);
    CHECK(mirror && etcd_mirror_wait(mirror, 0, -1) == 1);
    OK(etcd_mirror_get(mirror, LARGE));

    leave(TO_RECEIVE);
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, LARGE, 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_get(client, "/memory", ETCD_RECURSIVE));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_range(client, LARGE, strlen(LARGE), NULL, 0, 0, 0, 0));
    OK(etcd_get(client, "/memory/small", 0));
    leave(TO_COPY);
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_put(client, LARGE, strlen(LARGE), value, VALUE, 0, 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_set(client, LARGE, value, 0, 0));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_mirror_get(mirror, LARGE));
    fails_for_lack(ETCD_ERROR_SYSTEM_LIMIT, etcd_mirror_list(mirror, "/memory"));
    leave(TO_RECEIVE);
    fails_for_lack(ETCD_ERROR_OUTCOME_UNKNOWN, etcd_set(client, LARGE, "1", 0, 0));

    limit_memory(RLIM_INFINITY);
    OK(etcd_get(client, LARGE, 0));
    OK(etcd_mirror_list(mirror, "/memory"));
    etcd_mirror_free(mirror);
    etcd_disconnect(client);
    free(value);
    return 0;
}
