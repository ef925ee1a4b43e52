/*
 * A fragmented MP4 in memory: what stands before all segments, and one segment (ISO/IEC 14496-12).
 *
 * Internal to this folder. One track, one fragment a segment, whose times are absolute: the
 * muxer's own ways of shifting, of edit lists and of counting fragments are all told what to do,
 * so that no byte depends on which segment was written before. No fragment has a date in it.
 */
#ifndef TRANSCODER_MEDIA_MUX_H
#define TRANSCODER_MEDIA_MUX_H

#include "peerd/base/err.h"
#include "transcoder/media/media.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct media_mux {
    AVFormatContext *format; /* owned */
    struct media_bytes init; /* owned: what stands before all segments */
};

/* For a track of these parameters, whose packets' times count `base`; `number` of the segment.
 * ERR_UNSUPPORTED: no such track can be. ERR_NO_MEMORY. */
enum err media_mux_open(struct media_mux *m, const AVCodecParameters *parameters, AVRational base,
                        AVRational rate, uint32_t number, struct media_why *why);

/* The next packet, in the order of decoding; its reference is taken over. */
enum err media_mux_write(struct media_mux *m, AVPacket *packet, struct media_why *why);

/* The segment: the caller's. */
enum err media_mux_finish(struct media_mux *m, struct media_bytes *out, struct media_why *why);

/* Accepts a zeroed one. */
void media_mux_close(struct media_mux *m);

#endif
