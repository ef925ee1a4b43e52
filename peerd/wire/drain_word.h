/*
 * The operator's newest word on draining a cluster: its end, too.
 *
 * peerd keeps nothing on disk. It tells each node with every answer, and a node says it again with
 * every request, by its own clock: so a peerd that is started anew learns from any of them that it
 * drains, since when, until when and where to. Of two words the one with the higher number is the
 * newer one: the number is the wall time in ms as it was spoken, or one more than that of the
 * newest that was known then, if that is more. A member of requests and answers (node.h), left out
 * by whoever knows of no word.
 */
#ifndef PEERD_WIRE_DRAIN_WORD_H
#define PEERD_WIRE_DRAIN_WORD_H

#include "peerd/base/id.h"

#include <stdbool.h>
#include <stdint.h>

#define DRAIN_WORD_NUMBER_MAX (UINT64_C(1) << 62)
#define DRAIN_DEADLINE_MS_MAX 86400000            /* [ms] that may be asked for: a day */
#define DRAIN_WORD_MS_MAX     (UINT64_C(1) << 40) /* [ms] 34 years */

struct drain_word {
    uint64_t number;    /* 0: none is known, and the rest means nothing */
    bool active;        /* drain; else undrain, and the rest is zero */
    struct name to;     /* cluster; empty: each session's own backups (optional) */
    uint64_t age_ms;    /* [ms] since it began, as this is told */
    uint64_t within_ms; /* [ms] from its beginning until its deadline */
    uint64_t gone;      /* sessions that had left since it began, as peerd told last */
};

#endif
