/*
 * A recording to measure with: a minute of 8 kHz mono sound as WAV, the same for everybody.
 *
 * Music from Debian's asterisk-moh-opsound-wav (macroform, "cold day", CC BY-SA 3.0) where that is
 * installed, else tones and noise made here. Sessions are spread over all of it and the bare loop
 * goes through all of it, so both encode the same sound.
 */
#ifndef TEST_BENCH_RECORDING_H
#define TEST_BENCH_RECORDING_H

#include <stdbool.h>

#define RECORDING_FRAMES 3000 /* [frames of 20 ms] */

/* Writes it; true if it is music. */
bool recording_make(const char *path);

#endif
