/*
 * Benches that are simulations: `peersim --bench NAME …`.
 *
 * Each has a file bench_NAME*.c, options of its own, `--seed N` or `--seed 1..50`, prints for
 * people or, with --json, one JSON object in the last line, and ends with 0 if what it asks is met,
 * 1 if not, 2 if it cannot be asked. They drive the very functions that the programs use.
 */
#ifndef PEERD_SIM_BENCH_H
#define PEERD_SIM_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_USAGE_STATUS 2

struct bench_seeds {
    uint64_t first, last;
};

/* True if the command line names a bench; bench_main then answers it and returns the exit status.
 */
bool bench_is_wanted(int argc, char **argv);
int bench_main(int argc, char **argv);

/* `7` or `1..50`. False: it has said what is wrong. */
bool bench_take_seeds(struct bench_seeds *out, const char *text);

/* A whole number from `min` to `max`. False: it has said what is wrong. */
bool bench_take_number(uint64_t *out, uint64_t min, uint64_t max, const char *option,
                       const char *text);

/* The benches: handed all of the command line, in which --bench and its value are to be skipped. */
int bench_degradation(int argc, char **argv);
int bench_ranking(int argc, char **argv);

#endif
