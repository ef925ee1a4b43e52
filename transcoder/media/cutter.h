/*
 * The cutter: makes chunks (hls/incoming.h) of a source that comes in.
 *
 * It counts samples from an anchor that the caller has, and knows no clock: who calls says to which
 * sample of the feed what comes next belongs, at the beginning and whenever the source is to be
 * moved on, and by how much sound is to be stretched (hls/tempo.h). Pictures follow from sound: as
 * picture k of the feed the nearest one is shown, for as long as nothing newer comes.
 *
 *     open -> begin -> place -> next, next, ... (place again: what is begun is dropped)
 */
#ifndef TRANSCODER_MEDIA_CUTTER_H
#define TRANSCODER_MEDIA_CUTTER_H

#include "peerd/base/err.h"
#include "transcoder/media/media.h"

#include <stdbool.h>

struct media_cutter;

struct media_cut {
    uint32_t width, height; /* [square pixels] 0: sound alone */
    uint32_t fps;
};

/* "-" is standard input; a FIFO is waited for. ERR_SOURCE_FAILED, ERR_NO_MEMORY. */
enum err media_cutter_open(struct media_cutter **out, const char *from, struct media_why *why);

/* Accepts NULL. */
void media_cutter_close(struct media_cutter *c);

/* Reads until sound and, if there will be any, pictures have come: so many samples of it are over
 * by then. Lines and pictures a second as of ingest. ERR_UNSUPPORTED: it has no sound, or cannot be
 * of that size. Others as media_cutter_next. */
enum err media_cutter_begin(struct media_cutter *c, uint32_t height, uint32_t fps,
                            struct media_cut *out, int64_t *over, struct media_why *why);

/* The next sample is sample `at` of the feed: not negative. What went before is forgotten. */
void media_cutter_place(struct media_cutter *c, int64_t at);

/* The next chunk takes so many samples less of the source than it has, or more. */
void media_cutter_stretch(struct media_cutter *c, int32_t samples);

/* Waits until a chunk is whole, which is the caller's then, to be freed with media_bytes_free.
 * ERR_SOURCE_ENDED, ERR_SOURCE_FAILED: what there was of the next one is lost. */
enum err media_cutter_next(struct media_cutter *c, uint32_t *number, struct media_bytes *out,
                           struct media_why *why);

#endif
