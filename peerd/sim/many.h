/*
 * Many runs: seed after seed, on all cores, until the first failures or to the end.
 */
#ifndef PEERD_SIM_MANY_H
#define PEERD_SIM_MANY_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define MANY_JOBS_MAX 256
#define MANY_NAME_MAX 95

struct report_watch;

struct many_options {
    const char *path;    /* of a scenario, for people; NULL: the swarm */
    const char *text;    /* of it */
    const char *folder;  /* in which it lies */
    const char *save_to; /* folder for shrunk scenarios; NULL: nothing is cut down */
    uint64_t first_seed;
    uint64_t runs;
    uint32_t jobs;   /* at once; 0: as many as there are cores */
    bool json;       /* closes with all runs' watch (report_watch.h) in one line instead */
    bool keep_going; /* after a failure; else those under way end and no more begin */
    struct duration detect_within; /* in place of the scenario's, see trial.h; zero: as it says */
    struct report_watch *sum; /* gets all runs' watch, and nothing is said at the end; or NULL */
};

/* Says how it goes, and closes with `N passed, N failed, N skipped` (skipped: not begun). True if
 * all passed. */
bool many_run(const struct many_options *options);

/* What a run is called where it is kept: a file by its own name, a drawn one by that of the swarm,
 * and the seed. */
void many_name(const char *path, uint64_t seed, char out[MANY_NAME_MAX + 1]);

#endif
