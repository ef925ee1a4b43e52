/*
 * Move figures: what moves were like, by cause, as histograms since the start.
 *
 * They are what the ledger's entries say, summed up, so that a thousand moves in a second leave
 * their mark although the ledger holds no more than the newest. Each series has the same bounds;
 * a value counts in the first bucket whose bound it does not exceed, and in the last one if there
 * is none.
 */
#ifndef PEERD_CORE_MOVE_FIGURES_H
#define PEERD_CORE_MOVE_FIGURES_H

#include "peerd/core/move.h"

/*  X(field, what is counted): a histogram each, [ms] */
#define MOVE_SERIES(X)                                                                             \
    X(prepare, "from our first order to the worker that has taken it on, of sessions that left")   \
    X(overlap_leaving, "from there until the session had gone")                                    \
    X(overlap_arriving, "from the hedge to the commit, of sessions that came by one")              \
    X(detect, "from the first frame missed to the hedge or commit, as clients reported")           \
    X(first_frame, "from there to the first frame of the new server, as clients reported")         \
    X(gap, "without media at the output, as clients reported")

#define MOVE_BUCKETS 16 /* the last one has no bound */
#define MOVE_CAUSES  (MOVE_CAUSE_RETURN + 1)

struct move_histogram {
    uint64_t counts[MOVE_BUCKETS];
    uint64_t sum_ms;
};

struct move_figures_of_cause {
    uint64_t left, arrived;            /* moves entered */
    uint64_t full, quick, least;       /* of those that arrived, with that pre-roll */
    uint64_t cancelled;                /* called off, of either side; in no other figure */
    uint64_t told;                     /* of those that arrived, with the client's word … */
    uint64_t lost;                     /* … of frames missing at their playout instant … */
    uint64_t duplicates;               /* … and of further copies */
    uint64_t held[PROTECTION_HOT + 1]; /* of those that arrived: enum protection, see move.h */
#define MOVE_SERIES_FIELD(field, text) struct move_histogram field;
    MOVE_SERIES(MOVE_SERIES_FIELD)
#undef MOVE_SERIES_FIELD
};

struct move_figures {
    struct move_figures_of_cause of[MOVE_CAUSES];
};

/* [ms] upper bound of a bucket below MOVE_BUCKETS - 1. */
uint32_t move_bucket_ms(unsigned bucket);

uint64_t move_histogram_count(const struct move_histogram *h);

/* A move that is over or was called off, with the cause as it turned out; each at most once. */
void move_figures_entered(struct move_figures *f, const struct move *m, enum move_cause cause);

/* What its client says of one. A first frame that never came counts in no series. */
void move_figures_told(struct move_figures *f, enum move_cause cause,
                       const struct message_moved *told);

void move_figures_check_invariants(const struct move_figures *f);

#endif
