/*
 * Choosing peers: with whom of all the clusters that we know to come to an agreement.
 *
 * Peerings cost beats, slots and money, so there are few of them, but every location of our clients
 * should have some good backups (two, usually) that do not fall with us or with each other. But for
 * what falls together that is a weighted set multi-cover, which greed solves within a factor of
 * ln n of the best (Dobson 1982; Rajagopalan & Vazirani 1998): again and again the candidate is
 * taken that gives the most sessions a backup that they lack, for what it costs. The first rule
 * that tells two apart decides:
 *
 *    1 sessions, in locations that lack a backup, to which it would be one, by its cost and that of
 *      one more peering; who is a peer already counts a quarter more, and half as much again if
 *      there are sessions between us
 *    2 cost
 *    3 nearness to the clients; who is a peer already counts a quarter nearer, or half as far
 *    4 name
 *
 * It is good for a location if the round trip to it is at most `good_us`, or no more than a quarter
 * longer than to the best of all. It counts there only if provider, region and upstream are others
 * than ours and than those of whoever counts there already. Where that cannot be had the demand is
 * lowered: provider need not differ, then upstream need not, then nothing does. Who is pinned is
 * taken first and counts like all others. If there are fewer than `peers_min` then, a further
 * backup is sought for each location, and in the end who is nearest.
 *
 * Gains only fall while one demand lasts, so a figure from before bounds the one of now and only
 * the first is reckoned anew (Minoux 1978). All is done in integers and depends on nothing but the
 * task: not on the order of the candidates either, if their names differ.
 */
#ifndef TOPO_CHOOSE_H
#define TOPO_CHOOSE_H

#include "peerd/base/err.h"
#include "topo/rank.h"

#define CHOOSE_CANDIDATES_MAX 1024
#define CHOOSE_LOCATIONS_MAX  256
#define CHOOSE_BACKUPS_MAX    4
#define CHOOSE_PEERS_MAX      64
#define CHOOSE_COST_MAX       1000000U /* in whatever unit the policies agree upon */

/* What the daemon and the simulator ask alike. */
#define CHOOSE_GOOD_US      50000 /* [µs] to clients and back, or not much longer than any */
#define CHOOSE_BACKUPS      2
#define CHOOSE_PEERING_COST 10 /* beats and slots, in the unit of what a session costs */

struct choose_candidate {
    struct name name;
    struct rank_place place;
    uint32_t cost;
    bool pinned;   /* policy names it, or it has an agreement with us that we keep */
    bool excluded; /* policy does not take it, or it has refused us */
    bool kept;     /* it is a peer now, or we are one to it */
    bool held;     /* it is, and there are sessions between us */
};

struct choose_task {
    struct rank_place own;
    const struct choose_candidate *candidates;
    uint32_t candidate_count;
    const uint32_t *weights; /* [sessions] of each location, below 2^31 */
    uint32_t location_count;
    const uint32_t *rtt_us; /* [µs] of location l and candidate c at l × candidate_count + c; 0:
                               unknown, which is never good */
    uint32_t good_us;       /* [µs] */
    uint32_t backups;       /* of each location; 1..CHOOSE_BACKUPS_MAX */
    uint32_t peers_min;     /* at least so many, if there are */
    uint32_t peers_max;     /* pinned ones included; 1..CHOOSE_PEERS_MAX */
    uint32_t peering_cost;  /* of one more; 1..CHOOSE_COST_MAX */
};

struct choose_result {
    uint32_t peers[CHOOSE_PEERS_MAX]; /* indexes of candidates, in the order of their choice */
    uint32_t count;
    uint32_t covered; /* locations that have their backups, each in other failure domains … */
    uint32_t weak;    /* … or have them, but some fall together */
};

/* ERR_NO_MEMORY leaves `out` untouched. */
enum err choose_peers(struct choose_result *out, const struct choose_task *task);

#endif
