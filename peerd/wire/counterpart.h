/*
 * Counterpart: what one end of a move tells the other of it, in a block of a beat.
 *
 * BEAT_BLOCK_COUNTERPART, 32 bytes, network byte order: what 1 (counterpart_what), cause 1
 * (move_cause, not none), session 16, epoch 4 (not 0), how long ago it was over 2 [10 ms], and four
 * figures of 2 each. ARRIVED: the session is served at the sender under that epoch, and nothing is
 * known of what it was like: all figures 0. HEARD: the same, and its client has told: noticed after
 * [ms], first frame after [ms], lost [frames], twice [frames] (message_moved). LEFT: it was served
 * at the sender under that epoch: from the order to when it was taken on [ms], and from there until
 * it had gone [ms], 65535 for what is not known; the others 0. It does not say its version: another
 * layout is another kind of block.
 */
#ifndef PEERD_WIRE_COUNTERPART_H
#define PEERD_WIRE_COUNTERPART_H

#include "peerd/wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTERPART_LEN     32         /* [bytes] */
#define COUNTERPART_UNKNOWN UINT16_MAX /* [ms] and whatever is longer */

enum counterpart_what {
    COUNTERPART_ARRIVED = 1,
    COUNTERPART_HEARD = 2,
    COUNTERPART_LEFT = 3
};

struct counterpart_word {
    enum counterpart_what what;
    enum move_cause cause;
    struct session_id session;
    uint32_t epoch;            /* under which the sender serves it, or served it */
    struct duration ago;       /* it was over; whole 10 ms, 655 s at most */
    struct message_moved told; /* HEARD: with that epoch; else all zero */
    uint16_t prepare_ms;       /* [ms] LEFT … */
    uint16_t overlap_ms;       /* [ms] … likewise */
};

void counterpart_write(uint8_t out[COUNTERPART_LEN], const struct counterpart_word *w);

/* False, and nothing is touched, if that is none. */
bool counterpart_read(struct counterpart_word *out, const void *bytes, size_t len);

#endif
