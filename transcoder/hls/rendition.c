#include "transcoder/hls/rendition.h"

#include "transcoder/hls/segments.h"

#include <stdio.h>
#include <string.h>

static const char *const codec_names[] = {
    [RENDITION_H264] = "h264",
    [RENDITION_AAC] = "aac",
    [RENDITION_OPUS] = "opus",
};
#define CODEC_COUNT (sizeof(codec_names) / sizeof(codec_names[0]))

const char *rendition_codec_name(enum rendition_codec codec) {
    return (size_t)codec < CODEC_COUNT ? codec_names[codec] : "unknown";
}

bool rendition_codec_by_name(enum rendition_codec *out, const char *text) {
    for (size_t i = 0; i < CODEC_COUNT; i++)
        if (strcmp(codec_names[i], text) == 0) {
            *out = (enum rendition_codec)i;
            return true;
        }
    return false;
}

static bool within(uint32_t value, uint32_t least, uint32_t most) {
    return value >= least && value <= most;
}

static const char *picture_fault(const struct rendition *r) {
    if (!within(r->height, RENDITION_HEIGHT_MIN, RENDITION_HEIGHT_MAX) || r->height % 2 != 0)
        return "an even height of 64 to 1080 lines";
    if (r->fps == 0 || r->fps > 60 || SEGMENT_MS * r->fps % 1000 != 0)
        return "5 to 60 pictures a second, of which 3.2 s are a whole number (25, 30, 50, 60)";
    if (!within(r->bitrate_bps, 50000, 20000000))
        return "a bit rate of 50kbit/s to 20Mbit/s";
    return NULL;
}

const char *rendition_fault(const struct rendition *r) {
    if (r->codec == RENDITION_H264)
        return picture_fault(r);
    if (!within(r->channels, 1, 2))
        return "1 or 2 channels";
    if (r->codec == RENDITION_AAC && !within(r->bitrate_bps, 32000, 256000 * r->channels))
        return "a bit rate of 32kbit/s to 256kbit/s a channel";
    if (r->codec == RENDITION_OPUS && (!within(r->bitrate_bps, 6000, 256000 * r->channels) ||
                                       r->bitrate_bps % 400 != 0 || r->bitrate_bps > 480000))
        return "6kbit/s to 256kbit/s a channel, 480kbit/s at most, in steps of 400bit/s";
    return NULL;
}

bool rendition_fits(const struct rendition *r, const struct rendition_source *source) {
    if (rendition_is_sound(r))
        return true;
    return source->width > 0 && r->height <= source->height &&
           rendition_width(r, source) <= RENDITION_WIDTH_MAX;
}

uint32_t rendition_width(const struct rendition *r, const struct rendition_source *source) {
    uint64_t twice = 2 * (uint64_t)source->height;
    if (twice == 0)
        return 0;
    uint32_t width = (uint32_t)(((uint64_t)r->height * source->width + source->height) / twice * 2);
    return width < 2 ? 2 : width;
}

/* Table A-1: macroblocks a second, macroblocks a picture. Reference frames are few (x264's
 * veryfast has one), and bit rates far below what these levels allow but for the lowest. */
uint32_t rendition_level(const struct rendition *r, uint32_t width) {
    static const struct {
        uint32_t level, per_s, per_picture, bps;
    } table[] = {{21, 19800, 792, 5000000},      {30, 40500, 1620, 12500000},
                 {31, 108000, 3600, 17500000},   {32, 216000, 5120, 25000000},
                 {40, 245760, 8192, 25000000},   {42, 522240, 8704, 62500000},
                 {51, 983040, 36864, 300000000}, {52, 2073600, 36864, 300000000}};
    uint32_t macroblocks = ((width + 15) / 16) * ((r->height + 15) / 16);
    size_t i = 0;
    while (i + 1 < sizeof(table) / sizeof(table[0]) &&
           (macroblocks > table[i].per_picture || macroblocks * r->fps > table[i].per_s ||
            r->bitrate_bps > table[i].bps))
        i++;
    return table[i].level;
}

/* High profile, no constraint flags: what x264 writes of 8-bit 4:2:0 with the 8x8 transform. */
const char *rendition_codec_text(const struct rendition *r, uint32_t width,
                                 char out[RENDITION_CODEC_LEN_MAX + 1]) {
    switch (r->codec) {
    case RENDITION_H264:
        snprintf(out, RENDITION_CODEC_LEN_MAX + 1, "avc1.6400%02x", rendition_level(r, width));
        break;
    case RENDITION_AAC:
        snprintf(out, RENDITION_CODEC_LEN_MAX + 1, "mp4a.40.2");
        break;
    case RENDITION_OPUS:
        snprintf(out, RENDITION_CODEC_LEN_MAX + 1, "opus");
        break;
    }
    return out;
}

/* Each segment begins with a full buffer of a second at the rate: it may take 3.2 s and one more.
 * AAC's encoder strays by a tenth. Boxes take some 16 bytes a frame. */
uint64_t rendition_bandwidth(const struct rendition *r) {
    uint64_t bps = r->bitrate_bps;
    switch (r->codec) {
    case RENDITION_H264:
        return bps * (SEGMENT_MS + 1000) / SEGMENT_MS + (uint64_t)r->fps * 16 * 8 + 2000;
    case RENDITION_AAC:
        return bps * 11 / 10 + 47 * 16 * 8 + 2000;
    case RENDITION_OPUS:
        return bps + 50 * 16 * 8 + 2000;
    }
    return bps;
}
