/*
 * The inside of segments, shared by segment.c, segment_pictures.c and segment_sound.c only: each
 * kind makes its packets and hands them to the mux.
 */
#ifndef TRANSCODER_MEDIA_SEGMENT_INNER_H
#define TRANSCODER_MEDIA_SEGMENT_INNER_H

#include "transcoder/media/mux.h"
#include "transcoder/media/segment.h"

#define SEGMENT_AAC_PREROLL 8      /* [frames] fed before the segment's first, and dropped */
#define SEGMENT_AAC_CODER   "fast" /* of FFmpeg's: the other one remembers for seconds */

struct segment_job {
    const struct media_segment_source *source;
    const struct rendition *rendition;
    uint32_t number;          /* SEGMENT_INIT: nothing is encoded */
    struct segment_span span; /* of its frames, in the recording */
    uint64_t shift;           /* [frames] that the passes before it took */
    struct media_mux mux;     /* open once a kind has its parameters */
    struct media_why *why;
};

static inline bool segment_job_is_init(const struct segment_job *j) {
    return j->number == SEGMENT_INIT;
}

enum err segment_pictures(struct segment_job *j);
enum err segment_aac(struct segment_job *j);
enum err segment_opus(struct segment_job *j);

/* x264's parameters beside size, rate and bound; and opens one: they are part of the print. */
const char *segment_pictures_settings(void);
enum err segment_pictures_encoder(AVCodecContext **out, const struct rendition *r, uint32_t width,
                                  uint32_t scale, struct media_why *why);

/* For tests: from now on x264 uses only these of the processor's features, as it would on a lesser
 * one ("0", "SSE2", "SSE4.2" …; NULL: all that are there). It looks at the processor by itself, and
 * nothing else that we have can make it believe in another one. */
void segment_pictures_pretend(const char *features);

#endif
