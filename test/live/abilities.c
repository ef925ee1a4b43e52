/* What the live runner can do at all, and what the place where it is forbids. */
#include "test/live/timeline.h"

#define WORKERS_MAX 128    /* each is 30 ms of CPU before the run can begin */
#define RTT_MAX_US  400000 /* [us] with 500 ms clusters do not get to know each other in time */

const struct scenario_abilities timeline_abilities = {
    .runner = "the live runner",
    .verbs = {[SCENARIO_VERB_KILL] = true,
              [SCENARIO_VERB_RESTART] = true,
              [SCENARIO_VERB_STOP] = true,
              [SCENARIO_VERB_CONTINUE] = true,
              [SCENARIO_VERB_DRAIN] = true,
              [SCENARIO_VERB_UNDRAIN] = true,
              [SCENARIO_VERB_BLACKHOLE] = true,
              [SCENARIO_VERB_PARTITION] = true,
              [SCENARIO_VERB_HEAL] = true,
              [SCENARIO_VERB_LINK] = true,
              [SCENARIO_VERB_ARRIVE] = true,
              [SCENARIO_VERB_LEAVE] = true,
              [SCENARIO_VERB_MOVE] = true,
              [SCENARIO_VERB_CLOCK] = true,
              [SCENARIO_VERB_DNS] = true},
    .clock_step = true,
    .links = true,
    .discovery = true,
    .recordings = true,
    .regions = true,
    .parts = {[SCENARIO_PART_SITE] = true,
              [SCENARIO_PART_PEERD] = true,
              [SCENARIO_PART_NODE] = true,
              [SCENARIO_PART_WORKER] = true},
    .clusters_max = SPACE_SITES_MAX,
    .clients_max = SPACE_LISTENERS_MAX,
    .workers_max = WORKERS_MAX,
    .rtt_max = {RTT_MAX_US},
};

static bool needs_cuts(const struct scenario_event *e) {
    return e->verb == SCENARIO_VERB_PARTITION || e->verb == SCENARIO_VERB_BLACKHOLE;
}

bool timeline_check(const struct scenario *s, const struct space *space, struct faults *faults) {
    bool ok = true;
    for (uint32_t i = 0; i < s->event_count && !space_can_cut(space); i++) {
        if (!needs_cuts(&s->events[i]))
            continue;
        struct fault *x = fault_add_at(faults, s->events[i].mark, "timeline");
        fault_expected(x, "rights to drop packets between sites that live: root, with user ids "
                          "to tell them apart");
        fault_found(x, "`%s` in %s", scenario_verb_name(s->events[i].verb), space_describe(space));
        fault_hint(x, "a killed site can be silenced here, and everything else be done");
        ok = false;
    }
    return ok;
}
