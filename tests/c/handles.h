/* Handles that all threads share: good ones, freed ones, those of another kind, and such as never were any. */
#ifndef HANDLES_H
#define HANDLES_H

#include "check.h"
#include "random.h"
#include <stdatomic.h>

enum kind { CLIENT, CONFIG, WATCHER, LEASE, LOCK, MIRROR, KINDS };

enum { PLACES = 12 };

static _Atomic(void *) handles[KINDS][PLACES];

static void free_handle(enum kind kind, void *handle)
{
    switch (kind) {
    case CLIENT: etcd_disconnect(handle); break;
    case CONFIG: etcd_config_free(handle); break;
    case WATCHER: etcd_watch_free(handle); break;
    case LEASE: etcd_lease_free(handle); break;
    case LOCK: etcd_lock_free(handle); break;
    case MIRROR: etcd_mirror_free(handle); break;
    default: abort();
    }
}

/* One of that kind, as a rule; it may be freed meanwhile. */
static void *any(enum kind kind)
{
    switch (below(40)) {
    case 0: return NULL;
    case 1: return (void *)(uintptr_t)below(UINT64_MAX);
    case 2: return handles; /* an address that is one */
    case 3: kind = (enum kind)below(KINDS); break;
    }
    void *found = NULL;
    for (int tries = 0; !found && tries < 4; tries++)
        found = ONE_OF(handles[kind]);
    return found;
}

/* Puts a handle where all find it, and frees the one that was there. NULL is not kept. */
static void keep(enum kind kind, void *handle)
{
    if (handle)
        free_handle(kind, atomic_exchange(&ONE_OF(handles[kind]), handle));
}

/* Those of clients come last, or a lease could not be given back. */
static void free_all_handles(void)
{
    for (int kind = KINDS; kind-- > 0;)
        for (size_t i = 0; i < PLACES; i++)
            free_handle((enum kind)kind, atomic_exchange(&handles[kind][i], NULL));
}

#endif
