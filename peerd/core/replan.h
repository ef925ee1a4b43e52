/*
 * Replan: other backups for sessions that are served here, and who tells their clients.
 *
 *     a peer dies, drains,         REPLAN_AFTER later, with the        the client says that
 *     loses its agreement ...      answers to each node's polls        it goes by the list
 *     (all is well) --> a round is due --> looked through, told ---------> another group
 *          ^                                  |        ^    |                   |
 *          |            nobody had to be told |        +----+ not all said so:  |
 *          +----------------------------------+          told again, ever later |
 *          +--------------------------------------------------------------------+
 *
 * The ticket's list is as old as the session. A group (groups.h) *needs* another one if a backup of
 * it that can be counted on comes behind one that cannot, or if a peer is there that could take the
 * place of one that cannot, or be the second one where there are not two (who issued the ticket is
 * known to the client, named or not). Then each of its sessions
 * is ranked anew: all that are fit, as for a session that begins, but of one that another has
 * issued first those that its ticket names, since only the issuer's own peers are known to go by
 * that; behind them those it had that are not fit, since they may be back; and its issuer always,
 * for whoever came from there may be sent home. If that is another list its node is told with the
 * next answers, NODE_TOLD_MAX an answer, and tells the client (transcoder/timeline/telling.h). What
 * a client goes by comes back in its node's report, is its group's key from then on, and is what
 * the group is lodged by and where the session may be sent; a peerd that is started anew learns it
 * from there. Nothing is kept of who was told: as long as a node reports the old list it is told
 * again, after REPLAN_AGAIN, then twice that, up to REPLAN_AGAIN_MAX, for a client of an older
 * version never takes it up.
 *
 * A drain to a certain cluster (`--to`) puts that one first, for sessions whose tickets we issued:
 * of another's it is not known who goes by them. Whose client has taken the list up is sent there.
 * So does a wish for a single session (wishes.h), which is told at once and by no pass.
 *
 * Where it is measured how far away peers are, all are looked through every REPLAN_BETTER: one that
 * is nearer than the first backup by a quarter and HOMING_GAIN takes its place.
 *
 * The tickets stay as they are: any peer that takes sessions of their issuer serves by them. Nobody
 * scans sessions on a tick: a pass is made in answers to nodes, REPLAN_LOOKS at a time, and only
 * after something has changed. A receiver that cannot ask for itself will be told nothing: for it
 * the cluster that serves lodges the same list with the backup itself, in escrow (move.h).
 */
#ifndef PEERD_CORE_REPLAN_H
#define PEERD_CORE_REPLAN_H

#include "peerd/base/time.h"
#include "peerd/wire/node.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLAN_AFTER     duration_s(3)   /* [s] what has changed may change back */
#define REPLAN_START     duration_s(10)  /* [s] who has just begun has not heard all peers */
#define REPLAN_AGAIN     duration_s(5)   /* [s] to whom has not said that he goes by it … */
#define REPLAN_AGAIN_MAX duration_s(300) /* [s] … at most */
#define REPLAN_BETTER    duration_s(600) /* [s] whether somebody else is nearer by now */
#define REPLAN_LOOKS     4096            /* sessions an answer */
#define REPLAN_FIT       2               /* backups that a session should have */

struct core;
struct group;
struct node;
struct peering;

struct replan {
    uint32_t round;          /* changes that were not known to the round before */
    struct instant from;     /* when the newest is looked at */
    uint32_t stamp;          /* of the answer under way, for groups */
    struct node_named *told; /* owned: of the answer in this step's outbox */
};

/* How far a node's sessions have been looked through. */
struct replan_pass {
    uint32_t round;
    uint32_t cursor, left;    /* in the table of sessions */
    uint32_t told;            /* in this pass */
    bool better;              /* it asks who is nearer */
    struct duration again;    /* until the next one, if any was told */
    struct instant again_at;  /* "never": none is due */
    struct instant better_at; /* likewise; "never" before the first pass */
};

void replan_init(struct replan *r, struct instant now);
void replan_free(struct replan *r);
void replan_pass_init(struct replan_pass *p);

/* A peer can be counted on no more, or again, or there is another policy. */
void replan_changed(struct core *core);

/* The operator wants those who are served here at a certain cluster: a round is due now. */
void replan_wish(struct core *core);

/* May its clients, who do not know that cluster, be told of it now? */
bool replan_may_name(const struct core *core, const struct group *g, const struct peering *p);

/* That cluster, for a session of ours whose client does not know the way to it yet and can be told;
 * else NULL. */
struct peering *replan_wished(const struct core *core, const struct group *g);

/* A session is served here from now on: its list may be an old one. */
void replan_came(struct core *core, const struct group *g);

/* Whom a node is to tell, for its own sessions. Good until the next call; NULL and 0 if nobody. */
const struct node_named *replan_answer(struct core *core, struct node *n, uint32_t *count);

#endif
