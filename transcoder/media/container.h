/*
 * A container: an open input, the demuxer that understands it, and the facts of its one audio track
 * (or, for segments of streams, of its video track).
 *
 * Internal to this folder. The demuxers allowed are few and named: none that opens further files
 * (playlists, concat, image sequences). A header that promises more than the file holds is refused
 * here, at open, and not met as a surprise while somebody listens.
 *
 * `exact` needs two things of a container: that the position of every sample is known without
 * guessing, and that decoding can begin anywhere. PCM of any kind, G.711 included, in WAV or MP4
 * has them, and so have ALAC and AAC in MP4, and GSM, raw or in WAV (what GSM and AAC remember is
 * track.h's affair). MP3, Matroska, Ogg, FLAC and other codecs have not: such a source is
 * `seekable`.
 */
#ifndef TRANSCODER_MEDIA_CONTAINER_H
#define TRANSCODER_MEDIA_CONTAINER_H

#include "peerd/wire/ticket.h"
#include "transcoder/media/input.h"

#include <libavformat/avformat.h>

struct media_container {
    struct media_input *input; /* owned */
    AVFormatContext *format;   /* owned */
    AVStream *stream;          /* the audio track, owned by format */
    int64_t samples;           /* [samples a channel] length; -1 if not known exactly */
    int64_t samples_guess;     /* [samples a channel] the container's estimate; -1 for none */
    int64_t origin;            /* [stream time base] timestamp of sample 0 */
    bool raw_gsm;              /* blocks of 33 bytes, nothing else */
    bool exact;                /* meets the conditions above */
};

/* Takes `input` over, on failure as well. ERR_UNSUPPORTED: not a format or codec for this class,
 * with the reason. ERR_SOURCE_FAILED: damaged. ERR_TIMEOUT, ERR_NO_MEMORY. */
enum err media_container_open(struct media_container **out, struct media_input *input,
                              const char *location, enum source_class class, struct media_why *why);

/* The same of the video track: `samples` and what is said of them above are not filled. `exact`:
 * MP4 with H.264 or HEVC, whose index says where pictures are that need no other. What a decoder
 * makes of these is laid down to the bit by their standards. */
enum err media_container_open_pictures(struct media_container **out, struct media_input *input,
                                       const char *location, enum source_class class,
                                       struct media_why *why);

/* Accepts NULL. */
void media_container_close(struct media_container *c);

/* Goes to the packet that holds the sample, or to one before it: what comes is told by its
 * timestamp. */
enum err media_container_seek(struct media_container *c, int64_t sample, struct media_why *why);

/* Reads the track's next packet. ERR_SOURCE_ENDED at the end, ERR_SOURCE_FAILED, ERR_TIMEOUT. */
enum err media_container_read(struct media_container *c, AVPacket *packet, struct media_why *why);

#endif
