/* Measures in a process of its own. */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void alone(void (*measure)(const struct plan *plan, size_t which), const struct plan *plan, size_t which)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(plan, which);
        fflush(stdout);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        die("the process that measures has failed");
    }
}
