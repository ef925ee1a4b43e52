/*
 * An arrival: sound and pictures of a source that comes in, in the order in which they come.
 *
 * Internal to this folder (it shows FFmpeg's types). Any format that FFmpeg tells by its first
 * bytes, from standard input ("-"), a file or FIFO, or a URL; nothing is ever sought. Sound becomes
 * 48 kHz in two channels and is the clock: positions are samples since the first one. Where time
 * stamps leave out up to ARRIVAL_SILENCE_MS there is silence, beyond that they are believed to
 * count anew. What is damaged is left out. Reading waits for as long as nothing comes; from a
 * server, ARRIVAL_SILENCE_MS.
 */
#ifndef TRANSCODER_MEDIA_ARRIVAL_H
#define TRANSCODER_MEDIA_ARRIVAL_H

#include "peerd/base/err.h"
#include "transcoder/media/media.h"

#include <libavutil/frame.h>

#define ARRIVAL_SILENCE_MS 10000 /* [ms] */

struct media_arrival;

struct media_arrived {
    const int16_t *samples; /* interleaved; NULL: a picture */
    int count;              /* [samples a channel] */
    AVFrame *picture;       /* borrowed until the next call; may be moved from */
    int64_t at;             /* [samples] of the picture */
};

/* Opens it, which for a FIFO waits for who writes. ERR_SOURCE_FAILED, ERR_NO_MEMORY. */
enum err media_arrival_open(struct media_arrival **out, const char *from, struct media_why *why);

/* Reads until it is known what comes: pictures of which size, in square pixels (0: none).
 * ERR_UNSUPPORTED: no sound, or no decoder. */
enum err media_arrival_begin(struct media_arrival *a, uint32_t *width, uint32_t *height,
                             struct media_why *why);

/* The next that comes. ERR_SOURCE_ENDED, ERR_SOURCE_FAILED. */
enum err media_arrival_next(struct media_arrival *a, struct media_arrived *out,
                            struct media_why *why);

/* The next 3.2 s of sound become so many samples longer than they come, or shorter. */
void media_arrival_stretch(struct media_arrival *a, int32_t samples);

/* Accepts NULL. */
void media_arrival_close(struct media_arrival *a);

#endif
