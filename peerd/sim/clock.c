#include "peerd/sim/clock.h"

#include <assert.h>

#define PPM INT64_C(1000000)

/* Rounded down, also before the beginning. */
static int64_t drifted_us(const struct sim_clock *c, int64_t us) {
    int64_t whole = us / PPM * c->drift_ppm, rest = us % PPM * c->drift_ppm;
    return whole + (rest >= 0 ? rest / PPM : -((-rest + PPM - 1) / PPM));
}

struct instant sim_clock_local(const struct sim_clock *c, struct instant truth) {
    if (instant_is_never(truth) || (c->drift_ppm == 0 && c->local.us == c->since.us))
        return truth;
    struct duration passed = instant_since(truth, c->since);
    return instant_add(c->local, duration_us(passed.us + drifted_us(c, passed.us)));
}

struct instant sim_clock_true(const struct sim_clock *c, struct instant local) {
    if (instant_is_never(local) || (c->drift_ppm == 0 && c->local.us == c->since.us))
        return local;
    struct duration shown = instant_since(local, c->local);
    struct duration passed = duration_scale(shown, PPM, PPM + c->drift_ppm);
    struct instant truth = instant_add(c->since, passed);
    /* The quotient is off by one at most, either way. */
    while (!instant_before(sim_clock_local(c, instant_sub(truth, duration_us(1))), local))
        truth = instant_sub(truth, duration_us(1));
    while (instant_before(sim_clock_local(c, truth), local))
        truth = instant_add(truth, duration_us(1));
    return truth;
}

int64_t sim_clock_wall_error(const struct sim_clock *c, struct instant truth) {
    return instant_since(sim_clock_local(c, truth), truth).us + c->step_us;
}

void sim_clock_drift(struct sim_clock *c, struct instant truth, int32_t drift_ppm) {
    assert(drift_ppm >= -SIM_DRIFT_PPM_MAX && drift_ppm <= SIM_DRIFT_PPM_MAX);
    c->local = sim_clock_local(c, truth);
    c->since = truth;
    c->drift_ppm = drift_ppm;
}

void sim_clock_step(struct sim_clock *c, int64_t step_us) {
    c->step_us += step_us;
}
