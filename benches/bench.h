/* What the parts of the benchmark share: the contenders, the server they all ask, and the figures. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* ---- The real etcd of each API version that all of them talk to (server.c) ---- */

enum api { V2, V3 };

struct server {
    uint16_t port;
    char authority[32]; /* "127.0.0.1:port" */
    const char *api;    /* as etcd_connect wants it */
};

/* Starts etcd 3.4 or, for V3, 3.6 on free ports, with its data under `folder`, and waits until it answers. It is
 * stopped when the process ends, however it ends. */
struct server server_start(const char *folder, enum api api);
/* The path of that etcd, whatever the working directory becomes. */
const char *server_binary(enum api api);

#define KEY "/bench/key"
/* As long as a typical setting. Nothing in it has to be percent-encoded. */
#define VALUE "postgres-primary-0.example.internal.5432.sslmode-require.pool-20"

/* Has `measure` run in a process of its own, so that nobody else's memory and threads count (alone.c). */
struct plan;
void alone(void (*measure)(const struct plan *plan, size_t which), const struct plan *plan, size_t which);

/* ---- Who takes part ---- */

enum call { GET, PUT };

/* Microseconds. */
struct sample {
    double wall, processor;
};

struct contender {
    const char *name;
    /* Fills `sessions`, one a thread. */
    void (*open)(const struct server *server, void **sessions, size_t count);
    /* One call, from request to reply, in the caller's thread. It ends the program when the reply is wrong. */
    void (*call)(void *session, enum call call);
    void (*close)(void **sessions, size_t count);
    /* Instead of `call`, for those that are no part of this process: so many calls in each of so many threads; what they
     * took, in all. */
    struct sample (*batch)(void *session, enum call call, size_t threads, size_t calls);
};

extern const struct contender bare_socket; /* floor.c */
extern const struct contender libetcd;     /* library.c */
extern const struct contender libcurl;     /* curl.c */
extern const struct contender ureq;        /* ureq/src/lib.rs */
extern const struct contender other_build; /* other.c; only where OTHER is set */

extern const struct contender bare_frames;                         /* frames.c */
extern const struct contender clientv3, clientv3_plain;            /* child.c, and so on */
extern const struct contender etcd_client_crate, etcd_client_plain;

/* A program that takes part (child.c). */
#define CLIENTV3_PROGRAM "clientv3"
#define ETCD_CLIENT_PROGRAM "bench-etcd-client"
struct child *child_start(const char *program, const struct server *server);
void child_say(struct child *child, const char *what, size_t threads, size_t calls);
struct sample child_answer(struct child *child);
void child_stop(struct child *child);

/* A connection without anything on top (floor.c). `bare_ask` sends a request and returns the reply's body
 * in `reply`, which it ends with NUL. */
int bare_connect(const struct server *server);
const char *bare_ask(int socket, const char *request, char *reply, size_t size);

/* Returns when the server has that many requests waiting (memory.c). */
void bare_until_waiting(int socket, long count);

/* Kilobytes: heap and stacks; and with the mapped files, of which processes share most (memory.c). */
struct resident {
    long own, all;
};
struct resident resident(void);

/* ---- Parts, each of which prints a table ---- */

struct plan {
    struct server server, v3; /* started where a part wants them */
    size_t rounds;
    size_t calls; /* in a round, by each contender */
};

void part_calls(const struct plan *plan);
void part_threads(const struct plan *plan);
void part_memory(const struct plan *plan);
void part_watchers(const struct plan *plan);
void part_pulled(const struct plan *plan);
void part_pushed(const struct plan *plan);
void part_large(const struct plan *plan);
void part_first(const struct plan *plan);
void part_latency(const struct plan *plan);
void part_burst(const struct plan *plan);
void part_tls(const struct plan *plan);
void part_mirror(const struct plan *plan);
void part_v3(const struct plan *plan);
void part_v3_threads(const struct plan *plan);
void part_v3_latency(const struct plan *plan);

/* ---- Figures (figures.c) ---- */

/* `low` to `high` is where the middle half lies. */
struct spread {
    double median, low, high, least, most;
};

double clock_us(int clock);
struct spread spread_of(const double *values, size_t count);
/* Of a/b, round by round: what slows down a whole round does not touch it. */
struct spread ratio_of(const struct sample *a, const struct sample *b, size_t rounds, double (*field)(struct sample));
double wall(struct sample sample);
double processor(struct sample sample);
double median_of(const struct sample *samples, size_t rounds, double (*field)(struct sample));
/* The median and the middle half, "1.08 (1.05-1.11)", in a column of 19. */
void print_ratio(struct spread ratio);
/* A line that tells whether a target of the project is reached; `relation` is "<=" or ">=". */
void target(const char *what, double here, const char *relation, double limit);

/* Prints to stderr and ends the program: a benchmark that measures errors measures nothing. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* BENCH_H */
