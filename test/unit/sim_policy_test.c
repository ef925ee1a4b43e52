/*
 * A policy that changes while clusters run: what is read, what the core does with it, and that
 * nobody hears it.
 */
#include "peerd/core/state.h"

#include "test/unit/sim_breach.h"

TestSuite(sim_policy, .fini = finish);

#define CLUSTERS                                                                                   \
    "name: other\nduration: 20s\nlimits: {credit_lease: 2s}\n"                                     \
    "clusters: [{name: fra1, nodes: 2, capacity: 50}, {name: ams1}, {name: lon1}]\n"               \
    "clients:\n  - {name: near, count: 4, open_at: fra1}\n"

static void begin_by(const char *timeline) {
    static char text[2048];
    snprintf(text, sizeof(text), "%s%s%s", CLUSTERS, timeline, "expectations: {whole: true}\n");
    begin_with(text);
}

static const struct core *core(void) {
    return f.sim->sites[0].core;
}

Test(sim_policy, what_is_not_given_is_as_at_the_start) {
    begin_by("timeline:\n"
             "  - {at: 4s, policy: {cluster: fra1, nodes: 1, peers: 1, capacity: 70}}\n"
             "  - {at: 5s, policy: {cluster: fra1, reserved_slots: 7, opens_per_s: 3}}\n"
             "  - {at: 6s, policy: {cluster: all, drain_per_s: 9}}\n");
    sim_run_until(f.sim, duration_ms(4500));
    cr_expect(core()->node_count == 1 && core()->peer_count == 1);
    cr_expect_eq(core_status(core()).capacity, 70);
    sim_run_until(f.sim, duration_ms(5500));
    cr_expect(core()->node_count == 2 && core()->peer_count == 2);
    cr_expect_eq(core_status(core()).capacity, 50);
    cr_expect_eq(core()->policy.limits.opens_per_s, 3);
    cr_expect_eq(core_status(core()).reserved, 14);
    sim_run(f.sim);
    cr_expect_eq(core()->policy.limits.drain_per_s, 9);
    cr_expect_eq(f.sim->sites[2].core->policy.limits.drain_per_s, 9);
    cr_expect_eq(core_status(core()).reserved, 0);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    cr_expect_eq(report_frames_lost(sim_report(f.sim)), 0, "nobody hears it");
    cr_expect_eq(sim_report(f.sim)->move_count, 0, "and nobody moves for it");
}

Test(sim_policy, the_dead_read_it_when_they_start_and_the_stopped_not_at_all) {
    begin_by("timeline:\n"
             "  - {at: 4s, kill: {peerd: fra1}}\n"
             "  - {at: 5s, policy: {cluster: fra1, capacity: 70}}\n"
             "  - {at: 6s, restart: {peerd: fra1}}\n"
             "  - {at: 8s, stop: {peerd: fra1}}\n"
             "  - {at: 8100ms, policy: {cluster: fra1, capacity: 90}}\n"
             "  - {at: 8200ms, continue: {peerd: fra1}}\n");
    sim_run(f.sim);
    cr_expect_eq(core_status(core()).capacity, 70);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

/* What a node was promised that is named no longer counts until its lease is over. */
Test(sim_policy, credit_of_who_is_gone_is_not_given_away_twice) {
    begin_by("timeline:\n  - {at: 4s, policy: {cluster: fra1, nodes: 1}}\n");
    sim_run_until(f.sim, duration_ms(4500));
    cr_expect_eq(core_node_status(core(), 0).slots * 2, 26, "what the other has not of 50");
    sim_run_until(f.sim, duration_ms(7000));
    cr_expect_eq(core_node_status(core(), 0).slots * 2, 50, "and then all of it");
}

Test(sim_policy, faults) {
    static const struct {
        const char *what, *entry, *found;
    } rows[] = {
        {"whose", "{capacity: 3}", "one of cluster, region and provider, found none or several"},
        {"of whom", "{cluster: par1}", "a cluster of this scenario, found `par1`"},
        {"how many", "{cluster: fra1, nodes: 0}", "a whole number from 1 to 16, found `0`"},
        {"what", "{cluster: fra1, colour: red}", "colour"},
    };
    static struct faults faults;
    char text[1024], line[FAULT_LINE_LEN_MAX + 1];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scenario s;
        snprintf(text, sizeof(text), CLUSTERS "timeline:\n  - {at: 1s, policy: %s}\n",
                 rows[i].entry);
        cr_assert_neq(scenario_parse(text, strlen(text), "f", &s, &faults), ERR_OK, "%s",
                      rows[i].what);
        fault_to_text(&faults, &faults.list[0], line);
        cr_expect_not_null(strstr(line, rows[i].found), "%s: %s", rows[i].what, line);
    }
    begin();
}
