#include "test/lib/overlay.h"

#include <criterion/criterion.h>

static struct core_answer_open sessions[50];

static struct overlay *with_sessions(uint32_t count, uint32_t drain_per_s) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.drain_per_s = drain_per_s});
    overlay_run_until(o, 1000);
    for (uint32_t i = 0; i < count; i++) {
        sessions[i] = overlay_open(o, 0, "192.0.2.7:5004");
        cr_assert_eq(sessions[i].err, ERR_OK, "%s", sessions[i].detail);
        overlay_commit(o, 0, &sessions[i], 1, MOVE_CAUSE_NONE, 0);
    }
    overlay_run_until(o, 2000);
    overlay_forget(o);
    return o;
}

static uint32_t served_once(const struct overlay *o, uint32_t count) {
    uint32_t once = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t servers = 0;
        for (uint32_t c = 0; c < 3; c++)
            servers += overlay_serves(o, c, &sessions[i].ticket.session);
        once += servers == 1;
    }
    return once;
}

Test(drain, two_sessions_one_after_the_other) {
    struct overlay *o = with_sessions(2, 5);
    overlay_drain(o, 0, 10000);
    overlay_run_until(o, 4000);
    cr_expect(overlay_tells(
        o, "   2.000 fra1 draining: 2 sessions, 5 a second, within 10 s\n"
           "   2.000 fra1 move a3aBjJeirbjDztnk7_oFEA prepare (drain: fra1 -> lon1)\n"
           "   2.010 ams1 > fra1 draining (it says so)\n"
           "   2.010 lon1 > fra1 draining (it says so)\n"
           "   2.105 fra1 move a3aBjJeirbjDztnk7_oFEA overlap (drain: fra1 -> lon1)\n"
           "   2.200 fra1 move kJumsbzH0t3o8_4JFB8qNQ prepare (drain: fra1 -> lon1)\n"
           "   2.205 fra1 move a3aBjJeirbjDztnk7_oFEA switch (drain: fra1 -> lon1)\n"
           "   2.205 fra1 move a3aBjJeirbjDztnk7_oFEA release (drain: fra1 -> lon1)\n"
           "   2.207 lon1 move a3aBjJeirbjDztnk7_oFEA switch (drain: fra1 -> lon1)\n"
           "   2.305 fra1 move kJumsbzH0t3o8_4JFB8qNQ overlap (drain: fra1 -> lon1)\n"
           "   2.405 fra1 move kJumsbzH0t3o8_4JFB8qNQ switch (drain: fra1 -> lon1)\n"
           "   2.405 fra1 move kJumsbzH0t3o8_4JFB8qNQ release (drain: fra1 -> lon1)\n"
           "   2.405 fra1 drained: empty after 405 ms\n"
           "   2.407 lon1 move kJumsbzH0t3o8_4JFB8qNQ switch (drain: fra1 -> lon1)\n"));
    overlay_free(o);
}

