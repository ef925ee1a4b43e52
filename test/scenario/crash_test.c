#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/*
 *   fra1 ---- ams1        One listener at fra1. The site dies, peerd and nodes alike; the listener
 *      \      /           has noticed long before the peers have: it commits at its first backup.
 *       lon1
 */
static struct core_answer_open one_listener(struct overlay *o) {
    overlay_run_until(o, 1000);
    struct core_answer_open s = overlay_open(o, 0, "192.0.2.7:5004");
    cr_assert_eq(s.err, ERR_OK, "%s", s.detail);
    overlay_commit(o, 0, &s, 1, MOVE_CAUSE_NONE, 0);
    overlay_run_until(o, 2000);
    return s;
}

Test(crash, suspected_then_convicted_with_evidence) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    struct core_answer_open s = one_listener(o);
    cr_assert_str_eq(s.ticket.backups[0].text, "lon1");
    overlay_forget(o);

    overlay_kill_site(o, 0);
    overlay_run_until(o, 2140);
    overlay_commit(o, 2, &s, 2, MOVE_CAUSE_CRASHED, 0);
    overlay_run_until(o, 5000);
    cr_expect(overlay_tells(
        o, "   2.135 ams1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking lon1\n"
           "   2.135 lon1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking ams1\n"
           "   2.207 lon1 move a3aBjJeirbjDztnk7_oFEA evidence: client heard nothing for 140 ms; "
           "fra1 suspect: silent 222 ms, expected 100±50\n"
           "   2.207 lon1 move a3aBjJeirbjDztnk7_oFEA switch (crashed: fra1 -> lon1)\n"
           "   2.230 lon1 > fra1 crashed (no beat for 245 ms; ams1 silent too; 1 of 1 clients "
           "resumed here)\n"
           "   2.275 ams1 > fra1 crashed (no beat for 290 ms; lon1 silent too)\n"));

    /* The record, at the one that took the session over. */
    const struct ledger *ledger = core_ledger(overlay_core(o, 2));
    cr_assert_eq(ledger->count, 1u);
    const struct ledger_entry *e = ledger_find(ledger, 1);
    cr_expect_eq(e->move.cause, MOVE_CAUSE_CRASHED);
    cr_expect_str_eq(e->move.from.text, "fra1");
    cr_expect_str_eq(e->move.to.text, "lon1");
    cr_expect(e->move.epoch_to == 2 && e->move.silent_ms == 140);
    cr_expect_eq(core_ledger(overlay_core(o, 1))->count, 0u, "nothing happened at ams1");
    cr_expect_eq(core_status(overlay_core(o, 2)).sessions, 1u);
    overlay_free(o);
}

Test(crash, noticed_within_the_wish_at_whatever_instant) {
    for (uint32_t at = 2000; at < 2100; at += 7) {
        struct overlay *o = overlay_new(&(struct overlay_setup){0});
        overlay_run_until(o, at);
        overlay_kill_site(o, 0);
        overlay_run_until(o, at + 400);
        cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_CRASHED, "killed at %u", at);
        cr_expect_eq(overlay_verdict(o, 2, 0), VERDICT_CRASHED, "killed at %u", at);
        cr_expect_eq(overlay_count(o, "partitioned") + overlay_count(o, "headless"), 0u);
        overlay_free(o);
    }
}

Test(crash, lodged_groups_follow_to_the_next_backup_and_back) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    one_listener(o); /* first backup lon1, then ams1 */
    overlay_run_until(o, 4000);
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 1, overlay_now(o)).lodged_slots, 1u);
    cr_expect_eq(core_peer_status(overlay_core(o, 2), 0, overlay_now(o)).standby_slots, 1u);
    overlay_kill_site(o, 2);
    overlay_run_until(o, 6000);
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 0, overlay_now(o)).lodged_slots, 1u,
                 "now ams1 holds it");
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 1, overlay_now(o)).lodged_groups, 0u);
    overlay_start_peerd(o, 2);
    overlay_run_until(o, 9000);
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 1, overlay_now(o)).lodged_groups, 1u);
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 0, overlay_now(o)).lodged_groups, 0u);
    cr_expect_eq(core_peer_status(overlay_core(o, 1), 0, overlay_now(o)).standby_slots, 0u,
                 "ams1 has been told");
    overlay_free(o);
}

/* Its paths are not measured yet, and all fall silent at once: it waits for half as long again. */
Test(crash, of_all_but_one_leaves_one_without_a_witness) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_forget(o);
    overlay_kill_site(o, 0);
    overlay_kill_site(o, 2);
    overlay_run_until(o, 2700);
    cr_expect(overlay_tells(
        o, "   2.135 ams1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking nobody else\n"
           "   2.135 ams1 > lon1 suspect (silent 150 ms, expected 100±50) -> asking nobody else\n"
           "   2.475 ams1 > fra1 crashed (no beat for 490 ms; no witness)\n"
           "   2.475 ams1 > lon1 crashed (no beat for 490 ms; no witness)\n"));
    overlay_free(o);
}
