/* Leases, registrations, locks and watches of who leads, used and freed by several threads, and clients that end under
 * them. Over v3, and before that over v2 where the server has it. */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>

#define LINE "/recipes/lock"
#define LEADER "/recipes/leader"
#define HERE "/recipes/here"
#define TTL 30
#define CANDIDATES 3
#define TURNS 4

static etcd_client *client;
static int is_v3;
static atomic_int holders;
static _Atomic(uint64_t) last_token;

static etcd_client *derived(void)
{
    char *error;
    etcd_config *changes = etcd_config_new();
    CHECK(etcd_config_set(changes, "timeout.request_ms", "60000") == 0);
    etcd_client *made = etcd_with(client, changes, &error);
    if (!made)
        give_up(__FILE__, __LINE__, "derived", error);
    etcd_config_free(changes);
    return made;
}

static etcd_lock *in_line(etcd_client *by, const char *name, const char *value)
{
    char *error;
    etcd_lock *lock = etcd_lock_open(by, name, value, TTL, 0, &error);
    if (!lock)
        give_up(__FILE__, __LINE__, "in line", error);
    return lock;
}

static etcd_lease *registered(const char *key)
{
    char *error;
    etcd_lease *lease = etcd_register(client, key, "me", TTL, &error);
    if (!lease)
        give_up(__FILE__, __LINE__, "registered", error);
    return lease;
}

static void wait_for(int fd)
{
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};
    CHECK(fd >= 0);
    while (poll(&descriptor, 1, -1) != 1)
        ;
}

/* Takes the lock again and again; nobody else has it meanwhile. */
static void *take_turns(void *unused)
{
    (void)unused;
    for (int turn = 0; turn < TURNS; turn++) {
        etcd_client *own = derived();
        etcd_lock *lock = in_line(own, LINE, NULL);
        if (etcd_lock_wait(lock, 0) == 0)
            wait_for(etcd_lock_fd(lock));
        CHECK(etcd_lock_wait(lock, -1) == 1);
        CHECK(atomic_fetch_add(&holders, 1) == 0);
        uint64_t token = etcd_lock_token(lock);
        CHECK(token > atomic_exchange(&last_token, token));
        OK(etcd_lock_proclaim(lock, "mine"));
        FAILS(is_v3 ? 0 : ETCD_ERROR_UNSUPPORTED,
              etcd_lock_txn(lock, "{\"success\":[{\"request_put\":{\"key\":\"/recipes/total\",\"value\":\"1\"}}]}"));
        CHECK(atomic_fetch_sub(&holders, 1) == 1);
        etcd_lock_free(lock);
        etcd_disconnect(own);
    }
    return NULL;
}

/* Comes and goes: with a lease, a registration, and a lock that another may have. */
static void *come_and_go(void *unused)
{
    (void)unused;
    for (int turn = 0; turn < TURNS; turn++) {
        char *error, key[64];
        snprintf(key, sizeof key, HERE "-%d", turn);
        etcd_lease *here = registered(key);
        CHECK(!etcd_register(client, key, "other", TTL, &error) && etcd_error_code(error) == ETCD_ERROR_KEY_EXISTS);
        etcd_free(error);
        etcd_lease *lease = etcd_lease_open(client, TTL, &error);
        CHECK(is_v3 ? lease && !error : etcd_error_code(error) == ETCD_ERROR_UNSUPPORTED);
        etcd_free(error);
        etcd_lock *tried = etcd_lock_open(client, LINE "-tried", "", TTL, ETCD_TRY, &error);
        CHECK(tried && !error && etcd_lock_wait(tried, 0) == 1);
        CHECK(!etcd_lock_open(client, LINE "-tried", "", TTL, ETCD_TRY, &error));
        CHECK(etcd_error_code(error) == ETCD_ERROR_KEY_EXISTS);
        etcd_free(error);
        etcd_lock_free(tried);
        OK(etcd_lease_revoke(here));
        FAILS(ETCD_ERROR_KEY_NOT_FOUND, etcd_get(client, key, ETCD_QUORUM));
        etcd_lease_free(here);
        etcd_lease_free(lease);
    }
    return NULL;
}

/* What all threads look at, until it is freed. */
static etcd_lease *common_lease;
static etcd_lock *common_lock;

static void *look(void *unused)
{
    (void)unused;
    int standing;
    do {
        standing = etcd_lock_wait(common_lock, 1);
        etcd_free(etcd_lock_state(common_lock));
        CHECK(standing >= 0 || etcd_lock_token(common_lock) == 0);
        etcd_lock_fd(common_lock);
        char *state = etcd_lease_state(common_lease);
        CHECK(state);
        etcd_free(state);
        CHECK(etcd_lease_remaining_ms(common_lease) <= TTL * 1000);
        etcd_lease_id(common_lease);
        etcd_lease_fd(common_lease);
        thrd_sleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    } while (standing >= 0);
    return NULL;
}

