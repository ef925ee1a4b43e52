/*
 * Segments: which frames each one owns.
 *
 * A segment lasts 3.2 s: 80 pictures at 25 a second, 150 AAC frames of 1024 samples and 160 Opus
 * frames of 20 ms at 48 kHz, all of them whole. Segment n owns the frames that begin in
 * [n·3.2 s, (n+1)·3.2 s) of the source, so every rendition is cut at the same instants, and what
 * a segment holds follows from its number: nobody keeps a state from one to the next. The last one
 * of a recording is shorter, and no frame begins past the recording's end.
 */
#ifndef TRANSCODER_HLS_SEGMENTS_H
#define TRANSCODER_HLS_SEGMENTS_H

#include "transcoder/hls/rendition.h"

#define SEGMENT_MS   3200       /* [ms] */
#define SEGMENTS_MAX 54000      /* of one recording: 48 hours */
#define SEGMENT_AAC  1024       /* [samples] of a frame */
#define SEGMENT_OPUS 960        /* [samples] of a frame: 20 ms */
#define SEGMENT_INIT UINT32_MAX /* in the place of a number: what stands before all of them */

/* A run of frames of one rendition. */
struct segment_span {
    uint64_t first; /* index of its first frame, from the beginning of the source */
    uint32_t count; /* at least 1 */
    uint32_t ticks; /* of the timescale, that each frame lasts */
    uint32_t scale; /* [ticks/s] */
};

/* How many there are of a recording; 0 of none, or if it is longer than SEGMENTS_MAX. */
uint32_t segments_of(uint64_t duration_ms);

/* [ms] How long segment `number` lasts; 0: there is no such segment. */
uint32_t segment_ms(uint64_t duration_ms, uint32_t number);

/* What it holds; false: there is no such segment. */
bool segment_span(struct segment_span *out, const struct rendition *r, uint64_t duration_ms,
                  uint32_t number);

#endif
