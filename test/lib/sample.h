/*
 * Samples: figures of one kind from several runs, and how two runners differ in them.
 */
#ifndef TEST_LIB_SAMPLE_H
#define TEST_LIB_SAMPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct sample {
    double *values; /* owned; [ms] */
    double
        grain_ms; /* values are multiples of this, each standing for half of it either way; 0: no */
    size_t count, room;
};

enum sample_kind {
    SAMPLE_NOTICED, /* from the first missing arrival to the hedge or commit, of each move */
    SAMPLE_FIRST,   /* from the same instant to the new server's first frame */
    SAMPLE_GAP,     /* longest stretch of media missing at the output, of each listener */
    SAMPLE_VERDICT, /* from the event to each observer's first verdict on a peer that has failed */
    SAMPLE_COUNT
};

/* What one runner says of one scenario, all runs together. */
struct samples {
    struct sample kinds[SAMPLE_COUNT];
    unsigned runs, failed; /* failed: it said no report, or that the run was broken */
    double moves;          /* of all runs */
    double frames_lost, frames_expected;
};

const char *sample_name(enum sample_kind kind);

void sample_add(struct sample *s, double value);

/* Sorts. Of grains it is that of grouped data, so that it does not jump by a whole one. */
double sample_median(struct sample *s);
double sample_max(const struct sample *s);

/* Takes in a report: the JSON of peerd/sim/report.h. NULL counts as a failed run. */
void samples_take(struct samples *s, const json_t *report);
void samples_free(struct samples *s);

/* The median of fewer says little: a verdict falls anywhere within a beat's interval. */
#define SAMPLE_FEW 6

/* True if the medians are within 20 % or 15 ms of one another, whichever is more, or neither has
 * any. */
bool sample_agrees(struct sample *a, struct sample *b);

#endif