Test(drain, is_paced_complete_and_in_the_ledger_of_both_ends) {
    struct overlay *o = with_sessions(20, 10);
    overlay_drain(o, 0, 10000);
    overlay_run_until(o, 3000);
    cr_expect_eq(overlay_count(o, "prepare"), 11u, "10 a second, the first at once");
    struct core_status half = core_status(overlay_core(o, 0));
    cr_expect_eq(half.drain_gone + half.drain_left, 20u);
    cr_expect(half.drain_gone >= 7 && half.drain_waiting == 9, "%lu gone, %u wait",
              (unsigned long)half.drain_gone, half.drain_waiting);
    cr_expect(half.drain_rate >= 7 && half.drain_rate <= 10, "%f", half.drain_rate);
    cr_expect(half.drain_ends_in.us > 900000 && half.drain_ends_in.us < 2000000, "%ld us",
              (long)half.drain_ends_in.us);
    overlay_run_until(o, 5000);
    cr_expect_eq(overlay_count(o, "fra1 drained: empty after 2"), 1u, "%s", overlay_narrative(o));
    cr_expect_eq(served_once(o, 20), 20u);
    struct core_status s = core_status(overlay_core(o, 0));
    cr_expect(s.draining && s.drained && s.drain_left == 0 && s.sessions == 0);
    cr_expect(s.drain_gone == 20 && s.drain_ends_in.us == 0 && !s.drain_overdue);
    cr_expect_eq(core_ledger(overlay_core(o, 0))->count, 20u);
    cr_expect_eq(core_ledger(overlay_core(o, 1))->count + core_ledger(overlay_core(o, 2))->count,
                 20u);
    cr_expect_eq(core_counters(overlay_core(o, 0))->moves_cancelled, 0u);
    const struct ledger_entry *e = ledger_find(core_ledger(overlay_core(o, 0)), 1);
    cr_expect(e->move.out && e->move.epoch_from == 1 && e->move.orders == 1);
    cr_expect(!instant_before(e->move.switched, e->move.overlaps));
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_DRAINING);
    struct core_answer_open newcomer = overlay_open(o, 0, "192.0.2.8:5004");
    cr_expect(newcomer.err == ERR_OK && newcomer.redirect == CORE_REDIRECT_DRAINING);
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions + core_status(overlay_core(o, 0)).opened,
                 0u, "it begins at a peer");
    struct core_answer_open elsewhere = overlay_open(o, 1, "192.0.2.8:5004");
    cr_expect(elsewhere.err == ERR_OK && elsewhere.backup_count == 1, "fra1 is no backup now");
    overlay_free(o);
}

/* What it could not order while it was not running it makes up for, but no more than a second's. */
Test(drain, a_late_one_owes_a_second_at_most) {
    struct overlay *o = with_sessions(50, 20);
    overlay_drain(o, 0, 20000);
    overlay_run_until(o, 2475);
    uint32_t before = overlay_count(o, " prepare (drain");
    cr_expect_eq(before, 10u, "20 a second, the first at once");
    overlay_stall_peerd(o, 0, 3000);
    overlay_run_until(o, 5500);
    uint32_t at_once = overlay_count(o, " prepare (drain") - before;
    cr_expect(at_once >= 20 && at_once <= 22, "%u at once", at_once);
    overlay_free(o);
}

Test(drain, undone_half_way_leaves_every_session_somewhere) {
    struct overlay *o = with_sessions(20, 10);
    overlay_drain(o, 0, 10000);
    overlay_run_until(o, 2930);
    overlay_undrain(o, 0);
    overlay_run_until(o, 6000);
    struct core_status s = core_status(overlay_core(o, 0));
    cr_expect_not(s.draining);
    cr_expect_eq(served_once(o, 20), 20u);
    cr_expect(s.sessions > 5 && s.sessions < 15, "%u stay", s.sessions);
    cr_expect_gt(core_counters(overlay_core(o, 0))->moves_cancelled, 0u);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_ALIVE);
    cr_expect_eq(overlay_open(o, 0, "192.0.2.8:5004").err, ERR_OK);
    /* And it can be done again. */
    overlay_drain(o, 0, 10000);
    overlay_run_until(o, 9000);
    cr_expect(core_status(overlay_core(o, 0)).drained);
    cr_expect_eq(served_once(o, 20), 20u);
    overlay_free(o);
}

Test(drain, a_target_that_dies_is_replaced) {
    struct overlay *o = with_sessions(20, 100);
    overlay_kill_site(o, 2);
    overlay_run_until(o, 2050); /* not noticed yet: half of the orders name it */
    overlay_drain(o, 0, 20000);
    overlay_run_until(o, 8000);
    cr_expect(core_status(overlay_core(o, 0)).drained, "%s", overlay_narrative(o));
    cr_expect_eq(served_once(o, 20), 20u);
    cr_expect_eq(core_status(overlay_core(o, 1)).sessions, 20u);
    overlay_free(o);
}

