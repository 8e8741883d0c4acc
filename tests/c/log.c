/* Sends the library's log to a place of the program's own. */
#include "check.h"

struct lines {
    char text[8192];
    int count, highest_level;
};

static void take(void *user_data, int level, const char *message)
{
    struct lines *lines = user_data;
    if (lines->count++ == 0)
        lines->text[0] = '\0';
    if (level > lines->highest_level)
        lines->highest_level = level;
    CHECK(strlen(lines->text) + strlen(message) + 2 < sizeof lines->text);
    strcat(lines->text, message);
    strcat(lines->text, "\n");
}

/* A callback may itself use the library. */
static void call_back(void *client, int level, const char *message)
{
    static int depth, calls;
    if (depth++ == 0 && calls++ == 0)
        OK(etcd_get(client, "/log/a", 0));
    depth--;
    CHECK(level == ETCD_LOG_DEBUG && *message);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    etcd_client *client = client_of(argv[1]);
    static struct lines debug, warnings, none;

    etcd_set_log(ETCD_LOG_DEBUG, take, &debug);
    OK(etcd_set(client, "/log/a", "Hello World", 0, 0));
    CHECK(debug.count == 2 && debug.highest_level == ETCD_LOG_DEBUG);
    CHECK(strstr(debug.text, "PUT http://127.0.0.1:"));
    CHECK(strstr(debug.text, "{\"action\":\"set\",\"node\":{\"key\":\"/log/a\",\"value\":\"Hello World\""));

    /* A reply that is an error is an answer, and no reason to warn; an unreachable server is one. */
    etcd_set_log(ETCD_LOG_WARN, take, &warnings);
    FAILS(ETCD_ERROR_KEY_NOT_FOUND, etcd_get(client, "/log/none", 0));
    CHECK(warnings.count == 0);
    etcd_client *nobody = etcd_connect("127.0.0.1", 1, "v2", NULL);
    FAILS(ETCD_ERROR_UNAVAILABLE, etcd_get(nobody, "/log/a", 0));
    etcd_disconnect(nobody);
    int count = warnings.count; /* one for each try */
    CHECK(count >= 1 && warnings.highest_level == ETCD_LOG_WARN);
    CHECK(strstr(warnings.text, "http://127.0.0.1:1/v2/keys/log/a"));

    etcd_set_log(ETCD_LOG_OFF, take, &none);
    OK(etcd_get(client, "/log/a", 0));
    etcd_set_log(99, call_back, client); /* counts as the highest */
    OK(etcd_get(client, "/log/a", 0));
    etcd_set_log(ETCD_LOG_DEBUG, NULL, &none);
    OK(etcd_delete(client, "/log/a"));
    CHECK(none.count == 0 && debug.count == 2 && warnings.count == count);
    etcd_disconnect(client);
    return 0;
}
