/*
 * A queue of work whose jobs are done exactly once, whatever becomes of the workers: kill -9 included. It needs etcd's v3.
 *
 *     queue HOST PORT add AMOUNT...    puts jobs into the queue
 *     queue HOST PORT work             does jobs until it is killed; run as many as you like, on any machine
 *
 * A job is an amount that is to be booked on an account. Who claims it does it; a claim has a time to live, so that
 * another worker takes over from one that has died. That alone would do some jobs twice: by a worker that was only slow,
 * or one that died when all was done but the job's removal. So one transaction books the amount, moves the job from "todo"
 * to "done" and gives up the claim, on the condition that the claim is still this worker's own and the job still to be
 * done: all of it happens, once, or nothing does.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <etcd.h>

#define CLAIM_SECONDS 5

/* Whose claims are whose: no other worker has this name, of any machine and of any time. */
static char me[300];

static void name_me(void)
{
    char host[200] = "";
    struct timespec now;
    gethostname(host, sizeof host - 1);
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(me, sizeof me, "%s-%ld-%lld.%09ld", host, (long)getpid(), (long long)now.tv_sec, now.tv_nsec);
}

/* Prints an error; 0 for a result. The text is freed. */
static int fails(char *reply)
{
    int code = etcd_error_code(reply);
    if (code)
        fprintf(stderr, "%s\n", reply);
    etcd_free(reply);
    return code;
}

static int add(const etcd_client *client, const char *amount)
{
    char *end;
    long long number = strtoll(amount, &end, 10);
    if (*amount == '\0' || *end != '\0') {
        fprintf(stderr, "%s: not an amount\n", amount);
        return 2;
    }
    char text[32];
    snprintf(text, sizeof text, "%lld", number);
    /* Its name is made by the server, and sorts behind all that were there before. */
    return fails(etcd_set(client, "/queue/todo", text, 0, ETCD_ORDERED)) ? 1 : 0;
}

/* Books a job that is claimed. 0 if that cannot be known at the moment. */
static int finish(const etcd_client *client, const char *job, const char *amount)
{
    for (;;) {
        char *account = etcd_get(client, "/queue/account", ETCD_QUORUM);
        int code = etcd_error_code(account);
        char *text = etcd_json_text(account, "/node/value");
        int64_t revision = etcd_json_int(account, "/node/modifiedIndex", 0); /* 0: nothing was booked yet */
        long long balance = text ? atoll(text) : 0;
        etcd_free(text);
        if (code != 0 && code != ETCD_ERROR_KEY_NOT_FOUND)
            return !fails(account);
        etcd_free(account);

        char txn[4096];
        snprintf(txn, sizeof txn,
                 "{\"compare\":[{\"key\":\"/queue/claims/%s\",\"value\":\"%s\"},"
                 "{\"key\":\"/queue/todo/%s\",\"version\":0,\"result\":\"GREATER\"},"
                 "{\"key\":\"/queue/account\",\"mod_revision\":%" PRId64 "}],"
                 "\"success\":[{\"request_put\":{\"key\":\"/queue/account\",\"value\":\"%lld\"}},"
                 "{\"request_put\":{\"key\":\"/queue/done/%s\",\"value\":\"%s\"}},"
                 "{\"request_delete_range\":{\"key\":\"/queue/todo/%s\"}},"
                 "{\"request_delete_range\":{\"key\":\"/queue/claims/%s\"}}],"
                 "\"failure\":[{\"request_range\":{\"key\":\"/queue/claims/%s\"}},"
                 "{\"request_range\":{\"key\":\"/queue/todo/%s\"}}]}",
                 job, me, job, revision, balance + atoll(amount), job, me, job, job, job, job);
        char *reply = etcd_txn(client, txn);
        if (etcd_error_code(reply))
            return !fails(reply); /* carried out or not: the claim knows, and whoever has it next will see */
        char *succeeded = etcd_json_text(reply, "/succeeded");
        char *holder = etcd_json_text(reply, "/responses/0/response_range/kvs/0/value");
        char *left = etcd_json_text(reply, "/responses/1/response_range/kvs/0/value");
        int is_done = strcmp(succeeded, "true") == 0;
        int is_mine = holder && strcmp(holder, me) == 0;
        int is_left = left != NULL;
        etcd_free(left);
        etcd_free(holder);
        etcd_free(succeeded);
        etcd_free(reply);
        if (is_done) {
            printf("booked %s\n", amount);
            fflush(stdout);
        }
        if (is_done || !is_mine)
            return 1; /* done, or somebody else's by now */
        if (!is_left) {
            /* Another worker did it after our look at the queue, and before our claim. */
            char claim[1024];
            snprintf(claim, sizeof claim, "/queue/claims/%s", job);
            return !fails(etcd_cad(client, claim, me, 0));
        }
        /* Another worker was faster at the account: again, with what it has made of it. */
    }
}

