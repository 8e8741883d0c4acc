/* Tables of contenders that take turns (rounds.c). */
#ifndef ROUNDS_H
#define ROUNDS_H

#include "bench.h"

/* Contenders of one table, in this order: the floor twice (what its second figure says of its first is the machine's
 * doing), the library, the one that the last column is about, and others; the other build at the end. */
enum { FLOOR, AGAIN, LIBRARY, REFERENCE, MOST_CONTENDERS = 8 };

#define THREADS 8

/* What is wanted of the library. */
struct aim {
    const char *what; /* NULL: the end */
    int call;         /* or EACH */
    size_t threads;
    size_t beside; /* whom */
    double (*field)(struct sample);
    double limit;
};
enum { EACH = -1 };

struct field {
    const struct contender *const *contenders;
    size_t count;
    const struct aim *aims;
};

/* Prints a table. */
void compare(const struct field *field, const struct server *server, enum call call, size_t threads,
             const struct plan *plan);
/* Both kinds of calls by eight threads. */
void compare_threads(const struct field *field, const struct server *server, const struct plan *plan);

#endif /* ROUNDS_H */
