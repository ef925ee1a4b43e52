/*
 * Opening a session: from a request that policy let in to a ticket's fields.
 *
 * The worker is the one with most free slots on the node with most; the backups are ranked by
 * topo/rank.h over what peers say in descriptions and beats (backups.h). While we drain, or where
 * the policy says so, it begins at a peer instead (redirect.h). Just after a start, while peers
 * have not described themselves, an open would get a ticket without backups for its whole life: it
 * is asked to come back, for OPEN_SETTLE at most.
 */
#ifndef PEERD_CORE_OPEN_H
#define PEERD_CORE_OPEN_H

#include "peerd/core/core.h"

#define OPEN_SETTLE duration_ms(1000) /* [ms] a round of beats and a fetch take far less */

/* CORE_SESSION_OPEN. */
void session_open(struct core *core, const struct core_event *event, struct core_outbox *outbox);

#endif
