/*
 * Probing: whom a client asks next how far away it is.
 *
 * The serving cluster's round trip comes with its media and costs nothing here. For all others
 * there is one small packet a second, or less: every other one goes to the standbys in turn, so
 * that what counts next is always known, the rest to a handful of other candidates in rotation. Who
 * has had PROBE_STAY packets leaves the handful for somebody else: first whoever was never asked,
 * by what coordinates expect of them, nearest first; then whoever was asked longest ago. Without
 * standbys the handful has all of it, and without others the standbys.
 *
 * A candidate's round trip is the median of the last samples, the lower one of two: queues and
 * spikes only add. Whoever left the last PROBE_DEAF packets unanswered is deaf: it has no round
 * trip, and is asked like the others until it answers.
 */
#ifndef TOPO_PROBE_H
#define TOPO_PROBE_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_TARGETS_MAX 64
#define PROBE_HANDFUL     5
#define PROBE_STAY        4 /* packets in the handful, before somebody else's turn */
#define PROBE_SAMPLES     8 /* of a candidate, of which the median counts */
#define PROBE_DEAF        4 /* packets without an answer */

struct probe_target {
    uint32_t sample_us[PROBE_SAMPLES];
    uint8_t samples; /* filled; the rest is unset */
    uint8_t next;    /* sample to be overwritten */
    uint8_t silent;  /* packets since the last answer */
    uint8_t stay;    /* packets since it came into the handful */
    bool chosen;     /* it is in the handful */
    bool standby;
    bool serving;
    uint64_t last_turn; /* when asked last; 0: never */
};

struct probe {
    struct probe_target targets[PROBE_TARGETS_MAX];
    size_t count;
    uint64_t turn; /* packets sent */
};

/* Nobody serves, nobody is a standby. `count` is at most PROBE_TARGETS_MAX. */
void probe_init(struct probe *p, size_t count);

/* Who serves (not asked) and who stands by (asked continuously); all others are asked in rotation.
 */
void probe_set(struct probe *p, size_t target, bool serving, bool standby);

/* Whom to send the next packet to, which counts as sent; false if there is nobody to ask.
 * `expected` is what coordinates expect of each target; zero where they cannot tell. */
bool probe_next(struct probe *p, const struct duration *expected, size_t *target);

/* It answered, or its media did: a round trip of more than 0. */
void probe_measured(struct probe *p, size_t target, struct duration rtt);

/* The round trip, or zero while nobody knows. */
struct duration probe_rtt(const struct probe *p, size_t target);

bool probe_is_deaf(const struct probe *p, size_t target);

/* True unless something is broken that no input may break. */
bool probe_check_invariants(const struct probe *p);

#endif
