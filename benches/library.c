/* libetcd, as a C program uses it: a call, a look at the reply, the reply freed. */
#include "bench.h"

#include <etcd.h>
#include <string.h>

static void library_open(const struct server *server, void **sessions, size_t count)
{
    char *error;
    etcd_client *client = etcd_connect("127.0.0.1", server->port, server->api, &error);
    if (!client) {
        die("libetcd: %s", error);
    }
    for (size_t i = 0; i < count; i++) {
        sessions[i] = client; /* one handle for all threads */
    }
}

static void library_call(void *session, enum call call)
{
    char *reply = call == GET ? etcd_get(session, KEY, 0) : etcd_set(session, KEY, VALUE, 0, 0);
    if (strncmp(reply, "{\"action\":", 10) != 0) {
        die("libetcd: a wrong reply: %s", reply);
    }
    etcd_free(reply);
}

static void library_close(void **sessions, size_t count)
{
    (void)count;
    etcd_disconnect(sessions[0]);
}

const struct contender libetcd = {"libetcd", library_open, library_call, library_close, NULL};
