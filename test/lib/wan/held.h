/*
 * Packets on their way: a pool, and a heap of the instants at which they arrive.
 *
 * Of packets due at the same instant the one that was put first comes out first.
 */
#ifndef TEST_LIB_WAN_HELD_H
#define TEST_LIB_WAN_HELD_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELD_MAX       65536 /* packets on their way, all together: 20,000 a second for 3 s */
#define HELD_BYTES_MAX 1500  /* [bytes] the interfaces' MTU */

struct held_packet {
    struct instant due;
    uint64_t order; /* counts what was put */
    uint16_t from, to;
    uint16_t bytes;
    uint8_t data[HELD_BYTES_MAX];
};

struct held {
    struct held_packet *packets; /* owned; memory is touched as far as it was ever needed */
    uint32_t *heap;              /* owned; indices of packets */
    uint32_t count;
    uint32_t *spare; /* owned; indices of packets that were used and are free, a stack */
    uint32_t spare_count;
    uint32_t used; /* packets from here on were never used */
    uint64_t order;
};

bool held_init(struct held *h);
void held_free(struct held *h);

/* Copies a packet. False if the pool is empty or the packet too long. */
bool held_put(struct held *h, uint16_t from, uint16_t to, const void *data, size_t bytes,
              struct instant due);

/* When the next one is due; "never" if there is none. */
struct instant held_next(const struct held *h);

/* Takes the next one out; it stays valid until the next put. NULL if it is not due yet. */
const struct held_packet *held_take(struct held *h, struct instant now);

#endif
