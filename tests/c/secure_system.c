/* A program that says nothing of authorities trusts the system's. Prints the error's code, 0 for none. */
#include "check.h"

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    char *error;
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", argv[1]);
    etcd_client *client = etcd_connect_config(config, &error);
    etcd_config_free(config);
    if (!client)
        give_up(__FILE__, __LINE__, "connected", error);
    char *reply = etcd_server_version(client);
    printf("%d\n", etcd_error_code(reply));
    etcd_free(reply);
    etcd_disconnect(client);
    return 0;
}
