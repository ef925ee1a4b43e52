/*
 * Lapses: how long the serving path loses everything and is back by itself.
 *
 * A client that has a hedge loses nothing by waiting a little before it commits, and gains whenever
 * the path returns. How long that pays is learnt: each run of frames lost in a row, cut at
 * LAPSES_FRAMES_MAX, is a lapse. Runs of a path that forgets (Gilbert's) are geometric, so one of
 * b frames on average lasts longer than n with less than e^(-n/b), and LAPSES_TIMES mean runs are
 * outlasted by one lapse in a hundred thousand by frames alone; answers to the questions for a sign
 * of life, which are half as many, make that rarer still. Old lapses are forgotten by half a
 * minute.
 *
 * A path that lost nothing yet is believed to lose nothing, but only once it has been heard for a
 * while: bursts of three frames that lose 2 % come every three seconds.
 */
#ifndef TRANSCODER_TIMELINE_LAPSES_H
#define TRANSCODER_TIMELINE_LAPSES_H

#include "peerd/base/time.h"

#include <stdbool.h>

#define LAPSES_FRAMES_MAX 25    /* frames: what is longer is an outage, and no rule */
#define LAPSES_COUNT_MAX  64    /* runs: more of them are halved, so that the newest count */
#define LAPSES_TIMES      12    /* mean runs */
#define LAPSES_PRIOR_RUNS 4     /* runs that are always counted beside those seen, … */
#define LAPSES_PRIOR      12    /* … of three frames each: a few short ones prove little */
#define LAPSES_HALF_MS    60000 /* [ms] in which old ones lose half their weight */

struct lapses {
    struct instant since; /* the path serves */
    struct instant at;    /* when the sums were true */
    uint32_t runs;
    uint32_t frames; /* in them */
};

/* Another path serves from now on. */
void lapses_restart(struct lapses *l, struct instant now);

/* So many frames in a row did not come, and then one did. */
void lapses_seen(struct lapses *l, uint64_t frames, struct instant now);

/* How long a lapse that begins now may last before it is unlike all others; zero if there are
 * none. */
struct duration lapses_bear(const struct lapses *l, struct duration frame, struct instant now);

/* True if the path has lost nothing and has not served for longer than `young`. */
bool lapses_are_unknown(const struct lapses *l, struct duration young, struct instant now);

#endif
