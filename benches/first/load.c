/* A program that is linked with neither library: it loads LIBRARY (a macro) by dlopen(3), reads a key with it, and prints
 * what that took in microseconds, wall and processor. See first.c. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void *library;

static void *function(const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return found;
}

#ifdef WITH_CURL
#include <curl/curl.h>

static size_t collect(char *data, size_t size, size_t count, void *user_data)
{
    strncat(user_data, data, size * count);
    return size * count;
}

static int get(const char *port)
{
    char url[64], reply[4096] = "";
    snprintf(url, sizeof url, "http://127.0.0.1:%s/v2/keys/bench/key", port);
    CURLcode (*init)(long) = (CURLcode(*)(long))function("curl_global_init");
    CURL *(*make)(void) = (CURL * (*)(void)) function("curl_easy_init");
    CURLcode (*set)(CURL *, CURLoption, ...) = (CURLcode(*)(CURL *, CURLoption, ...))function("curl_easy_setopt");
    CURLcode (*perform)(CURL *) = (CURLcode(*)(CURL *))function("curl_easy_perform");
    init(CURL_GLOBAL_ALL);
    CURL *curl = make();
    set(curl, CURLOPT_URL, url);
    set(curl, CURLOPT_NOPROXY, "*");
    set(curl, CURLOPT_WRITEFUNCTION, collect);
    set(curl, CURLOPT_WRITEDATA, reply);
    return perform(curl) == CURLE_OK && strncmp(reply, "{\"action\":", 10) == 0;
}
#else
static int get(const char *port)
{
    void *(*make)(const char *, uint16_t, const char *, char **) =
        (void *(*)(const char *, uint16_t, const char *, char **))function("etcd_connect");
    char *(*read_key)(const void *, const char *, uint32_t) =
        (char *(*)(const void *, const char *, uint32_t))function("etcd_get");
    void *client = make("127.0.0.1", (uint16_t)atoi(port), "v2", NULL);
    return client && strncmp(read_key(client, "/bench/key", 0), "{\"action\":", 10) == 0;
}
#endif

int main(int count, char **arguments)
{
    double wall = now(CLOCK_MONOTONIC), processor = now(CLOCK_PROCESS_CPUTIME_ID);
    library = dlopen(LIBRARY, RTLD_NOW);
    if (count != 2 || !library || !get(arguments[1])) {
        fprintf(stderr, "load: %s\n", library ? "a wrong reply" : dlerror());
        return 1;
    }
    printf("%.1f %.1f\n", now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - processor);
    return 0;
}
