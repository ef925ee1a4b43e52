/*
 * What listeners and workers may do with probes; each such invariant broken once on purpose.
 */
#include "peerd/sim/probing.h"
#include "test/unit/sim_breach.h"

/* Six backups, of which four are in a ticket. */
static const char seven[] = "name: seven\n"
                            "duration: 10s\n"
                            "performance: {tell: false}\n"
                            "limits: {probes_per_s: 3}\n"
                            "clusters: [{name: c1}, {name: c2}, {name: c3}, {name: c4}, "
                            "{name: c5}, {name: c6}, {name: c7}]\n"
                            "clients:\n"
                            "  - {name: near, count: 2, open_at: c1}\n";

static void begin_with_seven(void) {
    begin_with(seven);
}

TestSuite(sim_invariants_probes, .init = begin_with_seven, .fini = finish);

static struct sim_client *listener(void) {
    return &f.sim->clients[0];
}

static struct sim_probing *probing(void) {
    struct sim_probing *p = sim_client_probing(listener());
    cr_assert_not_null(p);
    cr_assert_gt(p->prober.stats.sent, 0u, "it has begun");
    return p;
}

static void probes(const struct addr *to) {
    const struct prober_out out = {.probes = true, .to = *to};
    sim_invariants_probed(f.sim, listener(), probing(), &out);
}

Test(sim_invariants_probes, hold_when_nothing_is_wrong) {
    probing()->asked_at = instant_sub(sim_client_now(f.sim, listener()), duration_s(1));
    probes(&probing()->prober.targets[1].media);
    sim_run_until(f.sim, duration_s(10));
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    cr_expect_eq(probing()->prober.probe.count, 2u);
    cr_expect_geq(probing()->prober.stats.answered, 4u);
}

Test(sim_invariants_probes, a_second_packet_within_a_second) {
    probing()->asked_at = instant_sub(sim_client_now(f.sim, listener()), duration_ms(999));
    probes(&probing()->prober.targets[1].media);
    expect_told("near-1 probes somebody 999 ms after its last packet");
}

Test(sim_invariants_probes, one_who_serves_or_backs_up) {
    probing()->asked = false;
    probes(&listener()->witness->servers[1].address.media);
    expect_told("near-1 probes a server of its own session");
}

Test(sim_invariants_probes, one_who_is_not_there) {
    const struct addr nobody = addr_ipv4((uint8_t[]){203, 0, 113, 1}, 7700);
    probing()->asked = false;
    probes(&nobody);
    expect_told("near-1 probes nobody");
}

Test(sim_invariants_probes, more_answers_than_are_permitted) {
    for (int i = 0; i < 3; i++)
        sim_invariants_probe_answered(f.sim, backup());
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    for (int i = 0; i < 3; i++) /* some of the second may have been given before */
        sim_invariants_probe_answered(f.sim, backup());
    expect_told("of c2 answers");
}

/* What a listener tells reaches the core that serves it. */
Test(sim_invariants_probes, what_is_measured_gets_to_peerd) {
    sim_run_until(f.sim, duration_s(10));
    cr_expect_geq(core_counters(f.sim->sites[0].core)->trips_heard, 6u);
    cr_expect_eq(core_counters(f.sim->sites[0].core)->trips_refused, 0u);
}
