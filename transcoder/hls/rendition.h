/*
 * A rendition: one kind of output of a stream, and what playlists say of it.
 *
 * A stream is a source of the catalogue; its renditions are the profiles of family `hls`. Pictures
 * and sound are renditions apart (players put them together), so that sound is made once whatever
 * the size of the picture, and listening alone costs no more than sound. What a rendition's bytes
 * are follows from these numbers and from the source, of which only length and shape are asked
 * here. RFC 6381 says how codecs are named, ITU-T H.264 annex A what a level allows.
 */
#ifndef TRANSCODER_HLS_RENDITION_H
#define TRANSCODER_HLS_RENDITION_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [Hz] Of all sound: the rate at which 3.2 s are whole frames. */
#define RENDITION_RATE_HZ 48000

#define RENDITION_HEIGHT_MIN    64   /* [lines] */
#define RENDITION_HEIGHT_MAX    1080 /* [lines] more would take a core longer than it lasts */
#define RENDITION_WIDTH_MAX     4096 /* [pixels] */
#define RENDITION_CODEC_LEN_MAX 15   /* [characters] */
#define RENDITION_FPS           25   /* [pictures/s] of what has nothing better to say */

enum rendition_codec {
    RENDITION_H264,
    RENDITION_AAC,
    RENDITION_OPUS
};

struct rendition {
    struct name name;
    enum rendition_codec codec;
    uint32_t bitrate_bps; /* [bit/s] h264: the most, over a second; aac and opus: the mean */
    uint32_t height;      /* [lines] h264 only */
    uint32_t fps;         /* [pictures/s] h264 only */
    uint32_t channels;    /* 1 or 2; aac and opus */
};

/* What is known of a source. */
struct rendition_source {
    uint64_t duration_ms; /* [ms] of one pass */
    uint32_t width;       /* [square pixels] of its pictures; 0: it has none */
    uint32_t height;      /* [lines] */
};

const char *rendition_codec_name(enum rendition_codec codec); /* "h264", "aac", "opus" */
bool rendition_codec_by_name(enum rendition_codec *out, const char *text);

/* NULL, or what is wrong with it: what was expected, in half a sentence. */
const char *rendition_fault(const struct rendition *r);

static inline bool rendition_is_sound(const struct rendition *r) {
    return r->codec != RENDITION_H264;
}

/* Can it be made of this source? Pictures need some, and are not blown up. */
bool rendition_fits(const struct rendition *r, const struct rendition_source *source);

/* [pixels] Of a picture, even, so that the source's shape is kept. */
uint32_t rendition_width(const struct rendition *r, const struct rendition_source *source);

/* The `level_idc` of annex A that suffices, as 10 times the level's number. */
uint32_t rendition_level(const struct rendition *r, uint32_t width);

/* Its element of CODECS, e.g. "avc1.64001f". */
const char *rendition_codec_text(const struct rendition *r, uint32_t width,
                                 char out[RENDITION_CODEC_LEN_MAX + 1]);

/* [bit/s] The most that any segment of it takes on the wire, boxes included: BANDWIDTH. */
uint64_t rendition_bandwidth(const struct rendition *r);

#endif
