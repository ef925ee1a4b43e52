/*
 * The bare loop: what one would write with FFmpeg in an afternoon, to compare with.
 *
 * One file from its beginning to its end, again and again: read, decode, resample where rates
 * differ, encode with the parameters of the profile. No position, no laps, no network, no checks.
 * It runs under the processor features that media_init() pins, as everything here does; without the
 * pin it was no faster (within 1 %).
 */
#ifndef TEST_BENCH_BARE_H
#define TEST_BENCH_BARE_H

#include "transcoder/media/profile.h"

/* Who encodes: FFmpeg, as in all else, or libopus called by the loop itself, which spares the loop
 * what FFmpeg's way to libopus costs (transcoder/media/opus.h). PCMU is FFmpeg's in either. */
enum bare_encoder {
    BARE_FFMPEG,
    BARE_LIBOPUS
};

/* Makes `frames` frames of 20 ms of the recording; returns the CPU time a frame [µs]. The profile
 * is Opus or PCMU. */
double bare_frame_us(const char *path, const struct media_profile *profile,
                     enum bare_encoder encoder, uint32_t frames);

/* The same for so many streams side by side, in real time for so long: a loop that makes what is
 * due and sleeps. This is what a processor really takes for live streams, since what one stream
 * left in the caches is gone when its turn comes again, and sleeping costs as well. */
double bare_paced_us(const char *path, const struct media_profile *profile,
                     enum bare_encoder encoder, uint32_t streams, double seconds);

#endif
