/* A process that may have no more memory than it has, and what its calls then fail with. */
#ifndef LITTLE_MEMORY_H
#define LITTLE_MEMORY_H

#include "check.h"
#include <malloc.h>
#include <sys/resource.h>

static inline void limit_memory(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* Leaves the process that much more than it has. */
static inline void leave(rlim_t room)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmSize: %lu kB", &kilobytes) == 1)
            break;
    fclose(status);
    CHECK(kilobytes > 0);
    limit_memory((rlim_t)kilobytes * 1024 + room);
}

/* Has malloc give large pieces back when they are freed, whatever was freed before. */
static inline void keep_nothing(void)
{
    CHECK(mallopt(M_MMAP_THRESHOLD, 128 << 10));
}

/* Takes a reply that must be this error, which is no fault of the server's. */
static inline void fails_for_lack(int code, char *reply)
{
    CHECK(reply && !strstr(reply, "is this an etcd") && strstr(reply, "memory"));
    FAILS(code, reply);
}

static inline char *filled(size_t length)
{
    char *text = malloc(length + 1);
    CHECK(text);
    memset(text, 'v', length);
    text[length] = '\0';
    return text;
}

#endif
