#include "test/lib/overlay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define GOES_MS  2000 /* first; then again and again … */
#define EVERY_MS 4000
#define AWAY_MS  1500

static struct overlay *begin(uint32_t clusters) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = clusters});
    overlay_run_until(o, 1000);
    for (uint32_t i = 0; i < clusters; i++) {
        static struct policy p; /* large: not on the stack */
        policy_copy(&p, core_policy(overlay_core(o, i)));
        p.detection.flap_half_life = duration_s(10);
        p.detection.flap_suppress = 2000;
        p.detection.flap_reuse = 750;
        overlay_policy(o, i, &p);
    }
    return o;
}

/* ams1 is out of everybody's reach for a while, so many times. */
static void flap(struct overlay *o, uint32_t clusters, uint32_t times, uint32_t from_ms) {
    for (uint32_t n = 0; n < times; n++) {
        overlay_run_until(o, from_ms + n * EVERY_MS);
        for (uint32_t i = 0; i < clusters; i++)
            if (i != 1) {
                overlay_cut(o, i, 1);
                overlay_cut(o, 1, i);
            }
        overlay_run_until(o, from_ms + n * EVERY_MS + AWAY_MS);
        for (uint32_t i = 0; i < clusters; i++)
            if (i != 1) {
                overlay_heal(o, i, 1);
                overlay_heal(o, 1, i);
            }
        overlay_run_until(o, from_ms + n * EVERY_MS + AWAY_MS + 500);
    }
}

static struct core_peer_status ams1_at_fra1(const struct overlay *o) {
    return core_peer_status(overlay_core(o, 0), 0, overlay_now(o));
}

/* A session of fra1 whose first backup is ams1. */
static struct core_answer_open open_for_ams1(struct overlay *o) {
    char client[32];
    for (int i = 1; i < 64; i++) {
        snprintf(client, sizeof(client), "192.0.2.%d:5004", i);
        struct core_answer_open s = overlay_open(o, 0, client);
        cr_assert_eq(s.err, ERR_OK, "%s", s.detail);
        if (s.backup_count > 0 && strcmp(s.ticket.backups[0].text, "ams1") == 0)
            return s;
    }
    cr_assert(false, "nobody is backed up by ams1");
    return (struct core_answer_open){0};
}

Test(flapping, who_comes_and_goes_is_no_backup_until_it_stays) {
    struct overlay *o = begin(3);
    overlay_run_until(o, GOES_MS - 500);
    struct core_answer_open before = open_for_ams1(o);
    overlay_commit(o, 0, &before, 1, MOVE_CAUSE_NONE, 0);
    overlay_run_until(o, GOES_MS - 100);
    cr_assert_eq(ams1_at_fra1(o).lodged_groups, 1u);
    overlay_forget(o);

    flap(o, 3, 2, GOES_MS);
    cr_expect_eq(ams1_at_fra1(o).verdict, VERDICT_ALIVE);
    cr_expect_not(ams1_at_fra1(o).damped, "twice: %u points", ams1_at_fra1(o).flap_points);
    cr_expect_eq(ams1_at_fra1(o).lodged_groups, 1u, "what it was asked to keep is with it again");

    flap(o, 3, 1, GOES_MS + 2 * EVERY_MS);
    struct core_peer_status s = ams1_at_fra1(o);
    cr_expect_eq(s.verdict, VERDICT_ALIVE);
    cr_expect(s.damped && s.flaps == 3, "%llu times", (unsigned long long)s.flaps);
    cr_expect_eq(core_status(overlay_core(o, 0)).peers_damped, 1u);
    cr_expect_eq(s.lodged_groups, 0u, "what it was asked to keep stays elsewhere");
    cr_expect_eq(overlay_count(o, "fra1 > ams1 damped (came back 3 times, "), 1u);
    struct core_answer_open now = overlay_open(o, 0, "192.0.2.200:5004");
    cr_expect(now.backup_count == 1 && strcmp(now.ticket.backups[0].text, "lon1") == 0);

    uint32_t end_ms = (uint32_t)duration_in_ms(instant_since(s.damped_until, overlay_now(o))) +
                      GOES_MS + 2 * EVERY_MS + AWAY_MS + 500;
    overlay_run_until(o, end_ms - 100);
    cr_expect(ams1_at_fra1(o).damped, "%u points", ams1_at_fra1(o).flap_points);
    overlay_run_until(o, end_ms + 100);
    cr_expect_not(ams1_at_fra1(o).damped, "%u points", ams1_at_fra1(o).flap_points);
    cr_expect_eq(overlay_count(o, "fra1 > ams1 damped no longer (750 points left)"), 1u);
    /* Its client was told of lon1 first, and nobody has measured that ams1 were nearer. */
    cr_expect_eq(ams1_at_fra1(o).lodged_groups, 0u, "and is not sent to and fro");
    now = overlay_open(o, 0, "192.0.2.201:5004");
    cr_expect_eq(now.backup_count, 2u);
    overlay_free(o);
}

