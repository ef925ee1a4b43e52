/*
 * Replays a trace through one detector: how soon does it notice deaths, how often is it wrong?
 *
 * Deaths strike at instants drawn at random after the first minute. One at t leaves every beat sent
 * until then, and what is under way still arrives; detection time is from t to the instant from
 * which on the peer is given up for good, zero if it had been given up already. Mistakes are the
 * times at which the peer is given up while the whole trace goes on.
 */
#ifndef TEST_BENCH_REPLAY_H
#define TEST_BENCH_REPLAY_H

#include "peerd/sim/rivals.h"
#include "test/bench/beats.h"

#define REPLAY_LEARN_US 60000000 /* [µs] the first minute does not count */
#define REPLAY_EARLY_US                                                                            \
    600000000 /* [µs] after it, from which a setting may be chosen for the rest */

struct replay_death {
    int64_t at_us;
    size_t arrivals; /* in order of arrival, until one that was sent after it; … */
    size_t until;    /* … and of those between here and there, what was sent before */
};

struct replay {
    struct beats_line *arrivals; /* in order of arrival, without the lost */
    size_t count;
    int64_t begin_us, end_us;
    struct replay_death *deaths;
    size_t death_count;
    double *detections; /* [ms] scratch */
};

struct replay_result {
    double param;
    double td_ms_p50, td_ms_p99, td_ms_max;
    double mistakes_per_hour;
    uint64_t mistakes;
    uint64_t mistakes_early; /* of those, in the first REPLAY_EARLY_US */
    double hours;
};

void replay_init(struct replay *p, const struct beats *b, size_t deaths, uint64_t seed);
void replay_free(struct replay *p);

/* `r` has been started, and is spent afterwards. `each`, if not NULL, sees it after each beat. */
struct replay_result replay_run(const struct replay *p, struct rival *r,
                                void (*each)(void *data, const struct rival *r, int64_t now_us),
                                void *data);

#endif
