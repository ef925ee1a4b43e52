/*
 * Redirect: a new session begins at a peer, not here.
 *
 * When: while we drain; and, as `limits.redirect` of the policy says, when there is no room here or
 * no node of ours that makes it (when_full), or when a peer is clearly better for the client's
 * location (when_better), by the order of topo/rank without what only backups are asked for
 * (independence, the same determinism id). Clearly: it comes before us by a rule that is
 *     experience   and the worst that its clients may fare there is better than the best of ours,
 * or nearness     and it is nearer by a quarter and REDIRECT_GAIN, measured or estimated: how far
 *                  clusters are from each other says nothing about clients.
 * A peer that costs something is not better for being nearer: cost comes first. Just after a start,
 * and while nodes of ours have not registered, nobody is sent on.
 *
 * How: the ticket is ours, and names that peer as its first backup; the answer names it as the one
 * that serves. So all is as if the session had begun here and had been moved at once: the peer
 * knows it as one of ours, to which agreement, residence and its own credit apply, and whatever
 * holds for sessions that were moved holds for it. The client commits there at first and needs to
 * know nothing of this: no further door, no other token, no further round trip, and no older client
 * is left out. An HTTP redirect (307) would want all of that, and a bound on hops; here one is all
 * there can be, for a worker answers or refuses and sends nobody on. Who is refused there goes on
 * to the next cluster in its list, as ever; we are in it, whatever our rank, and serve it if there
 * is room. Nothing is kept here of such a session.
 *
 * Who: a peer that could be a backup (agreement, policy, residence, service, content, verdict), and
 * has room: what it said is free, less what it keeps for peers (that is for those who have nobody
 * else), or what it holds for us beyond those of ours that count on it; and less those sent there
 * in the last REDIRECT_TOLD, of whom its beats may not tell yet; and one for each worker but the
 * first, since a client is named one of them, which may be the one that is full.
 */
#ifndef PEERD_CORE_REDIRECT_H
#define PEERD_CORE_REDIRECT_H

#include "peerd/core/core.h"
#include "peerd/core/ranking.h"
#include "topo/rank.h"

#define REDIRECT_GAIN duration_ms(5) /* [ms] less is not worth it; as homing.h */
#define REDIRECT_TOLD                                                                              \
    duration_s(2) /* [s] a client has committed and its server has told by then                    \
                   */

/* What is to be opened. */
struct redirect_asked {
    const struct name *service, *profile, *source;
    struct prefix location;           /* of the client; none: anywhere */
    const struct session_id *session; /* that equals are dealt by; NULL: they come by name */
    enum err here;                    /* ERR_OK: it could begin here; else why not */
};

/* Where it begins, and as what. */
struct redirect {
    enum core_redirect why;
    struct peering *to;
    enum rank_rule rule;       /* that tells it from us, with CORE_REDIRECT_BETTER */
    struct node_profile made;  /* as it makes it … */
    struct node_source source; /* … from the source that it has */
};

/* False, and CORE_REDIRECT_NOT: it begins here, or not at all. */
bool redirect_find(const struct core *core, const struct redirect_asked *asked,
                   struct redirect *out);

/* It does begin there. */
void redirect_taken(struct core *core, struct peering *to);

/* [sessions] of ours that may begin there now. */
uint32_t redirect_room(const struct core *core, const struct peering *p);

/* Is `there` clearly better for clients than `here`? Says by which rule. */
bool redirect_is_better(const struct rank_candidate *there, const struct rank_candidate *here,
                        enum rank_rule *rule);

#endif
