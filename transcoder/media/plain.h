/*
 * A plain recording: 16-bit PCM in a WAV file whose header leaves nothing to ask, read by
 * ourselves.
 *
 * Internal to this folder. That is what a recording is normalised to, hence what most sessions of
 * class `exact` play, and a herd of them opens it hundreds of times within a second. To FFmpeg an
 * open and the first read of it cost 0.2 ms, nearly all of it to find out what the first twelve
 * bytes say, and whether it is DTS after all, and a server is asked four times, each over a
 * connection of its own. Here they cost two reads, of a server two questions: for the head, and
 * from where playing begins. What is taken is only what is told without doubt: format 1, 16 bits,
 * known chunks of even size, a data chunk that the file holds. Anything else is left to the
 * container (container.h), which refuses it, with its reason, or reads it: the same samples then,
 * in the same pieces.
 */
#ifndef TRANSCODER_MEDIA_PLAIN_H
#define TRANSCODER_MEDIA_PLAIN_H

#include "transcoder/media/input.h"

#include <libavutil/channel_layout.h>

#define MEDIA_PLAIN_BYTES 4096 /* [bytes] read at a time, as FFmpeg does */

struct media_plain {
    struct media_input *input; /* owned */
    int64_t data_at;           /* [bytes] where sample 0 lies */
    int64_t samples;           /* [samples a channel] length */
    uint32_t rate_hz;
    uint8_t channels;       /* 1 or 2 */
    AVChannelLayout layout; /* so many, and no word on which */
    int64_t at;             /* [samples] position of the next sample handed out */
    int64_t held;           /* [samples] position of the first one in `buffer` … */
    int64_t held_count;     /* … and how many are there */
    int16_t buffer[MEDIA_PLAIN_BYTES / sizeof(int16_t)];
};

/* Takes `input` over if it is a plain recording; it stands at sample 0 then. NULL if it is
 * none, or memory is short: the input is as it was. */
struct media_plain *media_plain_open(struct media_input *input);

/* Accepts NULL. */
void media_plain_close(struct media_plain *p);

/* These do what those of track.h do. */
enum err media_plain_seek(struct media_plain *p, int64_t sample, struct media_why *why);
enum err media_plain_peek(struct media_plain *p, const uint8_t **plane, int *count,
                          struct media_why *why);
void media_plain_consume(struct media_plain *p, int count);

#endif
