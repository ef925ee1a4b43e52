/*
 * A steering manifest: which pathway a player is to take next, and when to ask again.
 *
 * Content Steering (RFC 8216bis section 7, and DASH-IF's for DASH, which has taken it over): the
 * multivariant playlist names a steering server; the player asks it every TTL seconds and takes the
 * first pathway of the answer that it knows. All that is known from players in the field is kept
 * here, so that nobody can forget it: an integer TTL is always there (without one hls.js asks
 * without a pause), RELOAD-URI always is, so that the next question may go to somebody else, and
 * every pathway is listed, dead ones last (a player that is left with none of its own goes back to
 * a dead one again and again).
 */
#ifndef TRANSCODER_HLS_STEERING_H
#define TRANSCODER_HLS_STEERING_H

#include "peerd/base/id.h"

#include <stddef.h>
#include <stdint.h>

#define STEERING_PATHWAYS_MAX 16   /* clusters of one service */
#define STEERING_URI_MAX      1024 /* [characters] */
#define STEERING_LEN_MAX      4096 /* [characters] of all that is written here */
#define STEERING_TTL_S_MAX    300  /* [s] RFC 8216bis asks for 300 where nothing else is wished */

struct steering {
    uint32_t ttl_s;                              /* [s] 1 to STEERING_TTL_S_MAX */
    const char *reload_uri;                      /* whom to ask next: absolute, and not empty */
    struct name pathways[STEERING_PATHWAYS_MAX]; /* best first, each once */
    size_t pathway_count;                        /* at least 1 */
};

/* The JSON text. Returns its length; 0 if it does not fit, if a number is out of its range, if a
 * pathway stands there twice, or if the URI has a character that a URI cannot have. */
size_t steering_write(char *out, size_t out_size, const struct steering *s);

#endif
