#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/* peerd of fra1 is killed and started again under its sessions; its node lives on. */

static struct core_answer_open sessions[8];

static struct overlay *with_sessions(uint32_t media_alive_after_ms) {
    struct overlay *o =
        overlay_new(&(struct overlay_setup){.media_alive_after_ms = media_alive_after_ms});
    overlay_run_until(o, 1000);
    for (int i = 0; i < 8; i++) {
        sessions[i] = overlay_open(o, 0, "192.0.2.7:5004");
        overlay_commit(o, 0, &sessions[i], 1, MOVE_CAUSE_NONE, 0);
    }
    overlay_run_until(o, 2000);
    overlay_forget(o);
    return o;
}

static void check_nothing_moved(const struct overlay *o) {
    for (uint32_t c = 0; c < 3; c++) {
        cr_expect_eq(core_ledger(overlay_core(o, c))->count, 0u, "cluster %u", c);
        cr_expect_eq(core_counters(overlay_core(o, c))->moves_begun, 0u);
    }
    for (int i = 0; i < 8; i++)
        cr_expect(overlay_serves(o, 0, &sessions[i].ticket.session));
    cr_expect_eq(overlay_count(o, "move"), 0u);
}

Test(peerd_restart, headless_and_then_whole_again) {
    struct overlay *o = with_sessions(0);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 3500);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_HEADLESS);
    overlay_start_peerd(o, 0);
    overlay_run_until(o, 6000);
    cr_expect(overlay_tells(
        o, "   2.135 ams1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking lon1\n"
           "   2.135 lon1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking ams1\n"
           "   2.275 ams1 > fra1 headless (no beat for 290 ms; its nodes say that media lives)\n"
           "   2.275 lon1 > fra1 headless (no beat for 290 ms; its nodes say that media lives)\n"
           "   3.505 fra1 node n1 registered, 1 workers\n"
           "   3.505 fra1 recovered: 8 sessions from 1 of 1 nodes after 5 ms\n"
           "   3.510 ams1 > fra1 claims to have been started anew, not proven yet\n"
           "   3.510 lon1 > fra1 claims to have been started anew, not proven yet\n"
           "   3.535 ams1 > fra1 was started anew, proven\n"
           "   3.535 ams1 > fra1 alive (rtt 20 ms) after 1260 ms headless\n"
           "   3.535 lon1 > fra1 was started anew, proven\n"
           "   3.535 lon1 > fra1 alive (rtt 20 ms) after 1260 ms headless\n"
           "   3.545 fra1 > ams1 alive (rtt 20 ms)\n"
           "   3.545 fra1 > lon1 alive (rtt 20 ms)\n"
           "   3.565 fra1 > ams1 described: 1 sources, 1 workers\n"
           "   3.565 fra1 > lon1 described: 1 sources, 1 workers\n"));
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 8u);
    check_nothing_moved(o);
    overlay_free(o);
}

Test(peerd_restart, a_quick_one_is_hardly_noticed) {
    struct overlay *o = with_sessions(0);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 2060);
    overlay_start_peerd(o, 0);
    overlay_run_until(o, 4000);
    cr_expect_eq(overlay_count(o, "suspect") + overlay_count(o, "headless") +
                     overlay_count(o, "crashed") + overlay_count(o, "partitioned"),
                 0u, "%s", overlay_narrative(o));
    cr_expect_eq(overlay_count(o, "was started anew, proven"), 2u);
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 8u);
    check_nothing_moved(o);
    overlay_free(o);
}

Test(peerd_restart, at_whatever_instant_the_verdict_is_never_worse_than_headless) {
    for (uint32_t at = 2000; at < 2100; at += 9)
        for (uint32_t down = 100; down < 1500; down += 350) {
            struct overlay *o = with_sessions(0);
            overlay_run_until(o, at);
            overlay_kill_peerd(o, 0);
            overlay_run_until(o, at + down);
            overlay_start_peerd(o, 0);
            overlay_run_until(o, at + down + 1000);
            cr_expect_eq(overlay_count(o, "crashed") + overlay_count(o, "partitioned"), 0u,
                         "killed at %u for %u ms:\n%s", at, down, overlay_narrative(o));
            cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 8u);
            check_nothing_moved(o);
            overlay_free(o);
        }
}

/* Where nodes speak up only after peers have lost patience, the verdict is mended, once. */
Test(peerd_restart, slow_nodes_mend_the_verdict) {
    struct overlay *o = with_sessions(600);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 4000);
    cr_expect_eq(overlay_count(o, "crashed"), 2u, "%s", overlay_narrative(o));
    cr_expect_eq(overlay_count(o, "headless"), 2u, "%s", overlay_narrative(o));
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_HEADLESS);
    overlay_free(o);
}

/* Headless is no state to stay in: when the nodes fall silent, too, the site is dead. */
Test(peerd_restart, headless_site_that_dies_is_convicted) {
    struct overlay *o = with_sessions(0);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 3000);
    overlay_forget(o);
    overlay_start_peerd(o, 0);
    overlay_kill_site(o, 0);
    overlay_run_until(o, 5000);
    cr_expect_eq(overlay_count(o, "> fra1 crashed"), 2u, "%s", overlay_narrative(o));
    overlay_free(o);
}

Test(peerd_restart, opens_are_served_again_at_once_and_with_backups) {
    struct overlay *o = with_sessions(0);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 2500);
    overlay_start_peerd(o, 0);
    struct core_answer_open early = overlay_open(o, 0, "192.0.2.9:5004");
    cr_expect_eq(early.err, ERR_NO_CREDIT);
    cr_expect(early.retry_after_ms >= 300 && early.retry_after_ms <= 1000, "%u",
              early.retry_after_ms);
    cr_expect_str_eq(early.detail, "just started: not all nodes have registered yet");
    overlay_run_until(o, 2510);
    early = overlay_open(o, 0, "192.0.2.9:5004");
    cr_expect_str_eq(early.detail, "just started: the peers have not described themselves yet");
    overlay_run_until(o, 2600);
    struct core_answer_open open = overlay_open(o, 0, "192.0.2.9:5004");
    cr_expect_eq(open.err, ERR_OK, "%s", open.detail);
    cr_expect_eq(open.backup_count, 2u);
    overlay_free(o);
}
