/*
 * The wall clock of a site, which a scenario may step: test/lib/wall in its programs, and the
 * number that it adds.
 */
#ifndef TEST_LIVE_WALLCLOCK_H
#define TEST_LIVE_WALLCLOCK_H

#include "peerd/sim/scenario.h"

#define WALLCLOCK_LIBRARY "wall.so" /* in the folder `test` of a build */

struct wallclock {
    char library[160]; /* path; empty: this site's clock is the machine's */
    char file[160];    /* path of the number */
    int64_t *offset;   /* [µs] shared with the programs; owned */
};

/* True if the clock of some site is to step. */
bool wallclock_is_wanted(const struct scenario *s);

/* A clock that is right, so far. `dir` is the site's, where `library` is as well. False with errno
 * set. */
bool wallclock_make(struct wallclock *w, const char *dir, const char *library);
void wallclock_step(struct wallclock *w, int64_t us);
void wallclock_close(struct wallclock *w);

#endif
