#include "peerd/core/move_figures.h"

#include <criterion/criterion.h>

/* Leaves at 1000 ms, is taken on 30 ms later, and has gone 150 ms after that. */
static struct move left(void) {
    struct move m;
    struct name me;
    name_set(&me, "fra1");
    move_init(&m, &(struct session_id){{1}}, MOVE_CAUSE_DRAIN, true, instant_us(1000000));
    move_step(&m, MOVE_EVENT_ORDERED, instant_us(1000000), NULL, &me);
    move_step(&m, MOVE_EVENT_TAKEN_ON, instant_us(1030000), NULL, &me);
    move_step(&m, MOVE_EVENT_ENDED, instant_us(1180000), NULL, &me);
    return m;
}

Test(move_figures, a_value_counts_in_the_first_bucket_that_holds_it) {
    static const struct {
        const char *what;
        uint16_t lost;
        unsigned bucket;
    } rows[] = {
        {"nothing", 0, 0},
        {"20 ms", 1, 1},
        {"40 ms", 2, 2},
        {"140 ms", 7, 6},
        {"160 ms: over 150", 8, 7},
        {"10 s", 500, 14},
        {"beyond every bound", 501, 15},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct move_figures f = {0};
        f.of[MOVE_CAUSE_CRASHED].arrived = f.of[MOVE_CAUSE_CRASHED].held[0] = 1;
        move_figures_told(&f, MOVE_CAUSE_CRASHED,
                          &(struct message_moved){.epoch = 1, .lost = rows[i].lost});
        const struct move_histogram *h = &f.of[MOVE_CAUSE_CRASHED].gap;
        cr_expect_eq(h->counts[rows[i].bucket], 1u, "%s", rows[i].what);
        cr_expect_eq(move_histogram_count(h), 1u);
        cr_expect_eq(h->sum_ms, rows[i].lost * 20u);
        move_figures_check_invariants(&f);
    }
}

Test(move_figures, bounds_rise) {
    for (unsigned i = 1; i + 1 < MOVE_BUCKETS; i++)
        cr_expect_gt(move_bucket_ms(i), move_bucket_ms(i - 1));
}

Test(move_figures, each_side_counts_its_own_phases) {
    struct move_figures f = {0};
    struct move m = left(), arrived;
    struct name me;
    move_figures_entered(&f, &m, m.cause);
    const struct move_figures_of_cause *of = &f.of[MOVE_CAUSE_DRAIN];
    cr_expect(of->left == 1 && of->arrived == 0);
    cr_expect(of->prepare.counts[2] == 1 && of->prepare.sum_ms == 30);
    cr_expect(of->overlap_leaving.counts[6] == 1 && of->overlap_leaving.sum_ms == 150);
    cr_expect_eq(move_histogram_count(&of->overlap_arriving), 0u);
    name_set(&me, "ams1");
    move_init(&arrived, &m.session, MOVE_CAUSE_DRAIN, false, instant_us(0));
    move_step(&arrived, MOVE_EVENT_COMMITTED, instant_us(5), NULL, &me);
    move_figures_entered(&f, &arrived, arrived.cause);
    cr_expect_eq(of->arrived, 1u);
    cr_expect_eq(move_histogram_count(&of->overlap_arriving), 0u, "it did not hedge");
    cr_expect_eq(move_histogram_count(&f.of[MOVE_CAUSE_CRASHED].prepare), 0u);
    move_figures_check_invariants(&f);
}

Test(move_figures, a_frame_that_never_came_has_no_time) {
    struct move_figures f = {0};
    f.of[MOVE_CAUSE_CRASHED].arrived = f.of[MOVE_CAUSE_CRASHED].held[0] = 2;
    move_figures_told(&f, MOVE_CAUSE_CRASHED,
                      &(struct message_moved){1, 45, MESSAGE_MOVED_NO_FRAME, 9, 0});
    move_figures_told(&f, MOVE_CAUSE_CRASHED, &(struct message_moved){2, 45, 81, 0, 4});
    const struct move_figures_of_cause *of = &f.of[MOVE_CAUSE_CRASHED];
    cr_expect_eq(move_histogram_count(&of->first_frame), 1u);
    cr_expect_eq(of->first_frame.counts[5], 1u, "81 ms: up to 100");
    cr_expect(of->told == 2 && of->lost == 9 && of->duplicates == 4);
    move_figures_check_invariants(&f);
}
