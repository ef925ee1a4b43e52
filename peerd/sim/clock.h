/*
 * A machine's clocks: a monotonic one that may run too fast or too slow, and a wall clock that
 * shows the same and may step.
 *
 * The simulator keeps true time; the machines of the programs are told what their own clock shows
 * and say their deadlines in it. True time becomes local when a machine is stepped, its deadlines
 * become true when they are waited for. Who judges a run compares true times.
 */
#ifndef PEERD_SIM_CLOCK_H
#define PEERD_SIM_CLOCK_H

#include "peerd/base/time.h"

#define SIM_DRIFT_PPM_MAX 100000 /* [ppm] a tenth: far beyond any quartz */

/* All zero: it shows true time. */
struct sim_clock {
    struct instant since; /* true instant from which it runs as it does … */
    struct instant local; /* … and what it showed then */
    int64_t step_us;      /* [µs] sum of the steps of the wall clock */
    int32_t drift_ppm;    /* [ppm] faster if positive; within ±SIM_DRIFT_PPM_MAX */
};

/* What it shows; "never" stays so. */
struct instant sim_clock_local(const struct sim_clock *c, struct instant truth);

/* The first true instant at which it shows this, or more. */
struct instant sim_clock_true(const struct sim_clock *c, struct instant local);

/* [µs] by which its wall clock is ahead of the true one. */
int64_t sim_clock_wall_error(const struct sim_clock *c, struct instant truth);

/* From `truth` on it runs so; the monotonic clock never jumps. */
void sim_clock_drift(struct sim_clock *c, struct instant truth, int32_t drift_ppm);

void sim_clock_step(struct sim_clock *c, int64_t step_us);

#endif
