/*
 * What a node keeps of its cluster's drain, for the peerd that is started after this one.
 *
 * The newest word that it was told (wire/drain_word.h), and when, so that it can be said again by
 * this machine's own clock. It is gone with the node's supervisor: the other nodes have it, or
 * else, with all of them dead, there is nothing left to drain. A word of peerd that is not older
 * takes its place; an older one is that of a peerd that does not know better yet.
 */
#ifndef TRANSCODER_TIMELINE_DRAIN_KEPT_H
#define TRANSCODER_TIMELINE_DRAIN_KEPT_H

#include "peerd/base/time.h"
#include "peerd/wire/drain_word.h"

/* All zero: no word is known. */
struct drain_kept {
    struct drain_word word;
    struct instant heard; /* when it was told */
};

/* An answer of peerd has told of it. */
void drain_kept_heard(struct drain_kept *k, const struct drain_word *told, struct instant now);

/* As it is to be said at `now`. */
struct drain_word drain_kept_word(const struct drain_kept *k, struct instant now);

#endif
