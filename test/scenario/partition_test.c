#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/*
 *   fra1 -xx- ams1        Both ends live, and lon1 sees both.
 *      \      /
 *       lon1
 */
static struct overlay *three(void) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 2000);
    overlay_forget(o);
    return o;
}

Test(partition, both_ways_with_a_witness) {
    struct overlay *o = three();
    overlay_cut(o, 0, 1);
    overlay_cut(o, 1, 0);
    overlay_run_until(o, 4000);
    overlay_heal(o, 0, 1);
    overlay_heal(o, 1, 0);
    overlay_run_until(o, 6000);
    cr_expect(overlay_tells(
        o, "   2.135 fra1 > ams1 suspect (silent 150 ms, expected 100±50) -> asking lon1\n"
           "   2.135 ams1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking lon1\n"
           "   2.275 fra1 > ams1 partitioned (no beat for 290 ms; still heard by lon1)\n"
           "   2.275 ams1 > fra1 partitioned (no beat for 290 ms; still heard by lon1)\n"
           "   4.195 ams1 > fra1 alive (rtt 20 ms) after 1920 ms partitioned\n"
           "   4.195 fra1 > ams1 alive (rtt 20 ms) after 1920 ms partitioned\n"));
    cr_expect_eq(core_counters(overlay_core(o, 0))->moves_begun, 0u);
    overlay_free(o);
}

Test(partition, is_never_taken_for_a_crash_while_the_witness_is_believed) {
    for (uint32_t at = 2000; at < 2100; at += 9) {
        struct overlay *o = three();
        overlay_run_until(o, at);
        overlay_cut(o, 0, 1);
        overlay_cut(o, 1, 0);
        overlay_run_until(o, at + 8000);
        cr_expect_eq(overlay_count(o, "crashed"), 0u, "cut at %u:\n%s", at, overlay_narrative(o));
        cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_PARTITIONED);
        cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_PARTITIONED);
        overlay_run_until(o, at + 11000);
        cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_CRASHED, "the objection wears out");
        overlay_free(o);
    }
}

Test(partition, one_way_shows_at_both_ends) {
    struct overlay *o = three();
    overlay_cut(o, 0, 1); /* ams1 hears nothing; its own beats arrive and echo nothing new */
    overlay_run_until(o, 4000);
    overlay_heal(o, 0, 1);
    overlay_run_until(o, 6000);
    cr_expect(overlay_tells(
        o, "   2.135 ams1 > fra1 suspect (silent 150 ms, expected 100±50) -> asking lon1\n"
           "   2.305 ams1 > fra1 partitioned (no beat for 320 ms; still heard by lon1)\n"
           "   2.375 fra1 > ams1 partitioned (it beats and does not hear us, for 400 ms now)\n"
           "   4.030 ams1 > fra1 alive (rtt 20 ms) after 1725 ms partitioned\n"
           "   4.120 fra1 > ams1 alive (rtt 20 ms) after 1745 ms partitioned\n"));
    cr_expect(core_counters(overlay_core(o, 0))->beats_unconfirmed > 10);
    overlay_free(o);
}

/* Two clusters and no witness: the deaf end cannot know better. */
Test(partition, one_way_without_a_witness) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 2});
    overlay_run_until(o, 2000);
    overlay_cut(o, 0, 1);
    overlay_run_until(o, 4000);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_CRASHED);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_PARTITIONED);
    overlay_free(o);
}

/* A cluster alone on its side believes the worst of all others, and nothing moves for it. */
Test(partition, cut_off_from_everybody) {
    struct overlay *o = three();
    struct core_answer_open s = overlay_open(o, 0, "192.0.2.7:5004");
    overlay_commit(o, 0, &s, 1, MOVE_CAUSE_NONE, 0);
    for (uint32_t i = 1; i < 3; i++) {
        overlay_cut(o, 0, i);
        overlay_cut(o, i, 0);
    }
    overlay_run_until(o, 4000);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_CRASHED);
    cr_expect_eq(overlay_verdict(o, 0, 2), VERDICT_CRASHED);
    cr_expect_eq(overlay_verdict(o, 1, 0), VERDICT_CRASHED);
    cr_expect(overlay_serves(o, 0, &s.ticket.session));
    cr_expect_eq(core_counters(overlay_core(o, 0))->moves_begun, 0u);
    struct core_answer_open alone = overlay_open(o, 0, "192.0.2.8:5004");
    cr_expect(alone.err == ERR_OK && alone.backup_count == 0);
    overlay_free(o);
}