static void *wait_until_it_is_lost(void *lock)
{
    int standing;
    while ((standing = etcd_lock_wait(lock, -1)) == 1)
        wait_for(etcd_lock_fd(lock));
    CHECK(standing == -1);
    return NULL;
}

static void *see_the_last_leader(void *watcher)
{
    for (int is_last = 0; !is_last;) {
        char *event = etcd_watch_next(watcher, -1);
        CHECK(event && etcd_error_code(event) == 0);
        is_last = says(event, "/leader/value", "last");
        etcd_free(event);
    }
    return NULL;
}

static void *see_the_end(void *watcher)
{
    for (char *event; (event = etcd_watch_next(watcher, -1));)
        etcd_free(event);
    return NULL;
}

static pthread_t started(void *(*body)(void *), void *with)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, with) == 0);
    return thread;
}

static void ended(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0);
}

static void many_threads(void)
{
    char *error;
    pthread_t threads[CANDIDATES + 2];
    atomic_store(&last_token, 0);
    common_lock = in_line(client, LEADER, "first");
    common_lease = registered(HERE);
    etcd_watcher *watcher = etcd_leader_watch(client, LEADER, &error);
    CHECK(watcher && !error);
    pthread_t watching = started(see_the_last_leader, watcher), looking = started(look, NULL);
    for (int i = 0; i < CANDIDATES + 2; i++)
        threads[i] = started(i < CANDIDATES ? take_turns : i == CANDIDATES ? come_and_go : look, NULL);
    for (int i = 0; i < CANDIDATES + 1; i++)
        ended(threads[i]);

    /* Over v2 that is seen when it is kept alive, and not before. */
    if (is_v3) {
        /* One of its own, for what a look at it has told does not make it readable any more. */
        etcd_lease *renewed = registered(HERE "-renewed");
        OK(etcd_delete(client, HERE "-renewed"));
        for (int64_t renewals = 0; !renewals;) {
            wait_for(etcd_lease_fd(renewed));
            char *state = etcd_lease_state(renewed);
            renewals = etcd_json_int(state, "/renewals", 0);
            etcd_free(state);
        }
        etcd_lease_free(renewed);
    }
    etcd_lease_free(common_lease);

    etcd_lock *next = in_line(client, LEADER, "next");
    OK(etcd_lock_proclaim(common_lock, "second"));
    etcd_lock_free(common_lock);
    ended(looking);
    ended(threads[CANDIDATES + 1]);
    CHECK(etcd_lock_wait(next, -1) == 1);
    OK(etcd_lock_proclaim(next, "last"));
    ended(watching);
    etcd_watcher *other = etcd_leader_watch(client, LEADER, &error);
    CHECK(other && !error);
    see_the_last_leader(other);
    watching = started(see_the_end, other);
    etcd_watch_free(other);
    ended(watching);

    /* A place in line that is freed while a thread waits there. */
    etcd_lock *behind = in_line(client, LEADER, "behind");
    pthread_t waiting = started(wait_until_it_is_lost, behind);
    etcd_lock_free(behind);
    ended(waiting);

    /* The client ends under the rest, and nothing of it is left. */
    behind = in_line(client, LEADER, "behind");
    etcd_client *own = derived();
    etcd_lock *theirs = in_line(own, LEADER, "theirs");
    etcd_lease *here = registered(HERE);
    pthread_t others[] = {
        started(wait_until_it_is_lost, next),
        started(wait_until_it_is_lost, behind),
        started(wait_until_it_is_lost, theirs),
        started(see_the_end, watcher),
    };
    etcd_disconnect(client);
    for (int i = 0; i < 4; i++)
        ended(others[i]);
    wait_for(etcd_lease_fd(here));
    char *state = etcd_lease_state(here);
    CHECK(says(state, "/state", "lost"));
    etcd_free(state);
    etcd_lock_free(theirs);
    etcd_disconnect(own);
    etcd_lock_free(behind);
    etcd_lock_free(next);
    etcd_lease_free(here);
    etcd_watch_free(watcher);
}

static void over(const char *port, const char *api)
{
    /* What an earlier client could not give back. */
    client = client_over(port, api);
    is_v3 = strcmp(api, "v3") == 0;
    etcd_free(etcd_deletedir(client, "/recipes", ETCD_RECURSIVE));
    many_threads();
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    if (has_v2(argv[1]))
        over(argv[1], "v2");
    over(argv[1], "v3");
    await_threads();
    return 0;
}
