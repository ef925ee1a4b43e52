/*
 * Every invariant broken once on purpose: a checker that never fires proves nothing.
 */
#include "test/unit/sim_breach.h"

#include <signal.h>

/* A worker takes a session that its client never gave it. */
static void usurp(struct sim_worker *w, uint32_t epoch) {
    const struct message_resume r = {.session = f.sim->clients[0].ticket.session,
                                     .purpose = RESUME_COMMIT,
                                     .epoch = epoch,
                                     .counter = 100000};
    const struct sim_question q = {.client = 0, .silent = true};
    sim_worker_step(
        f.sim, w,
        &(struct tenure_event){.kind = TENURE_RESUME_RECEIVED, .now = f.sim->now, .u.resume = &r},
        &q);
}

TestSuite(sim_invariants, .init = begin, .fini = finish);

Test(sim_invariants, hold_when_nothing_is_wrong) {
    sim_run(f.sim);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

Test(sim_invariants, two_lease_holders_under_one_epoch) {
    usurp(backup(), f.sim->clients[0].witness->epoch);
    expect_breach(4000, "near-1 has two lease-holders under epoch 1");
}

Test(sim_invariants, an_epoch_that_its_client_never_gave_out) {
    usurp(backup(), 77);
    expect_breach(4000, "near-1 never gave out epoch 77");
}

Test(sim_invariants, a_lease_holder_whose_client_has_turned_away) {
    struct sim_client *c = &f.sim->clients[0];
    struct sim_worker *w = backup();
    c->witness->epoch_high++;
    usurp(w, c->witness->epoch_high);
    cr_assert_null(sim_violation(f.sim));
    for (int64_t ms = 4000; ms <= 15000; ms += 1000) { /* somebody reports in its client's name */
        struct message_report r = {.session = c->ticket.session,
                                   .epoch = c->witness->epoch_high,
                                   .counter = 100000 + (uint64_t)ms};
        const struct sim_question q = {.client = 0, .silent = true};
        struct tenure_event e = {.kind = TENURE_REPORT_RECEIVED, .now = f.sim->now};
        e.u.report = &r;
        sim_worker_step(f.sim, w, &e, &q);
        sim_run_until(f.sim, duration_ms(ms));
    }
    expect_told("although its client turned away");
}

/* … and goes on sending beside it. */
Test(sim_invariants, a_hot_standby_whose_client_has_none) {
    struct sim_worker *w = backup();
    struct message_resume r = {.session = f.sim->clients[0].ticket.session,
                               .purpose = RESUME_HOT,
                               .epoch = f.sim->clients[0].witness->epoch};
    const struct sim_question q = {.client = 0, .silent = true};
    w->tenure.config.hot_max = 1;
    for (int64_t ms = 4000; ms <= 15000; ms += 1000) {
        r.counter = 100000 + (uint64_t)ms;
        struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED, .now = f.sim->now};
        e.u.resume = &r;
        sim_worker_step(f.sim, w, &e, &q);
        sim_run_until(f.sim, duration_ms(ms));
    }
    expect_told("has been hot for near-1");
}

Test(sim_invariants, a_hot_standby_too_many) {
    struct sim_worker *w = backup();
    w->tenure.config.hot_max = 1;
    for (uint32_t i = 0; i < 2; i++) {
        const struct message_resume r = {.session = f.sim->clients[i].ticket.session,
                                         .purpose = RESUME_HOT,
                                         .epoch = f.sim->clients[i].witness->epoch,
                                         .counter = 100000};
        const struct sim_question q = {.client = i, .silent = true};
        struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED, .now = f.sim->now};
        e.u.resume = &r;
        cr_assert_null(sim_violation(f.sim));
        w->tenure.counts[TENURE_HOT] = 0; /* it loses count of them */
        sim_worker_step(f.sim, w, &e, &q);
    }
    expect_told("as number 2 of its hot standbys, of 1");
}

