/*
 * Newcomers: sessions that a peer has sent us since its own path to them is bad, and how they fare.
 *
 *       the first one comes           NEWCOMERS_FOR after the last
 *   (none) ----------------> WATCHED --------------------------------> (none)
 *                            |     ^
 *     the peer asks for them |     | NEWCOMERS_BACK after it last did
 *                            v     |
 *                            GIVEN BACK: they are asked to go home, cause `return`
 *
 * By location and peer, from whom they came, and of each peer all together (a location without any
 * bits), since they may be few in each of many networks. That peer is told in beats what all of
 * them together have had since the newest of them has settled here: mean and spread of their
 * reports' ratings, on how many they stand, and of how many sessions. It is no mean that fades, so
 * that a burst or a second without a report do not decide. The peer knows how those fare who stayed
 * with it, so it is the one who compares (canary.h); if it asks for its own back they go, as many
 * as came in that time and no sooner than NEWCOMERS_STAY after the last. While we drain nobody is
 * sent back.
 *
 * Of all together it is the last wave that is told of and asked for, those who came with less than
 * NEWCOMERS_WAVE between them: who came before has been followed, hence fares better, and is not to
 * go back for others' sake.
 *
 * Bounded: beyond NEWCOMERS_MAX groups a location is told of with all others only. Allocated when
 * the first session comes.
 */
#ifndef PEERD_CORE_NEWCOMERS_H
#define PEERD_CORE_NEWCOMERS_H

#include "peerd/base/addr.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define NEWCOMERS_MAX 64 /* groups */
#define NEWCOMERS_SETTLE                                                                           \
    duration_ms(1200)                      /* [ms] of their reports before, the way here is part   \
                                            */
#define NEWCOMERS_WAVE    duration_s(2)    /* [s] nobody came: who comes then is another wave */
#define NEWCOMERS_STAY    duration_s(2)    /* [s] everybody stays at least so long */
#define NEWCOMERS_FOR     duration_s(60)   /* [s] then they are at home here */
#define NEWCOMERS_BACK    duration_s(2)    /* [s] without being asked again: those who stay, stay */
#define NEWCOMERS_RETRY   duration_ms(200) /* [ms] those whose node takes no more orders now */
#define NEWCOMERS_AT_ONCE 16 /* [sessions] sent back in each of these: no more than a canary */

struct beat;
struct core;
struct peering;
struct session;

struct newcomers_group {
    uint16_t peer; /* its number; 0: the place is free */
    struct prefix location;
    struct instant came_at;    /* the newest of them … */
    uint32_t wave_s;           /* [s] … and the first of its wave (core_second) */
    uint32_t sessions;         /* that have come, in all */
    uint32_t reports;          /* since the newest has settled … */
    uint64_t centi;            /* … the sum of their ratings [R/100] … */
    uint64_t squares;          /* … and of their squares */
    struct instant back_until; /* they are asked for; "never" while they are not */
    struct instant next_at;    /* something is to be done */
};

struct newcomers {
    struct newcomers_group groups[NEWCOMERS_MAX];
    uint32_t turn; /* whose turn it is to be told of */
};

/* It has come from there, on that cluster's order. Without memory it is not followed. */
void newcomers_came(struct core *core, struct session *s, const struct peering *from);

/* A report of one that came, rated [R/100]. */
void newcomers_rated(struct core *core, const struct session *s, uint32_t rating_centi);

/* What the peer's sessions have had here, into a beat to it. */
void newcomers_fill(struct core *core, const struct peering *to, struct beat *beat);

/* The peer may ask for its own back. */
void newcomers_heard(struct core *core, const struct peering *from, const struct beat *beat);

void newcomers_step(struct core *core);
struct instant newcomers_deadline(const struct core *core);
void newcomers_check_invariants(const struct core *core);

#endif
