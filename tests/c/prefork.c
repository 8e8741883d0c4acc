/* A worker gives back its parent's client and makes one of its own; the parent's goes on. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    OK(etcd_set(client, "/prefork", "parent", 0, 0));

    pid_t worker = fork();
    CHECK(worker != -1);
    if (worker == 0) {
        etcd_disconnect(client);
        FAILS(ETCD_ERROR_INVALID_ARGUMENT, etcd_get(client, "/prefork", 0));
        client = client_of(argv[1]);
        OK(etcd_set(client, "/prefork", "worker", 0, 0));
        etcd_disconnect(client);
        _exit(0);
    }
    int status;
    CHECK(waitpid(worker, &status, 0) == worker);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(etcd_cad(client, "/prefork", "worker", 0));
    etcd_disconnect(client);
    return 0;
}
