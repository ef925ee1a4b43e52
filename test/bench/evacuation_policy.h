/*
 * What the clusters of an evacuation are by policy: names, keys, machines, room and pace; and what
 * nodes tell of its sessions.
 */
#ifndef TEST_BENCH_EVACUATION_POLICY_H
#define TEST_BENCH_EVACUATION_POLICY_H

#include "peerd/policy/policy.h"
#include "peerd/wire/node.h"
#include "test/bench/evacuation.h"

#define EVACUATION_CLUSTERS (EVACUATION_PEERS + 1) /* the first one is left */
#define EVACUATION_WALL_US  1763720000000000

struct key_pair evacuation_key(uint8_t cluster);
struct name evacuation_name(uint8_t cluster);

/* Fills a zeroed policy. Ends the process if it would have too many nodes. */
void evacuation_policy(struct policy *p, const struct evacuation_setup *setup, uint8_t at);

struct session_id evacuation_id(uint32_t session);

/* Of listeners at 250 places, whose backups are two of the peers in turn. */
void evacuation_session(struct node_session *s, uint32_t session);

#endif
