/*
 * A decoder: payloads of a profile in, 20 ms of 16-bit samples out, for a client's recording.
 *
 * Keep one decoder alive across a move: a cold one needs 4 to 5 frames until it sounds right.
 *
 * It speaks with libopus and libgsm, not with libavcodec, which brings a hundred libraries along: a
 * client would load and relocate them all at its start, whether it records or not.
 */
#ifndef TRANSCODER_MEDIA_DECODER_H
#define TRANSCODER_MEDIA_DECODER_H

#include "transcoder/media/profile.h"

struct media_decoder;

/* ERR_UNSUPPORTED: not a valid profile. ERR_NO_MEMORY. */
enum err media_decoder_open(struct media_decoder **out, const struct media_profile *profile,
                            struct media_why *why);

/* Accepts NULL. */
void media_decoder_close(struct media_decoder *d);

/* Rate of the samples that come out [Hz], and channels. */
uint32_t media_decoder_rate_hz(const struct media_decoder *d);
uint8_t media_decoder_channels(const struct media_decoder *d);

/* Samples that each call writes: a frame's, all channels together. At most 1920. */
size_t media_decoder_samples(const struct media_decoder *d);

#define MEDIA_DECODER_SAMPLES_MAX 1920 /* 20 ms of 48 kHz stereo */

/* Decodes one payload. ERR_BAD_FIELD: it is damaged, or is not 20 ms of this profile; nothing was
 * written, count it and conceal the frame. The decoder stays usable whatever came in. */
enum err media_decoder_frame(struct media_decoder *d, const uint8_t *payload, size_t len,
                             int16_t *samples);

/* Fills in for a frame that did not come. Opus: libopus' own concealment; silence before the first
 * frame. Other codecs: silence, which a measurement finds more easily than an ear does. */
enum err media_decoder_conceal(struct media_decoder *d, int16_t *samples);

#endif
