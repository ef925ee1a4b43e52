/*
 * Pictures of a source by position: which one is shown at picture k of so many a second.
 *
 * Internal to this folder (it shows FFmpeg's types). Shown at k ÷ fps is the picture with the
 * latest timestamp that is not after it, so a source of any rate gives each position exactly one
 * picture, the last one for ever after its end. A seek goes back to the nearest picture that needs
 * no other and decodes on from there with a fresh decoder, so what comes follows from source and
 * position. Sources whose such pictures are far apart are slow; it helps to put one at the
 * beginning of every segment.
 */
#ifndef TRANSCODER_MEDIA_PICTURES_H
#define TRANSCODER_MEDIA_PICTURES_H

#include "transcoder/media/container.h"

#include <libavcodec/avcodec.h>

struct media_pictures {
    struct media_container *container; /* owned */
    AVCodecContext *codec;             /* owned */
    AVPacket *packet;                  /* owned */
    AVFrame *shown;                    /* owned; empty: none yet */
    AVFrame *ahead;                    /* owned; empty: none decoded */
    bool drained;                      /* no more packets */
    bool ended;                        /* no more pictures */
    uint32_t decoded;                  /* since the seek */
};

/* Errors as media_container_open. */
enum err media_pictures_open(struct media_pictures **out, const char *location,
                             enum source_class class, struct duration timeout,
                             struct media_why *why);

/* Accepts NULL. */
void media_pictures_close(struct media_pictures *p);

/* In square pixels. */
void media_pictures_shape(const struct media_pictures *p, uint32_t *width, uint32_t *height);

/* The next call of media_pictures_at will be for `k` or a later one. */
enum err media_pictures_seek(struct media_pictures *p, uint64_t k, uint32_t fps,
                             struct media_why *why);

/* The picture shown at k ÷ fps, borrowed until the next call; `k` may not go back without a seek.
 * ERR_SOURCE_FAILED: damaged, or it has none. ERR_TIMEOUT, ERR_NO_MEMORY. */
enum err media_pictures_at(struct media_pictures *p, uint64_t k, uint32_t fps, const AVFrame **out,
                           struct media_why *why);

#endif
