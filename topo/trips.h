/*
 * Trips: round trips that clients of a location have measured to clusters that do not serve them.
 *
 * Of each location and cluster the newest word of the last TRIPS_CLIENTS clients is kept, one a
 * client, and their median counts, the lower one of two: who lies, or sits behind a bad access of
 * his own, is outvoted by his neighbours, and alone he misleads nobody but himself. How many
 * clients and when the newest spoke come with it. A word older than TRIPS_KEEP counts no more.
 *
 * The table has a fixed size. A location and cluster may stand in any of TRIPS_WAYS places, which
 * follow from both; where all are taken the one not heard for longest goes.
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
#define TRIPS_KEEP        duration_s(1800) /* [s] paths change seldom */
#define TRIPS_WAYS        8
#define TRIPS_PLACES      8192 /* locations times clusters: 640 KB */

struct trips_word {
    uint32_t client; /* a hash; the same for the same client */
    uint32_t rtt_us; /* [µs] */
};

struct trips_entry {
    struct prefix location;  /* canonical; family 0: the place is free */
    uint16_t cluster;        /* the owner's number for it */
    uint8_t count;           /* words */
    uint8_t next;            /* to be overwritten */
    struct instant heard_at; /* the newest */
    struct trips_word words[TRIPS_CLIENTS];
};

struct trips {
    struct trips_entry places[TRIPS_PLACES];
};

/* What is known of one cluster; `clients` 0: nothing. */
struct trips_view {
    struct duration rtt;     /* the median */
    uint32_t clients;        /* that it stands on */
    struct instant heard_at; /* the newest of their words */
};

void trips_init(struct trips *t);

/* A client's word. One that stands on too few samples changes nothing. */
void trips_heard(struct trips *t, const struct prefix *location, uint16_t cluster, uint32_t client,
                 uint32_t rtt_us, uint32_t samples, struct instant now);

struct trips_view trips_find(const struct trips *t, const struct prefix *location, uint16_t cluster,
                             struct instant now);

/* It is a peer no longer, and its number may be another's one day. */
void trips_forget_cluster(struct trips *t, uint16_t cluster);

/* True unless something is broken that no input may break. */
bool trips_check_invariants(const struct trips *t);

#endif
