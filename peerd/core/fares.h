/*
 * Fares: how our clients fare, by location, as their nodes tell it (monitor/perf).
 *
 * Each report of a session that is served here says how many frames its client has expected so far,
 * and how many we had not delivered when they were due; the difference to the report before is one
 * rating. What a backup makes up for is no merit of our path. A frame that comes after its playout
 * instant is lost, so what a shallow buffer makes of jitter (late loss, underruns) is in Ppl of the
 * E-model (G.107, 7.5) with the rest; the mean run of missing frames gives BurstR there,
 * and half the round trip and the depth of the buffer, as far as jitter asks for it,
 * are the delay Ta (7.4). All that comes from reports, round trips from RTCP where they have none,
 * runs and depth with RTCP. When the clients of a location
 * fall together it is traced and counted, with what that rests on. Allocated when the first report
 * comes, and only if the owner of the core wants it at all: a simulated crowd has a location a
 * listener.
 */
#ifndef PEERD_CORE_FARES_H
#define PEERD_CORE_FARES_H

#include "monitor/perf.h"
#include "peerd/core/core.h"
#include "peerd/wire/node.h"
#include "topo/rank.h"

#define FARES_DROP_CENTI    1000 /* [R/100] a category of user satisfaction (G.109) */
#define FARES_CLIENTS       8    /* of one location must be bad */
#define FARES_BUFFER_MS     20   /* [ms] one frame: the least that anybody buffers */
#define FARES_REPORTS       3    /* of a peer, for its word to count */
#define FARES_FALLS         4 /* a worse report counts so much, one of so many, for a session … */
#define FARES_RISES         8 /* … and a better one so much */
#define FARES_INTERVAL_MS   500 /* [ms] nodes tell so often of clients that lose frames */
#define FARES_LOCATIONS_MIN 16  /* fewer cannot be merged */
#define FARES_HOLD_S        10  /* [s] as usual for so long: over */

struct digests;
struct falls;
struct peering;
struct session;

struct fares {
    uint32_t locations_max;   /* 0: not followed */
    struct perf *perf;        /* owned; NULL until something has been heard */
    struct digests *digests;  /* owned; NULL until peers are told */
    struct falls *falls;      /* owned; NULL until something has happened */
    struct trips *trips;      /* owned; NULL until a client is named others, or tells how far */
    struct node_named *named; /* owned; NULL until a node asks: of the answer in this step */
};

void fares_init(struct fares *f, uint32_t locations_max);
void fares_free(struct fares *f);

/* What is known, made if need be; NULL if nothing is followed, or without memory. */
struct perf *fares_perf(struct core *core);

/* What a policy calls a degradation. */
struct degrade_wish fares_wish(const struct policy_performance *p);

/* The policy is another. */
void fares_policy(struct core *core);

/* A node tells of a session that it served before, too: `s` still has the figures before. Without
 * memory nothing is learnt. */
void fares_heard(struct core *core, struct session *s, const struct node_session *told);

/* Looks whether anybody has fallen, or is back. */
void fares_judge(struct core *core);

/* What peers have told of a location, and how far it is from here. */
struct fares_words {
    struct perf_peer list[PERF_PEERS_MAX];
    size_t count;
    struct duration own_rtt; /* see fares_own_rtt(); here since it is asked for each peer */
};
void fares_words(const struct core *core, const struct prefix *location, struct fares_words *out);

/* How a peer's clients there fare, as it tells, and the round trip to them; zero: unknown. */
struct rank_experience fares_of_peer(const struct core *core, const struct peering *p,
                                     const struct fares_words *words);

/* The round trip between a peer and clients of a location: as our own have measured it, or as the
 * peer tells of its own there, whichever more clients stand for; ours if as many, and if enough of
 * them agree whatever it tells. However many it says that it has, a peer makes itself no more than
 * FARES_PEER_NEARER times as near as the round trip between the clusters makes plausible
 * (topo/trips.h), since it gains by what it tells; where nobody of ours is, nobody can tell. Where
 * neither says anything: as neighbours of the location have measured it, if enough of them agree;
 * `clients` are then locations. */
#define FARES_PEER_NEARER 2

struct fares_trip {
    struct duration rtt; /* zero: unknown */
    uint32_t clients;    /* at least */
    bool ours;           /* measured by our clients … */
    struct duration age; /* … the newest of whom has told so long ago */
    struct prefix from;  /* what neighbours within it have measured; family 0: the location's own */
};
struct fares_trip fares_trip_of_peer(const struct core *core, const struct peering *p,
                                     const struct prefix *location,
                                     const struct fares_words *words);

/* What clients have found, made if need be; NULL without memory. */
struct trips *fares_trips(struct core *core);

/* True if clients are told whom to probe, and believed. */
bool fares_measure(const struct core *core);

/* A node tells how far away clients are from others. */
void fares_trips_heard(struct core *core, const struct node_request *told);
void fares_trips_forget(struct core *core, const struct peering *p);

/* The round trip to our own clients there, the median, or to those around it where too few have
 * reported; zero: unknown. */
struct duration fares_own_rtt(const struct core *core, const struct prefix *location);

/* Locations: of our own clients, of peers' alone, of ours those where clients have fallen, and of
 * these those where our path is to blame. */
struct fares_count {
    uint32_t known, elsewhere, bad, degraded;
};
struct fares_count fares_count(const struct core *core);

#endif
