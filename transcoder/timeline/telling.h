/*
 * Telling: how the client of a session is told of other backups, at the worker that serves it.
 *
 * peerd orders it (peerd/core/replan). The list goes out behind reports of the client, one message
 * a report, until a report carries its mark (wire/named.h), and no more than TELLING_TIMES: a
 * client that does not know the message never answers, and peerd orders it again, ever more seldom.
 * An order that comes again begins anew. Who serves the session next goes by the ticket until its
 * own peerd has looked.
 */
#ifndef TRANSCODER_TIMELINE_TELLING_H
#define TRANSCODER_TIMELINE_TELLING_H

#include <stdbool.h>
#include <stdint.h>

#define TELLING_TIMES 8 /* messages an order: four seconds of reports */

struct telling {
    uint32_t mark; /* of the list that the client is to go by; 0: there is nothing to tell */
    uint8_t left;  /* messages that may still go out */
};

enum telling_next {
    TELLING_NOTHING,
    TELLING_TELL, /* send the list, under the nonce of that report */
    TELLING_TAKEN /* the client goes by it: say so to peerd, and forget it */
};

/* peerd wants the client to go by the list of this mark. */
void telling_ordered(struct telling *t, uint32_t mark);

/* A report of the client has been acknowledged; `mark` is what it says, or 0. */
enum telling_next telling_reported(struct telling *t, uint32_t mark);

#endif
