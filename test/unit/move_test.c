#include "peerd/core/move.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct session_id id = {{1, 2, 3}};

static struct instant at(int64_t ms) {
    return instant_us(ms * 1000);
}

static struct name self(void) {
    struct name n;
    name_set(&n, "fra1");
    return n;
}

/* A move that is in the given state already. */
static struct move in_state(enum move_state s, bool out) {
    struct move m;
    move_init(&m, &id, out ? MOVE_CAUSE_DRAIN : MOVE_CAUSE_CRASHED, out, at(0));
    struct name me = self();
    if (s == MOVE_STATE_PREPARE || (s == MOVE_STATE_OVERLAP && out))
        move_step(&m, MOVE_EVENT_ORDERED, at(1), NULL, &me);
    if (s == MOVE_STATE_OVERLAP)
        move_step(&m, out ? MOVE_EVENT_TAKEN_ON : MOVE_EVENT_HEDGING, at(2), NULL, &me);
    cr_assert_eq(m.state, s);
    return m;
}

#define NO ((enum move_state)99) /* the event does not fit */

Test(move, every_event_in_every_state) {
    static const struct {
        bool out;
        enum move_state state;
        enum move_state after[6]; /* by event */
    } rows[] = {
        /*                          ORDERED             TAKEN_ON            HEDGING
                                    COMMITTED           ENDED               CALLED_OFF */
        {true, MOVE_STATE_IDLE, {MOVE_STATE_PREPARE, NO, NO, NO, MOVE_STATE_OVER, NO}},
        {true,
         MOVE_STATE_PREPARE,
         {MOVE_STATE_PREPARE, MOVE_STATE_OVERLAP, NO, NO, MOVE_STATE_OVER, MOVE_STATE_CANCELLED}},
        {true,
         MOVE_STATE_OVERLAP,
         {MOVE_STATE_OVERLAP, NO, NO, NO, MOVE_STATE_OVER, MOVE_STATE_CANCELLED}},
        {false, MOVE_STATE_IDLE, {NO, NO, MOVE_STATE_OVERLAP, MOVE_STATE_OVER, NO, NO}},
        {false, MOVE_STATE_OVERLAP, {NO, NO, NO, MOVE_STATE_OVER, NO, MOVE_STATE_CANCELLED}},
    };
    struct name me = self();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int e = 0; e < 6; e++) {
            struct move m = in_state(rows[i].state, rows[i].out), before = m;
            bool fits = move_step(&m, (enum move_event)e, at(10), NULL, &me);
            cr_expect_eq(fits, rows[i].after[e] != NO, "%s %s, event %d",
                         rows[i].out ? "out" : "in", move_state_name(rows[i].state), e);
            if (fits)
                cr_expect_eq(m.state, rows[i].after[e], "%s, event %d: %s",
                             move_state_name(rows[i].state), e, move_state_name(m.state));
            else
                cr_expect(memcmp(&m, &before, sizeof(m)) == 0, "%s, event %d changed something",
                          move_state_name(rows[i].state), e);
            move_check_invariants(&m);
        }
}

Test(move, what_is_over_stays_over) {
    struct name me = self();
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        struct move m = in_state(MOVE_STATE_OVERLAP, true);
        move_step(&m, cancelled ? MOVE_EVENT_CALLED_OFF : MOVE_EVENT_ENDED, at(5), NULL, &me);
        cr_expect(move_is_over(&m));
        for (int e = 0; e < 6; e++)
            cr_expect_not(move_step(&m, (enum move_event)e, at(9), NULL, &me), "event %d", e);
    }
}

Test(move, tells_its_story) {
    static struct trace t;
    struct name me = self();
    struct move m;
    trace_init(&t);
    move_init(&m, &id, MOVE_CAUSE_DRAIN, true, at(0));
    name_set(&m.from, "fra1");
    name_set(&m.to, "ams1");
    move_step(&m, MOVE_EVENT_ORDERED, at(1), &t, &me);
    move_step(&m, MOVE_EVENT_TAKEN_ON, at(2), &t, &me);
    move_step(&m, MOVE_EVENT_ENDED, at(3), &t, &me);
    static const char *const lines[] = {
        "fra1 move AQIDAAAAAAAAAAAAAAAAAA prepare (drain: fra1 -> ams1)",
        "fra1 move AQIDAAAAAAAAAAAAAAAAAA overlap (drain: fra1 -> ams1)",
        "fra1 move AQIDAAAAAAAAAAAAAAAAAA switch (drain: fra1 -> ams1)",
        "fra1 move AQIDAAAAAAAAAAAAAAAAAA release (drain: fra1 -> ams1)"};
    for (size_t i = 0; i < 4; i++)
        cr_expect_str_eq(trace_take(&t)->text, lines[i]);
    cr_expect_null(trace_take(&t));
    cr_expect(m.overlaps.us == 2000 && m.switched.us == 3000 && m.released.us == 3000);
}

Test(move, an_order_is_repeated_only_after_it_was_taken_on) {
    struct move m = in_state(MOVE_STATE_PREPARE, true);
    cr_expect(instant_is_never(move_deadline(&m)), "the node's queue repeats it");
    m = in_state(MOVE_STATE_OVERLAP, true);
    cr_expect_eq(move_deadline(&m).us, at(1).us + MOVE_REPEAT_AFTER.us);
    m = in_state(MOVE_STATE_OVERLAP, false);
    cr_expect(instant_is_never(move_deadline(&m)));
}

Test(move, states_have_names) {
    cr_expect_str_eq(move_state_name(MOVE_STATE_IDLE), "idle");
    cr_expect_str_eq(move_state_name(MOVE_STATE_CANCELLED), "cancelled");
    cr_expect_str_eq(move_state_name((enum move_state)77), "?");
}

/* What has happened to the session, as the cluster that is one end of the move sees it. */
struct ends {
    bool served_here; /* the client's epoch is held here */
    bool served_there;
};

/* Facts come in any order that they can: an end of the session here, or a commit, means that the
 * client has committed at the other side, or here. Nothing else changes who serves. */
static void walk(const struct move *m, struct ends ends, unsigned left, uint32_t *cancelled) {
    struct name me = self();
    move_check_invariants(m);
    cr_assert(ends.served_here || ends.served_there, "%s: nobody serves",
              move_state_name(m->state));
    if (m->state == MOVE_STATE_CANCELLED) {
        cr_assert(m->was == MOVE_STATE_PREPARE || m->was == MOVE_STATE_OVERLAP);
        cr_assert_eq(ends.served_here, m->out, "called off: who served before serves on");
        (*cancelled)++;
    }
    if (left == 0)
        return;
    for (int e = 0; e < 6; e++) {
        struct move next = *m;
        struct ends then = ends;
        if (!move_step(&next, (enum move_event)e, at(20 - (int)left), NULL, &me)) {
            cr_assert(memcmp(&next, m, sizeof(next)) == 0);
            continue;
        }
        if (e == MOVE_EVENT_ENDED)
            then = (struct ends){false, true};
        if (e == MOVE_EVENT_COMMITTED)
            then = (struct ends){true, false};
        cr_assert(!move_is_over(m), "what is over takes nothing more");
        walk(&next, then, left - 1, cancelled);
    }
}

Test(move, called_off_at_any_point_it_is_served) {
    for (int out = 0; out < 2; out++) {
        struct move m;
        uint32_t cancelled = 0;
        move_init(&m, &id, out ? MOVE_CAUSE_DRAIN : MOVE_CAUSE_CRASHED, out, at(0));
        walk(&m, (struct ends){out, !out}, 8, &cancelled);
        cr_expect_gt(cancelled, 0u);
    }
}
