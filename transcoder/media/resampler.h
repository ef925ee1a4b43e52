/*
 * A resampler: decoded samples of any rate, format and channels into interleaved 16-bit frames.
 *
 * Internal to this folder. Output sample k after a reset belongs to the instant k ÷ rate_hz after
 * the first input sample, so frames line up as long as input begins at a multiple of 20 ms. Where
 * nothing is to be done, nothing is done: samples are copied.
 */
#ifndef TRANSCODER_MEDIA_RESAMPLER_H
#define TRANSCODER_MEDIA_RESAMPLER_H

#include "peerd/base/err.h"
#include "transcoder/media/media.h"

#include <libswresample/swresample.h>
#include <stdbool.h>

/* [frames] fed and dropped after a reset. libswresample's filter reaches 16 samples of the lower of
 * both rates to either side, 4 ms at 8 kHz. */
#define RESAMPLER_PREROLL_FRAMES 2

struct media_resampler {
    SwrContext *swr;   /* owned; NULL when samples are copied as they are */
    int16_t *frame;    /* owned; the output frame being filled */
    int frame_samples; /* [samples a channel] in an output frame */
    int filled;        /* [samples a channel] of it */
    int channels;      /* of the output */
};

enum err media_resampler_init(struct media_resampler *r, const AVChannelLayout *in_layout,
                              enum AVSampleFormat in_format, int in_rate_hz, int out_rate_hz,
                              int out_channels);
void media_resampler_destroy(struct media_resampler *r);

/* Forgets all it holds; the next input begins at a multiple of 20 ms. False: out of memory. */
bool media_resampler_reset(struct media_resampler *r);

/* Feeds at least one sample and goes on filling the current frame. Call it only while the frame is
 * not full. Copying takes no more than there is room for and returns how many were taken;
 * resampling takes all. Negative: AVERROR. */
int media_resampler_feed(struct media_resampler *r, const uint8_t *const *planes, int count);

static inline bool media_resampler_full(const struct media_resampler *r) {
    return r->filled == r->frame_samples;
}

/* The full frame, to be read before the next feed. */
const int16_t *media_resampler_take(struct media_resampler *r);

#endif
