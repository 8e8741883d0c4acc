/* Calls, where there is no descriptor and no thread to be had. Prints how each ended. */
#define _GNU_SOURCE
#include <etcd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void try(const char *what, const char *name, const char *value)
{
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, name, value);
    etcd_config_set(config, "discovery.nameserver", "127.0.0.1:1");
    char *error;
    etcd_client *client = etcd_connect_config(config, &error);
    etcd_config_free(config);
    char *reply = client ? etcd_get(client, "/a", 0) : error;
    char *cause = etcd_json_text(reply, "/cause");
    printf("%s: %d %s\n", what, etcd_error_code(reply), cause ? cause : "");
    etcd_free(cause);
    etcd_free(reply);
    etcd_disconnect(client);
}

static struct rlimit limit(int resource, rlim_t most)
{
    struct rlimit before, now;
    getrlimit(resource, &before);
    now = before;
    now.rlim_cur = most;
    setrlimit(resource, &now);
    return before;
}

/* The size of the process's memory, in bytes. */
static rlim_t size(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        exit(1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

int main(void)
{
    /* A thread's stack is 2 MiB; the C library keeps those of threads that have ended. */
    struct rlimit before = limit(RLIMIT_AS, size() + (1 << 20));
    try("a name without a thread", "endpoints", "http://localhost:1");
    try("a domain without a thread", "discovery.srv_domain", "example.test");
    setrlimit(RLIMIT_AS, &before);

    int next = dup(0);
    close(next);
    before = limit(RLIMIT_NOFILE, (rlim_t)next);
    try("an address without a descriptor", "endpoints", "http://127.0.0.1:1");
    try("a name without a descriptor", "endpoints", "http://localhost:1");
    try("a domain without a descriptor", "discovery.srv_domain", "example.test");
    setrlimit(RLIMIT_NOFILE, &before);

    try("an address with both", "endpoints", "http://127.0.0.1:1");
    return 0;
}
