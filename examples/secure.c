/*
 * A client of a guarded cluster: several endpoints, TLS, a certificate of its own, and a user's name and password.
 *
 *     export ETCD_PASSWORD=...      (not on the command line, where everybody on the machine can read it)
 *     secure https://10.0.0.1:2379,https://10.0.0.2:2379,https://10.0.0.3:2379 ca.pem client.pem client-key.pem alice
 *
 * The README tells how to make the files. The user must be allowed to read and write /secure/greeting.
 */
#include <stdio.h>
#include <stdlib.h>

#include <etcd.h>

#define KEY "/secure/greeting"

/* What the library has to say: an endpoint that does not answer, a certificate that will not do. No password is ever in it. */
static void print_log(void *user_data, int level, const char *message)
{
    (void)user_data;
    fprintf(stderr, "libetcd (%d): %s\n", level, message);
}

static etcd_client *connect_securely(char **argv)
{
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", argv[1]);
    etcd_config_set(config, "tls.ca_file", argv[2]);
    etcd_config_set(config, "tls.cert_file", argv[3]);
    etcd_config_set(config, "tls.key_file", argv[4]);
    etcd_config_set(config, "username", argv[5]);
    etcd_config_set(config, "password", getenv("ETCD_PASSWORD"));

    /* A wrong name, a wrong value, a file that cannot be read: the first of them is told here. */
    char *error;
    etcd_client *client = etcd_connect_config(config, &error);
    if (!client)
        fprintf(stderr, "%s\n", error);
    etcd_free(error);
    etcd_config_free(config);
    return client;
}

/* Whether it is a result. It prints what is wrong otherwise, and what can be done about it. */
static int succeeded(const char *what, const char *reply)
{
    int code = etcd_error_code(reply);
    if (code == 0)
        return 1;
    char *cause = etcd_json_text(reply, "/cause");
    fprintf(stderr, "%s: error %d: %s\n", what, code, cause ? cause : reply);
    etcd_free(cause);
    if (code == ETCD_ERROR_TLS)
        fputs("Server and client do not accept each other's certificates.\n", stderr);
    else if (code == ETCD_ERROR_UNAUTHENTICATED)
        fputs("Name or password is wrong, or this user may not do that.\n", stderr);
    else if (code == ETCD_ERROR_UNAVAILABLE)
        fputs("No endpoint answers; nothing was changed.\n", stderr);
    else if (code == ETCD_ERROR_OUTCOME_UNKNOWN)
        fputs("It may or may not have been carried out: read the key to find out.\n", stderr);
    return 0;
}

/* Writes the key and has a watch tell of it. Both go to whichever endpoint answers. */
static int greet(const etcd_client *client)
{
    char *error;
    etcd_watcher *watcher = etcd_watch(client, KEY, 0, 0, NULL, NULL, NULL, &error);
    if (!watcher) {
        succeeded("watching", error);
        etcd_free(error);
        return 0;
    }
    char *reply = etcd_set(client, KEY, "Hello World", 0, 0);
    int is_written = succeeded("writing", reply);
    etcd_free(reply);

    char *event = is_written ? etcd_watch_next(watcher, 10000) : NULL;
    int is_seen = event && succeeded("watching", event);
    if (is_seen) {
        char *value = etcd_json_text(event, "/node/value");
        printf(KEY " is \"%s\" now\n", value);
        etcd_free(value);
    } else if (is_written && !event)
        fputs("watching: nothing came in ten seconds\n", stderr);
    etcd_free(event);
    etcd_watch_free(watcher);
    return is_seen;
}

int main(int argc, char **argv)
{
    if (argc != 6 || !getenv("ETCD_PASSWORD")) {
        fprintf(stderr, "usage: ETCD_PASSWORD=... %s ENDPOINTS CA_FILE CERT_FILE KEY_FILE USER\n", argv[0]);
        return EXIT_FAILURE;
    }
    etcd_set_log(ETCD_LOG_WARN, print_log, NULL);
    etcd_client *client = connect_securely(argv);
    if (!client)
        return EXIT_FAILURE;
    int is_done = greet(client);
    etcd_disconnect(client);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
