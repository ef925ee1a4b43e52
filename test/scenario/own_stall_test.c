#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/* peerd of ams1 is not scheduled for a while. It heard nobody in that time, and blames nobody. */

Test(own_stall, the_stalled_one_distrusts_itself) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_forget(o);
    overlay_stall_peerd(o, 1, 900);
    overlay_run_until(o, 5000);
    cr_expect_eq(overlay_count(o, "ams1 > fra1 crashed") + overlay_count(o, "ams1 > lon1 crashed"),
                 0u, "%s", overlay_narrative(o));
    cr_expect_eq(overlay_count(o, "ams1 did not run for 825 ms"), 1u, "%s", overlay_narrative(o));
    cr_expect_eq(core_counters(overlay_core(o, 1))->own_stalls, 1u);
    cr_expect_eq(core_counters(overlay_core(o, 1))->nodes_lost, 0u, "the lease was excused, too");
    /* The others cannot know, and are right to give it up; it is back with its first proof. */
    cr_expect_eq(overlay_count(o, "> ams1 crashed"), 2u);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_ALIVE);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_ALIVE);
    overlay_free(o);
}

Test(own_stall, many_short_ones_go_unnoticed) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_forget(o);
    for (uint32_t i = 0; i < 30; i++) {
        overlay_stall_peerd(o, 1, 25);
        overlay_run_until(o, 2000 + (i + 1) * 50);
    }
    cr_expect_str_empty(overlay_narrative(o));
    overlay_free(o);
}

/* Dead is dead: the excuse is for the time away only. */
Test(own_stall, does_not_shield_the_dead) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_stall_peerd(o, 1, 500);
    overlay_kill_site(o, 0);
    overlay_run_until(o, 2500 + 400);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_CRASHED, "%s", overlay_narrative(o));
    overlay_free(o);
}

/* What came while it was away is as fresh as when it came: whoever died meanwhile has his time. */
Test(own_stall, what_waited_in_the_socket_counts) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_stall_peerd(o, 1, 5000);
    overlay_run_until(o, 2090);
    overlay_kill_site(o, 0);
    overlay_run_until(o, 7000 + 290);
    cr_expect_neq(overlay_verdict(o, 1, 0), VERDICT_CRASHED, "%s", overlay_narrative(o));
    overlay_run_until(o, 7000 + 450);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_CRASHED, "%s", overlay_narrative(o));
    overlay_free(o);
}
