#include "peerd/sim/whole.h"

#include "peerd/sim/invariants.h"
#include "peerd/sim/sim.h"
#include "peerd/sim/sleep.h"

#include <stdio.h>

#define MOVING_MAX  duration_s(5)    /* who is on its way in the end gets so long to arrive … */
#define MOVING_STEP duration_ms(100) /* … and is looked at so often */

/* All at once, but for those who move just then: each of them when it has arrived. */
void sim_whole_check(struct sim *sim) {
    struct instant latest = instant_add(sim->now, MOVING_MAX);
    sim_sleep_wake_all(sim);
    if (sim->violated)
        return;
    uint32_t left = sim_invariants_check_whole(sim);
    while (!sim->violated && left > 0) {
        sim_run_until(sim, duration_add(sim_time(sim), MOVING_STEP));
        sim_sleep_wake_all(sim);
        if (!sim->violated)
            left = sim_invariants_check_late(sim, instant_reached(sim->now, latest));
    }
}

void sim_whole_report(struct sim *sim) {
    struct report_expectation row = {.met = !sim->violated, .what = "everything whole at the end"};
    snprintf(row.found, sizeof(row.found), "%.*s", (int)sizeof(row.found) - 1,
             sim->violated ? sim->violation : "it is");
    report_add_expectation(&sim->report, &row);
}
