/* Misuse from C: all functions from many threads, whatever the handles are, while the process forks, gets signals, has
 * nothing left, or ends. The arguments: what is to be done, a seed, for how many seconds (0: until the standard input ends),
 * and the endpoints. Prints what was done. */
#define _GNU_SOURCE
#include "calls.h"
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { CALLERS = 8, CALLERS_OF_LIARS = 40, ROUND_MS = 2000, WATCHES = 4096, ROOM = 5 << 20, GROWTH = 48 << 20 };

static atomic_int is_over;
static pthread_t callers[CALLERS_OF_LIARS];
/* How many of them there are. */
static int calling = CALLERS;
static int64_t ends_at = INT64_MAX;

/* ---- What goes on at once ---- */

static void nap(uint64_t microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
}

static void *call_all(void *unused)
{
    for (int i = 0; i < PLACES / CALLERS + 1; i++)
        connect_to_one();
    while (!is_over)
        call_one(0);
    return unused;
}

static void *fork_again_and_again(void *unused)
{
    int status;
    while (!is_over) {
        pid_t child = fork();
        if (child == 0) {
            is_child = 1;
            alarm((unsigned)(3 * LIMIT_MS / 1000 * slowness));
            for (int i = 0; i < 6; i++)
                call_one(0);
            _exit(0);
        }
        while (child > 0 && waitpid(child, &status, 0) < 0)
            ;
        if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
            wrong("a forked child", child > 0 && WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "did not end well", "");
        nap(below(20000));
    }
    return unused;
}

static void on_signal(int number)
{
    (void)number;
}

static void *storm(void *unused)
{
    while (!is_over) {
        pthread_kill(callers[below(CALLERS)], SIGUSR1);
        nap(below(400));
    }
    return unused;
}

static pthread_t started(void *(*body)(void *))
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    return thread;
}

/* ---- How much the process has ---- */

static int descriptors(void)
{
    int count = 0;
    DIR *open = opendir("/proc/self/fd");
    CHECK(open);
    while (readdir(open))
        count++;
    closedir(open);
    return count;
}

/* In bytes: all that is mapped, and what of it is in memory. */
static size_t memory(int is_resident)
{
    unsigned long mapped = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%lu %lu", &mapped, &resident) == 2);
    fclose(file);
    return (is_resident ? resident : mapped) * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit(int resource, rlim_t most)
{
    struct rlimit now;
    CHECK(getrlimit(resource, &now) == 0);
    now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
    CHECK(setrlimit(resource, &now) == 0);
}

/* ---- Nothing left ---- */

static atomic_int no_threads;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const int can_refuse_threads = 0; /* the sanitizers stand in this place themselves */
#else
static const int can_refuse_threads = 1;
static atomic_int refused;

/* Stands in the place of the C library's: root, as whom tests often run, has no limit of threads. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*body)(void *),
                   void *restrict with)
{
    static int (*_Atomic real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads && once_in(2)) {
        refused++;
        return EAGAIN;
    }
    if (!real) {
        int (*found)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
        *(void **)&found = dlsym(RTLD_NEXT, "pthread_create");
        real = found;
    }
    return real(thread, attributes, body, with);
}
#endif

static void take_descriptors_and_threads(void)
{
    int lacks = !once_in(3);
    limit(RLIMIT_NOFILE, RLIM_INFINITY);
    if (lacks)
        limit(RLIMIT_NOFILE, (rlim_t)descriptors() - 4 + below(12));
    no_threads = can_refuse_threads && once_in(2);
}

static void take_memory(void)
{
    limit(RLIMIT_AS, once_in(3) ? RLIM_INFINITY : memory(0) + below(ROOM));
}

/* ---- The rounds ---- */

static int is_time_up(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return now_ms() >= ends_at || (ends_at == INT64_MAX && poll(&input, 1, 0) == 1);
}

/* Callers and others for a while; `meanwhile` is done every now and then. */
static void run(void *(*const others[])(void *), int count, void (*meanwhile)(void))
{
    pthread_t threads[4];
    is_over = 0;
    taken = 0;
    for (int i = 0; i < calling; i++)
        callers[i] = started(call_all);
    for (int i = 0; i < count; i++)
        threads[i] = started(others[i]);
    for (int64_t until = now_ms() + (int64_t)ROUND_MS * slowness; now_ms() < until && !is_time_up();) {
        nap(20000);
        look_for_hangs();
        if (meanwhile)
            meanwhile();
    }
    limit(RLIMIT_NOFILE, RLIM_INFINITY);
    limit(RLIMIT_AS, RLIM_INFINITY);
    no_threads = 0;
    is_over = 1;
    alarm((unsigned)(3 * LIMIT_MS / 1000 * slowness));
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < calling; i++)
        CHECK(pthread_join(callers[i], NULL) == 0);
}

