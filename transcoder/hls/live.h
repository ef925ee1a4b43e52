/*
 * Live: which segments of a channel there are at an instant.
 *
 * A channel is a recording that began at its anchor, a date in UTC, and is repeated for ever, in
 * passes of whole segments (what is left of the recording behind its last whole one is never
 * played). Segment n is what there is from n·3.2 s after the anchor on; it exists once that time
 * has passed, and may be made before: nothing of it depends on when it is made. So whoever knows
 * the time knows the window: all clusters number alike (EXT-X-MEDIA-SEQUENCE), none has a state
 * that another one lacks, and a player that is moved goes on with the next number.
 *
 *          made ahead
 *     ... | n+2 | n+1 | n   n-1  ...  n-15 | n-16  ...  n-31 | ...
 *                  ^    \___ listed ______/  \_ still served _/   not found
 *                  served, if a clock that is fast may have listed it
 *
 * A clock that may be wrong by more than LIVE_UNCERTAINTY_MS offers no channel: with all others
 * inside of that two clusters are less than a second apart, and what one lists the other serves.
 */
#ifndef TRANSCODER_HLS_LIVE_H
#define TRANSCODER_HLS_LIVE_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "transcoder/hls/segments.h"

#define LIVE_UNCERTAINTY_MS 500 /* [ms] */
#define LIVE_LISTED         16  /* segments: 51 s; players want ten seconds or more */
#define LIVE_KEPT           16  /* and serves on (RFC 8216bis, 6.2.2: as long as the list) */
#define LIVE_AHEAD          2   /* made before they are listed */
#define LIVE_NUMBER_MAX     (INT32_MAX - 1) /* 217 years */

struct live_channel {
    int64_t since_us; /* [µs] the anchor, as struct wall counts */
    uint32_t pass;    /* segments of one pass; at least 1 */
};

struct live_window {
    uint32_t first; /* the oldest that is listed */
    uint32_t count; /* at least 1 */
};

/* Segments of one pass; 0: the recording is shorter than one. */
uint32_t live_pass(uint64_t duration_ms);

/* What is listed. ERR_TIMEOUT: this clock is too uncertain. ERR_NOT_YET: the channel has not begun,
 * or is in its first segment. */
enum err live_window(struct live_window *out, const struct live_channel *c, struct wall now);

/* May `number` be asked for? As live_window, and ERR_NOT_FOUND: outside. */
enum err live_serves(const struct live_channel *c, struct wall now, uint32_t number);

/* The newest that is to be made by now, listed or not; false: none, as live_window would say. */
bool live_newest(uint32_t *number, const struct live_channel *c, struct wall now);

/* Until live_newest says another number, or something at all: at least 1 ms. */
struct duration live_next(const struct live_channel *c, struct wall now);

/* When segment `number` begins: [µs] as struct wall counts. */
int64_t live_begins_us(const struct live_channel *c, uint32_t number);

#endif