Test(sim_invariants, an_epoch_that_goes_back) {
    f.sim->clients[0].epoch = 5;
    expect_breach(4000, "epoch of near-1 went back from 5");
}

Test(sim_invariants, more_sessions_than_capacity) {
    f.sim->sites[0].capacity = 3;
    sim_invariants_worker_stepped(f.sim, server(),
                                  &(struct tenure_event){.kind = TENURE_TICKED, .now = f.sim->now});
    expect_told("workers of fra1 hold 4 sessions, more than its capacity of 3");
}

Test(sim_invariants, a_lease_that_is_never_reclaimed) {
    struct sim_worker *w = server();
    uint32_t slot = slot_at(w);
    sim_client_vanish(f.sim, &f.sim->clients[0]);
    w->tenures[slot].lease = instant_add(f.sim->now, duration_s(3600));
    due_set(&w->tenure.due, slot, w->tenures[slot].lease);
    expect_breach(15000, "fra1 still holds near-1 (serving), although its lease was renewed");
}

Test(sim_invariants, a_listener_that_is_gone_and_still_held) {
    struct sim_client *c = &f.sim->clients[0];
    struct sim_worker *w = server();
    sim_client_vanish(f.sim, c);
    c->over_at = instant_sub(f.sim->now, duration_s(60));
    w->process.since = instant_sub(f.sim->now, duration_s(60));
    for (uint32_t slot = 0; slot < w->slots; slot++)
        sim_shelf_at(w->shelf, slot)->watch.renewed = c->over_at;
    sim_invariants_check(f.sim);
    expect_told("fra1 still holds near-1 (serving), which has been gone for");
}

Test(sim_invariants, a_session_that_nobody_ends) {
    for (uint32_t i = 0; i < f.sim->site_count; i++)
        f.sim->network.dark[i] = true;
    for (uint32_t i = 0; i < f.sim->client_count; i++)
        f.sim->clients[i].witness->config.give_up = duration_s(3600);
    expect_breach(40000, "heard nothing for");
}

Test(sim_invariants, a_buffer_that_counts_wrongly) {
    struct sim_client *c = &f.sim->clients[2];
    c->anchor = instant_sub(c->anchor, duration_ms(FRAME_MS));
    expect_breach(5000, "near-3 expected");
}

Test(sim_invariants, a_move_noticed_before_it_happened) {
    const struct witness_move m = {.detect_ms = -1};
    sim_invariants_moved(f.sim, &f.sim->clients[0], &m);
    cr_expect_not_null(sim_violation(f.sim));
}

Test(sim_invariants, an_overlay_that_is_not_whole) {
    sim_invariants_check_whole(f.sim);
    cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    f.sim->network.dark[1] = true;
    sim_run_until(f.sim, duration_s(5));
    f.sim->network.dark[1] = false; /* healed, and at once asked for */
    sim_invariants_check_whole(f.sim);
    cr_assert_not_null(sim_violation(f.sim));
    cr_expect_not_null(strstr(sim_violation(f.sim), "fra1 believes ams1"), "%s",
                       sim_violation(f.sim));
}

Test(sim_invariants, nothing_whole_is_asked_of_what_was_not_healed) {
    f.sim->network.dark[1] = true;
    sim_run_until(f.sim, duration_s(5));
    sim_invariants_check_whole(f.sim);
    cr_assert_not_null(sim_violation(f.sim));
    cr_expect_not_null(strstr(sim_violation(f.sim), "was not healed"), "%s", sim_violation(f.sim));
}

Test(sim_invariants, sessions_left_after_everybody_has_gone) {
    sim_invariants_check_empty(f.sim);
    cr_assert_not_null(sim_violation(f.sim));
    cr_expect_not_null(strstr(sim_violation(f.sim), "still holds"));
}

/* What a machine asserts itself ends the process; peersim's handler says where. */
Test(sim_invariants, a_machine_that_has_lost_count, .signal = SIGABRT) {
    server()->tenure.credit_used++;
    sim_invariants_check(f.sim);
}
