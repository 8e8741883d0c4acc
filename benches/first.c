/* Part "first": from nothing to the first reply: the library is loaded, a client made, one key read. Beside libcurl, of
 * which the same is done. Each time in a process of its own, which is a copy of one that has loaded neither. */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIBRARY, CURL_EASY };
static const char *const programs[] = {"first-libetcd", "first-libcurl"};

static struct sample run(const struct server *server, size_t who)
{
    int ends[2];
    if (pipe(ends)) {
        die("no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        char path[4096], port[8];
        ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        char *slash = path;
        for (char *at = path; *at; at++) {
            slash = *at == '/' ? at : slash;
        }
        snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "%s", programs[who]);
        snprintf(port, sizeof port, "%u", server->port);
        execl(path, programs[who], port, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char text[64] = "";
    ssize_t length = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    int status;
    struct sample sample;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || length <= 0 ||
        sscanf(text, "%lf %lf", &sample.wall, &sample.processor) != 2) {
        die("%s failed", programs[who]);
    }
    return sample;
}

void part_first(const struct plan *plan)
{
    size_t rounds = plan->rounds * 5;
    struct sample *samples[2];
    for (size_t i = 0; i < 2; i++) {
        samples[i] = malloc(rounds * sizeof *samples[i]);
        run(&plan->server, i); /* from the disk */
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < 2; i++) {
            size_t who = (i + round) % 2;
            samples[who][round] = run(&plan->server, who);
        }
    }
    printf("Loading the library and the first GET, %zu rounds: microseconds\n\n", rounds);
    printf("  %-18s %8s %9s   %-18s %-18s\n", "", "wall", "processor", "wall / libcurl", "processor / libcurl");
    for (size_t i = 0; i < 2; i++) {
        printf("  %-18s %8.0f %9.0f   ", i == LIBRARY ? "libetcd" : "libcurl, easy", median_of(samples[i], rounds, wall),
               median_of(samples[i], rounds, processor));
        print_ratio(ratio_of(samples[i], samples[CURL_EASY], rounds, wall));
        print_ratio(ratio_of(samples[i], samples[CURL_EASY], rounds, processor));
        printf("\n");
    }
    printf("\n");
    target("wall time / libcurl's", ratio_of(samples[LIBRARY], samples[CURL_EASY], rounds, wall).median, "<=", 0.5);
    printf("\n");
    for (size_t i = 0; i < 2; i++) {
        free(samples[i]);
    }
}
