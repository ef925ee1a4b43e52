/*
 * Deaths: of reports of runs in which serving sites are killed, what each death was like for each
 * listener that was served there. Pure.
 *
 * A trial is one listener at one death. What it lost is what was due within a second after it: by
 * then the output has passed all that the move has to do with. What was lost at any other time is
 * the path's own, and counted apart.
 */
#ifndef TEST_LIVE_DEATHS_H
#define TEST_LIVE_DEATHS_H

#include "peerd/sim/report.h"

#include <jansson.h>

#define DEATHS_WITHIN_MS 1000

struct death_trial {
    unsigned long long seed;
    char client[REPORT_NAME_LEN_MAX + 1];
    int64_t at_ms;          /* of the death */
    int64_t lost_ms;        /* [ms] of media lost, all together */
    int64_t gap_ms;         /* [ms] longest stretch in a row */
    int64_t detect_ms;      /* as its client says; −1: it has not moved */
    int64_t first_frame_ms; /* likewise */
};

struct deaths {
    struct death_trial *trials; /* owned */
    size_t count, room;
    unsigned runs, failed; /* `failed`: there is no report, or it says that something is wrong */
    unsigned deaths;       /* with somebody at them */
    double seconds;        /* of listening at all other times */
    int64_t lost_apart_ms; /* [ms] of media lost then */
    uint64_t reordered;    /* packets at the players */
    uint64_t twice_apart;  /* frames that came twice outside of any overlap */
};

void deaths_free(struct deaths *d);

/* Adds a run of that scenario; `report` may be NULL. */
void deaths_take(struct deaths *d, const struct scenario *s, unsigned long long seed,
                 const json_t *report);

/* [ms] the gap that so many of a thousand trials do not exceed, nearest rank. */
int64_t deaths_gap_ms(struct deaths *d, unsigned per_mille);

/* How many have lost nothing. */
size_t deaths_whole(const struct deaths *d);

int64_t deaths_lost_ms(const struct deaths *d);

/* Afterwards trials are in this order: the longest gap first, then who was heard last. */
void deaths_sort(struct deaths *d);

#endif