/* That it was believed dead once says nothing of the next time, when it is merely headless, and for
 * less than is worth counting. */
Test(flapping, each_time_is_judged_by_itself) {
    struct overlay *o = begin(3);
    flap(o, 3, 1, GOES_MS);
    cr_expect_eq(ams1_at_fra1(o).flaps, 1u);
    overlay_run_until(o, 6000);
    overlay_kill_peerd(o, 1);
    overlay_run_until(o, 6500);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_HEADLESS, "%s", overlay_narrative(o));
    overlay_start_peerd(o, 1);
    overlay_run_until(o, 7500);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_ALIVE, "%s", overlay_narrative(o));
    cr_expect_eq(ams1_at_fra1(o).flaps, 1u);
    overlay_free(o);
}

/* A conviction always counts, and be it over at once. */
Test(flapping, believed_dead_for_a_moment) {
    struct overlay *o = begin(3);
    uint32_t ms = GOES_MS;
    overlay_run_until(o, ms);
    overlay_cut(o, 1, 0);
    overlay_cut(o, 1, 2);
    while (overlay_verdict(o, 0, 1) != VERDICT_CRASHED && ms < GOES_MS + AWAY_MS)
        overlay_run_until(o, ms += 10);
    overlay_heal(o, 1, 0);
    overlay_heal(o, 1, 2);
    uint32_t convicted_ms = ms;
    while (overlay_verdict(o, 0, 1) == VERDICT_CRASHED && ms < GOES_MS + AWAY_MS)
        overlay_run_until(o, ms += 10);
    cr_expect(ms - convicted_ms < 400, "shorter than it would otherwise take to count: %u ms",
              ms - convicted_ms);
    overlay_run_until(o, ms + 500);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_ALIVE, "%s", overlay_narrative(o));
    cr_expect_eq(ams1_at_fra1(o).flaps, 1u, "%s", overlay_narrative(o));
    overlay_free(o);
}

/* Without another cluster the one that comes and goes is better than none. */
Test(flapping, of_two_clusters_each_keeps_the_other) {
    struct overlay *o = begin(2);
    struct core_answer_open s = open_for_ams1(o);
    overlay_commit(o, 0, &s, 1, MOVE_CAUSE_NONE, 0);
    flap(o, 2, 3, GOES_MS);
    cr_expect(ams1_at_fra1(o).damped);
    cr_expect_eq(ams1_at_fra1(o).lodged_groups, 1u);
    s = overlay_open(o, 0, "192.0.2.200:5004");
    cr_expect_eq(s.backup_count, 1u);
    overlay_free(o);
}

/* A policy that damps nobody takes it back at once. */
Test(flapping, policy_may_end_it) {
    struct overlay *o = begin(3);
    static struct policy p;
    flap(o, 3, 3, GOES_MS);
    cr_expect(ams1_at_fra1(o).damped);
    policy_copy(&p, core_policy(overlay_core(o, 0)));
    p.detection.flap_suppress = 0;
    overlay_policy(o, 0, &p);
    cr_expect_not(ams1_at_fra1(o).damped);
    cr_expect(instant_is_never(ams1_at_fra1(o).damped_until));
    overlay_free(o);
}

/* What `peerctl why` tells: each verdict with its evidence, the newest first. */
Test(flapping, its_verdicts_are_remembered) {
    static const struct {
        enum verdict verdict;
        const char *evidence;
    } rows[] = {
        {VERDICT_ALIVE, "rtt 20 ms"},
        {VERDICT_CRASHED, "lon1 silent too"},
        {VERDICT_SUSPECT, "expected 100±50"},
        {VERDICT_ALIVE, "rtt 20 ms"},
        {VERDICT_CRASHED, "lon1 silent too"},
        {VERDICT_SUSPECT, "expected 100±50"},
        {VERDICT_ALIVE, "rtt"},
    };
    struct overlay *o = begin(3);
    flap(o, 3, 2, GOES_MS);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct history_entry *e = core_peer_verdict_before(overlay_core(o, 0), 0, i);
        cr_assert_not_null(e, "change %u", i);
        cr_expect_eq(e->verdict, rows[i].verdict, "change %u: %s", i, verdict_name(e->verdict));
        cr_expect_not_null(strstr(e->evidence, rows[i].evidence), "change %u: %s", i, e->evidence);
    }
    cr_expect_null(core_peer_verdict_before(overlay_core(o, 0), 0, 7));
    flap(o, 3, 2, GOES_MS + 2 * EVERY_MS);
    cr_expect_not_null(core_peer_verdict_before(overlay_core(o, 0), 0, HISTORY_MAX - 1));
    cr_expect_null(core_peer_verdict_before(overlay_core(o, 0), 0, HISTORY_MAX), "a ring");
    overlay_free(o);
}
