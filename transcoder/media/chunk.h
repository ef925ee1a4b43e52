/*
 * A chunk: one file of what comes in live, as hls/incoming.h says what it holds.
 *
 * Internal to this folder (it shows FFmpeg's types). Pictures are encoded as they come, so that
 * little is left to do when the last one is there.
 */
#ifndef TRANSCODER_MEDIA_CHUNK_H
#define TRANSCODER_MEDIA_CHUNK_H

#include "transcoder/hls/incoming.h"
#include "transcoder/media/ingest_inner.h"

#include <libavutil/frame.h>

#define CHUNK_PER_MS  (RENDITION_RATE_HZ / 1000)
#define CHUNK_SEGMENT ((int64_t)SEGMENT_MS * CHUNK_PER_MS)        /* [samples a channel] */
#define CHUNK_SAMPLES ((int64_t)INCOMING_CHUNK_MS * CHUNK_PER_MS) /* [samples a channel] */

struct media_chunk;

/* `pictures` NULL: sound alone. */
enum err media_chunk_new(struct media_chunk **out, const struct rendition *pictures, uint32_t width,
                         struct media_why *why);

/* Accepts NULL. */
void media_chunk_close(struct media_chunk *c);

/* The next picture of its segment, of its size and in 8-bit 4:2:0. */
enum err media_chunk_show(struct media_chunk *c, AVFrame *picture, struct media_why *why);

/* CHUNK_SAMPLES of sound, interleaved, when all pictures are there: the file. */
enum err media_chunk_finish(struct media_chunk *c, const int16_t *samples, struct media_bytes *out,
                            struct media_why *why);

#endif
