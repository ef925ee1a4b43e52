/*
 * Peers that DNS names, under virtual time: who is found, who is forgotten, and that nobody hears
 * it. What resolvers do to listeners is in test/scenario/dns-*.yaml.
 */
#include "peerd/core/state.h"

#include "test/unit/sim_breach.h"

TestSuite(sim_discovery, .fini = finish);

#define CLUSTERS                                                                                   \
    "name: found\nduration: 30s\ndiscovery: {ttl: 1s, keep: 2s}\n"                                 \
    "clusters: [{name: fra1, nodes: 2, reserved_slots: 400}, {name: ams1}, {name: lon1}]\n"        \
    "clients:\n  - {name: near, count: 4, open_at: fra1}\n"

static void begin_by(const char *timeline, const char *expectations) {
    static char text[2048];
    snprintf(text, sizeof(text), "%s%s%s", CLUSTERS, timeline, expectations);
    begin_with(text);
}

#define WHOLE "expectations: {whole: true, frames_lost_max: 0, must_not_move: all}\n"

static uint32_t peers_of(uint32_t cluster) {
    const struct sim_site *site = &f.sim->sites[cluster];
    cr_expect(site->core == NULL || site->core->peer_count == site->policy.peer_count);
    return site->policy.peer_count;
}

static void expect_whole(void) {
    sim_run(f.sim);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    cr_expect_eq(report_frames_lost(sim_report(f.sim)), 0, "nobody hears it");
    cr_expect_eq(sim_report(f.sim)->move_count, 0, "and nobody moves for it");
}

Test(sim_discovery, everybody_is_found_before_it_begins) {
    begin_by("", WHOLE);
    sim_run_until(f.sim, duration_ms(1));
    for (uint32_t i = 0; i < 3; i++) {
        const struct sim_site *site = &f.sim->sites[i];
        cr_expect_eq(peers_of(i), 2);
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t other = site->cluster_of[k];
            cr_expect_eq(site->peer_of[other], k);
            cr_expect(site->policy.peers[k].found);
            cr_expect(public_key_equal(&site->policy.peers[k].key, &f.sim->sites[other].key));
        }
    }
    cr_expect_eq(core_status(f.sim->sites[0].core).reserved, 800,
                 "by the rule, while there is any");
    expect_whole();
}

Test(sim_discovery, who_starts_anew_knows_nobody_until_it_is_told) {
    begin_by("timeline:\n"
             "  - {at: 3s, dns: {cluster: fra1, does: silent}}\n"
             "  - {at: 4s, kill: {peerd: fra1}}\n"
             "  - {at: 5s, restart: {peerd: fra1}}\n"
             "  - {at: 9s, dns: {cluster: fra1, does: answers}}\n",
             WHOLE);
    sim_run_until(f.sim, duration_ms(8900));
    cr_expect_eq(peers_of(0), 0);
    cr_expect_eq(peers_of(1), 2, "they know it");
    sim_run_until(f.sim, duration_ms(11000));
    cr_expect_eq(peers_of(0), 2);
    expect_whole();
}

Test(sim_discovery, failures_end_nothing_however_short_it_is_kept) {
    static const char *const failing[] = {"fails", "silent", "forgets"};
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        char timeline[256];
        snprintf(timeline, sizeof(timeline),
                 "timeline:\n  - {at: 2s, dns: {does: %s}}\n  - {at: 12s, dns: {does: answers}}\n",
                 failing[i]);
        begin_by(timeline, WHOLE);
        sim_run_until(f.sim, duration_ms(11900));
        for (uint32_t k = 0; k < 3; k++)
            cr_expect_eq(peers_of(k), 2, "%s", failing[i]);
        expect_whole();
        finish();
    }
}

Test(sim_discovery, whom_nobody_names_is_forgotten_and_found_again) {
    begin_by("timeline:\n"
             "  - {at: 2s, dns: {cluster: ams1, does: lies}}\n"
             "  - {at: 12s, dns: {cluster: ams1, does: answers}}\n",
             WHOLE);
    sim_run_until(f.sim, duration_ms(3500));
    cr_expect_eq(peers_of(1), 2, "kept");
    sim_run_until(f.sim, duration_ms(7000));
    cr_expect_eq(peers_of(1), 0, "and nobody holds the keys that it has been told");
    cr_expect_eq(peers_of(0), 2);
    expect_whole();
    cr_expect_eq(peers_of(1), 2);
}

Test(sim_discovery, who_is_stopped_hears_the_answer_later) {
    begin_by("timeline:\n"
             "  - {at: [2050ms, 4100ms, 6150ms], stop: {peerd: fra1}}\n"
             "  - {at: [2950ms, 5050ms, 7100ms], continue: {peerd: fra1}}\n"
             "  - {at: 5500ms, dns: {does: silent}}\n"
             "  - {at: 7s, dns: {does: answers}}\n",
             WHOLE);
    expect_whole();
}

Test(sim_discovery, whoever_is_not_found_at_the_end_is_missed) {
    begin_by("timeline:\n"
             "  - {at: 23s, dns: {cluster: fra1, does: fails}}\n"
             "  - {at: 24s, kill: {peerd: fra1}}\n"
             "  - {at: 25s, restart: {peerd: fra1}}\n",
             WHOLE);
    sim_run(f.sim);
    expect_told("fra1 has found 0 of 2 others");
}

Test(sim_discovery, nothing_is_made_of_it_without) {
    begin_with(sim_quiet);
    cr_expect_null(f.sim->sites[0].discovery);
    cr_expect_eq(f.sim->sites[0].policy.peer_count, 1);
}
