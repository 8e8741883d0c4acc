/* Parts "calls" and "threads": GET and PUT over the v2 API, one at a time or by eight threads at once. */
#include "rounds.h"

#include <stdlib.h>

enum { CURL_EASY = REFERENCE };

static const struct contender *const contenders[] = {&bare_socket, &bare_socket, &libetcd,
                                                     &libcurl,     &ureq,        &other_build};

static const struct aim aims[] = {
    {"wall time / the floor's", GET, 1, FLOOR, wall, 1.10},
    {"processor time / the floor's", GET, 1, FLOOR, processor, 1.3},
    {"wall time / libcurl's", GET, 1, CURL_EASY, wall, 0.68},
    {"calls/s of eight threads on one handle / the floor's", EACH, THREADS, FLOOR, wall, 0.95},
    {0},
};

static struct field field(void)
{
    size_t all = sizeof contenders / sizeof *contenders;
    return (struct field){contenders, getenv("OTHER") ? all : all - 1, aims};
}

void part_calls(const struct plan *plan)
{
    struct field v2 = field();
    compare(&v2, &plan->server, GET, 1, plan);
    compare(&v2, &plan->server, PUT, 1, plan);
}

void part_threads(const struct plan *plan)
{
    struct field v2 = field();
    compare_threads(&v2, &plan->server, plan);
}
