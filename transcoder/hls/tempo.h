/*
 * Tempo: how a source that comes in by its own clock is held to the time of day.
 *
 * A sender's second is not ours: 50 parts in a million are usual, and numbers of segments follow
 * from the time of day (live.h), so what it is ahead or behind would grow until its segments come
 * too late. Here is said, a chunk at a time, how many samples the next one is to be stretched by.
 * What the network holds up makes a chunk late, never early: the least lateness of the last
 * TEMPO_CHUNKS is what the clocks differ by. Stretching is one part in a thousand at most, which
 * nobody hears. A source that stood still and does not catch up is not stretched but moved on: what
 * it would have said meanwhile is left out, and the numbers of those segments with it.
 */
#ifndef TRANSCODER_HLS_TEMPO_H
#define TRANSCODER_HLS_TEMPO_H

#include <stdbool.h>
#include <stdint.h>

#define TEMPO_CHUNKS      8    /* 26 s */
#define TEMPO_AIM_MS      100  /* [ms] of lateness, which is aimed at … */
#define TEMPO_CALM_MS     100  /* [ms] and so much more or less is left alone */
#define TEMPO_SAMPLES_MAX 153  /* [samples at 48 kHz] of a chunk: one in a thousand */
#define TEMPO_LOST_MS     3000 /* [ms] of lateness: it stood still … */
#define TEMPO_GAINS_MS    1000 /* [ms] unless the next chunk has made up for so much of it */

struct tempo {
    int64_t late_ms[TEMPO_CHUNKS]; /* [ms] of the last chunks, in a ring */
    uint32_t count;                /* of them, ever */
};

/* A chunk is whole, so much later than its end (before it, if negative). *stretch: [samples] that
 * the next one is to be longer than what comes in, or shorter. True: go to the present instead, and
 * tell of nothing before. */
bool tempo_heard(struct tempo *t, int64_t late_ms, int32_t *stretch);

#endif
