#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* Two nodes, and a peerd that knows of nothing yet. What they tell of a drain comes with it. */

static struct drain_word drains(uint64_t number) {
    struct drain_word w = {
        .number = number, .active = true, .age_ms = 20000, .within_ms = 50000, .gone = 12};
    name_set(&w.to, "peer0");
    return w;
}

static struct drain_word drains_not(uint64_t number) {
    return (struct drain_word){.number = number};
}

static struct core_answer_node tells(struct fixture *f, uint32_t node, struct drain_word w) {
    struct node_session s = fixture_session(node + 1, 1, RESUME_COMMIT);
    s.backups[0] = f->policy.peers[0].name;
    s.backup_count = 1;
    return fixture_node(f, node,
                        &(struct fixture_report){.sessions = &s, .session_count = 1, .drain = w});
}

static struct fixture *begun(void) {
    struct fixture *f = fixture_new(2, 1, 100);
    fixture_wait(f, 50);
    f->core->peers[0]->verdict.verdict = VERDICT_ALIVE;
    peering_show(f->core, f->core->peers[0]);
    return f;
}

Test(core_drain_words, a_node_tells_what_there_was) {
    struct fixture *f = begun();
    struct core_answer_node a = tells(f, 0, drains(7));
    struct core_status s = core_status(f->core);
    cr_expect(a.draining && a.drain.number == 7 && a.drain.active);
    cr_expect(s.draining && s.recovering && !s.drained && s.drain_gone == 12);
    cr_expect_eq(instant_since(s.drain_deadline, f->now).us, 30000000);
    cr_expect_str_eq(a.drain.to.text, "peer0");
    cr_expect_eq(a.drain.age_ms, 20000u);
    cr_expect_eq(a.drain.within_ms, 50000u);
    fixture_free(f);
}

/* The other node may know that it was called off. */
Test(core_drain_words, nobody_is_ordered_to_go_before_all_were_heard) {
    struct fixture *f = begun();
    tells(f, 0, drains(7));
    fixture_wait(f, 200);
    cr_expect_eq(tells(f, 0, drains(7)).order_count, 0u);
    tells(f, 1, drains_not(3));
    fixture_wait(f, 50);
    cr_expect_eq(tells(f, 0, drains(7)).order_count, 1u, "now it is sure");
    cr_expect(tells(f, 1, drains_not(3)).drain.active, "and says so to the other");
    fixture_free(f);
}

Test(core_drain_words, the_newer_word_counts_whoever_is_heard_first) {
    for (uint32_t first = 0; first < 2; first++) {
        struct fixture *f = begun();
        struct drain_word words[2] = {drains(7), drains_not(8)};
        tells(f, first, words[first]);
        struct core_answer_node a = tells(f, 1 - first, words[1 - first]);
        cr_expect(!a.draining && a.drain.number == 8, "node %u first", first);
        cr_expect_not(core_status(f->core).draining, "node %u first", first);
        fixture_wait(f, 500);
        cr_expect_eq(tells(f, 0, words[0]).order_count, 0u, "node %u first", first);
        fixture_free(f);
    }
}

/* Whatever a node that hears from us late has kept of an earlier run, and be its clock ahead. */
Test(core_drain_words, what_the_operator_says_to_this_run_is_newer) {
    struct fixture *f = begun();
    struct core_event e = {.kind = CORE_UNDRAIN};
    fixture_step(f, &e);
    struct core_answer_node a = tells(f, 0, drains(UINT64_C(1) << 50));
    cr_expect_not(a.draining);
    cr_expect_gt(a.drain.number, UINT64_C(1) << 50);
    e = (struct core_event){.kind = CORE_DRAIN, .u.drain = {.deadline = duration_s(9)}};
    fixture_step(f, &e);
    struct drain_word last = drains_not(DRAIN_WORD_NUMBER_MAX);
    cr_expect(tells(f, 1, last).draining);
    cr_expect_leq(tells(f, 1, last).drain.number, DRAIN_WORD_NUMBER_MAX);
    fixture_free(f);
}

/* By the wall clock, so that the word of a run that knew of no other is newer, too. */
Test(core_drain_words, a_number_grows_from_run_to_run) {
    struct fixture *f = begun();
    struct core_event e = {.kind = CORE_DRAIN, .u.drain = {.deadline = duration_s(9)}};
    fixture_step(f, &e);
    uint64_t first = tells(f, 0, (struct drain_word){0}).drain.number;
    cr_expect_eq(first, 1700000000000u);
    e = (struct core_event){.kind = CORE_UNDRAIN};
    fixture_step(f, &e);
    cr_expect_eq(tells(f, 0, (struct drain_word){0}).drain.number, first + 1, "in the same ms");
    fixture_free(f);
}

/* A request that has been overtaken says nothing new. */
Test(core_drain_words, who_is_overtaken_is_not_heard) {
    struct fixture *f = begun();
    tells(f, 0, (struct drain_word){0});
    fixture_node(f, 0, &(struct fixture_report){.stale = true, .drain = drains(7)});
    cr_expect_not(core_status(f->core).draining);
    fixture_free(f);
}

Test(core_drain_words, nothing_is_drained_before_its_nodes_were_heard) {
    struct fixture *f = begun();
    struct core_event e = {.kind = CORE_DRAIN, .u.drain = {.deadline = duration_s(9)}};
    fixture_step(f, &e);
    fixture_wait(f, 100);
    cr_expect_not(core_status(f->core).drained, "there may be sessions");
    tells(f, 0, (struct drain_word){0});
    cr_expect_not(core_status(f->core).drained);
    fixture_node(f, 1, &(struct fixture_report){0});
    cr_expect_not(core_status(f->core).drained || core_status(f->core).recovering);
    fixture_node(f, 0, &(struct fixture_report){0});
    cr_expect(core_status(f->core).drained);
    fixture_free(f);
}

Test(core_drain_words, a_drain_that_is_told_anew_is_not_late) {
    struct fixture *f = begun();
    struct core_event e = {.kind = CORE_DRAIN, .u.drain = {.deadline = duration_s(1)}};
    fixture_step(f, &e);
    for (int i = 0; i < 30; i++) {
        tells(f, 0, (struct drain_word){0});
        fixture_node(f, 1, &(struct fixture_report){0});
        fixture_wait(f, 50);
    }
    cr_assert(core_status(f->core).drain_overdue);
    e = (struct core_event){.kind = CORE_DRAIN, .u.drain = {.deadline = duration_s(60)}};
    fixture_step(f, &e);
    cr_expect_not(core_status(f->core).drain_overdue);
    cr_expect_gt(core_status(f->core).drain_left, 0);
    fixture_free(f);
}
