/*
 * The network: who can reach whom, how long it takes, and what becomes of packets.
 *
 * Its ends are the clusters and the groups of clients; from each to each other there is a way, of
 * the quality that the scenario gives it (path.h). Everybody who sends from one end to another
 * shares the way, and with it order, jitter, bursts of loss and the queue before a rate. Bursts and
 * outages of a group's access are those of its last mile, one for all its ways in one direction. A
 * cut swallows one direction between two ends, a dark cluster swallows everything to and from it:
 * when a packet is sent and when it would arrive. Inside a cluster all is well.
 *
 * A thousand clusters and as many groups have four million ways, of which few are ever used: a way
 * costs four bytes, filled in when it is used first, and a state only if it is more than delay. A
 * way that is delay alone has no memory, so a change that makes it shorter lets packets overtake
 * those in the air, as a change of routes does.
 */
#ifndef PEERD_SIM_NETWORK_H
#define PEERD_SIM_NETWORK_H

#include "peerd/base/rng.h"
#include "peerd/sim/scenario.h"

/* A way that is more than delay. */
struct sim_way {
    uint32_t from, to;
    struct way way;
};

struct sim_network {
    const struct scenario *scenario;
    const struct scenario_link **changes; /* of links, by the timeline, which owns them */
    uint32_t change_count, change_room;
    struct rng rng;
    uint32_t end_count;
    uint32_t *ways; /* from × end_count + to: see network.c */
    struct sim_way *states;
    struct way_mile *miles; /* 2 × group: its last mile, down, then up */
    uint32_t state_count, state_room;
    uint64_t *cuts; /* a bit for each way */
    bool any_cut;
    bool *dark; /* by end; groups never are */
};

void sim_network_init(struct sim_network *n, const struct scenario *scenario, uint64_t seed);
void sim_network_free(struct sim_network *n);

/* Ends: a cluster is its index, a group of clients follows after the clusters. */
uint32_t sim_network_group(const struct sim_network *n, uint32_t group);

/* True if a packet from one to the other would not be swallowed now. */
bool sim_network_open(const struct sim_network *n, uint32_t from, uint32_t to);

/* What the scenario and its timeline so far make of a way. */
struct path_quality sim_network_quality(const struct sim_network *n, uint32_t from, uint32_t to);

/* True if a way is delay alone, as long as the timeline does not change it; then `delay` is it. */
bool sim_network_delay(struct sim_network *n, uint32_t from, uint32_t to, struct duration *delay);

/* Sends a packet of `bytes`, headers included: false if it does not arrive, otherwise `out` says
 * when it does, and its copies. */
bool sim_network_send(struct sim_network *n, uint32_t from, uint32_t to, uint32_t bytes,
                      struct instant now, struct way_fate *out);

/* The same over TCP, `trips` one-way trips of handshake and request: loss and short outages cost
 * retransmissions. False if the way is cut, or TCP would give up. */
bool sim_network_stream(struct sim_network *n, uint32_t from, uint32_t to, uint32_t trips,
                        struct instant now, struct instant *arrival);

/* What the timeline says. */
void sim_network_partition(struct sim_network *n, const struct scenario_cut *cut);
void sim_network_heal(struct sim_network *n, const struct scenario_cut *cut);
void sim_network_link(struct sim_network *n, const struct scenario_link *link, struct instant now);

#endif
