/*
 * A service that registers itself, stays registered, and withdraws when it is asked to end.
 *
 *     register HOST PORT KEY VALUE [TTL]
 *
 * As long as it runs the key is there with that value, say /services/web/1 and an address. SIGTERM or SIGINT withdraws it
 * at once; if the program is killed, or its machine cut off, the key is gone after the ttl, 10 seconds if none is given.
 */
#define _GNU_SOURCE /* for ppoll */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <etcd.h>

static volatile sig_atomic_t is_over;

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

/* Has both signals end the wait in ppoll, and nothing else. Returns the mask to wait with. */
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

/* Prints how the registration is. */
static void print(const etcd_lease *here)
{
    char *text = etcd_lease_state(here);
    char *state = etcd_json_text(text, "/state");
    char *why = etcd_json_text(text, "/error/message");
    if (state && strcmp(state, "alive") == 0)
        printf("registered again (%lld)\n", (long long)etcd_json_int(text, "/renewals", 0));
    else
        printf("not registered: %s\n", why ? why : text);
    fflush(stdout);
    etcd_free(why);
    etcd_free(state);
    etcd_free(text);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: %s HOST PORT KEY VALUE [TTL]\n", argv[0]);
        return 2;
    }
    sigset_t mask = catch_signals();
    char *error;
    etcd_client *client = etcd_connect(argv[1], (uint16_t)atoi(argv[2]), NULL, &error);
    etcd_lease *here = client ? etcd_register(client, argv[3], argv[4], argc > 5 ? atoi(argv[5]) : 10, &error) : NULL;
    if (!here) {
        /* 105: somebody else has the key, or a run of this program that was killed, until its ttl is over. */
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        etcd_disconnect(client);
        return 1;
    }
    puts("registered");
    fflush(stdout);

    /* Here a service does its work. The library keeps the registration, and makes it again when it was lost. */
    struct pollfd changed = {.fd = etcd_lease_fd(here), .events = POLLIN};
    while (!is_over)
        if (ppoll(&changed, 1, NULL, &mask) > 0)
            print(here);

    etcd_lease_free(here); /* before the client: this is what withdraws it */
    puts("withdrawn");
    etcd_disconnect(client);
    return 0;
}
