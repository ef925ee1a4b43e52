/*
 * Candidates: what the core knows of its peers as backups, put the way topo/rank wants it.
 */
#ifndef PEERD_CORE_RANKING_H
#define PEERD_CORE_RANKING_H

#include "peerd/core/outbox.h"
#include "peerd/core/state.h"

/* What is to be backed up: as our node makes it, from the source that it has. Without a service
 * only the way to the cluster counts, and neither what it makes nor what was agreed. */
struct ranking_about {
    const struct name *service;
    const struct node_profile *made;
    const struct node_source *source;
    struct prefix location; /* of the client; none: anywhere */
};

/* One a peer, by its index; returns how many. A peer that comes and goes is usable only with
 * `damped_too`: it is better than none. */
size_t ranking_candidates(const struct core *core, const struct ranking_about *about,
                          bool damped_too, struct rank_candidate out[POLICY_PEERS_MAX]);

/* The same for a session that is served here, in their order, best first. */
size_t ranking_of_session(const struct core *core, const struct session *s, bool damped_too,
                          uint8_t order[RANK_CANDIDATES_MAX]);

/* Ourselves among them, as one who serves that location already. */
struct rank_candidate ranking_self(const struct core *core, const struct ranking_about *about);

/* Whether `residence` lets clients of the location be served there; family 0: of nobody knows
 * where, who may be anywhere. A peer that has not told its region is in none. */
bool ranking_may_reside(const struct core *core, const struct peering *p,
                        const struct prefix *location);

/* A peer as a client is told of it, with one of its workers. */
struct core_backup ranking_backup(const struct peering *p, const struct session_id *id);

/* From a peer to clients of a location, as they have measured it or estimated; zero: unknown. */
struct duration ranking_rtt(const struct core *core, const struct peering *p,
                            const struct prefix *location);

/* The same of all peers, by index. */
void ranking_rtts(const struct core *core, const struct prefix *location,
                  struct duration out[POLICY_PEERS_MAX]);

#endif
