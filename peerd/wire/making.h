/*
 * Making: what CPU a cluster has to spare for streams that it makes itself, as a peer is told.
 *
 * Streams are not counted: one costs its maker a tenth of a core, another three, and where a
 * segment is at hand already, nothing. What counts is CPU time, in milliseconds for each second.
 * BEAT_BLOCK_MAKING, 10 bytes, network byte order: a check over the names of the stream and of its
 * cluster (wire/audience) 4, what is to spare there for all its streams together 4, what one more
 * player of this one may cost, in its best rendition, 2; 0 means nothing, or nothing known yet. One
 * stream a beat, in turn. Whoever knows no such pathway passes over it; who makes no streams, or
 * does not say so in its policy, sends none.
 */
#ifndef PEERD_WIRE_MAKING_H
#define PEERD_WIRE_MAKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAKING_WORD_LEN 10 /* [bytes] */

struct making_word {
    uint32_t way;       /* audience_way() */
    uint32_t spare_ms;  /* [ms/s] of CPU */
    uint16_t player_ms; /* [ms/s] likewise; 0: players are not counted */
};

void making_word_write(uint8_t out[MAKING_WORD_LEN], const struct making_word *w);

/* False, and nothing is touched, if that is none. */
bool making_word_read(struct making_word *out, const void *bytes, size_t len);

#endif
