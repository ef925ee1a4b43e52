/*
 * Agreements that are broken on purpose: the simulator says so.
 */
#include "peerd/core/state.h"

#include "test/unit/sim_breach.h"

static const char scenario[] = "name: agreed\n"
                               "duration: 20s\n"
                               "clusters:\n"
                               "  - {name: fra1, reserved_slots: 20}\n"
                               "  - {name: ams1, reserved_slots: 20}\n"
                               "agreements:\n"
                               "  - {terms: {name: '*', lease: 60s}}\n"
                               "clients:\n"
                               "  - {name: listeners, count: 4, open_at: fra1}\n";

static struct accord *fra1_to_ams1(void) {
    begin_with(scenario);
    struct accord *a = f.sim->sites[0].core->peers[0]->accord;
    cr_assert_not_null(a);
    cr_assert_eq(a->agreement.state, AGREEMENT_STATE_AGREED);
    cr_assert_eq(a->agreement.relied, 20u);
    return a;
}

Test(sim_invariants_agreements, more_is_relied_upon_than_is_held) {
    fra1_to_ams1()->agreement.relied = 21;
    sim_invariants_check(f.sim);
    expect_told("fra1 relies on 21 slots at ams1, where 20 are held");
    finish();
}

Test(sim_invariants_agreements, whoever_was_started_anew_has_forgotten) {
    struct accord *a = fra1_to_ams1();
    a->agreement.relied = 21;
    a->agreement.peer_run++;
    sim_invariants_check(f.sim);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    finish();
}

Test(sim_invariants_agreements, a_backup_beyond_what_was_agreed) {
    struct accord *a = fra1_to_ams1();
    struct core_event e = {.kind = CORE_SESSION_OPEN};
    struct core_intention *i;
    a->agreement.relied = 0;
    outbox_clear(&f.sim->core_outbox);
    i = outbox_put(&f.sim->core_outbox, CORE_ANSWER_OPEN);
    i->u.open.media = sim_worker_addr(f.sim, server());
    i->u.open.backup_count = i->u.open.ticket.backup_count = 1;
    i->u.open.backups[0].cluster = i->u.open.ticket.backups[0] =
        f.sim->sites[1].policy.cluster.name;
    i->u.open.backups[0].media = sim_worker_addr(f.sim, backup());
    name_set(&i->u.open.ticket.service, "radio");
    sim_invariants_site_stepped(f.sim, &f.sim->sites[0], &e);
    expect_told("fra1 names ams1 as a backup, which is none");
    finish();
}
