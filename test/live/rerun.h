/*
 * Rerun: a scenario run once more as a program of its own, and the report that it leaves.
 */
#ifndef TEST_LIVE_RERUN_H
#define TEST_LIVE_RERUN_H

#include <jansson.h>
#include <stdbool.h>

/* The report of one run with that seed, with the real programs or in peersim; the caller's to
 * json_decref(). NULL if there is none. `status` is how the program ended, −1 if by a signal. */
json_t *rerun_report(bool live, const char *file, unsigned long long seed, int *status);

/* The same; with the real programs a run in which this machine stood still for more than 30 ms
 * tells of the machine and is made again, twice at most: how often is added to `again`. */
json_t *rerun_undisturbed(bool live, const char *file, unsigned long long seed, unsigned *again);

#endif
