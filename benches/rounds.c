/* Contenders side by side: the same calls by all, in turns, one at a time or by eight threads at once. */
#define _GNU_SOURCE
#include "rounds.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What one batch is. A thread of its own stays for each session, so that starting it is in no figure, and works
 * between two barriers. With one session there is no thread, for then a C library works without locks. */
static struct {
    const struct contender *contender; /* NULL: end */
    void **sessions;                   /* one a thread */
    enum call call;
    size_t calls; /* a thread */
} work;
static pthread_barrier_t begin, end;

static void do_calls(void *session)
{
    for (size_t i = 0; i < work.calls; i++) {
        work.contender->call(session, work.call);
    }
}

static void *run(void *session_number)
{
    for (;;) {
        pthread_barrier_wait(&begin);
        if (!work.contender) {
            return NULL;
        }
        do_calls(work.sessions[(uintptr_t)session_number]);
        pthread_barrier_wait(&end);
    }
}

static struct sample measure(const struct contender *contender, void **sessions, enum call call, size_t threads,
                             size_t calls)
{
    double all = (double)(calls / threads * threads);
    double wall_time = clock_us(CLOCK_MONOTONIC), processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    if (contender->batch) {
        struct sample sum = contender->batch(sessions[0], call, threads, calls / threads);
        return (struct sample){sum.wall / all, sum.processor / all};
    }
    work.contender = contender;
    work.sessions = sessions;
    work.call = call;
    work.calls = calls / threads;
    if (threads == 1) {
        do_calls(sessions[0]);
    } else {
        pthread_barrier_wait(&begin);
        pthread_barrier_wait(&end);
    }
    wall_time = clock_us(CLOCK_MONOTONIC) - wall_time;
    processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID) - processor_time;
    return (struct sample){wall_time / all, processor_time / all};
}

static void print(const struct field *field, struct sample *const samples[], size_t rounds)
{
    printf("  %-18s %8s %9s %8s   %-18s %-18s wall / %s\n", "", "wall", "processor", "calls/s", "wall / floor",
           "processor / floor", field->contenders[REFERENCE]->name);
    for (size_t i = 0; i < field->count; i++) {
        double wall_time = median_of(samples[i], rounds, wall);
        printf("  %-18s %8.1f %9.1f %8.0f   ", i == AGAIN ? "the same again" : field->contenders[i]->name, wall_time,
               median_of(samples[i], rounds, processor), 1e6 / wall_time);
        print_ratio(ratio_of(samples[i], samples[FLOOR], rounds, wall));
        print_ratio(ratio_of(samples[i], samples[FLOOR], rounds, processor));
        print_ratio(ratio_of(samples[i], samples[REFERENCE], rounds, wall));
        printf("\n");
    }
    struct spread wall_noise = ratio_of(samples[AGAIN], samples[FLOOR], rounds, wall);
    struct spread processor_noise = ratio_of(samples[AGAIN], samples[FLOOR], rounds, processor);
    printf("\n  noise: the same again took %.2f to %.2f of its own wall time, %.2f to %.2f of its processor time\n\n",
           wall_noise.least, wall_noise.most, processor_noise.least, processor_noise.most);
}

static void print_other(const struct sample *library, const struct sample *other, size_t rounds)
{
    printf("  of the other libetcd's: wall ");
    print_ratio(ratio_of(library, other, rounds, wall));
    printf("processor ");
    print_ratio(ratio_of(library, other, rounds, processor));
    printf("\n\n");
}

void compare(const struct field *field, const struct server *server, enum call call, size_t threads,
             const struct plan *plan)
{
    /* Many short rounds: what disturbs one of them for a while spoils that one only. */
    size_t rounds = plan->rounds * 10, calls = plan->calls / 10 + 1, count = field->count;
    void *sessions[MOST_CONTENDERS][THREADS];
    struct sample *samples[MOST_CONTENDERS];
    for (size_t i = 0; i < count; i++) {
        samples[i] = malloc(rounds * sizeof *samples[i]);
        field->contenders[i]->open(server, sessions[i], threads);
        measure(field->contenders[i], sessions[i], call, threads, plan->calls / 4 + threads); /* warms up */
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            size_t who = (i + round) % count; /* none is always the first */
            samples[who][round] = measure(field->contenders[who], sessions[who], call, threads, calls);
        }
    }
    printf("%s %s, %zu thread%s, %zu rounds of %zu calls: microseconds a call; ratios and where half of them lie\n\n",
           server->api, call == GET ? "GET" : "PUT", threads, threads == 1 ? "" : "s", rounds, calls);
    print(field, samples, rounds);
    if (field->contenders[count - 1] == &other_build) {
        print_other(samples[LIBRARY], samples[count - 1], rounds);
    }
    for (const struct aim *aim = field->aims; aim->what; aim++) {
        if ((aim->threads > 1) == (threads > 1) && (aim->call == (int)call || aim->call == EACH)) {
            double here = ratio_of(samples[LIBRARY], samples[aim->beside], rounds, aim->field).median;
            /* Of eight threads it is calls a second that count. */
            target(aim->what, threads > 1 ? 1 / here : here, threads > 1 ? ">=" : "<=", aim->limit);
        }
    }
    for (size_t i = 0; i < count; i++) {
        field->contenders[i]->close(sessions[i], threads);
        free(samples[i]);
    }
    printf("\n");
}

void compare_threads(const struct field *field, const struct server *server, const struct plan *plan)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&begin, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i)) {
            die("no more threads");
        }
    }
    compare(field, server, GET, THREADS, plan);
    compare(field, server, PUT, THREADS, plan);
    work.contender = NULL;
    pthread_barrier_wait(&begin);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&begin);
    pthread_barrier_destroy(&end);
}
