/*
 * Coordinates: how far apart two nodes are that have never measured one another.
 *
 * Vivaldi (Dabek, Cox, Kaashoek and Morris 2004): each node is a point, each measured round trip a
 * spring between two points, and a node moves a little along every spring that it measures. A
 * point has four Euclidean dimensions for the core of the network and a height for the access link,
 * which every path has to climb. What has been learnt about running it since:
 *   - a sample is judged as the median of the last few of the same neighbour, which keeps a path's
 *     spikes out (Ledlie, Gardner and Seltzer 2007);
 *   - neighbours are remembered with their last samples, and each new one lets all of them pull
 *     once, so that a second brings as much as sixteen do otherwise;
 *   - the origin attracts, weakly and more so from far away, so that the cloud does not wander off;
 *   - a coordinate that is not finite, or absurdly far, is no coordinate, whoever sent it.
 *
 * Each node estimates its own relative error, moves less the surer it is, and is believed by
 * others accordingly. Nothing in here is trusted for a decision that measurements can make:
 * coordinates rank those whom nobody has measured.
 */
#ifndef TOPO_COORD_H
#define TOPO_COORD_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COORD_DIMENSIONS     4
#define COORD_NEIGHBOURS_MAX 16
#define COORD_SAMPLES        4       /* of a neighbour, of which the median counts */
#define COORD_FAR_MS         20000.0 /* [ms] no coordinate component is beyond */
#define COORD_ERROR_MAX      1.5     /* relative; who knows nothing says 1 */

struct coord {
    double at_ms[COORD_DIMENSIONS]; /* [ms] of round trip */
    double height_ms;               /* [ms] positive: the node's own access link */
    double error;                   /* expected relative error, (0, COORD_ERROR_MAX] */
};

/* One whom we measure. */
struct coord_neighbour {
    uint64_t who;
    struct coord at; /* as it said with its last sample */
    double sample_ms[COORD_SAMPLES];
    uint8_t samples;    /* filled; the rest is unset */
    uint8_t next;       /* sample to be overwritten */
    uint64_t last_turn; /* of coord_map.turn: who has been silent longest gives way */
};

/* A node's own coordinate and what it has learnt it from. */
struct coord_map {
    struct coord self;
    struct coord_neighbour neighbours[COORD_NEIGHBOURS_MAX];
    size_t count;
    uint64_t turn; /* samples taken */
};

/* At the origin, knowing nothing. */
void coord_init(struct coord_map *m);

/* Somebody, `who` for short, is at `at` and was a round trip of `rtt` away just now. `entropy`
 * gives a direction to nodes that lie on the same spot. Returns false, nothing changed, if the
 * coordinate is none or the round trip is not between 1 µs and COORD_FAR_MS. */
bool coord_measured(struct coord_map *m, uint64_t who, const struct coord *at, struct duration rtt,
                    uint64_t entropy);

/* Somebody is no neighbour any more. */
void coord_forget(struct coord_map *m, uint64_t who);

/* The round trip to be expected between two nodes. */
struct duration coord_rtt(const struct coord *a, const struct coord *b);

/* Finite, within bounds, and with a height and an error that can be: what a decoder has to ask. */
bool coord_is_valid(const struct coord *c);

/* True unless something is broken that no input may break. */
bool coord_check_invariants(const struct coord_map *m);

#endif
