/*
 * Coordinates: where we are among our peers, learnt from the round trips of beats (topo/coord), and
 * where clients are, from the round trips that clusters measure to them.
 *
 * A cluster tells each peer its own coordinate, in a block of a beat: every second while it is
 * young, every ten later. Whoever hears it takes it together with the round trip to that peer as
 * one measurement. The clients of a location are where the round trips to at least three clusters
 * put them; those from which nobody of them has been measured are estimated from there. A peer that
 * lies about its place shifts what nobody has measured, and nothing else.
 *
 * Allocated when first used, and only where it is followed how clients fare and the policy's
 * `performance.coordinates` is on.
 */
#ifndef PEERD_CORE_COORDS_H
#define PEERD_CORE_COORDS_H

#include "peerd/core/fares.h"
#include "peerd/wire/beat.h"
#include "topo/coord.h"

#define COORDS_YOUNG       duration_s(60)
#define COORDS_EVERY_YOUNG duration_s(1)    /* [s] to each peer */
#define COORDS_EVERY       duration_s(10)   /* [s] paths change seldom */
#define COORDS_HEED_MIN    duration_ms(500) /* [ms] of one peer more often are not taken */
#define COORDS_TRIPS_MIN   3                /* fewer round trips leave a location anywhere */

struct coords;

void coords_free(struct core *core);

/* Puts our own into the beat, if the peer takes blocks and it is time. */
void coords_fill(struct core *core, const struct peering *to, struct beat *beat);

/* Takes what a peer's beat tells of its own, if anything. One that is none is counted. */
void coords_heard(struct core *core, const struct peering *from, const struct beat *beat);

/* It is a peer no longer. */
void coords_forget(struct core *core, const struct peering *p);

/* Where a peer is, as it says; NULL: unknown. */
const struct coord *coords_of(const struct core *core, const struct peering *p);

/* Where we are; NULL: that is not followed, or not known yet. */
const struct coord *coords_own(const struct core *core);

/* Where clients of a location are. False: too few clusters have measured them. */
bool coords_locate(const struct core *core, const struct prefix *location,
                   const struct fares_words *words, struct coord *out);

#endif
