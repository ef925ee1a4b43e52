/*
 * What every file of the media edge shares: process-wide set-up, the frame, the words of a failure.
 *
 * A frame is 20 ms of sound, always. FFmpeg chooses its inner loops by what the processor can do,
 * and different loops round differently, so output that must be the same bytes at every cluster
 * needs one set of loops everywhere: media_init() pins it for the whole process.
 */
#ifndef TRANSCODER_MEDIA_MEDIA_H
#define TRANSCODER_MEDIA_MEDIA_H

#include <stddef.h>
#include <stdint.h>

#define MEDIA_FRAME_MS          20   /* [ms] */
#define MEDIA_FRAMES_PER_S      50   /* [frames/s] */
#define MEDIA_PAYLOAD_BYTES_MAX 1200 /* [bytes] RTP payload that fits any path's MTU with SRTP */
#define MEDIA_RATE_HZ_MAX       192000
#define MEDIA_CHANNELS_MAX      8
#define MEDIA_WHY_LEN_MAX       199 /* [characters] one log line */

/* One line for people beside an `enum err`: which file, what was found, what to do. */
struct media_why {
    char text[MEDIA_WHY_LEN_MAX + 1]; /* terminated; empty while nothing has failed */
};

/* Bytes of FFmpeg's memory: owned by whoever has the struct. */
struct media_bytes {
    uint8_t *data;
    size_t len; /* [bytes] */
};

/* Accepts a zeroed one, and leaves one. */
void media_bytes_free(struct media_bytes *b);

/* Pins the processor features that FFmpeg may use to the baseline of the cluster, silences its own
 * log (its messages come back as `why`) and bounds any single allocation it makes on behalf of a
 * file. Idempotent, callable from any thread; every open function of this folder calls it, a
 * program should do so first thing in main() before it starts threads. */
void media_init(void);

/* The processor features (AV_CPU_FLAG_*) that FFmpeg is held to. */
uint32_t media_cpu_baseline(void);

/* The features among those that make libopus choose other code, as found on this processor: the
 * library looks for itself and cannot be held to a baseline, so they enter the determinism id. */
uint32_t media_cpu_codec(void);

/* Writes the line; `why` may be NULL. */
__attribute__((format(printf, 2, 3))) void media_whyf(struct media_why *why, const char *format,
                                                      ...);

#endif
