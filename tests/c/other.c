/* Holds another Rust library beside libetcd. */
#include "check.h"

int other_calls(void);

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    CHECK(other_calls() == 1);
    etcd_client *client = client_of(argv[1]);
    OK(etcd_set(client, "/other", "1", 0, 0));
    CHECK(other_calls() == 2);
    OK(etcd_delete(client, "/other"));
    etcd_disconnect(client);
    CHECK(other_calls() == 3);
    return 0;
}
