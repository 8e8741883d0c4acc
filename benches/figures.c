/* From samples to figures that a noisy machine does not change much: ratios of what ran side by side, and of
 * those the median. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double clock_us(int clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct spread spread_of(const double *values, size_t count)
{
    double *sorted = malloc(count * sizeof *sorted);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    struct spread spread = {
        .median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
        .low = sorted[(count - 1) / 4],
        .high = sorted[count - 1 - (count - 1) / 4],
        .least = sorted[0],
        .most = sorted[count - 1],
    };
    free(sorted);
    return spread;
}

struct spread ratio_of(const struct sample *a, const struct sample *b, size_t rounds, double (*field)(struct sample))
{
    double *ratios = malloc(rounds * sizeof *ratios);
    for (size_t i = 0; i < rounds; i++) {
        ratios[i] = field(a[i]) / field(b[i]);
    }
    struct spread spread = spread_of(ratios, rounds);
    free(ratios);
    return spread;
}

double wall(struct sample sample)
{
    return sample.wall;
}

double processor(struct sample sample)
{
    return sample.processor;
}

double median_of(const struct sample *samples, size_t rounds, double (*field)(struct sample))
{
    double *values = malloc(rounds * sizeof *values);
    for (size_t i = 0; i < rounds; i++) {
        values[i] = field(samples[i]);
    }
    double median = spread_of(values, rounds).median;
    free(values);
    return median;
}

void print_ratio(struct spread ratio)
{
    char text[32];
    snprintf(text, sizeof text, "%.2f (%.2f-%.2f)", ratio.median, ratio.low, ratio.high);
    printf("%-18s ", text);
}

void target(const char *what, double here, const char *relation, double limit)
{
    int reached = relation[0] == '<' ? here <= limit : here >= limit;
    printf("  %-8s libetcd: %s %s %.2f: %.2f\n", reached ? "reached" : "MISSED", what, relation, limit, here);
}

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(1);
}
