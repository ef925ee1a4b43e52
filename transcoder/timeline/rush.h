/*
 * Rush: when those who are refused are to come back.
 *
 * When a site dies thousands ask its backups within a tenth of a second, and whoever finds no room
 * is told to come back. Told the same wait, all would come back in step, again and again. So each
 * wait is drawn from a span, by the session and the number of its question, and the span is as long
 * as it takes to hear all who were refused lately at RUSH_ANSWERS_PER_S: a few come back soon, a
 * herd over seconds. The span is bounded, since a client gives up after ten seconds without any
 * server.
 *
 * Refusals are counted in a bucket that leaks at that pace. No randomness: sessions have random
 * ids.
 */
#ifndef TRANSCODER_TIMELINE_RUSH_H
#define TRANSCODER_TIMELINE_RUSH_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>

#define RUSH_ANSWERS_PER_S                                                                         \
    200                       /* [1/s] of one worker to those it had refused: little beside media */
#define RUSH_SPAN_MS_MAX 4000 /* [ms] */
#define RUSH_CROWD_MS    200  /* [ms] of answers to those who were refused: they are a crowd */

struct rush {
    int64_t refused_us; /* [µs] that it takes to answer who was refused lately … */
    struct instant at;  /* … as of then */
};

void rush_init(struct rush *c, struct instant now);

/* One more is refused. */
void rush_refused(struct rush *c, struct instant now);

/* Were so many refused lately that one had better not look at each closely? */
bool rush_is_crowd(const struct rush *c, struct instant now);

/* [ms] after which this one may ask again, at least `least_ms`. */
uint32_t rush_wait_ms(struct rush *c, const struct session_id *who, uint64_t counter,
                      uint32_t least_ms, struct instant now);

/* The same for who must be heard sooner: the span is at most `span_ms_max`. */
uint32_t rush_wait_within_ms(struct rush *c, const struct session_id *who, uint64_t counter,
                             uint32_t least_ms, uint32_t span_ms_max, struct instant now);

#endif
