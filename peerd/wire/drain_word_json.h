/* A word on draining as the member "drain" of a JSON object, for the codecs of node.h. */
#ifndef PEERD_WIRE_DRAIN_WORD_JSON_H
#define PEERD_WIRE_DRAIN_WORD_JSON_H

#include "peerd/wire/drain_word.h"
#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

/* Left out where no word is known; reads as such then. */
void drain_word_put(struct json_writing *w, const struct drain_word *d);
void drain_word_get(const struct json_place *root, struct drain_word *d);

#endif
