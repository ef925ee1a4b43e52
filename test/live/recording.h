/*
 * Recordings: what a scenario's sources are made of.
 *
 * A tone is generated into the run's folder; a recording that the scenario names relative to
 * itself is copied there, for clusters under their own user ids may not see where it lies; any
 * other stays where it is. That folder is the one thing that clusters share.
 */
#ifndef TEST_LIVE_RECORDING_H
#define TEST_LIVE_RECORDING_H

#include "peerd/base/time.h"
#include "peerd/sim/scenario.h"

/* Writes a WAV file: 16 bit, mono, 8 kHz, a slow sweep with a little noise, so that no two frames
 * of 20 ms are alike. The same length gives the same bytes. */
bool recording_write_tone(const char *path, struct duration length);

/* Puts every source where all clusters can read it, and its location into `s`. False with the
 * reason in `why`. */
bool recording_place(struct scenario *s, const char *dir, char *why, size_t why_size);

#endif
