/*
 * Position: what frame n of a session looks like on the wire, and which frame a packet is.
 *
 * Output is a function of position: sequence number, timestamp and SSRC of frame n follow from the
 * ticket's leg and from n alone, so that any server continues exactly where another stopped. The
 * way back needs to know roughly where we are, since a sequence number has 16 bits only; the
 * timestamp must then agree to the tick, or the packet is not one of this session's.
 */
#ifndef TRANSCODER_TIMELINE_POSITION_H
#define TRANSCODER_TIMELINE_POSITION_H

#include "peerd/base/time.h"
#include "peerd/wire/ticket.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_NEVER UINT64_MAX /* no frame; of an end: none in sight; of mergeable_from: never */
#define FRAME_MS    20         /* [ms] of media in every frame */

struct position {
    uint32_t ssrc;    /* RFC 3550 */
    uint16_t seq0;    /* sequence number of frame 0 */
    uint32_t ts0;     /* timestamp of frame 0 [ticks of the RTP clock] */
    uint32_t samples; /* [ticks of the RTP clock] per frame, at least 1 */
};

struct position position_of_leg(const struct leg *leg, uint32_t samples);

uint16_t position_seq(const struct position *p, uint64_t frame);
uint32_t position_timestamp(const struct position *p, uint64_t frame);

/* Finds the frame of a packet within ±32767 of `near`, the frame expected next. False, `frame`
 * untouched, if the SSRC is another's, the timestamp does not fit the sequence number, or the frame
 * would lie before frame 0: drop and count the packet. */
bool position_frame(const struct position *p, uint32_t ssrc, uint16_t seq, uint32_t timestamp,
                    uint64_t near, uint64_t *frame);

#endif
