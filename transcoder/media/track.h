/*
 * A track: a container's sound decoded, in the source's own rate and format, from an exact sample.
 *
 * Internal to this folder. A decoder remembers: GSM its filters and long-term predictor, AAC its
 * last block and the seed of its noise. Going in some frames earlier makes it forget, mostly: of a
 * thousand points in real GSM music three still differed after 100 frames, and AAC's seed does not
 * fade (46 of 200 points differed in music encoded at 96 kbit/s with ffmpeg's defaults). So what a
 * sample is may not depend on where one began. An exact track is decoded in *laps* of fixed length:
 * at the start of each the decoder is renewed, fed from a fixed distance before, and what comes of
 * that is dropped. Where the decoder had forgotten, the joint cannot be told; where not, it is a
 * little off from an uninterrupted decoding, but the same for everybody. A seek costs at most one
 * lap.
 *
 * Samples are counted, and each timestamp that the container gives is held against the count.
 */
#ifndef TRANSCODER_MEDIA_TRACK_H
#define TRANSCODER_MEDIA_TRACK_H

#include "transcoder/media/container.h"

#include <libavcodec/avcodec.h>

struct media_track {
    struct media_container *container; /* owned */
    AVCodecContext *codec;             /* owned */
    AVPacket *packet;                  /* owned */
    AVFrame *frame;                    /* owned; decoded samples that are being handed out */
    int64_t at;                        /* [samples] position of the next sample handed out */
    int used;                          /* [samples] of `frame` already handed out */
    int64_t lap;                       /* [samples] between renewals; 0 for none */
    int64_t lap_end;                   /* [samples] where the next one is due */
    bool touched;                      /* something has been read since open */
    bool draining;                     /* the container has ended, the decoder is being emptied */
    bool strict;                       /* exact: any damage is the end */
    int damaged;                       /* packets in a row that did not decode */
};

/* Takes `container` over, on failure as well. ERR_UNSUPPORTED, ERR_NO_MEMORY, ERR_SOURCE_FAILED.
 * The track stands at sample 0. */
enum err media_track_open(struct media_track **out, struct media_container *container,
                          enum source_class class, struct media_why *why);

/* Accepts NULL. */
void media_track_close(struct media_track *t);

/* The next sample handed out will be `sample`, as if all before it had been decoded. Errors as
 * peek's. */
enum err media_track_seek(struct media_track *t, int64_t sample, struct media_why *why);

/* Borrows the decoded samples at the current position: a pointer a plane, and how many there are
 * (at least 1), valid until the next call. ERR_SOURCE_ENDED, ERR_SOURCE_FAILED, ERR_TIMEOUT. */
enum err media_track_peek(struct media_track *t, const uint8_t *planes[MEDIA_CHANNELS_MAX],
                          int *count, struct media_why *why);

/* Goes on by `count` samples, at most what peek returned. */
void media_track_consume(struct media_track *t, int count);

#endif
