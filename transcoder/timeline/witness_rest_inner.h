/* What the two halves of rest share: taking a witness (witness_rest.c), and what has passed when it
 * is restored (witness_rest_pass.c). */
#ifndef TRANSCODER_TIMELINE_WITNESS_REST_INNER_H
#define TRANSCODER_TIMELINE_WITNESS_REST_INNER_H

#include "transcoder/timeline/witness_inner.h"
#include "transcoder/timeline/witness_rest.h"

#define WITNESS_REST_GAIN 8 /* path.c smooths by so much: a smaller difference changes nothing */

static inline bool witness_rest_is_dark(const struct witness_ways *ways, uint8_t slot) {
    return (ways->dark >> slot & 1) != 0;
}

/* Somebody has played a frame: else the first waits for its instant. */
static inline bool witness_rest_has_begun(const struct playout *p) {
    return p->next > p->config.first_frame;
}

#endif
