/*
 * Cadence: how often is the peer asked to beat? As rarely as the wish allows, and never otherwise.
 *
 * Chen, Toueg and Aguilera (2002) end their configuration procedure with the longest interval for
 * which some margin gives the wished quality: beats cost bytes, and only that is asked for which
 * buys something. So intervals are tried from the longest permitted downwards, each with the
 * longest margin that still leaves the detection time wished; the first whose mistakes are rare
 * enough is asked for. Where none is, the shortest is, of those that halve the mistakes of the ones
 * before; a path with outages longer than the wish gains nothing from more beats, and gets none.
 *
 * What another interval would do is foretold (runs.h), and foretelling may be wrong. It is asked
 * for, measured, and left again if it was; each time that this happens within a short while the
 * next try waits for twice as long. Asking for less waits until that has been the answer for a
 * minute, and then goes to at most twice the interval.
 *
 * Asking is all: the sender obeys within bounds of its own, as in BFD (RFC 5880, 6.8.7).
 */
#ifndef MONITOR_CADENCE_H
#define MONITOR_CADENCE_H

#include "monitor/quality.h"
#include "peerd/base/time.h"

#include <stdbool.h>

#define CADENCE_STEPS_MAX 32               /* intervals tried */
#define CADENCE_EVERY     duration_s(5)    /* [s] all intervals are tried in thought */
#define CADENCE_SETTLE    duration_s(20)   /* [s] between two changes to the same side, at least */
#define CADENCE_RELAX     duration_s(60)   /* [s] less is asked for only if wanted for so long */
#define CADENCE_HOLD_MIN  duration_s(60)   /* [s] between two changes to different sides … */
#define CADENCE_HOLD_MAX  duration_s(3600) /* … and doubled up to this */

struct cadence_wish {
    struct duration least, most;       /* intervals that may be asked for */
    struct duration usual;             /* until measured, and never more where the wish is unmet */
    struct duration detect_within;     /* [µs] */
    struct duration false_alarm_every; /* [µs] */
    struct duration lag;               /* [µs] age of a proof when it arrives, mean … */
    struct duration lag_dev;           /* [µs] … and mean deviation */
};

struct cadence {
    struct duration asked;      /* zero: nothing decided yet, the usual is */
    struct instant tried_at;    /* "never" for not yet */
    struct instant changed_at;  /* "never" for not yet */
    struct instant relax_since; /* less has been enough since; "never" if it is not */
    struct duration hold;       /* before the next change to the other side */
    bool was_faster;            /* the newest change was */
};

void cadence_init(struct cadence *p);

/* The path has been measured anew. */
void cadence_step(struct cadence *p, const struct quality *q, const struct cadence_wish *wish,
                  struct instant now);

/* What to ask for, within the bounds as they are now. */
struct duration cadence_interval(const struct cadence *p, struct duration usual,
                                 struct duration least, struct duration most);

/* The longest interval that gives the wish; where none does, the one that comes nearest. `now_us`
 * is asked for at present: a longer one must be better than the wish, so that it may stay. */
struct duration cadence_best(const struct quality *q, const struct cadence_wish *wish,
                             struct duration asked);

#endif
