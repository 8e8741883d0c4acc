/* libcurl's easy interface at its best: a handle for each kind of request, its options set once, its connection
 * kept alive. The reply is collected in a buffer, as every user does. */
#include "bench.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct easy {
    CURL *handles[2];
    char *reply;
    size_t length, capacity;
};

static size_t collect(char *data, size_t size, size_t count, void *user_data)
{
    struct easy *easy = user_data;
    size_t more = size * count;
    if (easy->length + more > easy->capacity) {
        easy->capacity = 2 * (easy->length + more);
        easy->reply = realloc(easy->reply, easy->capacity);
        if (!easy->reply) {
            return 0;
        }
    }
    memcpy(easy->reply + easy->length, data, more);
    easy->length += more;
    return more;
}

static void easy_open(const struct server *server, void **sessions, size_t count)
{
    char url[128];
    snprintf(url, sizeof url, "http://%s/v2/keys" KEY, server->authority);
    curl_global_init(CURL_GLOBAL_ALL);
    for (size_t i = 0; i < count; i++) {
        struct easy *easy = sessions[i] = calloc(1, sizeof *easy);
        for (enum call call = GET; call <= PUT; call++) {
            CURL *handle = easy->handles[call] = curl_easy_init();
            curl_easy_setopt(handle, CURLOPT_URL, url);
            curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
            curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
            curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 10000L); /* libetcd has a deadline, too */
            curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
            curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, collect);
            curl_easy_setopt(handle, CURLOPT_WRITEDATA, easy);
            if (call == PUT) {
                curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
                curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "value=" VALUE);
            }
        }
    }
}

static void easy_call(void *session, enum call call)
{
    struct easy *easy = session;
    easy->length = 0;
    CURLcode code = curl_easy_perform(easy->handles[call]);
    if (code != CURLE_OK || easy->length < 10 || memcmp(easy->reply, "{\"action\":", 10) != 0) {
        die("libcurl: %s: a wrong reply: %.*s", curl_easy_strerror(code), (int)easy->length, easy->reply);
    }
}

static void easy_close(void **sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct easy *easy = sessions[i];
        curl_easy_cleanup(easy->handles[GET]);
        curl_easy_cleanup(easy->handles[PUT]);
        free(easy->reply);
        free(easy);
    }
    curl_global_cleanup();
}

const struct contender libcurl = {"libcurl, easy", easy_open, easy_call, easy_close, NULL};
