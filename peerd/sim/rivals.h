/*
 * Detectors side by side: ours, and those that people use or cite, each with its one parameter.
 *
 *   fixed    expired so many intervals after the last arrival (the reference system: 6)
 *   bfd      the same, by whole multiples of the transmit interval (RFC 5880; customary: 3)
 *   phi      phi-accrual, normal distribution, window of 1,000 (Hayashibara 2004; customary: 8)
 *   chen     NFD-E, window of 1,000 or 100 or 10, parameter alpha [ms] (Chen 2002; none is
 *            customary, we call one interval that)
 *   bertier  alpha by itself after Jacobson, parameter phi (Bertier 2002; customary: 4)
 *   peerd    ours: told the wish and nothing else; parameter is false_alarm_every [s]
 *
 * All are told the number and the arrival of a beat. Ours, Chen's and Bertier's need to know when
 * it ought to have been sent: theirs take number × interval, as published, and ours the send
 * instant that the beat carries. Ours also learns life, which in the product is proven by echo:
 * here the beat's send instant, and only its hard limit `detect_within` rests on that.
 */
#ifndef PEERD_SIM_RIVALS_H
#define PEERD_SIM_RIVALS_H

#include "monitor/detector.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEATS_LOST INT64_MAX

struct beats_line {
    uint64_t seq;
    int64_t send_us;
    int64_t arrival_us; /* BEATS_LOST for none */
};

#define RIVALS_WINDOW 1000
#define RIVALS_NEVER  INT64_MAX

struct rival_chen {
    int64_t offsets[RIVALS_WINDOW]; /* [µs] arrival less number × interval */
    double sum;
    uint32_t size, count, next;
    double delay, var; /* [µs] Bertier's estimators */
    int64_t expected;  /* [µs] arrival foretold of the beat after the newest */
    uint64_t seq;
};

struct rival_phi {
    double gaps[RIVALS_WINDOW]; /* [µs] */
    double sum, squares;
    double deviations; /* beyond the mean, for the threshold */
    uint32_t count, next;
    int64_t arrival;
};

struct rival {
    const struct rival_kind *kind;
    double param;
    double interval_us;
    union {
        struct rival_chen chen;
        struct rival_phi phi;
        struct detector detector;
    } u;
};

struct rival_kind {
    const char *name;
    const char *param; /* what it is */
    double params[40]; /* swept over, ended by 0 */
    double customary;  /* 0: none */
    double more;       /* for the kind's own use */
    size_t state_bytes;
    void (*start)(struct rival *r);
    /* A beat newer than all before arrived. Returns when [µs] the peer is given up if no other
     * follows. */
    int64_t (*heard)(struct rival *r, const struct beats_line *line);
};

/* All but ours, ended by a NULL name. */
const struct rival_kind *rival_kinds(void);
const struct rival_kind *rival_ours(void);

void rival_start(struct rival *r, const struct rival_kind *kind, double param, double interval_us);
void rival_start_ours(struct rival *r, const struct detector_wish *wish);

#endif
