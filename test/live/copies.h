/*
 * Copies: frames that reach a listener twice on the wire where no two servers had been asked to
 * send (see peerd/sim/overlap.h). What is resent on request has a source of its own, and is none.
 */
#ifndef TEST_LIVE_COPIES_H
#define TEST_LIVE_COPIES_H

#include "peerd/sim/overlap.h"
#include "test/live/tap.h"

#define COPIES_BACK 1024 /* frames back that are remembered: 20 s */

/* Of one listener; zero at the beginning. */
struct copies {
    struct overlap overlap;
    uint32_t ssrc;              /* of its stream; another one is another session */
    uint32_t seen[COPIES_BACK]; /* by the sequence number's place: that number, and one */
    uint64_t apart;             /* [frames] */
};

/* Every packet to or from that listener; `trip` is there and back between it and the site. */
void copies_seen(struct copies *c, const struct tap_packet *p, struct duration trip);

#endif
