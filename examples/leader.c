/*
 * Several run, one leads: an election, with a clean hand-over.
 *
 *     leader HOST PORT NAME ME
 *
 * Start it as often as you like with the same NAME. One of them leads; when that gets SIGTERM or SIGINT the next one leads
 * at once, and when it is killed, after 5 seconds. ME is what the others see of it: etcd_leader_watch tells them.
 */
#define _GNU_SOURCE /* for ppoll */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <etcd.h>

#define TTL 5

static volatile sig_atomic_t is_over;

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

static sigset_t catch_signals(void)
{
    struct sigaction action;
    sigset_t both, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = end;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigprocmask(SIG_BLOCK, &both, &before);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return before;
}

/*
 * What only the leader does: one small piece of it. Whether it still leads is looked at before each piece, and that is
 * enough only for work that may now and then be done by two at once. What must not, is to be done with etcd_lock_txn, or to
 * carry the token along: see lock.c.
 */
static void lead(uint64_t token)
{
    (void)token;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s HOST PORT NAME ME\n", argv[0]);
        return 2;
    }
    sigset_t mask = catch_signals();
    char *error;
    etcd_client *client = etcd_connect(argv[1], (uint16_t)atoi(argv[2]), NULL, &error);
    if (!client) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        return 1;
    }
    while (!is_over) {
        etcd_lock *lock = etcd_lock_open(client, argv[3], argv[4], TTL, 0, &error);
        if (!lock) {
            fprintf(stderr, "%s\n", error); /* no server can be reached, say: once more, by and by */
            etcd_free(error);
            struct timespec second = {.tv_sec = 1};
            ppoll(NULL, 0, &second, &mask);
            continue;
        }
        puts("waiting");
        fflush(stdout);
        struct pollfd changed = {.fd = etcd_lock_fd(lock), .events = POLLIN};
        int leads = 0, now = 0;
        while (!is_over && (now = etcd_lock_wait(lock, 0)) >= 0) {
            if (now > leads) {
                printf("leading, token %llu\n", (unsigned long long)etcd_lock_token(lock));
                fflush(stdout);
            }
            leads = now;
            if (leads)
                lead(etcd_lock_token(lock));
            struct timespec pause = {.tv_nsec = 100000000}; /* between two pieces of work */
            ppoll(&changed, 1, leads ? &pause : NULL, &mask);
        }
        if (!is_over) {
            puts("lost");
            fflush(stdout);
        }
        etcd_lock_free(lock); /* hands over, if it still leads */
    }
    puts("handed over");
    etcd_disconnect(client);
    return 0;
}
