/*
 * Opening a session: from a request that policy let in to a ticket's fields.
 *
 * The worker is the one with most free slots on the node with most; the backups are ranked by
 * topo/rank.h over what peers say in descriptions and beats. Just after a start, while peers have
 * not described themselves, an open would get a ticket without backups for its whole life: it is
 * asked to come back, for OPEN_SETTLE at most.
 */
#ifndef PEERD_CORE_OPEN_H
#define PEERD_CORE_OPEN_H

#include "peerd/core/core.h"
#include "peerd/core/table.h"

#define OPEN_SETTLE duration_ms(1000) /* [ms] a round of beats and a fetch take far less */

/* An answer given, in case the same question comes again. */
struct memory {
    uint8_t digest[32];
    struct instant at;
    struct core_answer_open answer;
    struct policy_profile profile; /* that the answer points to */
    UT_hash_handle hh;
};

/* Answers remembered, oldest first; at most CORE_IDEMPOTENT_MAX. */
struct memories {
    struct memory *by_digest; /* uthash; insertion order is order of age */
};

/* CORE_SESSION_OPEN. */
void session_open(struct core *core, const struct core_event *event, struct core_outbox *outbox);

/* Forgets what nobody asks for any more; with every report of a node is often enough. */
void memories_expire(struct core *core);

void memories_free(struct memories *m);

#endif
