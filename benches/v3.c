/* Parts "v3" and "v3-threads": etcd_get and etcd_set over the v3 API, beside a bare socket with prepared frames, etcd's
 * own client in Go and the crate etcd-client. */
#include "rounds.h"

#include <stdlib.h>

enum { CLIENTV3 = REFERENCE, ETCD_CLIENT };

static const struct contender *const contenders[] = {&bare_frames, &bare_frames,    &libetcd,           &clientv3,
                                                     &etcd_client_crate, &clientv3_plain, &etcd_client_plain, &other_build};

static const struct aim aims[] = {
    {"wall time / the floor's", EACH, 1, FLOOR, wall, 1.15},
    {"wall time / clientv3's", EACH, 1, CLIENTV3, wall, 0.8},
    {"wall time / etcd-client's", EACH, 1, ETCD_CLIENT, wall, 0.8},
    {"processor time / clientv3's", EACH, 1, CLIENTV3, processor, 0.5},
    {"processor time / etcd-client's", EACH, 1, ETCD_CLIENT, processor, 0.5},
    {"calls/s of eight threads on one handle / clientv3's", EACH, THREADS, CLIENTV3, wall, 1},
    {"calls/s of eight threads on one handle / etcd-client's", EACH, THREADS, ETCD_CLIENT, wall, 1},
    {0},
};

static struct field field(void)
{
    size_t all = sizeof contenders / sizeof *contenders;
    return (struct field){contenders, getenv("OTHER") ? all : all - 1, aims};
}

void part_v3(const struct plan *plan)
{
    struct field v3 = field();
    compare(&v3, &plan->v3, GET, 1, plan);
    compare(&v3, &plan->v3, PUT, 1, plan);
}

void part_v3_threads(const struct plan *plan)
{
    struct field v3 = field();
    compare_threads(&v3, &plan->v3, plan);
}
