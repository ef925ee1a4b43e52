/*
 * Digests: peers tell one another, in beats, how their clients fare at each location.
 *
 * One is made for all peers alike, as often as each of them has a beat at least, and rides the next
 * beat to each; a beat that is lost takes it along, and what it said comes again in its turn. What
 * may leave the cluster, and how many bytes of it a second, is the policy's to say; which locations
 * come first is perf_pick()'s. Made only while there is somebody to tell of.
 */
#ifndef PEERD_CORE_DIGESTS_H
#define PEERD_CORE_DIGESTS_H

#include "monitor/perf.h"
#include "peerd/wire/beat.h"

#define DIGESTS_EVERY_MIN duration_ms(200)  /* [ms] fresh enough to tell whose fault a fall is */
#define DIGESTS_EVERY_MAX duration_ms(1000) /* [ms] any peer has a beat by then */
#define DIGESTS_ROOM_MIN  48 /* [bytes] a budget too small for this makes them rarer */

struct core;
struct peering;

/* The newest. */
struct digests {
    struct instant next_at;
    uint32_t number; /* counts from 1 */
    uint8_t len;     /* [bytes] 0: there was nothing to tell */
    uint8_t bytes[BEAT_DIGEST_MAX];
    uint8_t trips[PERF_PICK_MAX]; /* codes of wire/coarse, one for each location of it */
    uint8_t trip_count;           /* 0: of none a round trip is known */
};

/* Puts the newest into the beat, if the peer has not had it. */
void digests_fill(struct core *core, struct peering *to, struct beat *beat);

/* Takes what a peer's beat carries, if anything. One that cannot be read is counted. */
void digests_heard(struct core *core, const struct peering *from, const struct beat *beat);

#endif
