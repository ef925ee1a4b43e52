/*
 * What ledgers say of moves is what listeners heard: a site drains, another one dies, and each move
 * of each listener stands at who took it over, with the figures that the listener knows of it.
 */
#include "test/unit/sim_fixture.h"

#include "peerd/core/status.h"

static const char two_causes[] =
    "name: two-causes\n"
    "duration: 16s\n"
    "clusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
    "links: [{between: all, rtt: 40ms, loss: 1%}]\n"
    "clients:\n"
    "  - {name: near, count: 12, open_at: fra1, buffer: 120ms, start: {between: [0s, 500ms]}}\n"
    "timeline:\n"
    "  - {at: 4s, drain: fra1}\n"
    "  - {at: 9500ms, undrain: fra1}\n" /* who flees to it is not asked to move on at once */
    "  - {at: 10s, kill: ams1, blackhole: true}\n";

static const struct ledger *ledger_of(const struct sim *sim, uint32_t cluster) {
    return core_ledger(sim->sites[cluster].core);
}

/* What all running clusters hold of moves to them with that cause; those that were told of. */
static void sum_up(const struct sim *sim, enum move_cause cause,
                   struct move_figures_of_cause *out) {
    *out = (struct move_figures_of_cause){0};
    for (uint32_t i = 0; i < sim->scenario->cluster_count; i++) {
        if (sim->sites[i].core == NULL)
            continue;
        const struct move_figures_of_cause *of = &ledger_of(sim, i)->figures.of[cause];
        out->arrived += of->arrived;
        out->left += of->left;
        out->told += of->told;
        out->lost += of->lost;
        out->duplicates += of->duplicates;
        out->gap.sum_ms += of->gap.sum_ms;
        out->first_frame.sum_ms += of->first_frame.sum_ms;
        out->detect.sum_ms += of->detect.sum_ms;
    }
}

/* The same of what the listeners said to the runner. */
static uint32_t heard(const struct report *r, const char *cause, int64_t from_ms, int64_t *gap_ms,
                      int64_t *first_ms) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->move_count; i++) {
        const struct report_move *m = &r->moves[i];
        if (strcmp(m->cause.text, cause) != 0 || m->at_ms < from_ms)
            continue;
        count++;
        *gap_ms += m->gap_ms;
        *first_ms += m->first_frame_ms;
    }
    return count;
}

Test(ledger_of_sites, says_what_listeners_heard) {
    struct sim_fixture f;
    struct move_figures_of_cause drained, crashed;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        sim_fixture_open(&f, two_causes, seed);
        sim_run_until(f.sim, duration_s(9));
        sum_up(f.sim, MOVE_CAUSE_DRAIN, &drained);
        int64_t gap_ms = 0, first_ms = 0;
        uint32_t moves = heard(&f.sim->report, "drain", 0, &gap_ms, &first_ms);
        cr_expect_geq(moves, 12u);
        cr_expect_eq(drained.arrived, moves);
        cr_expect_eq(drained.left, moves, "fra1 has entered each, too");
        cr_expect_eq(drained.told, moves, "seed %lu: %lu", (unsigned long)seed,
                     (unsigned long)drained.told);
        cr_expect_eq((int64_t)drained.gap.sum_ms, gap_ms, "seed %lu", (unsigned long)seed);

        uint64_t before = ledger_of(f.sim, 2)->figures.of[MOVE_CAUSE_CRASHED].told;
        sim_run_until(f.sim, duration_s(15));
        sum_up(f.sim, MOVE_CAUSE_CRASHED, &crashed);
        gap_ms = first_ms = 0;
        moves = heard(&f.sim->report, "crashed", 10000, &gap_ms, &first_ms);
        cr_expect(moves > 0 && before == 0, "somebody was at ams1");
        cr_expect_eq(crashed.told, moves);
        cr_expect_eq((int64_t)crashed.gap.sum_ms, gap_ms);
        cr_expect_eq((int64_t)crashed.first_frame.sum_ms, first_ms);
        cr_expect_gt(crashed.detect.sum_ms, 0u);
        cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
        sim_fixture_close(&f);
    }
}
