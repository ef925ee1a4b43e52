#include "peerd/sim/swarm.h"

#include "test/unit/sim_fixture.h"

Test(sim_swarm, draws_only_what_the_simulator_can_do) {
    static struct faults faults;
    static char text[SWARM_TEXT_MAX];
    bool killed[SCENARIO_PART_COUNT] = {false}, verbs[SCENARIO_VERB_COUNT] = {false};
    uint32_t agree = 0, discover = 0, both = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct scenario s;
        char line[FAULT_LINE_LEN_MAX + 1] = "";
        size_t len = swarm_draw(seed, text);
        enum err err = scenario_parse(text, len, "swarm", &s, &faults);
        if (faults.count > 0)
            fault_to_text(&faults, &faults.list[0], line);
        cr_assert_eq(err, ERR_OK, "seed %lu: %s", (unsigned long)seed, line);
        cr_assert(scenario_check_abilities(&s, &sim_abilities, &faults));
        agree += s.agreement_count > 0;
        discover += s.discovery.given;
        both += s.agreement_count > 0 && s.discovery.given;
        for (uint32_t i = 0; i < s.event_count; i++) {
            verbs[s.events[i].verb] = true;
            killed[s.events[i].target.part] |= s.events[i].verb == SCENARIO_VERB_KILL;
        }
        scenario_free(&s);
    }
    cr_expect(agree > 80 && agree < 120, "%u of 300 have agreements", agree);
    cr_expect(discover > 55 && discover < 95, "%u of 300 know each other by DNS", discover);
    cr_expect(both > 15 && both < 40, "%u have both", both);
    cr_expect(verbs[SCENARIO_VERB_DNS] && verbs[SCENARIO_VERB_MOVE]);
    for (int v = 0; v < SCENARIO_VERB_ARRIVE; v++) /* the last three cannot be written yet */
        cr_expect(verbs[v] || !sim_abilities.verbs[v] || v == SCENARIO_VERB_SLOW,
                  "never draws `%s`", scenario_verb_name((enum scenario_verb)v));
    for (int p = 0; p < SCENARIO_PART_COUNT; p++)
        cr_expect(killed[p], "never kills a %s", scenario_part_name((enum scenario_part)p));
}

Test(sim_swarm, the_same_seed_draws_the_same) {
    static char a[SWARM_TEXT_MAX], b[SWARM_TEXT_MAX];
    swarm_draw(11, a);
    swarm_draw(11, b);
    cr_expect_str_eq(a, b);
    swarm_draw(12, b);
    cr_expect_str_neq(a, b);
}
