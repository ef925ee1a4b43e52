/*
 * The inside of messages, shared by message.c and message_proof.c only.
 */
#ifndef PEERD_WIRE_MESSAGE_INNER_H
#define PEERD_WIRE_MESSAGE_INNER_H

#include "peerd/base/bytes.h"
#include "peerd/wire/message.h"

/* What proves who wrote all that the writer has written, which begins at `text`: the pass's MAC, or
 * a signature if it is NULL. */
void message_write_proof(struct writer *w, const uint8_t *text, enum message_kind kind,
                         const struct key_pair *pair, const struct pass *pass);

#endif
