/*
 * Audience: how the players of one pathway fare, told by whoever hears them.
 *
 * A player says how it fares to whom it asks, and that is seldom the cluster that serves it; so
 * clusters tell each other what they have heard. BEAT_BLOCK_AUDIENCE: a check over the names of the
 * stream and of the cluster that serves it there, 4 bytes, network byte order; which of its players
 * are to be elsewhere, 1 + 1; then a digest (wire/digest) of one location, where usual, recent and
 * spread are ratings of players (monitor/players). To be elsewhere are those whose lot, in
 * thousandths, lies from four times the one byte up to, and without, four times the other. One
 * location a beat, in turn, and what may be told of it is policy's to say, as in a digest. Whoever
 * knows no such pathway passes over it.
 */
#ifndef PEERD_WIRE_AUDIENCE_H
#define PEERD_WIRE_AUDIENCE_H

#include "peerd/base/id.h"
#include "peerd/wire/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIENCE_BLOCK_LEN_MAX (6 + DIGEST_HEADER_LEN + DIGEST_ENTRY_LEN_MAX) /* [bytes] */
#define AUDIENCE_LOTS          1000 /* a player's is from 0 up to, and without, this */

struct audience_told {
    uint32_t way;                  /* audience_way() */
    uint16_t leave_from, leave_to; /* of AUDIENCE_LOTS, rounded to fours; 0, 0: nobody leaves */
    struct digest_entry fares;
};

/* The check. Two pathways may share one by chance, once in four thousand million. */
uint32_t audience_way(const struct name *origin, const struct name *cluster);

/* Returns the length. */
size_t audience_write(uint8_t out[AUDIENCE_BLOCK_LEN_MAX], const struct audience_told *told);

/* False, and nothing is touched, if that is none. */
bool audience_read(struct audience_told *out, const void *bytes, size_t len);

#endif
