#include "peerd/core/gains.h"

#include "peerd/core/state.h"

#include <assert.h>

#define MOVE_US 60000000 /* [µs] one move costs a minute at one a minute */

static int64_t full(uint32_t per_minute) {
    return (int64_t)per_minute * MOVE_US;
}

void gains_init(struct gains *g, uint32_t per_minute, struct instant now) {
    *g = (struct gains){.level_us = full(per_minute), .at = now};
}

/* A minute fills it whatever the rate, which keeps the product small. A policy that keeps less
 * takes what is too much away. */
static void fill(struct core *core) {
    struct gains *g = &core->gains;
    uint32_t per_minute = core->policy.limits.moves_per_minute;
    int64_t passed = instant_since(core->now, g->at).us, most = full(per_minute);
    int64_t level = passed < MOVE_US ? g->level_us + passed * per_minute : most;
    g->level_us = level < most ? level : most;
    g->at = core->now;
}

bool gains_left(struct core *core) {
    fill(core);
    return core->gains.level_us >= MOVE_US;
}

void gains_spend(struct core *core) {
    assert(core->gains.level_us >= MOVE_US);
    core->gains.level_us -= MOVE_US;
}

void gains_check_invariants(const struct core *core) {
    assert(core->gains.level_us >= 0);
    assert(!instant_before(core->now, core->gains.at));
}