/* Does all jobs that nobody has claimed. Returns how many there were; -1 if that cannot be known at the moment. */
static int do_jobs(const etcd_client *client)
{
    char *todo = etcd_get(client, "/queue/todo", ETCD_QUORUM | ETCD_SORTED);
    int code = etcd_error_code(todo), count = 0;
    if (code)
        return fails(todo) == ETCD_ERROR_KEY_NOT_FOUND ? 0 : -1;
    char *nodes = etcd_json_text(todo, "/node/nodes");
    const char *rest = nodes;
    for (char *node; rest && count >= 0 && (node = etcd_json_next(&rest)); etcd_free(node)) {
        char *key = etcd_json_text(node, "/key");
        char *amount = etcd_json_text(node, "/value");
        const char *job = strrchr(key, '/') + 1;
        char claim[1024];
        snprintf(claim, sizeof claim, "/queue/claims/%s", job);
        char *claimed = etcd_create(client, claim, me, CLAIM_SECONDS);
        code = etcd_error_code(claimed);
        if (code == 0)
            count = finish(client, job, amount) ? count + 1 : -1;
        else if (code != ETCD_ERROR_KEY_EXISTS)
            count = -1;
        etcd_free(claimed);
        etcd_free(amount);
        etcd_free(key);
    }
    etcd_free(nodes);
    etcd_free(todo);
    return count;
}

static int work(const etcd_client *client)
{
    char *error;
    /* New jobs are changes, and so are claims that have run out. */
    etcd_watcher *changes = etcd_watch_open(client, "/queue", ETCD_RECURSIVE, 0, &error);
    if (!changes) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        return 1;
    }
    printf("working\n");
    fflush(stdout);
    while (!etcd_watch_ended(changes)) {
        int count = do_jobs(client);
        if (count > 0)
            continue;
        char *change = etcd_watch_next(changes, count < 0 ? 1000 : -1);
        for (; change; change = etcd_watch_next(changes, 0)) {
            if (etcd_error_code(change))
                fprintf(stderr, "%s\n", change);
            etcd_free(change);
        }
    }
    etcd_watch_free(changes);
    return 1; /* an error has ended the watch */
}

int main(int argc, char **argv)
{
    int is_add = argc > 4 && strcmp(argv[3], "add") == 0;
    if (!is_add && !(argc == 4 && strcmp(argv[3], "work") == 0)) {
        fprintf(stderr, "usage: %s HOST PORT add AMOUNT... | work\n", argv[0]);
        return 2;
    }
    char *error;
    etcd_client *client = etcd_connect(argv[1], (uint16_t)atoi(argv[2]), "v3", &error);
    if (!client) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        return 1;
    }
    name_me();
    int status = 0;
    for (int i = 4; is_add && i < argc && status == 0; i++)
        status = add(client, argv[i]);
    if (!is_add)
        status = work(client);
    etcd_disconnect(client);
    return status;
}
