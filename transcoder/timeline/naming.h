/*
 * Naming: when the client of a session is named others to measure, at the worker that serves it.
 *
 * The first ones come with the answer that opens the session. In NAMING_EVERY each of them has had
 * its packets (topo/probe: PROBE_STAY of them); the next message in which the client tells round
 * trips is then answered with others, whom peerd names (peerd/core/naming). Two facts come in:
 * naming_told() and naming_named(). What peerd does not answer is asked for again with the message
 * after next, so nothing has to be repeated or kept.
 */
#ifndef TRANSCODER_TIMELINE_NAMING_H
#define TRANSCODER_TIMELINE_NAMING_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define NAMING_EVERY                                                                               \
    duration_ms(45000)                  /* eight targets, four packets each, 1.5 s apart, nearly   \
                                         */
#define NAMING_AGAIN duration_ms(15000) /* no answer: the message after next asks again */

struct naming {
    bool began;             /* a message has come */
    struct instant next_at; /* no sooner are others asked for */
    uint64_t nonce;         /* of the message to be answered; 0: none */
};

/* A client of ours has told round trips, in a verified message of that nonce, never 0. True: ask
 * peerd whom to name. */
bool naming_told(struct naming *n, uint64_t nonce, struct instant now);

/* peerd has named some. True: tell them to the client, under `nonce`. */
bool naming_named(struct naming *n, struct instant now, uint64_t *nonce);

#endif
