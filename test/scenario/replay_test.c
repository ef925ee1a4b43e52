#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/* Somebody has recorded every beat that fra1 sent to ams1, and plays them again. */

Test(replay, beside_the_living_one_disturbs_nothing) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 3000);
    overlay_forget(o);
    overlay_replay(o, 0, 1, 100, 50);
    overlay_run_until(o, 5010);
    cr_expect(overlay_tells(o, "   3.050 ams1 > fra1 replayed beat dropped (1 so far)\n"
                               "   4.050 ams1 > fra1 replayed beat dropped (21 so far)\n"));
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_ALIVE);
    overlay_free(o);
}

Test(replay, cannot_keep_a_dead_cluster_alive) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 3000);
    overlay_kill_site(o, 0);
    overlay_replay(o, 0, 1, 2500, 20);
    overlay_run_until(o, 3400);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_CRASHED, "%s", overlay_narrative(o));
    overlay_free(o);
}

/* Beats of the run before, played while the new one is alive: a boot id that was retired. */
Test(replay, of_a_former_run_cannot_displace_the_new_one) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 2500);
    overlay_start_peerd(o, 0);
    overlay_run_until(o, 3000);
    overlay_forget(o);
    overlay_replay(o, 0, 1, 100, 10);
    overlay_run_until(o, 3180);
    cr_expect_eq(overlay_count(o, "suspect") + overlay_count(o, "claims"), 0u, "%s",
                 overlay_narrative(o));
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_ALIVE);
    overlay_free(o);
}

/* Our own restart forgets what we had seen: old beats are candidates, and stay candidates. */
Test(replay, to_a_peerd_that_has_forgotten_proves_nothing) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_kill_site(o, 0);
    overlay_kill_peerd(o, 1);
    overlay_run_until(o, 2500);
    overlay_start_peerd(o, 1);
    overlay_replay(o, 0, 1, 100, 20);
    overlay_run_until(o, 2900);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_UNKNOWN, "%s", overlay_narrative(o));
    cr_expect_gt(core_counters(overlay_core(o, 1))->beats_unconfirmed, 5u);
    overlay_free(o);
}
