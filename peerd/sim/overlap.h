/*
 * Overlap: when two servers may both be sending to one listener, by what it asked of them.
 *
 * Who was asked to serve, or to be hot, sends until it is released; who was asked to hedge for half
 * a second at most. What was asked, and what was released, takes a trip to be heard of, and what
 * was sent before is on its way for as long. While two of them may send a frame may come twice; so
 * it may for a trip after any question, which may be answered with what has come meanwhile. Any
 * other copy is one that nobody has asked for. Pure; both runners look at the wire with it.
 */
#ifndef PEERD_SIM_OVERLAP_H
#define PEERD_SIM_OVERLAP_H

#include "peerd/wire/message.h"

#define OVERLAP_SITES    6   /* that send at a time; the one that ends first makes room */
#define OVERLAP_SLACK_MS 100 /* [ms] over a trip: queues, jitter, and a copy that was asked for */

struct overlap_site {
    uint32_t site;
    struct instant until; /* it may send; "never": until it is released */
};

struct overlap {
    struct overlap_site sites[OVERLAP_SITES];
    uint8_t count;
    struct instant answered; /* when the answer to the newest question is here */
};

/* A resume of that purpose has gone out; `trip` is there and back, as well as it is known. */
void overlap_sent(struct overlap *o, uint32_t site, enum resume_purpose purpose,
                  struct duration trip, struct instant now);

/* It serves, and nobody knows since when. */
void overlap_serves(struct overlap *o, uint32_t site);

/* Whether a frame that comes now for the second time is of an overlap. */
bool overlap_covers(const struct overlap *o, struct instant now);

#endif
