/* Parts "calls" and "threads": the same calls by all contenders, one at a time or by eight threads at once. */
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FLOOR, AGAIN, LIBRARY, CURL_EASY, UREQ, OTHER, MOST };

/* The floor takes part twice: what its second figure says of its first is the machine's doing. */
static const struct contender *const contenders[MOST] = {&bare_socket, &bare_socket, &libetcd,
                                                         &libcurl,     &ureq,        &other_build};

static size_t taking_part(void)
{
    return getenv("OTHER") ? MOST : OTHER;
}

#define THREADS 8

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
    work.contender = contender;
    work.sessions = sessions;
    work.call = call;
    work.calls = calls / threads;
    double wall_time = clock_us(CLOCK_MONOTONIC), processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    if (threads == 1) {
        do_calls(sessions[0]);
    } else {
        pthread_barrier_wait(&begin);
        pthread_barrier_wait(&end);
    }
    wall_time = clock_us(CLOCK_MONOTONIC) - wall_time;
    processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID) - processor_time;
    double all = (double)(work.calls * threads);
    return (struct sample){wall_time / all, processor_time / all};
}

static void print(struct sample *const samples[MOST], size_t rounds)
{
    printf("  %-18s %8s %9s %8s   %-18s %-18s %s\n", "", "wall", "processor", "calls/s", "wall / floor",
           "processor / floor", "wall / libcurl");
    for (size_t i = 0; i < taking_part(); i++) {
        double wall_time = median_of(samples[i], rounds, wall);
        printf("  %-18s %8.1f %9.1f %8.0f   ", i == AGAIN ? "the same again" : contenders[i]->name, wall_time,
               median_of(samples[i], rounds, processor), 1e6 / wall_time);
        print_ratio(ratio_of(samples[i], samples[FLOOR], rounds, wall));
        print_ratio(ratio_of(samples[i], samples[FLOOR], rounds, processor));
        print_ratio(ratio_of(samples[i], samples[CURL_EASY], rounds, wall));
        printf("\n");
    }
    struct spread wall_noise = ratio_of(samples[AGAIN], samples[FLOOR], rounds, wall);
    struct spread processor_noise = ratio_of(samples[AGAIN], samples[FLOOR], rounds, processor);
    printf("\n  noise: the same again took %.2f to %.2f of its own wall time, %.2f to %.2f of its processor time\n\n",
           wall_noise.least, wall_noise.most, processor_noise.least, processor_noise.most);
}

static void compare(enum call call, size_t threads, const struct plan *plan)
{
    /* Many short rounds: what disturbs one of them for a while spoils that one only. */
    size_t rounds = plan->rounds * 10, calls = plan->calls / 10 + 1, count = taking_part();
    void *sessions[MOST][THREADS];
    struct sample *samples[MOST];
    for (size_t i = 0; i < count; i++) {
        samples[i] = malloc(rounds * sizeof *samples[i]);
        contenders[i]->open(&plan->server, sessions[i], threads);
        measure(contenders[i], sessions[i], call, threads, plan->calls / 4 + threads); /* warms up */
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            size_t who = (i + round) % count; /* none is always the first */
            samples[who][round] = measure(contenders[who], sessions[who], call, threads, calls);
        }
    }
    printf("%s, %zu thread%s, %zu rounds of %zu calls: microseconds a call; ratios and where half of them lie\n\n",
           call == GET ? "GET" : "PUT", threads, threads == 1 ? "" : "s", rounds, calls);
    print(samples, rounds);
    if (count == MOST) {
        struct spread wall_time = ratio_of(samples[LIBRARY], samples[OTHER], rounds, wall);
        struct spread processor_time = ratio_of(samples[LIBRARY], samples[OTHER], rounds, processor);
        printf("  of the other libetcd's: wall ");
        print_ratio(wall_time);
        printf("processor ");
        print_ratio(processor_time);
        printf("\n\n");
    }
    double of_floor = ratio_of(samples[LIBRARY], samples[FLOOR], rounds, wall).median;
    if (threads > 1) {
        target("calls/s of eight threads on one handle / the floor's", 1 / of_floor, ">=", 0.9);
    } else if (call == GET) {
        target("wall time / the floor's", of_floor, "<=", 1.15);
        target("processor time / the floor's",
               ratio_of(samples[LIBRARY], samples[FLOOR], rounds, processor).median, "<=", 1.6);
        target("wall time / libcurl's", ratio_of(samples[LIBRARY], samples[CURL_EASY], rounds, wall).median,
               "<=", 0.8);
    }
    for (size_t i = 0; i < count; i++) {
        contenders[i]->close(sessions[i], threads);
        free(samples[i]);
    }
    printf("\n");
}

void part_calls(const struct plan *plan)
{
    compare(GET, 1, plan);
    compare(PUT, 1, plan);
}

void part_threads(const struct plan *plan)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&begin, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i)) {
            die("no more threads");
        }
    }
    compare(GET, THREADS, plan);
    compare(PUT, THREADS, plan);
    work.contender = NULL;
    pthread_barrier_wait(&begin);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&begin);
    pthread_barrier_destroy(&end);
}
