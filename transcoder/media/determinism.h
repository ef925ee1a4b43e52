/*
 * Determinism id: two servers make the same bytes of a profile only if theirs are equal.
 *
 * A hash over all that payload bytes depend on beside source and position: versions of the FFmpeg
 * libraries that demux, decode, resample and encode; libopus's own version for Opus; the processor
 * features that both may use; the encoder's parameters. A profile's name and its pre-roll do not
 * enter: they change what is promised, not what is made. The id stands in the ticket; frames of
 * servers with different ids are never merged, and a library upgrade is drained by it.
 */
#ifndef TRANSCODER_MEDIA_DETERMINISM_H
#define TRANSCODER_MEDIA_DETERMINISM_H

#include "peerd/wire/ticket.h"
#include "transcoder/media/profile.h"

#define MEDIA_DETERMINISM_TEXT_LEN_MAX 399 /* [characters] */

/* The id of a profile on this machine. */
void media_determinism_id(const struct media_profile *profile, struct determinism_id *out);

/* The text that is hashed, for an operator who wonders why two ids differ. Returns `out`. */
const char *media_determinism_text(const struct media_profile *profile,
                                   char out[MEDIA_DETERMINISM_TEXT_LEN_MAX + 1]);

#endif
