/*
 * A segment: bytes of (source, rendition, number), from wherever and by whomever it is made.
 *
 * This is to streams what stream.h is to sessions. Each segment is encoded by itself with a fresh
 * encoder, so that nothing depends on which one was made before, nor on which machine:
 *
 *   pictures  decoded from the nearest one that needs no other, scaled bit-exactly, encoded by x264
 *             on one thread, with its inner loops held to what gives equal bytes on any processor
 *             (cpu-independent), from one IDR picture that begins the segment. Quality is constant
 *             (CRF) under a bound of the rate; a rate to be hit on average would show at joints
 *   AAC       a fresh encoder is fed 8 frames that lie before the segment, which are dropped: by
 *             then it is as good as one that has run all the time (test/lib/joint.h). That holds
 * for FFmpeg's `fast` coder, which also has the better SNR from 64 kbit/s on; `twoloop` bears in
 * mind the loudest it has met, and was 4 dB worse here after any pre-roll Opus      payloads are
 * those of sessions (stream.h), byte for byte
 *
 * Of a channel segment n holds what the recording has in its segment n modulo the pass, in the
 * channel's own time. Where passes meet AAC goes on, as do its joints; Opus begins anew there, as a
 * session would that began with the recording.
 *
 * Of what comes in segment n is made of chunk n alone, which has sound from before and after it, as
 * if it was the whole.
 *
 * Segments are not encoded by threads but side by side: several makers, one segment each.
 * Counted by test/unit/media_segment_test.c.
 */
#ifndef TRANSCODER_MEDIA_SEGMENT_H
#define TRANSCODER_MEDIA_SEGMENT_H

#include "peerd/base/time.h"
#include "peerd/wire/ticket.h"
#include "transcoder/hls/segments.h"
#include "transcoder/media/media.h"

struct media_segment_source {
    const char *location;
    enum source_class class;
    struct duration timeout;       /* of one operation on a remote one; 0 for the default */
    struct rendition_source facts; /* as media_segment_facts found them */
    uint32_t pass;                 /* segments after which it is repeated (hls/live.h); 0: never */
    bool
        chunk; /* it is chunk `number` of what comes in (hls/incoming.h), and that segment's only */
};

/* What a stream can be made of. Its sound says how long it is; pictures are cut, or the last one
 * stands, to last as long. ERR_UNSUPPORTED, ERR_SOURCE_FAILED, ERR_TIMEOUT, ERR_NO_MEMORY. */
enum err media_segment_facts(struct rendition_source *out, const char *location,
                             enum source_class class, struct duration timeout,
                             struct media_why *why);

/* Makes one segment, or with SEGMENT_INIT what stands before all of them. The bytes are the
 * caller's, to be freed with media_bytes_free. ERR_SOURCE_ENDED: there is no such segment.
 * ERR_UNSUPPORTED: this machine's libraries cannot. Others as media_segment_facts. */
enum err media_segment_make(struct media_bytes *out, const struct media_segment_source *source,
                            const struct rendition *r, uint32_t number, struct media_why *why);

#endif
