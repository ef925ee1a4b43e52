/*
 * What a cluster's own experience says to the choice of its peers (find.h): where its clients are,
 * and what there is between it and those who are its peers now.
 *
 * Of the locations those with most sessions count, by a mean that follows a quarter of each change
 * a minute, so that nobody comes and goes with a few clients. How far a cluster is from a location
 * that nobody there has measured is taken from where clusters are, by way of the best of those that
 * were measured, ourselves included: from the clients there, and on along the great circle.
 */
#ifndef TOPO_FIND_CLIENTS_H
#define TOPO_FIND_CLIENTS_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"

#include <stdbool.h>
#include <stdint.h>

#define FIND_LOCATIONS_MAX 32
#define FIND_PEERS_MAX     64

#define FIND_KEY_BYTES 32
struct find_key {
    uint8_t bytes[FIND_KEY_BYTES];
};

/* A peer, whether it was found or the policy names it. */
struct find_peer {
    struct find_key key;
    bool heard;                         /* its beats come */
    bool held;                          /* there are sessions of one at the other */
    uint32_t cost;                      /* of a session of ours there */
    bool placed;                        /* the two below mean something */
    double latitude_deg, longitude_deg; /* as it says itself */
};

struct find_location {
    struct prefix location;          /* canonical */
    uint32_t sessions;               /* of clients there that we serve */
    uint32_t rtt_us;                 /* [µs] between them and us; 0: unknown */
    uint32_t way_us[FIND_PEERS_MAX]; /* [µs] between them and each peer; 0: unknown */
};

struct find_clients {
    struct find_peer peers[FIND_PEERS_MAX];
    uint32_t peer_count;
    struct find_key wanting[FIND_PEERS_MAX]; /* no peers of ours; we are a peer to them */
    uint32_t wanting_count;
    struct find_location locations[FIND_LOCATIONS_MAX]; /* those with most sessions */
    uint32_t location_count;
};

/* What is remembered. */
struct find_way {
    struct find_key key;
    uint32_t us;                        /* [µs] there and back */
    bool placed;                        /* the two below mean something */
    double latitude_deg, longitude_deg; /* where that cluster is */
};

struct find_clientele {
    struct find_known {
        struct prefix location;
        uint32_t weight;                      /* [sessions × FIND_WEIGHT], smoothed */
        uint32_t rtt_us;                      /* [µs] to us; 0: unknown */
        struct find_way ways[FIND_PEERS_MAX]; /* nearest first; beyond them the furthest goes */
        uint32_t way_count;
    } locations[FIND_LOCATIONS_MAX];
    uint32_t location_count;
    struct find_key wanting[FIND_PEERS_MAX];
    uint32_t wanting_count;
    struct find_key held[FIND_PEERS_MAX]; /* peers with sessions between us */
    uint32_t held_count;
};

#define FIND_WEIGHT 256 /* of a session */

#endif
