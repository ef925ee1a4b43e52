/*
 * A source: one recording as an endless or ending row of 20 ms frames of 16-bit samples, in the
 * rate and channels that a profile wants.
 *
 * Frame n of a source is a function of the file and n alone, wherever reading began, provided its
 * class is `exact`: decoding begins early enough for the decoder's memory to fade, the resampler is
 * fed from an index that is a multiple of 20 ms (so that its filter phases fall alike) and two
 * frames early (so that its filter is full). With `loop` the recording repeats: frame n is frame
 * n mod duration of it, each pass decoded as the first, the last frame filled up with silence.
 *
 * A source belongs to one thread at a time, and threads may hand it over. Reading a local one
 * takes well under a millisecond and may be done in an event loop. Every call on a remote one may
 * block up to `timeout`: leave that to a thread pool. The size and date of a file are all that
 * betrays a change after its digest was taken.
 */
#ifndef TRANSCODER_MEDIA_SOURCE_H
#define TRANSCODER_MEDIA_SOURCE_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "peerd/wire/ticket.h"
#include "transcoder/media/media.h"

#include <stdbool.h>

#define MEDIA_SOURCE_TIMEOUT_MS  5000 /* [ms] default for one operation on a remote source */
#define MEDIA_FRAME_MAX          (UINT64_C(1) << 40) /* 700 years: beyond it lies no recording */
#define MEDIA_FRAMES_UNKNOWN     UINT64_MAX
#define MEDIA_SOURCE_RATE_HZ_MAX 48000 /* [Hz] of the output */

struct media_source;

struct media_source_options {
    enum source_class class; /* exact or seekable; live and push are not read here */
    bool loop;               /* exact only */
    struct duration timeout; /* of one operation on a remote source; 0 for the default */
};

/* What a probe found. */
struct media_source_facts {
    char codec[24];           /* FFmpeg's name, e.g. "pcm_s16le" */
    char container[24];       /* the same, e.g. "wav" */
    uint32_t rate_hz;         /* [Hz] of the recording itself */
    uint8_t channels;         /* of the recording itself */
    uint64_t duration_frames; /* [frames of 20 ms] of one pass, the last counted in full;
                                 MEDIA_FRAMES_UNKNOWN; an estimate for class seekable */
    uint64_t bytes;           /* [bytes] size; 0 if a server does not say */
    bool remote;              /* reading may wait for a network */
};

/* True if opening the location will wait for a network: decide the thread before the call. */
bool media_location_is_remote(const char *location);

/* Opens a location of the catalogue (never one from a ticket) to be read at `rate_hz` (a multiple
 * of 50) with 1 or 2 channels, and stands at frame 0. On failure *out is NULL and `why` (may be
 * NULL) says more:
 *   ERR_UNSUPPORTED    the class is not one read here, or the recording does not meet it, or no
 *                      decoder: an operator must act, retrying is useless
 *   ERR_SOURCE_FAILED  missing, unreadable, damaged, empty
 *   ERR_TIMEOUT        remote and silent      ERR_NO_MEMORY */
enum err media_source_open(struct media_source **out, const char *location,
                           const struct media_source_options *options, uint32_t rate_hz,
                           uint8_t channels, struct media_why *why);

/* Accepts NULL. */
void media_source_close(struct media_source *s);

const struct media_source_facts *media_source_facts(const struct media_source *s);

/* The next read will return this frame. ERR_SOURCE_ENDED when it lies past the end of a source
 * without loop; else as read. After any failure the position is undefined until a seek succeeds. */
enum err media_source_seek(struct media_source *s, uint64_t frame);

/* Writes the next frame: rate_hz ÷ 50 × channels samples, interleaved. ERR_SOURCE_ENDED after the
 * last frame: a clean end. ERR_SOURCE_FAILED: the recording broke off, or is damaged, or changed
 * under us. ERR_TIMEOUT: a server was silent; seek to the same frame to try again. */
enum err media_source_read(struct media_source *s, int16_t *samples);

/* Index of the frame that the next read returns. */
uint64_t media_source_position(const struct media_source *s);

/* Why the last seek or read failed; empty if none did. */
const char *media_source_why(const struct media_source *s);

/* Cuts a running operation of a remote source short: it returns ERR_TIMEOUT soon. The one function
 * that any thread may call, as long as the source is not closed. It holds for good. */
void media_source_abort(struct media_source *s);

#endif
