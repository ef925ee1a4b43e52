/*
 * Counterpart: the two ends of a move tell each other what only one of them knows.
 *
 * Who took a session over knows under which epoch, what turned out to be the cause, and what it was
 * like for its client; who was left knows under which epoch it had been, how long the order took
 * and how long both sent. Each tells the other in its beats, one move in each, as soon as it knows
 * all that it is going to (COUNTERPART_PATIENCE for a client's word), COUNTERPART_TIMES times since
 * beats are lost, and nothing that is older than COUNTERPART_FOR. A peer that is not there is told
 * when it is back. What is told completes the entry of the ledger.
 *
 * A client that saves itself does so without a word to where it was: a cluster that lives and is
 * cut off sees leases end, and cannot tell them from listeners who have had enough. So the last
 * COUNTERPART_GONE sessions that ended here unasked are remembered, and entered as moves when a
 * peer tells that it serves them. So are those who were asked to go and were on their way as that
 * was called off (an undrain): the move that was entered as cancelled took place, and its entry
 * says so from then on. Of anything else that a peer may tell nothing is entered: nobody fills
 * another's ledger, and a restart knows no such session.
 */
#ifndef PEERD_CORE_COUNTERPART_H
#define PEERD_CORE_COUNTERPART_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdint.h>

#define COUNTERPART_PATIENCE duration_s(5)   /* [s] a client tells with its next reports */
#define COUNTERPART_FOR      duration_s(300) /* [s] five a second are told: the whole ledger */
#define COUNTERPART_TIMES    2               /* beats that carry the same */
#define COUNTERPART_LOOKS    64              /* entries looked at for a beat */
#define COUNTERPART_GONE     256             /* sessions */

struct beat;
struct core;
struct peering;
struct session;

struct counterpart_gone {
    struct session_id session;
    uint32_t epoch;
    struct instant at;
};

/* Allocated when the first one ends. */
struct counterparts {
    struct counterpart_gone gone[COUNTERPART_GONE]; /* a ring */
    uint32_t count;                                 /* in all */
};

/* A session that nobody asks to go is not served here any more; it may stand by. */
void counterpart_ended(struct core *core, const struct session *s);

/* Into a beat, and out of one. */
void counterpart_fill(const struct core *core, struct peering *to, struct beat *beat);
void counterpart_heard(struct core *core, struct peering *from, const struct beat *beat);

#endif
