/*
 * An encoder: 20 ms frames of samples in, payloads of a profile out, one for one.
 *
 * It has no notion of position: what it makes depends on all it was given since it was opened.
 * media_stream (stream.h) puts the pre-roll in front.
 */
#ifndef TRANSCODER_MEDIA_ENCODER_H
#define TRANSCODER_MEDIA_ENCODER_H

#include "transcoder/media/profile.h"

struct media_encoder;

/* A fresh encoder for a profile that media_profile_check() accepts. ERR_UNSUPPORTED: the libraries
 * of this machine lack the codec. ERR_NO_MEMORY. */
enum err media_encoder_open(struct media_encoder **out, const struct media_profile *profile,
                            struct media_why *why);

/* Accepts NULL. */
void media_encoder_close(struct media_encoder *e);

/* Encodes media_profile_samples() × channels interleaved samples to a payload of exactly
 * media_profile_payload_bytes(). ERR_OVERSIZED: `capacity` is less than that, and nothing was
 * encoded. ERR_NO_MEMORY, ERR_UNSUPPORTED (the codec library failed): close it. */
enum err media_encoder_frame(struct media_encoder *e, const int16_t *samples, uint8_t *payload,
                             size_t capacity, size_t *len);

#endif