/* Rounds, after each of which nothing is left of them. */
static void run_rounds(void *(*const others[])(void *), int count, void (*meanwhile)(void))
{
    int had = 0, rounds = 0;
    size_t used = 0;
    do {
        run(others, count, meanwhile);
        free_all_handles();
        etcd_set_log(ETCD_LOG_OFF, NULL, NULL);
        await_threads();
        alarm(0);
        CHECK(lent == 0);
        malloc_trim(0);
        /* What the first two leave is made once. */
        if (rounds < 2) {
            had = descriptors();
            used = memory(1);
        }
        CHECK(descriptors() == had);
        if (memory(1) > used + GROWTH * (size_t)slowness) {
            fprintf(stderr, "memory: %zu bytes after round %d, %zu after the second\n", memory(1), rounds, used);
            exit(1);
        }
        rounds++;
    } while (!is_time_up());
    printf("%d rounds, %d descriptors, %zu KB after the second and %zu KB after the last; ", rounds, had, used >> 10,
           memory(1) >> 10);
}

/* ---- What is to be done ---- */

/* Many, for most wait for a server that has said too little. */
static void be_lied_to(void)
{
    calling = CALLERS_OF_LIARS;
    run_rounds(NULL, 0, NULL);
}

static void misuse(void)
{
    run_rounds((void *(*const[])(void *)){fork_again_and_again, storm}, 2, NULL);
}

static void *leave(void *unused)
{
    (void)unused;
    exit(0);
}

/* The process ends in the midst of it all, by its first thread or by another. */
static void exit_in_the_midst(void)
{
    for (int i = 0; i < CALLERS; i++)
        callers[i] = started(call_all);
    started(storm);
    while (!is_time_up())
        nap(20000);
    alarm((unsigned)(LIMIT_MS / 1000 * slowness));
    if (seed % 2)
        exit(0);
    started(leave);
    for (;;)
        pause();
}

static void lack(void)
{
    run_rounds(NULL, 0, take_descriptors_and_threads);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(refused > 0 || calls < 5000);
#endif
}

static void lack_memory(void)
{
    run_rounds(NULL, 0, take_memory);
}

static void count_event(void *user_data, const char *event)
{
    is_well_formed("an event", event);
    atomic_fetch_add((atomic_int *)user_data, 1);
}

/* As many watches as there may be on one client, half of them with a callback; each gets its event. */
static void watch_all(const char *endpoint, const char *api, int watches)
{
    static etcd_watcher *all[WATCHES];
    static atomic_int pushed;
    pushed = 0;
    limit(RLIMIT_NOFILE, RLIM_INFINITY);
    char key[32], *error;
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", endpoint);
    etcd_config_set(config, "api", api);
    etcd_config_set(config, "timeout.request_ms", "60000");
    etcd_client *client = etcd_connect_config(config, NULL);
    etcd_config_free(config);
    CHECK(client);
    for (int i = 0; i < watches; i++) {
        snprintf(key, sizeof key, "/many/%d", i % 64);
        all[i] = i % 2 ? etcd_watchloop(client, key, 0, 0, count_event, NULL, &pushed, NULL, &error)
                       : etcd_watch_open(client, key, 0, 0, &error);
        if (!all[i])
            wrong("one of many watches", "not made", error);
    }
    for (int i = 0; i < 64; i++) {
        snprintf(key, sizeof key, "/many/%d", i);
        OK(etcd_set(client, key, "1", 0, 0));
    }
    for (int i = 0; i < watches; i += 2) {
        char *event = etcd_watch_next(all[i], -1);
        is_well_formed("an event", event);
        etcd_free(event);
    }
    while (pushed < watches / 2)
        nap(1000);
    for (int i = 0; i < watches / 3; i++)
        etcd_watch_free(all[i]);
    etcd_disconnect(client);
    for (int i = watches / 3; i < watches; i++) {
        CHECK(etcd_watch_wait(all[i], -1) == 1);
        etcd_watch_free(all[i]);
    }
    await_threads();
}

/* The first endpoint has v2 and the second v3; over v2 each watch has a connection. */
static void watch_many(void)
{
    alarm((unsigned)(5 * LIMIT_MS / 1000 * slowness));
    watch_all(endpoints[0], "v2", ends_at == INT64_MAX ? WATCHES : 256);
    watch_all(endpoints[1], "v3", WATCHES);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*body)(void);
    } scenes[] = {
        {"lies", be_lied_to}, {"misuse", misuse},      {"exit", exit_in_the_midst},
        {"lack", lack},       {"memory", lack_memory}, {"watches", watch_many},
    };
    CHECK(argc >= 5 && argc - 4 <= (int)LENGTH(endpoints));
    seed = strtoull(argv[2], NULL, 10);
    int64_t seconds = strtoll(argv[3], NULL, 10);
    if (seconds > 0)
        ends_at = now_ms() + seconds * 1000;
    while (endpoint_count < (size_t)argc - 4) {
        endpoints[endpoint_count] = argv[4 + endpoint_count];
        endpoint_count++;
    }
    if (getenv("TORTURE_SLOWNESS"))
        slowness = atoi(getenv("TORTURE_SLOWNESS"));
    memset(large, 'x', sizeof large - 1);
    large[0] = '/';
    /* Few arenas, so that what is measured is what is used. */
    mallopt(M_ARENA_MAX, 2);
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (size_t i = 0; i < LENGTH(scenes); i++)
        if (strcmp(argv[1], scenes[i].name) == 0) {
            scenes[i].body();
            printf("%llu calls, %llu results; the longest: %lld ms, %s\n", (unsigned long long)calls,
                   (unsigned long long)results, (long long)longest, longest_call ? longest_call : "none");
            return 0;
        }
    fprintf(stderr, "%s: no such scene\n", argv[1]);
    return 2;
}
