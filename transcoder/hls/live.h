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
 * A source that comes in (incoming.h) has the same numbers by the same clock, each segment as much
 * later than its date as the feed says. What is not at hand here is not listed: where nothing comes
 * in the list stands still at its end, while its beginning goes on with the clock, and when fewer
 * than LIVE_LEAST are left there is no list. What the feed left out is listed as a gap once
 * something after it is there, the same at every cluster. A cluster that is LIVE_BEHIND segments
 * behind the clock does not say that it has the channel, so that nobody begins there, and those who
 * are steered leave.
 *
 * A clock that may be wrong by more than LIVE_UNCERTAINTY_MS offers no channel: with all others
 * inside of that two clusters are less than a second apart, and what one lists the other serves.
 */
#ifndef TRANSCODER_HLS_LIVE_H
#define TRANSCODER_HLS_LIVE_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "transcoder/hls/incoming.h"
#include "transcoder/hls/segments.h"

#define LIVE_UNCERTAINTY_MS 500 /* [ms] */
#define LIVE_LISTED         16  /* segments: 51 s; players want ten seconds or more */
#define LIVE_KEPT           16  /* and serves on (RFC 8216bis, 6.2.2: as long as the list) */
#define LIVE_AHEAD          2   /* made before they are listed */
#define LIVE_LEAST          4   /* of what comes in: three target durations */
#define LIVE_BEHIND         4   /* segments: 13 s, as a player has buffered */
#define LIVE_NUMBER_MAX     (INT32_MAX - 1) /* 217 years */

struct live_channel {
    int64_t since_us; /* [µs] the anchor, as struct wall counts */
    uint32_t pass;    /* segments of one pass; at least 1; 0: it comes in */
    int64_t late_us;  /* [µs] by which segments are listed later than by their date */
    const struct incoming *incoming; /* NULL: a recording that is repeated */
    uint32_t here; /* it comes in: the number after the newest chunk that is at hand; 0: none */
};

struct live_window {
    uint32_t first; /* the oldest that is listed */
    uint32_t count; /* at least 1 */
};

/* Segments of one pass; 0: the recording is shorter than one. */
uint32_t live_pass(uint64_t duration_ms);

/* What is listed. ERR_TIMEOUT: this clock is too uncertain. ERR_NOT_YET: the channel has not begun,
 * or is in its first segment, or nothing of it is here. ERR_SOURCE_FAILED: nothing has come
 * in for too long. */
enum err live_window(struct live_window *out, const struct live_channel *c, struct wall now);

/* Is it well enough for players to begin here? Errors as above. */
enum err live_offered(const struct live_channel *c, struct wall now);

/* Is it one that the feed left out? Of those that are listed. */
bool live_is_gap(const struct live_channel *c, uint32_t number);

/* May `number` be asked for? As live_window, and ERR_NOT_FOUND: outside. */
enum err live_serves(const struct live_channel *c, struct wall now, uint32_t number);

/* Of a recording: the newest that is to be made by now, listed or not; false: none, as live_window
 * would say. */
bool live_newest(uint32_t *number, const struct live_channel *c, struct wall now);

/* Until live_newest says another number, or something at all: at least 1 ms. */
struct duration live_next(const struct live_channel *c, struct wall now);

/* When segment `number` begins: [µs] as struct wall counts. */
int64_t live_begins_us(const struct live_channel *c, uint32_t number);

#endif
