/*
 * Headless: does a node's peerd still speak for it?
 *
 * A node asks peerd again and again. An answer says that it lives, and how long the next one may
 * take; silence for longer than that says that it does not, or hangs. Where a machine replies that
 * nobody listens there (ECONNREFUSED) peerd is gone now, and no silence need be waited out: backups
 * convict the whole cluster some 300 ms after its last beat unless they hear of its media first.
 *
 * Nothing lasting follows: what a node tells the backups meanwhile is that media lives, which is
 * true. A peerd that its supervisor starts anew within 100 ms answers the next question, speaks for
 * itself, and nobody has given it up by then.
 */
#ifndef TRANSCODER_TIMELINE_HEADLESS_H
#define TRANSCODER_TIMELINE_HEADLESS_H

#include "peerd/base/time.h"

#include <stdbool.h>

#define HEADLESS_SILENT_MS 200 /* [ms] without an answer, … */
#define HEADLESS_POLLS     2   /* … where peerd is asked more rarely so many polls */

struct headless {
    struct instant heard;     /* peerd's last answer; "never" before the first */
    struct duration patience; /* so much silence means that it is gone */
    bool refused;             /* nobody listened when it was asked last */
};

void headless_init(struct headless *h);

/* It has answered, and will be asked again after `poll`. */
void headless_answered(struct headless *h, struct duration poll, struct instant now);

/* Nobody listens where it is asked. */
void headless_refused(struct headless *h);

/* Not before its first answer: nobody has told us then for whom to speak. */
bool headless_is(const struct headless *h, struct instant now);

#endif
