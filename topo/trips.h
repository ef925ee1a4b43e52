/*
 * Trips: round trips that clients of a location have measured to clusters that do not serve them.
 *
 * Of each location and cluster the newest words of TRIPS_CLIENTS clients are kept, one a client,
 * and each word counts until it is TRIPS_KEEP old, whatever others there say. How it is made of
 * them:
 *
 *    1 The median counts, the upper one of two. Those who call a cluster nearer than it is must be
 *      more than half, so that one who lies is outvoted by a single honest neighbour. With half
 *      of the voices they can call it farther: then others are nearer, and no worse off for it.
 *    2 Voices that agree with that median, within a half of it or TRIPS_AGREE, make it sure. With
 *      fewer than TRIPS_SURE of them it is not believed far below what is plausible: one client
 *      alone makes nobody more than TRIPS_ALONE times as near, two who agree twice that.
 *    3 Plausible is what is left of the round trip between the clusters, which clients have no
 *      part in, once that between the serving one and the location is taken off. Networks break
 *      the triangle often, by a little (Lumezanu et al. 2009); those of people at home break it by
 *      far: were a lone client believed by a half only, the backup ranked first for it would be
 *      near the best for 81 % of the nodes of the Seattle matrices instead of 92 %.
 *
 * What comes out ranks clusters for that location and does nothing else: whoever sits behind a bad
 * access, or lies with others of his own location, misleads those there alone.
 *
 * Where nobody of a location has measured a cluster its neighbours have a voice, those of its /20
 * and then those of its /16 (IPv6: /44, /40): trips_around(). Each location has one voice there,
 * what it comes to by 1, however many clients it has; TRIPS_SURE of them must agree with their
 * median, and be more than half. Neighbours who disagree do not share a way, and say nothing. So
 * who lies from three locations of a /16 misleads those of it where nobody has measured yet, too,
 * by as much as one client alone may mislead his own.
 */
#ifndef TOPO_TRIPS_H
#define TOPO_TRIPS_H

#include "peerd/base/addr.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIPS_CLIENTS     7                /* whose words are kept of one location and cluster */
#define TRIPS_SAMPLES_MIN 2                /* that a client's word must stand on */
#define TRIPS_SURE        3                /* clients that agree are believed, whatever they say */
#define TRIPS_ALONE       8                /* times as near as is plausible, by one alone */
#define TRIPS_AGREE       duration_ms(5)   /* [ms] apart, or a half of it, and they agree */
#define TRIPS_KEEP        duration_s(1800) /* [s] a word; paths change seldom */
#define TRIPS_WAYS        8
#define TRIPS_PLACES      8192 /* locations times clusters: 1.2 MB */
#define TRIPS_WIDE_PLACES 2048 /* wider prefixes times clusters: 0.3 MB */
#define TRIPS_WIDER       2    /* prefixes around a location */

struct trips_word {
    uint32_t client;         /* a hash; the same for the same client */
    uint32_t rtt_us;         /* [µs] */
    struct instant heard_at; /* counts until TRIPS_KEEP later */
};

struct trips_entry {
    struct prefix location;  /* canonical; family 0: the place is free */
    uint16_t cluster;        /* the owner's number for it */
    uint8_t count;           /* words */
    struct instant heard_at; /* the newest */
    struct instant turn_at;  /* when it was named or heard last */
    struct trips_word words[TRIPS_CLIENTS];
};

struct trips {
    struct trips_entry places[TRIPS_PLACES];
    struct trips_entry wide[TRIPS_WIDE_PLACES]; /* a word a location, `client` is its hash */
};

/* What is known of one cluster; `clients` 0: nothing. */
struct trips_view {
    struct duration rtt;     /* the median */
    uint32_t clients;        /* that it stands on … */
    uint32_t agreeing;       /* … and of these, those who say about the same */
    struct instant heard_at; /* the newest of their words */
};

void trips_init(struct trips *t);

/* A client's word. One that stands on too few samples changes nothing. */
void trips_heard(struct trips *t, const struct prefix *location, uint16_t cluster, uint32_t client,
                 uint32_t rtt_us, uint32_t samples, struct instant now);

struct trips_view trips_find(const struct trips *t, const struct prefix *location, uint16_t cluster,
                             struct instant now);

/* The same of the narrowest prefix around the location with enough voices, itself not among them,
 * which goes into `from`; `clients` and `agreeing` are locations. */
struct trips_view trips_around(const struct trips *t, const struct prefix *location,
                               uint16_t cluster, struct instant now, struct prefix *from);

/* What of it is to be believed, of a cluster that is plausibly so far from them, at least; zero or
 * less: nobody can tell. */
struct duration trips_believed(const struct trips_view *view, struct duration plausible);

/* It has been named to a client there: it has had its turn. */
void trips_named(struct trips *t, const struct prefix *location, uint16_t cluster,
                 struct instant now);

/* When it was last named to a client there, or measured by one; false: never, as far as is known.
 */
bool trips_turn(const struct trips *t, const struct prefix *location, uint16_t cluster,
                struct instant *at);

/* It is a peer no longer, and its number may be another's one day. */
void trips_forget_cluster(struct trips *t, uint16_t cluster);

/* True unless something is broken that no input may break. */
bool trips_check_invariants(const struct trips *t);

#endif
