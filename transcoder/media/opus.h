/*
 * An Opus encoder: libopus itself, 20 ms of samples in, one packet of fixed size out.
 *
 * Internal to this folder. FFmpeg's wrapper would make the same bytes (a test holds the two against
 * each other), but it goes through libopus's multistream interface, and that one asks at each frame
 * how large an encoder is. libopus 1.3.1 answers by looking up a mode, and looks at the processor
 * first: four `cpuid` a frame, each of which a virtual machine traps. That was 15 of 65 µs a frame.
 *
 * What an encoder is when it is new follows from its parameters and is kept once a process: libopus
 * says that its state is position independent and may be copied freely, so a fresh encoder, of
 * which every lap takes one (stream.h), is a copy of 43 KiB and not a dozen more `cpuid`.
 */
#ifndef TRANSCODER_MEDIA_OPUS_H
#define TRANSCODER_MEDIA_OPUS_H

#include "transcoder/media/profile.h"

struct media_opus;

/* A fresh encoder for a profile of Opus that media_profile_check() accepts. Any thread may call.
 * ERR_UNSUPPORTED: libopus refuses the parameters. ERR_NO_MEMORY. */
enum err media_opus_open(struct media_opus **out, const struct media_profile *profile,
                         struct media_why *why);

/* Accepts NULL. */
void media_opus_close(struct media_opus *o);

/* Encodes media_profile_samples() × channels interleaved samples to exactly `bytes`, the payload's
 * size of the profile. ERR_UNSUPPORTED: libopus failed; close it. */
enum err media_opus_frame(struct media_opus *o, const int16_t *samples, uint8_t *payload,
                          size_t bytes);

#endif
