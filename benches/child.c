/* Contenders that are programs of their own: etcd's client in Go (clientv3/) and the crate etcd-client (etcd-client/).
 * Each is started with the server's address, reads a line for each batch,
 *
 *     GET|PUT|plain-GET|plain-PUT THREADS CALLS
 *
 * makes so many calls in each of so many threads, and answers with the microseconds that they took: wall time and its own
 * processor time. Without "plain-" it sends what libetcd sends for the same. `watch 0 EVENTS` is answered with a line
 * once it watches, and with one for each event: when that was delivered, by CLOCK_MONOTONIC. */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    const char *program;
    pid_t pid;
    FILE *commands, *answers;
};

struct child *child_start(const char *program, const struct server *server)
{
    struct child *child = calloc(1, sizeof *child);
    char file[512];
    /* The programs are where this one is. */
    ssize_t length = readlink("/proc/self/exe", file, sizeof file - 64);
    if (length < 0) {
        die("/proc/self/exe: %s", strerror(errno));
    }
    file[length] = '\0';
    strcpy(strrchr(file, '/') + 1, program);
    int commands[2], answers[2];
    if (pipe2(commands, O_CLOEXEC) || pipe2(answers, O_CLOEXEC)) {
        die("pipe: %s", strerror(errno));
    }
    child->program = program;
    child->pid = fork();
    if (child->pid < 0) {
        die("fork: %s", strerror(errno));
    }
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(commands[0], 0);
        dup2(answers[1], 1);
        execl(file, program, server->authority, (char *)NULL);
        die("%s: %s", file, strerror(errno));
    }
    close(commands[0]);
    close(answers[1]);
    child->commands = fdopen(commands[1], "w");
    child->answers = fdopen(answers[0], "r");
    return child;
}

void child_say(struct child *child, const char *what, size_t threads, size_t calls)
{
    fprintf(child->commands, "%s %zu %zu\n", what, threads, calls);
    fflush(child->commands);
}

struct sample child_answer(struct child *child)
{
    struct sample answer;
    if (fscanf(child->answers, "%lf %lf", &answer.wall, &answer.processor) != 2) {
        die("%s gave no answer", child->program);
    }
    return answer;
}

void child_stop(struct child *child)
{
    fclose(child->commands); /* it ends when there are no more */
    fclose(child->answers);
    waitpid(child->pid, NULL, 0);
    free(child);
}

static void open_clientv3(const struct server *server, void **sessions, size_t count)
{
    (void)count;
    sessions[0] = child_start(CLIENTV3_PROGRAM, server);
}

static void open_etcd_client(const struct server *server, void **sessions, size_t count)
{
    (void)count;
    sessions[0] = child_start(ETCD_CLIENT_PROGRAM, server);
}

static void close_child(void **sessions, size_t count)
{
    (void)count;
    child_stop(sessions[0]);
}

static struct sample batch(void *session, enum call call, size_t threads, size_t calls)
{
    child_say(session, call == GET ? "GET" : "PUT", threads, calls);
    return child_answer(session);
}

static struct sample plain_batch(void *session, enum call call, size_t threads, size_t calls)
{
    child_say(session, call == GET ? "plain-GET" : "plain-PUT", threads, calls);
    return child_answer(session);
}

const struct contender clientv3 = {"clientv3", open_clientv3, NULL, close_child, batch};
const struct contender clientv3_plain = {"clientv3, plain", open_clientv3, NULL, close_child, plain_batch};
const struct contender etcd_client_crate = {"etcd-client", open_etcd_client, NULL, close_child, batch};
const struct contender etcd_client_plain = {"etcd-client, plain", open_etcd_client, NULL, close_child, plain_batch};
