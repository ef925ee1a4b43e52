/*
 * Pathways: at which clusters a player may fetch a stream of another program, best first.
 *
 * Every cluster that has an origin of that name (origins.h) is one, we among them, and they are
 * ranked as backups are (topo/rank): may it, its verdict, how clients of the location fare there,
 * what it costs, how near it is. What a session would need of a node does not count, since none
 * serves it: there are no slots, and all that lies there is the same everywhere. In place of slots
 * stands for how many more players there is CPU to make the stream (making.h), where that is
 * counted: who is full comes after all that are not. Who is dead, drains, or whose origin is ill
 * comes last, but is listed: a player that is left without one that it knows goes its own ways.
 * Only who may not serve this client at all (`residence`, `offer_moves`, an agreement's `clients`)
 * is left out, as long as somebody may.
 *
 * A player that is somewhere stays there unless that place has gone, or another is clearly better
 * (redirect.h): each cluster sees itself nearest, and a player that asks by turns would wander to
 * and fro. Gone means that it is believed crashed, drains or is ill. One that is late, headless,
 * cut off from us, or that we have not heard since we started keeps the players it has and is given
 * no others: its media may well flow.
 *
 * Nothing is kept of any player (but that it was sent, for some seconds, where players are
 * counted): whoever asks whichever cluster gets that cluster's view. Equals are dealt to clients by
 * their address, so that what dies is no stampede on one neighbour.
 *
 * Whom it asks next is another cluster than the first, so that whatever takes away its media leaves
 * it somebody to ask: we ourselves if we are not first (it has just reached us) and do not drain,
 * else the best one that lives; we are also if there is nobody else.
 */
#ifndef PEERD_CORE_PATHWAYS_H
#define PEERD_CORE_PATHWAYS_H

#include "peerd/core/core.h"
#include "peerd/core/making.h"
#include "topo/rank.h"

#define PATHWAYS_MAX 16 /* the best so many */

struct core_pathway {
    struct name cluster;
    const char *url;     /* of the playlist there; the core's until the next step */
    const char *door;    /* its client door's URL, likewise; NULL: it is ours */
    bool takes;          /* players may be sent there */
    bool kept;           /* it is first because the player is there */
    enum rank_rule rule; /* what put it behind the one before */
    uint32_t players;    /* that may come beyond those who are there; MAKING_ANY: not counted */
};

struct core_pathways {
    struct core_pathway list[PATHWAYS_MAX]; /* at least one */
    uint32_t count;
    bool live;
    const char *steers; /* whom the player asks next: a client door's URL; NULL: us */
};

/* For a client at that address (family 0: anywhere) that is at `current` (empty: nowhere yet).
 * ERR_UNKNOWN_SERVICE if nobody has such an origin. */
enum err core_pathways(const struct core *core, const struct name *origin,
                       const struct addr *client, const struct name *current,
                       struct core_pathways *out);

/* True if a player that is at `current` and is told these goes elsewhere, and is counted there:
 * then `event` is to be the core's next step. */
bool core_pathways_sent(const struct core_pathways *ways, const struct name *origin,
                        const struct addr *client, const struct name *current,
                        struct core_event *event);

/* What CPU the streams of that cluster have to spare, and what one more player of this one may
 * cost [ms/s each]; false: it is not counted there. */
bool core_making(const struct core *core, const struct name *origin, const struct name *cluster,
                 uint32_t *spare_ms, uint32_t *player_ms);

#endif
