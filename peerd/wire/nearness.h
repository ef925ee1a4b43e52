/*
 * Nearness: what clusters tell one another of distances, in blocks of beats.
 *
 * BEAT_BLOCK_COORDINATE: where the sender is in the space of topo/coord, 11 bytes, network byte
 * order: four dimensions of 2 [0.1 ms, two's complement], the height 2 [0.1 ms], the expected
 * relative error 1 [1 %].
 * BEAT_BLOCK_ROUND_TRIPS: of each location in the digest of the same beat, in its order, a code of
 * wire/coarse 1 [ms]: the round trip between the sender and its clients there; 0 unknown.
 * Neither says its version: another layout is another kind of block.
 */
#ifndef PEERD_WIRE_NEARNESS_H
#define PEERD_WIRE_NEARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEARNESS_COORDINATE_LEN    11 /* [bytes] */
#define NEARNESS_DIMENSIONS        4
#define NEARNESS_ERROR_PERCENT_MAX 150

struct nearness_coordinate {
    int16_t at_tenths[NEARNESS_DIMENSIONS]; /* [0.1 ms] */
    uint16_t height_tenths;                 /* [0.1 ms] at least 1 */
    uint8_t error_percent;                  /* [1 %] 1 to NEARNESS_ERROR_PERCENT_MAX */
};

void nearness_write_coordinate(uint8_t out[NEARNESS_COORDINATE_LEN],
                               const struct nearness_coordinate *c);

/* False, and nothing is touched, if that is none. */
bool nearness_read_coordinate(struct nearness_coordinate *out, const void *bytes, size_t len);

#endif
