/*
 * Making: how many players more a cluster can make a stream for, counted in CPU time.
 *
 * An origin of the policy may say of which `source` our own machines make it (transcoderd --hls).
 * Each tells what CPU its makers have to spare, and what one more player of a stream may cost
 * (wire/node, transcoder/hls/capacity); peers are told both in beats (wire/making). Whoever is
 * asked where to go then knows for how many more there is room at each cluster: that ranks pathways
 * as free slots rank backups. One that is full comes after all that are not, and players are dealt
 * to equals in proportion to their room; who is at a full one stays, for it has been counted, and
 * if it is told no there (404) it goes elsewhere by itself.
 *
 * What is told is some seconds old. Players whom we have sent to a cluster since are counted by us
 * for MAKING_SETTLES, by when its own word has them; one client once in that time, since it asks
 * again before it has gone, and so that a stranger who asks all day takes one place. Other clusters
 * send players, too, and each counts its own: that can be too many by as many as they are, for as
 * long. Words older than MAKING_FRESH say nothing, and what is not known is not counted: origins of
 * other programs, peers of older versions, streams of which no segment was made yet.
 */
#ifndef PEERD_CORE_MAKING_H
#define PEERD_CORE_MAKING_H

#include "peerd/core/core.h"
#include "peerd/wire/making.h"
#include "peerd/wire/origins.h"

#define MAKING_SITES_MAX (POLICY_PEERS_MAX + 1) /* peers, and we */
#define MAKING_FRESH     duration_s(10)
#define MAKING_PART      duration_s(1)
#define MAKING_PARTS     10 /* of them is MAKING_SETTLES */
#define MAKING_SETTLES   duration_s(10)
#define MAKING_CLIENTS   1024 /* who were sent lately; of more some are counted twice */
#define MAKING_ANY       UINT32_MAX

struct beat;
struct node;
struct peering;

/* What is known of one stream of a peer. */
struct making_told {
    struct making_word word;
    struct instant at;
};

struct making_site {
    struct name cluster; /* empty: the row is free */
    struct making_told told[ORIGINS_MAX];
    uint32_t told_count;
    uint32_t given_ms[MAKING_PARTS]; /* [ms/s] players sent there, newest part first … */
    struct instant given_from;       /* … which began then */
};

struct making_client {
    uint32_t key;   /* of client and stream */
    uint32_t at_ms; /* [ms] since the core began; 0: nobody */
};

struct makings {
    struct making_site sites[MAKING_SITES_MAX];
    uint32_t site_count;
    struct making_client clients[MAKING_CLIENTS];
};

/* A node's report: what it says of its streams is copied. */
void making_node_told(struct node *n, const struct node_making *told);

/* Into a beat, and out of one. */
void making_fill(const struct core *core, struct peering *to, struct beat *beat);
void making_heard(struct core *core, const struct peering *from, const struct beat *beat);

/* What is known of that stream there; false: it is not counted there. */
bool making_of(const struct core *core, const struct name *origin, const struct name *cluster,
               struct making_word *out);

/* How many players more, less those on their way; MAKING_ANY: it is not counted. */
uint32_t making_players(const struct core *core, const struct name *origin,
                        const struct name *cluster);

/* CORE_PLAYER_SENT. */
void making_sent(struct core *core, const struct core_player_sent *e);

void making_check_invariants(const struct core *core);

#endif
