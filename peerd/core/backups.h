/*
 * Backups: whom the answer to an open names beside the server, best first by topo/rank.
 *
 * The ticket's own backups, then others whom the client may probe (naming.h). Of a session that
 * begins at a peer (redirect.h) the ticket names that one first, as if it had been moved there, and
 * the answer names us among the others: at our rank, or last, but always, for whoever serves may
 * send it home.
 */
#ifndef PEERD_CORE_BACKUPS_H
#define PEERD_CORE_BACKUPS_H

#include "peerd/core/outbox.h"
#include "peerd/core/ranking.h"

/* With the ticket's session id filled in, for one that begins here. */
void backups_rank(struct core *core, const struct ranking_about *about,
                  struct core_answer_open *answer);

/* The same for one that begins at a peer, and the answer's server. */
void backups_rank_elsewhere(struct core *core, const struct ranking_about *about,
                            const struct peering *to, struct core_answer_open *answer);

#endif
