/*
 * The network: who can reach whom, how long it takes, and what gets lost.
 *
 * Its ends are the clusters and the groups of clients. A link has a round-trip time, half of it
 * each way; jitter on top, correlated from packet to packet and never reordering a flow, as queues
 * do; and loss, each packet for itself. A cut swallows one direction between two ends, a dark
 * cluster swallows everything to and from it: when a packet is sent and when it would arrive.
 * Inside a cluster all is well.
 */
#ifndef PEERD_SIM_NETWORK_H
#define PEERD_SIM_NETWORK_H

#include "peerd/base/rng.h"
#include "peerd/sim/scenario.h"

/* One way of one pair of programs: order and jitter are per flow. */
struct sim_flow {
    struct instant arrived; /* newest arrival; later packets do not overtake */
    struct duration jitter; /* of the newest packet */
};

struct sim_way {
    struct duration delay; /* half of the round-trip time */
    struct duration jitter;
    uint32_t loss_ppm;
    bool cut;
};

struct sim_network {
    const struct scenario *scenario;
    struct rng rng;
    uint32_t end_count;
    struct sim_way *ways; /* from × end_count + to */
    bool *dark;           /* by cluster */
};

void sim_network_init(struct sim_network *n, const struct scenario *scenario, uint64_t seed);
void sim_network_free(struct sim_network *n);

/* Ends: a cluster is its index, a group of clients follows after the clusters. */
uint32_t sim_network_group(const struct sim_network *n, uint32_t group);

/* True if a packet from one to the other would not be swallowed now. */
bool sim_network_open(const struct sim_network *n, uint32_t from, uint32_t to);

/* Sends a packet: false if it is lost, otherwise when it arrives. */
bool sim_network_send(struct sim_network *n, uint32_t from, uint32_t to, struct sim_flow *flow,
                      struct instant now, struct instant *arrival);

/* The same over TCP, `trips` one-way trips of handshake and request: loss costs a retransmission
 * each. False only if the way is cut. */
bool sim_network_stream(struct sim_network *n, uint32_t from, uint32_t to, uint32_t trips,
                        struct instant now, struct instant *arrival);

/* What the timeline says. */
void sim_network_partition(struct sim_network *n, const struct scenario_cut *cut);
void sim_network_heal(struct sim_network *n, const struct scenario_cut *cut);
void sim_network_link(struct sim_network *n, const struct scenario_link *link);

#endif
