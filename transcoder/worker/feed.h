/*
 * A feed: the payloads of one session by frame number, at hand when they are due.
 *
 * A local source is read and encoded in the event loop, a batch of frames at a time: by the time
 * its turn comes again others have driven an encoder's state out of the caches, and fetching it
 * costs a tenth of encoding a frame. The loop makes a batch (feed_make) while some frames are left,
 * so that a frame is not late because another session's are being made, and batches of many
 * sessions follow one another while the encoder's code is in the caches. Where it does not come to
 * that in time, taking a frame makes it, and a batch with it; only the first one after a start is
 * made alone, since somebody waits for it. A start's pre-roll is done in slices, so that starting
 * one session never holds up another. A remote source may keep a reader waiting, so it is opened,
 * read and encoded by a thread pool, FEED_AHEAD_FRAMES ahead of what has been sent; the loop only
 * ever takes what is ready.
 *
 * The last payloads are kept, because a client that misses some asks again. An older frame starts
 * the stream anew, with its pre-roll.
 *
 *            open           start            warm, or a thread is done
 *   (none) --------> IDLE ---------> BUSY ----------------------------> READY
 *             |        ^ local only    ^  start elsewhere, or an older frame  |
 *             |                        +--------------------------------------+
 *             +----> BUSY (remote: opening)         any failure: FAILED, for good
 */
#ifndef TRANSCODER_WORKER_FEED_H
#define TRANSCODER_WORKER_FEED_H

#include "peerd/net/loop.h"
#include "transcoder/media/stream.h"

#define FEED_KEEP_FRAMES    32  /* [frames] behind the newest: 640 ms, more than a repair reaches */
#define FEED_BATCH_FRAMES   10  /* [frames] that a local feed makes in one go: 200 ms */
#define FEED_LOW_FRAMES     5   /* [frames] who has no more left wants a batch: 100 ms */
#define FEED_SPARING_FRAMES 40  /* [frames] after a hurried start that are made as they are due */
#define FEED_AHEAD_FRAMES   100 /* [frames] ahead of a remote session: 2 s of a stalled server */
#define FEED_CHUNK_FRAMES   25  /* [frames] a thread makes in one go */
#define FEED_SLICE_FRAMES   10  /* [frames] of pre-roll in one turn of the loop: 0.6 ms */
#define FEED_SKIP_FRAMES    100 /* [frames] rather encoded and dropped than a new start */
#define FEED_TRIES_MAX      3   /* attempts at a remote source before it has failed */

enum feed_state {
    FEED_IDLE,  /* open, not started */
    FEED_BUSY,  /* opening or in pre-roll: FEED_FAILED or FEED_READY follows */
    FEED_READY, /* frames can be taken */
    FEED_FAILED /* see feed_error; close it */
};

struct feed;

struct feed_options {
    struct net_loop *loop;
    const char *location; /* of the catalogue; borrowed for the call */
    struct media_source_options source;
    struct media_profile profile;
    uint32_t phase; /* [frames] where encoder laps begin, see media_stream_set_phase */
};

/* Opens. A local source that cannot be read is told at once, with media_stream_open's errors; of a
 * remote one feed_state tells later. */
enum err feed_open(struct feed **out, const struct feed_options *options, struct media_why *why);

/* Accepts NULL. What runs on another thread is cut short and ends by itself. */
void feed_close(struct feed *f);

/* Whom to tell that a thread has brought something; from then on only, not from within a call. */
void feed_set_listener(struct feed *f, void (*changed)(void *data), void *data);

/* Goes to frame `frame` of the source, unless the feed is there already. Returns the first frame
 * from which payloads are the same bytes at any server, FRAME_NEVER if there is none. */
uint64_t feed_start(struct feed *f, uint64_t frame);

/* The next local start is to be quick: heard after so few frames of pre-roll, and equal to
 * anybody's from the next lap on only (media/stream.h); MEDIA_PREROLL_FULL: it is not. For when
 * many start at once, and only where the client is about to be told from which frame on it may
 * merge. */
void feed_hurry(struct feed *f, uint32_t preroll);

/* What the last start that had to encode anew was allowed; MEDIA_PREROLL_FULL: all it needed. */
uint32_t feed_allowed(const struct feed *f);

/* Does a slice of a local pre-roll; call it while the state is FEED_BUSY and feed_local. */
void feed_warm(struct feed *f);

/* Whether a local feed that is ready has few frames left, and makes a batch of them. A failure or
 * the end comes to light when what was made before it has been taken. */
bool feed_wants(const struct feed *f);
void feed_make(struct feed *f);
bool feed_local(const struct feed *f);

enum feed_state feed_state(const struct feed *f);

/* Why it failed; `why` is for a log line. */
enum err feed_error(const struct feed *f);
const char *feed_why(const struct feed *f);

/* True if the frame has been made and is still kept: feed_take() gives it at once. */
bool feed_holds(const struct feed *f, uint64_t frame);

/* The payload of a frame, borrowed until the next call. ERR_NOT_YET: not ready, ask when the
 * listener is called or, local, when feed_warm is through. ERR_SOURCE_ENDED: there is no such frame
 * and there are none after it. Any other error: it has failed. */
enum err feed_take(struct feed *f, uint64_t frame, const uint8_t **payload, size_t *len);

#endif
