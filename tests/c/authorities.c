/* Connects to an https endpoint with the system's authorities, reads a key, and prints how each went; once more with no
 * descriptor to be had while connecting, if there is a second argument. The log goes to stderr. */
#include <etcd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void line(void *user_data, int level, const char *message)
{
    (void)user_data;
    fprintf(stderr, "%d %s\n", level, message);
}

static void try(const char *url)
{
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", url);
    etcd_config_set(config, "username", "root");
    etcd_config_set(config, "password", "secret");
    char *error;
    etcd_client *client = etcd_connect_config(config, &error);
    etcd_config_free(config);
    char *reply = client ? etcd_get(client, "/a", 0) : error;
    char *cause = etcd_json_text(reply, "/cause");
    printf("%s %d %s\n", client ? "get" : "connect", etcd_error_code(reply), cause ? cause : "");
    etcd_free(cause);
    etcd_free(reply);
    etcd_disconnect(client);
}

int main(int argc, char **argv)
{
    etcd_set_log(ETCD_LOG_WARN, line, NULL);
    try(argv[1]);
    if (argc > 2) {
        struct rlimit before, none;
        getrlimit(RLIMIT_NOFILE, &before);
        none = before;
        none.rlim_cur = (rlim_t)dup(0);
        close((int)none.rlim_cur);
        setrlimit(RLIMIT_NOFILE, &none);
        try(argv[1]);
        setrlimit(RLIMIT_NOFILE, &before);
        try(argv[1]);
    }
    return 0;
}
