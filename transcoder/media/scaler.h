/*
 * A scaler: pictures of any shape become those of an encoder, bit-exactly on any processor.
 *
 * Internal to this folder (it shows FFmpeg's types). A source may change its shape midway.
 */
#ifndef TRANSCODER_MEDIA_SCALER_H
#define TRANSCODER_MEDIA_SCALER_H

#include "peerd/base/err.h"
#include "transcoder/media/media.h"

#include <libavutil/frame.h>
#include <libswscale/swscale.h>

struct media_scaler {
    struct SwsContext *context; /* owned, of `shape`; NULL while none is needed */
    int shape[3];               /* width, height and format that it is for */
};

/* `out` becomes the picture in 8-bit 4:2:0 of that size; of the same size and format it is the same
 * picture. ERR_UNSUPPORTED, ERR_NO_MEMORY. */
enum err media_scale(struct media_scaler *s, const AVFrame *in, int width, int height, AVFrame *out,
                     struct media_why *why);

/* Accepts a zeroed one. */
void media_scaler_close(struct media_scaler *s);

#endif
