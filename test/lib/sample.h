/*
 * Samples: figures of one kind from several runs, as reports have them. likeness.h says whether two
 * are of one distribution.
 */
#ifndef TEST_LIB_SAMPLE_H
#define TEST_LIB_SAMPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct sample_value {
    double ms;
    unsigned run; /* from which; what is of one run is not independent */
};

struct sample {
    struct sample_value *values; /* owned */
    double
        grain_ms; /* values are multiples of this, each standing for half of it either way; 0: no */
    size_t count, room;
};

enum sample_kind {
    SAMPLE_ASKED,   /* from the event to the first hedge that a listener asks for, of each */
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

/* To be sorted before quantiles are asked for. */
void sample_add(struct sample *s, double ms, unsigned run);
void sample_sort(struct sample *s);

/* `part` from 0 to 1; 0 of none. Of grains it is that of grouped data, so that it does not jump by
 * a whole one, and never below 0. */
double sample_quantile(const struct sample *s, double part);
double sample_max(const struct sample *s);

/* Takes in a report: the JSON of peerd/sim/report.h. NULL counts as a failed run. */
void samples_take(struct samples *s, const json_t *report);
void samples_free(struct samples *s);

#endif
