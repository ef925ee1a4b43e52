/*
 * A run that failed, cut down and saved: what a person looks at first.
 */
#ifndef PEERD_SIM_SHRUNK_H
#define PEERD_SIM_SHRUNK_H

#include "peerd/sim/trial.h"

#include <stdio.h>

#define SHRUNK_PATH_MAX 511 /* [bytes] */

struct shrunk_request {
    const char *text;    /* the scenario; not NULL */
    const char *folder;  /* of its files; NULL: this one */
    const char *name;    /* of the file that is saved, without its ending */
    const char *save_to; /* folder; made if it is not there */
    uint64_t seed;
    int limit_s; /* [s] for all of it */
};

struct shrunk {
    char path[SHRUNK_PATH_MAX + 1];
    char failure[TRIAL_FAILURE_MAX + 1]; /* what fails; of the saved one after shrunk_save */
    uint32_t entries_before, entries_after;
    uint32_t attempts;
};

/* False: it did not fail when it was run again, or could not be saved; `failure` says why. */
bool shrunk_save(const struct shrunk_request *request, struct shrunk *out);

/* Says what was saved, and how to run it. */
void shrunk_tell(const struct shrunk *shrunk, uint64_t seed, FILE *out);

#endif
