/*
 * Owners: who serves those who stand by at a worker, as their clients say each time they renew
 * that, and how many of each class.
 *
 * A standby is a promise for the day on which its owner dies. Where slots are few it gives way to
 * whom somebody misses already, unless it is the very same cluster that is missed (tenure_admit.c).
 * Whether there is any such is asked for each of a herd, so it is counted.
 *
 * OWNERS_MAX of them: those of more, and those whose client names nobody, are in no row, and nobody
 * knows that their owner lives.
 */
#ifndef TRANSCODER_TIMELINE_OWNERS_H
#define TRANSCODER_TIMELINE_OWNERS_H

#include "peerd/wire/keys.h"

#include <stdbool.h>
#include <stdint.h>

#define OWNERS_MAX     32
#define OWNERS_CLASSES 8 /* as TENURE_PRIORITIES */
#define OWNERS_NONE    UINT8_MAX

struct owner {
    struct key_hint cluster;
    uint32_t standing[OWNERS_CLASSES]; /* a class; with none at all the row is free */
    uint32_t sum;                      /* of these */
};

struct owners {
    struct owner rows[OWNERS_MAX];
};

/* The cluster's row, made if need be; OWNERS_NONE if it is nobody, or there is no room. A free one
 * is given away before anything else happens, so whoever asks for it counts a standby at once. */
uint8_t owners_row(struct owners *o, const struct key_hint *cluster);

/* A standby of that class has come (1) or gone (-1). */
void owners_count(struct owners *o, uint8_t row, uint8_t priority, int change);

/* Does any of that class stand by whose owner is another than the one that is missed? False where
 * nobody knows who is missed. */
bool owners_others(const struct owners *o, uint8_t priority, const struct key_hint *missed);

#endif
