/*
 * The digest of a set of sessions: do two programs mean the same ones?
 *
 * The exclusive or of one BLAKE2b-128 a session, over its id, epoch and purpose: it does not depend
 * on order, and a change costs one hash whatever the size of the set. It detects what was lost or
 * forgotten between programs that trust each other; against somebody who may choose session ids it
 * proves nothing (a set with a wanted exclusive or can be computed).
 */
#ifndef PEERD_WIRE_SET_DIGEST_H
#define PEERD_WIRE_SET_DIGEST_H

#include "peerd/base/id.h"
#include "peerd/wire/message.h"

#define SET_DIGEST_BYTES 16 /* [bytes] */

struct set_digest {
    uint8_t bytes[SET_DIGEST_BYTES]; /* all zero for the empty set */
};

/* Adds a session, or takes it away again. One whose epoch or purpose changes is taken away as it
 * was and added as it is. */
void set_digest_toggle(struct set_digest *d, const struct session_id *session, uint32_t epoch,
                       enum resume_purpose purpose);

bool set_digest_equal(const struct set_digest *a, const struct set_digest *b);

#endif
