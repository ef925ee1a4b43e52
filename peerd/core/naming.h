/*
 * Naming: whom a client of ours is to measure besides its backups.
 *
 * Of the peers that could be its backup, in the order of their ranking for its location, those
 * whose turn it is there (topo/turn.h): a handful with the answer that opens the session, and
 * others while it lasts, whenever its worker asks for them (transcoder/timeline/naming.h says
 * when). Its backups are not among them, since it measures those all the time. Only peers are ever
 * named, so for a cluster that knows a thousand others it is 10 to 20 all the same.
 */
#ifndef PEERD_CORE_NAMING_H
#define PEERD_CORE_NAMING_H

#include "peerd/core/core.h"
#include "peerd/core/outbox.h"

struct node;
struct session;

/* Of peers given as indexes, best ranked first, whose turn it is for a client there; `id` is its
 * session's. Returns how many; none where policy has nothing measured. */
uint32_t naming_choose(struct core *core, const struct prefix *location, const uint8_t *ranked,
                       size_t count, const struct session_id *id,
                       struct core_backup out[API_PROBES_MAX]);

/* The same for a session that is here already, ranked anew. */
uint32_t naming_of_session(struct core *core, const struct session *s,
                           struct core_backup out[API_PROBES_MAX]);

/* What a node has asked for, for its own sessions alone. Good until the next call; NULL and 0 if
 * there is nothing, or no memory. */
const struct node_named *naming_answer(struct core *core, const struct node *n,
                                       const struct node_request *asked, uint32_t *count);

#endif
