/* What these programs share: the way to the server, and a check that says what was wrong. */
#ifndef CHECK_H
#define CHECK_H

#include <dirent.h>
#include <etcd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : give_up(__FILE__, __LINE__, #condition, ""))
/* Takes a reply that must be a result, and frees it. */
#define OK(reply) check_code(__FILE__, __LINE__, 0, reply)
/* Takes a reply that must be this error, and frees it. */
#define FAILS(code, reply) check_code(__FILE__, __LINE__, code, reply)

static inline void give_up(const char *file, int line, const char *what, const char *reply)
{
    fprintf(stderr, "%s:%d: not so: %s\n%s\n", file, line, what, reply);
    exit(1);
}

static inline void check_code(const char *file, int line, int code, char *reply)
{
    char what[32];
    snprintf(what, sizeof what, "code %d", code);
    if (etcd_error_code(reply) != code)
        give_up(file, line, what, reply ? reply : "(NULL)");
    etcd_free(reply);
}

/* A client of the server on this port of this machine, over this version of the API. */
static inline etcd_client *client_over(const char *port, const char *api)
{
    char *error;
    etcd_client *client = etcd_connect("127.0.0.1", (uint16_t)atoi(port), api, &error);
    if (!client)
        give_up(__FILE__, __LINE__, "connected", error);
    CHECK(!error);
    return client;
}

static inline etcd_client *client_of(const char *port)
{
    return client_over(port, "v2");
}

/* Whether a reply has this text in this place. */
static inline int says(const char *reply, const char *pointer, const char *expected)
{
    char *text = etcd_json_text(reply, pointer);
    int same = text && strcmp(text, expected) == 0;
    etcd_free(text);
    return same;
}

/* Whether a client that takes what there is finds v2 there. */
static inline int has_v2(const char *port)
{
    etcd_client *client = client_over(port, "auto");
    char *found = etcd_api(client);
    int is_v2 = says(found, "/api", "v2");
    etcd_free(found);
    etcd_disconnect(client);
    return is_v2;
}

/* The program's own thread, and one that the thread sanitizer starts before main. */
#ifdef __SANITIZE_THREAD__
#define OWN_THREADS 2
#else
#define OWN_THREADS 1
#endif

/* Waits until the library's threads are gone. They end by themselves, right after the last client of the program, and what
 * they have until then would count as lost. */
static inline void await_threads(void)
{
    for (int others = 1; others;) {
        DIR *tasks = opendir("/proc/self/task");
        CHECK(tasks);
        others = -OWN_THREADS;
        for (struct dirent *task; (task = readdir(tasks));)
            others += task->d_name[0] != '.';
        closedir(tasks);
        if (others)
            poll(NULL, 0, 1);
    }
}

#endif
