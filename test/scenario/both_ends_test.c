/*
 * Both ends of a move know all of it: who was left is told under which epoch its client went on and
 * what that was like, who took it over how long the order took, and who was cut off from its
 * listeners that they are served elsewhere.
 */
#include "test/unit/sim_fixture.h"

#include "peerd/core/status.h"

#define LISTENERS 12

static const char drained[] =
    "name: drained\n"
    "duration: 14s\n"
    "clusters: [{name: fra1}, {name: ams1}]\n"
    "links: [{between: all, rtt: 40ms, jitter: 2ms, loss: 2%}]\n"
    "clients:\n"
    "  - {name: near, count: 12, open_at: fra1, buffer: 200ms, start: {between: [0s, 500ms]}}\n"
    "timeline:\n"
    "  - {at: 4s, drain: fra1}\n";

static const char cut_off[] =
    "name: cut-off\n"
    "duration: 24s\n"
    "clusters: [{name: fra1}, {name: ams1}]\n"
    "links: [{between: all, rtt: 40ms, jitter: 2ms}]\n"
    "clients:\n"
    "  - {name: near, count: 12, open_at: fra1, buffer: 200ms, start: {between: [0s, 500ms]}}\n"
    "  - {name: gone, count: 3, open_at: fra1, buffer: 200ms}\n"
    "timeline:\n"
    "  - {at: 4s, leave: {group: gone}}\n"
    "  - {at: 5s, partition: {from: fra1, to: near}}\n";

/* Called off while its listeners are on their way. */
static const char undrained[] =
    "name: undrained\n"
    "duration: 14s\n"
    "clusters: [{name: fra1}, {name: ams1}]\n"
    "limits: {return: always, return_after: 30s}\n"
    "links: [{between: all, rtt: 4ms}, {between: [fra1, clients], rtt: 100ms},\n"
    "        {between: [ams1, clients], rtt: 100ms}]\n"
    "clients:\n"
    "  - {name: near, count: 30, open_at: fra1, buffer: 250ms, start: {between: [0s, 500ms]}}\n"
    "timeline:\n"
    "  - {at: 4s, drain: fra1}\n"
    "  - {at: 4250ms, undrain: fra1}\n";

static const struct ledger *ledger_of(const struct sim *sim, uint32_t cluster) {
    return core_ledger(sim->sites[cluster].core);
}

/* The entry at the other end of that move; NULL: none. */
static const struct ledger_entry *other_end(const struct ledger *l, const struct ledger_entry *of) {
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct ledger_entry *e = ledger_find(l, n);
        if (e->move.out != of->move.out && e->move.state == MOVE_STATE_OVER &&
            e->move.epoch_to == of->move.epoch_to &&
            session_id_equal(&e->move.session, &of->move.session))
            return e;
    }
    return NULL;
}

/* All that fra1 has entered, each against ams1's entry of it. */
static uint32_t both_know(const struct sim *sim, enum move_cause cause, uint64_t seed) {
    const struct ledger *l = ledger_of(sim, 0);
    uint32_t count = 0;
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct ledger_entry *e = ledger_find(l, n);
        if (!e->move.out || e->move.state != MOVE_STATE_OVER)
            continue;
        const struct ledger_entry *other = other_end(ledger_of(sim, 1), e);
        cr_assert_not_null(other, "seed %lu: epoch %u", (unsigned long)seed, e->move.epoch_to);
        cr_expect(e->cause == cause && other->cause == cause);
        cr_expect(e->move.epoch_from > 0 && e->move.epoch_from < e->move.epoch_to);
        cr_expect_eq(e->told.epoch, e->move.epoch_to);
        cr_expect(e->told.first_frame_ms == other->told.first_frame_ms &&
                  e->told.detect_ms == other->told.detect_ms && e->told.lost == other->told.lost);
        cr_expect_eq(other->move.epoch_from, e->move.epoch_from);
        cr_expect_eq(other->left.told, e->move.orders > 0);
        count++;
    }
    return count;
}

Test(both_ends, who_was_left_and_who_took_over_know_the_same) {
    struct sim_fixture f;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sim_fixture_open(&f, drained, seed);
        sim_run_until(f.sim, duration_s(14));
        cr_expect_eq(both_know(f.sim, MOVE_CAUSE_DRAIN, seed), LISTENERS);
        const struct ledger *l = ledger_of(f.sim, 1);
        for (uint64_t n = ledger_first(l); n <= l->count; n++) {
            const struct ledger_entry *e = ledger_find(l, n);
            cr_expect(!e->left.told || (e->left.prepare_ms < 1000 && e->left.overlap_ms < 2000),
                      "%u, %u", e->left.prepare_ms, e->left.overlap_ms);
        }
        cr_expect_eq(ledger_of(f.sim, 0)->figures.of[MOVE_CAUSE_DRAIN].told, 0u,
                     "figures are the other end's");
        sim_fixture_close(&f);
    }
}

/* Leases end, and nobody told fra1 why; who has had enough is no move. */
Test(both_ends, who_is_cut_off_learns_where_its_listeners_are) {
    struct sim_fixture f;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sim_fixture_open(&f, cut_off, seed);
        sim_run_until(f.sim, duration_s(24));
        cr_expect_eq(both_know(f.sim, MOVE_CAUSE_PARTITIONED, seed), LISTENERS);
        const struct ledger_entry *e = ledger_find(ledger_of(f.sim, 0), 1);
        cr_assert_not_null(e);
        cr_expect_str_eq(e->move.to.text, "ams1");
        cr_expect(strncmp(e->evidence, "ams1 serves it, as it tells; its lease here", 43) == 0,
                  "%s", e->evidence);
        sim_fixture_close(&f);
    }
}

static uint32_t entered(const struct ledger *l, bool out, enum move_state state) {
    uint32_t count = 0;
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct move *m = &ledger_find(l, n)->move;
        count += m->out == out && m->state == state;
    }
    return count;
}

/* Whoever was on the way as the drain was called off has moved, at both ends. */
Test(both_ends, a_cancel_that_came_too_late_is_a_move) {
    struct sim_fixture f;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sim_fixture_open(&f, undrained, seed);
        sim_run_until(f.sim, duration_s(14));
        uint32_t came = entered(ledger_of(f.sim, 1), false, MOVE_STATE_OVER);
        cr_expect_gt(came, 0u);
        cr_expect_eq(both_know(f.sim, MOVE_CAUSE_DRAIN, seed), came);
        const struct ledger *l = ledger_of(f.sim, 0);
        uint32_t late = 0;
        for (uint64_t n = ledger_first(l); n <= l->count; n++) {
            const struct ledger_entry *e = ledger_find(l, n);
            late += e->late;
            cr_expect(e->move.state == MOVE_STATE_OVER ||
                          core_session_find(f.sim->sites[0].core, &e->move.session,
                                            &(struct core_session_status){0}),
                      "seed %lu: called off, and not here", (unsigned long)seed);
        }
        cr_expect_gt(late, 0u);
        cr_expect_eq(l->figures.of[MOVE_CAUSE_DRAIN].left, came);
        sim_fixture_close(&f);
    }
}
