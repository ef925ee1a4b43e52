/*
 * What ingest of recordings (ingest.c) and of what comes in (chunk.c, cutter.c) have in common: how
 * class exact is encoded. Nobody else includes it.
 */
#ifndef TRANSCODER_MEDIA_INGEST_INNER_H
#define TRANSCODER_MEDIA_INGEST_INNER_H

#include "peerd/base/err.h"
#include "transcoder/hls/rendition.h"
#include "transcoder/media/media.h"

#include <libavcodec/avcodec.h>

#define INGEST_CHANNELS 2

/* Pictures of the source's shape, no larger than it is: so many lines and pictures a second, 0 for
 * what is usual. ERR_UNSUPPORTED: these are none, with the reason. */
enum err media_ingest_shape(struct rendition *r, uint32_t *width,
                            const struct rendition_source *source, uint32_t height, uint32_t fps,
                            struct media_why *why);

/* Encoders; on failure *out is to be freed all the same. */
enum err media_ingest_x264(AVCodecContext **out, const struct rendition *r, uint32_t width,
                           struct media_why *why);
enum err media_ingest_alac(AVCodecContext **out, struct media_why *why);

#endif