Test(drain, without_a_usable_backup_waits_and_says_so) {
    struct overlay *o = with_sessions(3, 10);
    overlay_kill_site(o, 1);
    overlay_kill_site(o, 2);
    overlay_run_until(o, 3000);
    overlay_forget(o);
    overlay_drain(o, 0, 2000);
    overlay_run_until(o, 6000);
    cr_expect(overlay_tells(o,
                            "   3.000 fra1 draining: 3 sessions, 10 a second, within 2 s\n"
                            "   3.000 fra1 drain waits: no usable backup has room for 3 sessions\n"
                            "   5.000 fra1 drain overdue: 3 sessions are still here\n"));
    cr_expect(overlay_serves(o, 0, &sessions[0].ticket.session), "nobody is cut off");
    overlay_start_peerd(o, 1);
    overlay_free(o);
}

/* Its node tells it: until when, since when, and that it is not over. */
Test(drain, goes_on_after_a_restart) {
    struct overlay *o = with_sessions(20, 10);
    overlay_drain(o, 0, 10000);
    overlay_run_until(o, 2500);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 3000);
    overlay_start_peerd(o, 0);
    overlay_run_until(o, 3300);
    struct core_status s = core_status(overlay_core(o, 0));
    cr_expect(s.draining && !s.drained && s.drain_left > 5 && s.drain_gone > 0);
    int64_t left_ms = duration_in_ms(instant_since(s.drain_deadline, overlay_now(o)));
    cr_expect(left_ms > 8600 && left_ms <= 8750, "%ld ms", (long)left_ms);
    struct core_answer_open newcomer = overlay_open(o, 0, "192.0.2.8:5004");
    cr_expect(newcomer.err != ERR_OK || newcomer.redirect == CORE_REDIRECT_DRAINING);
    overlay_run_until(o, 7000);
    cr_expect(core_status(overlay_core(o, 0)).drained, "%s", overlay_narrative(o));
    cr_expect_eq(served_once(o, 20), 20u);
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 0u);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_DRAINING);
    overlay_free(o);
}

/* A site that has died with all that it had knows nothing of it. */
Test(drain, is_forgotten_with_all_its_nodes) {
    struct overlay *o = with_sessions(4, 10);
    overlay_drain(o, 0, 10000);
    overlay_run_until(o, 4000);
    overlay_kill_site(o, 0);
    overlay_run_until(o, 5000);
    overlay_start_peerd(o, 0);
    overlay_run_until(o, 8000);
    cr_expect_not(core_status(overlay_core(o, 0)).draining);
    overlay_free(o);
}

/* A cluster that no ticket names: clients are told of it first, and go there. Those of an older
 * version do not take it up, and go to backups of their own. */
Test(drain, to_a_cluster_that_no_ticket_names) {
    static const char *const names[] = {"fra1", "ams1", "lon1", "par1", "mad1", "osl1", "rom1"};
    for (int old = 0; old < 2; old++) {
        struct overlay *o = overlay_new(
            &(struct overlay_setup){.clusters = 7, .drain_per_s = 20, .old_clients = old == 1});
        overlay_run_until(o, 2000);
        for (uint32_t i = 0; i < 10; i++) {
            sessions[i] = overlay_open(o, 0, "192.0.2.7:5004");
            overlay_commit(o, 0, &sessions[i], 1, MOVE_CAUSE_NONE, 0);
        }
        overlay_run_until(o, 3000);
        uint32_t stranger = 0, known = 0;
        for (uint32_t c = 1; c < 7; c++) {
            uint32_t named = 0;
            for (uint32_t i = 0; i < 10; i++)
                for (uint32_t b = 0; b < sessions[i].backup_count; b++)
                    named += strcmp(sessions[i].backups[b].cluster.text, names[c]) == 0;
            if (stranger == 0 || named < known) {
                stranger = c;
                known = named;
            }
        }
        cr_assert_lt(known, 10u, "some tickets do not name it");
        overlay_drain_to(o, 0, 20000, names[stranger]);
        overlay_run_until(o, 12000);
        cr_expect(core_status(overlay_core(o, 0)).drained, "%s", overlay_narrative(o));
        uint32_t there = core_status(overlay_core(o, stranger)).sessions;
        cr_expect_eq(there, old ? known : 10u, "%s: %u, of whom %u knew it %s", names[stranger],
                     there, known, overlay_narrative(o));
        overlay_free(o);
    }
}
