/* Numbers by chance, of each thread its own, all of them from one seed. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdatomic.h>
#include <stdint.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ONE_OF(array) ((array)[below(LENGTH(array))])

#define MOSTLY(usual, odd) (once_in(6) ? ONE_OF(odd) : ONE_OF(usual))

static uint64_t seed;

/* Below a limit that is not 0: SplitMix64. */
static inline uint64_t below(uint64_t limit)
{
    static _Atomic(uint64_t) threads;
    static _Thread_local uint64_t state;
    if (state == 0)
        state = seed ^ (atomic_fetch_add(&threads, 1) + 1) << 32;
    uint64_t mixed = state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return (mixed ^ mixed >> 31) % limit;
}

static inline int once_in(uint64_t times)
{
    return below(times) == 0;
}

#endif
