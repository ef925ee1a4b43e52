/*
 * The bench of ranking, inside one seed's world: what its two files share.
 */
#ifndef PEERD_SIM_BENCH_RANKING_PRIVATE_H
#define PEERD_SIM_BENCH_RANKING_PRIVATE_H

#include "peerd/base/rng.h"
#include "peerd/sim/bench_ranking.h"
#include "topo/coord.h"
#include "topo/trips.h"
#include "transcoder/timeline/naming.h"
#include "transcoder/timeline/prober.h"

/* One listener, alone at its location, for the whole time. */
struct ranking_client {
    uint32_t node;
    uint32_t serving; /* cluster */
    struct prefix location;
    struct session_id session;
    struct witness witness; /* of it, what a prober looks at: its servers and their paths */
    struct prober prober;
    struct naming naming;       /* at the worker that serves it … */
    struct message_named named; /* … and what peerd has answered, … */
    uint64_t named_nonce;       /* … under this nonce, which is told … */
    struct instant named_at;    /* … then; "never": nothing is under way */
    struct instant hello_at[TICKET_BACKUPS_MAX];
};

struct ranking_world {
    const struct ranking_request *request;
    struct ranking_result *result;
    struct rng rng;
    uint32_t nodes;
    uint32_t *node_of; /* by cluster, then by client: all of them, shuffled */
    struct coord_map *maps;
    uint32_t (*neighbours)[COORD_NEIGHBOURS_MAX];
    uint8_t *neighbour_count;
    struct trips *trips; /* by cluster: what its clients have told */
    struct ranking_client *clients;
    uint32_t client_count;
    struct instant now; /* the present second */
};

/* A measurement; zero: there is no way, or it was lost. */
struct duration ranking_sample(struct ranking_world *w, uint32_t from, uint32_t to);

/* All clusters but the serving one, best first, as for a new session of that client. */
size_t ranking_order(const struct ranking_world *w, const struct ranking_client *c,
                     enum ranking_by by, uint8_t *order, size_t room);

/* Its session is opened: it gets backups, and the first ones to probe. */
void ranking_client_open(struct ranking_world *w, struct ranking_client *c);

/* A second of its life. */
void ranking_client_live(struct ranking_world *w, struct ranking_client *c);

#endif
