#include "transcoder/timeline/tenure.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <string.h>

#define CAPACITY 6
#define CREDIT   3
#define LAG_US   (-1234)

/* One worker, and a client's view of it. */
struct fixture {
    struct tenure t;
    struct tenure_session sessions[CAPACITY];
    struct due_entry due[CAPACITY];
    uint32_t index[16];
    struct tenure_outbox out;
    uint64_t counter;
};

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static void step(struct fixture *f, const struct tenure_event *e) {
    tenure_step(&f->t, e, &f->out);
    tenure_check_invariants(&f->t);
}

static void credit(struct fixture *f, uint32_t slots, int64_t until_ms, int64_t ms) {
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = at_ms(ms)};
    e.u.credit.slots = slots;
    e.u.credit.until = at_ms(until_ms);
    step(f, &e);
}

static void start(struct fixture *f) {
    memset(f, 0, sizeof(*f));
    const struct tenure_config config = {.session_lease = duration_ms(5000),
                                         .standby_lease = duration_ms(3000),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 4,
                                         .retry_ms = 700,
                                         .retry_draining_ms = 9000};
    cr_assert_leq(tenure_index_count(CAPACITY), 16);
    tenure_init(&f->t, &config, f->sessions, f->due, f->index, CAPACITY);
    credit(f, CREDIT, 300000, 0);
}

static struct session_id session(uint8_t n) {
    return (struct session_id){{n}};
}

static struct message_resume resume(struct fixture *f, uint8_t id, enum resume_purpose purpose,
                                    uint32_t epoch) {
    return (struct message_resume){.session = session(id),
                                   .purpose = purpose,
                                   .epoch = epoch,
                                   .counter = ++f->counter,
                                   .from_frame = 100,
                                   .live_frame = 105,
                                   .hedge_ms = 500};
}

/* Asks; returns what came of it: ERR_OK for a grant, ERR_COUNT for silence. */
static enum err ask_with(struct fixture *f, const struct message_resume *m, int64_t ms) {
    step(f,
         &(struct tenure_event){.kind = TENURE_RESUME_RECEIVED, .now = at_ms(ms), .u.resume = m});
    for (uint32_t i = 0; i < f->out.count; i++) {
        if (f->out.items[i].kind == TENURE_GRANT)
            return ERR_OK;
        if (f->out.items[i].kind == TENURE_REFUSE)
            return f->out.items[i].error;
    }
    return ERR_COUNT;
}

static enum err ask(struct fixture *f, uint8_t id, enum resume_purpose purpose, uint32_t epoch,
                    int64_t ms) {
    struct message_resume m = resume(f, id, purpose, epoch);
    return ask_with(f, &m, ms);
}

static enum err report(struct fixture *f, uint8_t id, uint32_t epoch, uint32_t notice, int64_t ms) {
    struct message_report m = {.session = session(id),
                               .epoch = epoch,
                               .counter = ++f->counter,
                               .lag_us = LAG_US,
                               .notice = notice};
    step(f,
         &(struct tenure_event){.kind = TENURE_REPORT_RECEIVED, .now = at_ms(ms), .u.report = &m});
    for (uint32_t i = 0; i < f->out.count; i++) {
        if (f->out.items[i].kind == TENURE_ACK)
            return ERR_OK;
        if (f->out.items[i].kind == TENURE_REFUSE)
            return f->out.items[i].error;
    }
    return ERR_COUNT;
}

static const struct tenure_out *find_out(const struct fixture *f, enum tenure_out_kind kind) {
    for (uint32_t i = 0; i < f->out.count; i++)
        if (f->out.items[i].kind == kind)
            return &f->out.items[i];
    return NULL;
}

static enum tenure_state state_of(const struct fixture *f, uint8_t id) {
    struct session_id s = session(id);
    uint32_t slot = tenure_find(&f->t, &s);
    return slot == TENURE_SLOT_NONE ? TENURE_FREE : f->t.sessions[slot].state;
}

/* Ticks through all deadlines up to `ms`; counts the intentions of one kind. */
static uint32_t pass(struct fixture *f, int64_t ms, enum tenure_out_kind count_kind) {
    uint32_t count = 0;
    int steps = 0;
    while (instant_reached(at_ms(ms), tenure_deadline(&f->t))) {
        struct instant at = tenure_deadline(&f->t);
        step(f, &(struct tenure_event){.kind = TENURE_TICKED, .now = at});
        count += find_out(f, count_kind) != NULL;
        cr_assert_lt(++steps, 1000, "a deadline that never passes");
    }
    return count;
}

/* A flat table: every state, every question, under an older, the same and a newer epoch. */
Test(tenure, what_a_question_does_in_each_state) {
    enum {
        OLDER = 4,
        SAME = 5,
        NEWER = 6
    };
    static const struct {
        enum tenure_state state;
        enum resume_purpose purpose;
        uint32_t epoch;
        enum err expect;
        enum tenure_state then;
        enum tenure_out_kind media; /* TENURE_GRANT: none is expected */
    } rows[] = {
        {TENURE_FREE, RESUME_STANDBY, SAME, ERR_OK, TENURE_STANDBY, TENURE_PREPARE},
        {TENURE_FREE, RESUME_HEDGE, SAME, ERR_OK, TENURE_HEDGING, TENURE_MEDIA_START},
        {TENURE_FREE, RESUME_COMMIT, SAME, ERR_OK, TENURE_SERVING, TENURE_MEDIA_START},
        {TENURE_FREE, RESUME_CANCEL, SAME, ERR_UNKNOWN_SESSION, TENURE_FREE, TENURE_GRANT},
        {TENURE_FREE, RESUME_RELEASE, SAME, ERR_UNKNOWN_SESSION, TENURE_FREE, TENURE_GRANT},

        {TENURE_STANDBY, RESUME_STANDBY, SAME, ERR_OK, TENURE_STANDBY, TENURE_GRANT},
        {TENURE_STANDBY, RESUME_STANDBY, OLDER, ERR_STALE, TENURE_STANDBY, TENURE_GRANT},
        {TENURE_STANDBY, RESUME_STANDBY, NEWER, ERR_OK, TENURE_STANDBY, TENURE_GRANT},
        {TENURE_STANDBY, RESUME_HEDGE, SAME, ERR_OK, TENURE_HEDGING, TENURE_MEDIA_START},
        {TENURE_STANDBY, RESUME_HEDGE, OLDER, ERR_STALE, TENURE_STANDBY, TENURE_GRANT},
        {TENURE_STANDBY, RESUME_COMMIT, SAME, ERR_OK, TENURE_SERVING, TENURE_MEDIA_START},
        {TENURE_STANDBY, RESUME_COMMIT, NEWER, ERR_OK, TENURE_SERVING, TENURE_MEDIA_START},
        {TENURE_STANDBY, RESUME_COMMIT, OLDER, ERR_STALE, TENURE_STANDBY, TENURE_GRANT},
        {TENURE_STANDBY, RESUME_CANCEL, SAME, ERR_OK, TENURE_STANDBY, TENURE_GRANT},
        {TENURE_STANDBY, RESUME_RELEASE, SAME, ERR_OK, TENURE_ENDED, TENURE_FORGET},
        {TENURE_STANDBY, RESUME_RELEASE, OLDER, ERR_STALE, TENURE_STANDBY, TENURE_GRANT},

        {TENURE_HEDGING, RESUME_STANDBY, SAME, ERR_OK, TENURE_HEDGING, TENURE_GRANT},
        {TENURE_HEDGING, RESUME_HEDGE, SAME, ERR_OK, TENURE_HEDGING, TENURE_MEDIA_REPAIR},
        {TENURE_HEDGING, RESUME_HEDGE, OLDER, ERR_STALE, TENURE_HEDGING, TENURE_GRANT},
        {TENURE_HEDGING, RESUME_COMMIT, NEWER, ERR_OK, TENURE_SERVING, TENURE_MEDIA_REPAIR},
        {TENURE_HEDGING, RESUME_CANCEL, SAME, ERR_OK, TENURE_STANDBY, TENURE_MEDIA_STOP},
        {TENURE_HEDGING, RESUME_RELEASE, NEWER, ERR_OK, TENURE_ENDED, TENURE_FORGET},

        {TENURE_SERVING, RESUME_STANDBY, SAME, ERR_OK, TENURE_SERVING, TENURE_GRANT},
        {TENURE_SERVING, RESUME_STANDBY, NEWER, ERR_OK, TENURE_STANDBY, TENURE_MEDIA_STOP},
        {TENURE_SERVING, RESUME_HEDGE, SAME, ERR_OK, TENURE_SERVING, TENURE_MEDIA_REPAIR},
        {TENURE_SERVING, RESUME_HEDGE, NEWER, ERR_OK, TENURE_HEDGING, TENURE_MEDIA_REPAIR},
        {TENURE_SERVING, RESUME_COMMIT, SAME, ERR_OK, TENURE_SERVING, TENURE_MEDIA_REPAIR},
        {TENURE_SERVING, RESUME_COMMIT, NEWER, ERR_OK, TENURE_SERVING, TENURE_MEDIA_START},
        {TENURE_SERVING, RESUME_COMMIT, OLDER, ERR_STALE, TENURE_SERVING, TENURE_GRANT},
        {TENURE_SERVING, RESUME_CANCEL, SAME, ERR_OK, TENURE_SERVING, TENURE_GRANT},
        {TENURE_SERVING, RESUME_CANCEL, NEWER, ERR_OK, TENURE_ENDED, TENURE_FORGET},
        {TENURE_SERVING, RESUME_RELEASE, SAME, ERR_OK, TENURE_ENDED, TENURE_FORGET},
        {TENURE_SERVING, RESUME_RELEASE, OLDER, ERR_STALE, TENURE_SERVING, TENURE_GRANT},

        /* Ended by a release under SAME. */
        {TENURE_ENDED, RESUME_COMMIT, OLDER, ERR_STALE, TENURE_ENDED, TENURE_GRANT},
        {TENURE_ENDED, RESUME_COMMIT, SAME, ERR_MOVED, TENURE_ENDED, TENURE_GRANT},
        {TENURE_ENDED, RESUME_COMMIT, NEWER, ERR_OK, TENURE_SERVING, TENURE_MEDIA_START},
        {TENURE_ENDED, RESUME_STANDBY, SAME, ERR_OK, TENURE_STANDBY, TENURE_PREPARE},
        {TENURE_ENDED, RESUME_HEDGE, SAME, ERR_OK, TENURE_HEDGING, TENURE_MEDIA_START},
        {TENURE_ENDED, RESUME_RELEASE, SAME, ERR_OK, TENURE_ENDED, TENURE_GRANT},
    };
    static struct fixture f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(&f);
        const char *what = tenure_state_name(rows[i].state);
        if (rows[i].state == TENURE_STANDBY || rows[i].state == TENURE_HEDGING)
            ask(&f, 1, RESUME_STANDBY, SAME, 0);
        if (rows[i].state == TENURE_HEDGING)
            ask(&f, 1, RESUME_HEDGE, SAME, 0);
        if (rows[i].state == TENURE_SERVING || rows[i].state == TENURE_ENDED)
            ask(&f, 1, RESUME_COMMIT, SAME, 0);
        if (rows[i].state == TENURE_ENDED)
            ask(&f, 1, RESUME_RELEASE, SAME, 0);
        cr_assert_eq(state_of(&f, 1), rows[i].state);
        enum err e = ask(&f, 1, rows[i].purpose, rows[i].epoch, 10);
        cr_expect_eq(e, rows[i].expect, "row %zu: %s, purpose %d: %s", i, what, rows[i].purpose,
                     err_name(e));
        cr_expect_eq(state_of(&f, 1), rows[i].then, "row %zu: %s, purpose %d: now %s", i, what,
                     rows[i].purpose, tenure_state_name(state_of(&f, 1)));
        if (rows[i].media != TENURE_GRANT)
            cr_expect_not_null(find_out(&f, rows[i].media), "row %zu: %s, purpose %d", i, what,
                               rows[i].purpose);
        else
            for (int kind = TENURE_PREPARE; kind <= TENURE_FORGET; kind++)
                cr_expect_null(find_out(&f, (enum tenure_out_kind)kind), "row %zu: kind %d", i,
                               kind);
    }
}

Test(tenure, a_counter_is_taken_once) {
    static struct fixture f;
    start(&f);
    struct message_resume m = resume(&f, 1, RESUME_COMMIT, 1);
    cr_expect_eq(ask_with(&f, &m, 0), ERR_OK);
    struct tenure_session before = f.sessions[0];
    cr_expect_eq(ask_with(&f, &m, 1), ERR_COUNT, "a replay gets no answer");
    cr_expect_eq(f.out.count, 0);
    cr_expect_arr_eq(&f.sessions[0], &before, sizeof(before), "and touches nothing");
    cr_expect_eq(f.t.replayed, 1);
    ask(&f, 1, RESUME_RELEASE, 1, 10);
    m.counter = 1;
    m.epoch = 9;
    pass(&f, 60000, TENURE_GRANT);
    cr_expect_eq(ask_with(&f, &m, 60000), ERR_COUNT, "nor after the end");
    pass(&f, 10 + TENURE_TOMB_MS, TENURE_GRANT);
    cr_expect_eq(state_of(&f, 1), TENURE_FREE, "the tombstone lasts longer than any cookie");
}

Test(tenure, the_answer_names_its_question) {
    static struct fixture f;
    start(&f);
    struct message_resume m = resume(&f, 1, RESUME_COMMIT, 3);
    m.counter = f.counter = 77;
    m.held[3] = 9;
    ask_with(&f, &m, 0);
    const struct tenure_out *g = find_out(&f, TENURE_GRANT);
    cr_expect_eq(g->counter, 77);
    cr_expect_eq(g->epoch, 3);
    cr_expect_eq(g->purpose, RESUME_COMMIT);
    cr_expect_eq(g->lease_ms, 5000);
    cr_expect_eq(g->from, 100);
    const struct tenure_out *media = find_out(&f, TENURE_MEDIA_START);
    cr_expect_eq(media->from, 100);
    cr_expect_eq(media->live, 105);
    cr_expect_eq(media->held[3], 9);
    cr_expect(instant_is_never(media->until));
    cr_expect_lt(find_out(&f, TENURE_PREPARE), media, "prepared before it is started");
}

Test(tenure, credit_is_never_exceeded) {
    static struct fixture f;
    start(&f);
    cr_expect_eq(tenure_free(&f.t, at_ms(0)), 3);
    cr_expect_eq(ask(&f, 1, RESUME_STANDBY, 1, 0), ERR_OK);
    cr_expect_eq(ask(&f, 2, RESUME_COMMIT, 1, 0), ERR_OK);
    cr_expect_eq(ask(&f, 3, RESUME_HEDGE, 1, 0), ERR_OK, "a hedge without standby takes one");
    cr_expect_eq(tenure_free(&f.t, at_ms(0)), 0);
    cr_expect_eq(ask(&f, 4, RESUME_COMMIT, 1, 0), ERR_NO_CREDIT);
    cr_expect_leq(find_out(&f, TENURE_REFUSE)->retry_after_ms - 700, 350u, "700 to 1050");
    cr_expect_eq(state_of(&f, 4), TENURE_FREE, "a refused newcomer leaves nothing behind");
    cr_expect_eq(ask(&f, 1, RESUME_COMMIT, 2, 10), ERR_OK, "the standby's slot becomes its own");
    cr_expect_eq(f.t.credit_used, 3);
    pass(&f, 600, TENURE_GRANT);
    cr_expect_eq(state_of(&f, 3), TENURE_ENDED, "the hedge is over");
    cr_expect_eq(f.t.credit_used, 2);
    cr_expect_eq(ask(&f, 4, RESUME_COMMIT, 1, 600), ERR_OK);
}

Test(tenure, a_dead_peerd_blocks_nothing_at_once) {
    static struct fixture f;
    start(&f);
    credit(&f, CREDIT, 1000, 0);
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    ask(&f, 2, RESUME_STANDBY, 1, 0);
    ask(&f, 3, RESUME_STANDBY, 1, 0);
    cr_expect_eq(report(&f, 1, 1, 0, 1500), ERR_OK, "what is served goes on");
    cr_expect_eq(ask(&f, 2, RESUME_COMMIT, 2, 1500), ERR_OK, "a slot set aside may be spent");
    cr_expect_eq(ask(&f, 3, RESUME_STANDBY, 1, 1500), ERR_NO_CREDIT, "but not kept for ever");
    cr_expect_eq(state_of(&f, 3), TENURE_ENDED);
    cr_expect_eq(ask(&f, 4, RESUME_COMMIT, 1, 1500), ERR_NO_CREDIT);
    credit(&f, CREDIT, 5000, 1600);
    cr_expect_eq(ask(&f, 4, RESUME_COMMIT, 1, 1600), ERR_OK);
}

Test(tenure, credit_that_shrinks_evicts_nobody) {
    static struct fixture f;
    start(&f);
    for (uint8_t i = 1; i <= 3; i++)
        ask(&f, i, RESUME_COMMIT, 1, 0);
    credit(&f, 1, 300000, 10);
    cr_expect_eq(f.t.credit_used, 3);
    ask(&f, 1, RESUME_RELEASE, 1, 20);
    cr_expect_eq(ask(&f, 4, RESUME_COMMIT, 1, 30), ERR_NO_CREDIT);
    ask(&f, 2, RESUME_RELEASE, 1, 40);
    ask(&f, 3, RESUME_RELEASE, 1, 40);
    cr_expect_eq(ask(&f, 4, RESUME_COMMIT, 1, 50), ERR_OK);
    cr_expect_eq(ask(&f, 5, RESUME_COMMIT, 1, 50), ERR_NO_CREDIT);
}

Test(tenure, a_full_table_gives_up_its_oldest_tombstone) {
    static struct fixture f;
    start(&f);
    credit(&f, 100, 300000, 0);
    for (uint8_t i = 1; i <= CAPACITY; i++)
        cr_expect_eq(ask(&f, i, RESUME_COMMIT, 1, i), ERR_OK);
    cr_expect_eq(ask(&f, 20, RESUME_COMMIT, 1, 50), ERR_FULL);
    ask(&f, 2, RESUME_RELEASE, 1, 60);
    ask(&f, 1, RESUME_RELEASE, 1, 61);
    cr_expect_eq(ask(&f, 20, RESUME_COMMIT, 1, 70), ERR_OK);
    cr_expect_eq(state_of(&f, 2), TENURE_FREE, "the oldest went");
    cr_expect_eq(state_of(&f, 1), TENURE_ENDED);
}

Test(tenure, leases_end_by_themselves) {
    static struct fixture f;
    start(&f);
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    ask(&f, 2, RESUME_STANDBY, 1, 0);
    cr_expect_eq(tenure_deadline(&f.t).us, at_ms(3000).us);
    cr_expect_eq(report(&f, 1, 1, 0, 2000), ERR_OK);
    cr_expect_eq(find_out(&f, TENURE_ACK)->lease_ms, 5000);
    cr_expect_eq(find_out(&f, TENURE_ACK)->lag_us, LAG_US, "for the pace");
    cr_expect_eq(pass(&f, 3000, TENURE_FORGET), 1, "the standby, which nobody renewed");
    cr_expect_eq(state_of(&f, 1), TENURE_SERVING);
    cr_expect_eq(pass(&f, 7000, TENURE_FORGET), 1);
    cr_expect_eq(state_of(&f, 1), TENURE_ENDED);
    cr_expect_eq(f.t.credit_used, 0);
    cr_expect_eq(report(&f, 1, 1, 0, 7100), ERR_UNKNOWN_SESSION, "it may commit here again");
    cr_expect_eq(ask(&f, 1, RESUME_COMMIT, 1, 7200), ERR_OK);
}

Test(tenure, reports) {
    static const struct {
        const char *what;
        uint8_t id;
        uint32_t epoch;
        enum err expect;
    } rows[] = {
        /* 1 serves under 5, 2 stands by under 5, 3 was released under 5 */
        {"current", 1, 5, ERR_OK},
        {"overtaken", 1, 4, ERR_STALE},
        {"of an epoch we never granted", 1, 6, ERR_UNKNOWN_SESSION},
        {"for a standby", 2, 5, ERR_UNKNOWN_SESSION},
        {"for a session that moved away", 3, 5, ERR_MOVED},
        {"for one that moved away long ago", 3, 4, ERR_MOVED},
        {"for a stranger", 9, 1, ERR_UNKNOWN_SESSION},
    };
    static struct fixture f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(&f);
        ask(&f, 1, RESUME_COMMIT, 5, 0);
        ask(&f, 2, RESUME_STANDBY, 5, 0);
        ask(&f, 3, RESUME_COMMIT, 5, 0);
        ask(&f, 3, RESUME_RELEASE, 5, 0);
        enum err e = report(&f, rows[i].id, rows[i].epoch, 0, 100);
        cr_expect_eq(e, rows[i].expect, "%s: %s", rows[i].what, err_name(e));
    }
}

Test(tenure, a_hedge_is_short_and_on_a_budget) {
    static struct fixture f;
    start(&f);
    ask(&f, 1, RESUME_STANDBY, 1, 0);
    struct message_resume m = resume(&f, 1, RESUME_HEDGE, 1);
    m.hedge_ms = 60000;
    cr_expect_eq(ask_with(&f, &m, 100), ERR_OK);
    cr_expect_eq(find_out(&f, TENURE_MEDIA_START)->until.us, at_ms(600).us,
                 "no longer than 500 ms");
    cr_expect_eq(find_out(&f, TENURE_GRANT)->lease_ms, 500);
    cr_expect_eq(ask(&f, 1, RESUME_HEDGE, 1, 120), ERR_OK);
    cr_expect_eq(ask(&f, 1, RESUME_HEDGE, 1, 160), ERR_OK);
    cr_expect_eq(f.sessions[0].hedge.us, at_ms(600).us, "repetitions buy no time");
    cr_expect_eq(budget_left(&f.sessions[0].hedges, at_ms(160)), 3, "and cost nothing");
    cr_expect_eq(ask(&f, 1, RESUME_HEDGE, 1, 500), ERR_OK, "more time");
    cr_expect_eq(f.sessions[0].hedge.us, at_ms(1000).us);
    cr_expect_eq(budget_left(&f.sessions[0].hedges, at_ms(500)), 2);
    cr_expect_eq(pass(&f, 1000, TENURE_MEDIA_STOP), 1);
    cr_expect_eq(state_of(&f, 1), TENURE_STANDBY);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(ask(&f, 1, RESUME_HEDGE, 1, 1100 + i * 10), ERR_OK);
        cr_expect_eq(ask(&f, 1, RESUME_CANCEL, 1, 1105 + i * 10), ERR_OK);
    }
    cr_expect_eq(ask(&f, 1, RESUME_HEDGE, 1, 1200), ERR_BUDGET);
    ask(&f, 1, RESUME_RELEASE, 1, 1210);
    cr_expect_eq(ask(&f, 1, RESUME_HEDGE, 1, 1220), ERR_BUDGET, "ending is no way around it");
    cr_expect_eq(ask(&f, 1, RESUME_COMMIT, 2, 1230), ERR_OK, "a commit needs none");
}

Test(tenure, draining) {
    static struct fixture f;
    start(&f);
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    ask(&f, 2, RESUME_STANDBY, 1, 0);
    step(&f, &(struct tenure_event){
                 .kind = TENURE_DRAIN_CHANGED, .now = at_ms(10), .u.draining = true});
    cr_expect_eq(tenure_free(&f.t, at_ms(10)), 0);
    cr_expect_eq(ask(&f, 3, RESUME_COMMIT, 1, 20), ERR_DRAINING);
    cr_expect_leq(find_out(&f, TENURE_REFUSE)->retry_after_ms - 9000, 4000u, "to 13000");
    cr_expect_eq(ask(&f, 2, RESUME_STANDBY, 1, 30), ERR_DRAINING, "choose another backup");
    cr_expect_eq(report(&f, 1, 1, 0, 40), ERR_OK, "who is here is served");
    cr_expect_eq(ask(&f, 4, RESUME_HEDGE, 1, 50), ERR_OK, "half a second of help is given");
}

Test(tenure, a_move_is_asked_for_until_it_is_seen) {
    static struct fixture f;
    start(&f);
    f.t.config.notices_from = 40; /* the worker before may have sent so many */
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = at_ms(1000)};
    e.u.move.session = session(1);
    e.u.move.target.bytes[0] = 9;
    e.u.move.deadline = duration_ms(4000);
    step(&f, &(struct tenure_event){
                 .kind = TENURE_DRAIN_CHANGED, .now = at_ms(1000), .u.draining = true});
    step(&f, &e);
    const struct tenure_out *o = find_out(&f, TENURE_NOTICE);
    cr_assert_not_null(o);
    cr_expect_eq(o->notice.number, 41);
    cr_expect_eq(o->notice.what, NOTICE_MOVE);
    cr_expect_eq(o->notice.target.bytes[0], 9);
    cr_expect_eq(o->notice.deadline_ms, 4000);
    cr_expect_eq(pass(&f, 1699, TENURE_NOTICE), 2, "after 100 and 300 ms");
    e.now = at_ms(1699);
    step(&f, &e);
    cr_expect_null(find_out(&f, TENURE_NOTICE), "the same order is the same notice");
    cr_expect_eq(report(&f, 1, 1, 40, 1699), ERR_OK, "an older one was seen");
    cr_expect_eq(pass(&f, 2499, TENURE_NOTICE), 1, "not this one");
    cr_expect_eq(report(&f, 1, 1, 41, 2499), ERR_OK);
    cr_expect_eq(pass(&f, 5000, TENURE_NOTICE), 0, "seen");
    report(&f, 1, 1, 41, 5000);
    cr_expect_eq(pass(&f, 5699, TENURE_MEDIA_STOP), 0, "it did not go: nobody is cut off");
    cr_expect_eq(state_of(&f, 1), TENURE_SERVING);
    e.now = at_ms(5700);
    e.u.move.deadline = DURATION_ZERO;
    step(&f, &e);
    o = find_out(&f, TENURE_NOTICE);
    cr_assert_not_null(o, "but asked again, though it be late");
    cr_expect_eq(o->notice.what, NOTICE_MOVE);
    cr_expect_eq(o->notice.number, 42);
    cr_expect_eq(o->notice.deadline_ms, 0);
    cr_expect_eq(pass(&f, 5900, TENURE_MEDIA_STOP), 0);
    cr_expect_eq(report(&f, 1, 1, 42, 5900), ERR_OK);
    cr_expect_eq(state_of(&f, 1), TENURE_SERVING);
}

/* Nobody drains: the operator wished one session elsewhere, and its client does not go. */
Test(tenure, a_wish_that_is_not_heeded_ends_nothing) {
    static struct fixture f;
    start(&f);
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = at_ms(1000)};
    e.u.move.session = session(1);
    e.u.move.target.bytes[0] = 9;
    e.u.move.deadline = duration_ms(2000);
    step(&f, &e);
    cr_expect_not_null(find_out(&f, TENURE_NOTICE));
    cr_expect_eq(report(&f, 1, 1, 0, 2500), ERR_OK);
    cr_expect_eq(pass(&f, 3100, TENURE_MEDIA_STOP), 0);
    cr_expect_eq(pass(&f, 4900, TENURE_NOTICE), 0, "it is not asked for any more");
    cr_expect_eq(state_of(&f, 1), TENURE_SERVING);
    cr_expect_eq(report(&f, 1, 1, 0, 4900), ERR_OK);
}

Test(tenure, a_drain_taken_back_lets_stay_who_is_still_here) {
    static struct fixture f;
    start(&f);
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    struct tenure_event drain = {.kind = TENURE_DRAIN_CHANGED, .now = at_ms(0), .u.draining = true};
    step(&f, &drain);
    struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = at_ms(0)};
    e.u.move.session = session(1);
    e.u.move.deadline = duration_ms(1000);
    step(&f, &e);
    drain.u.draining = false;
    step(&f, &drain);
    cr_expect_eq(pass(&f, 4000, TENURE_NOTICE), 0);
    cr_expect_eq(state_of(&f, 1), TENURE_SERVING);
}

Test(tenure, the_end_of_a_source_is_told_until_it_is_seen) {
    static struct fixture f;
    start(&f);
    ask(&f, 1, RESUME_COMMIT, 1, 0);
    ask(&f, 2, RESUME_STANDBY, 1, 0);
    for (uint8_t i = 1; i <= 2; i++) {
        struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = at_ms(100)};
        e.u.source.session = session(i);
        e.u.source.error = ERR_SOURCE_ENDED;
        e.u.source.end = 5000;
        step(&f, &e);
        const struct tenure_out *o = find_out(&f, i == 1 ? TENURE_NOTICE : TENURE_FORGET);
        cr_assert_not_null(o);
        cr_expect(i == 2 || o->notice.end == 5000, "the client must know what to expect");
        step(&f, &e);
        cr_expect_eq(f.out.count, 0, "told once");
    }
    cr_expect_geq(pass(&f, 4000, TENURE_NOTICE), 4);
    cr_expect_eq(report(&f, 1, 1, 0, 4000), ERR_OK, "a report that has not seen it");
    cr_expect_eq(state_of(&f, 1), TENURE_SERVING);
    cr_expect_eq(pass(&f, 100 + TENURE_END_AFTER_MS, TENURE_FORGET), 1, "not for ever");
    cr_expect_eq(state_of(&f, 1), TENURE_ENDED);
}

Test(tenure, numbers_that_make_no_sense) {
    static const struct {
        const char *what;
        uint64_t from, live;
        enum err expect;
    } rows[] = {
        {"five minutes behind", 0, 15000, ERR_OK},
        {"more than that", 0, 15001, ERR_BAD_FIELD},
        {"ahead", 104, 100, ERR_OK},
        {"far ahead", 50000, 100, ERR_BAD_FIELD},
        {"beyond arithmetic", UINT64_MAX, UINT64_MAX, ERR_BAD_FIELD},
    };
    static struct fixture f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(&f);
        struct message_resume m = resume(&f, 1, RESUME_COMMIT, 1);
        m.from_frame = rows[i].from;
        m.live_frame = rows[i].live;
        enum err e = ask_with(&f, &m, 0);
        cr_expect_eq(e, rows[i].expect, "%s: %s", rows[i].what, err_name(e));
    }
}

/* Anything at any time: invariants are checked after each step, and everything ends in the end. */
Test(tenure, random_questions_break_nothing) {
    static struct fixture f;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        start(&f);
        int64_t ms = 0;
        for (int i = 0; i < 300; i++) {
            ms += (int64_t)rng_below(&g, 400);
            pass(&f, ms, TENURE_GRANT);
            uint8_t id = (uint8_t)rng_below(&g, 9);
            uint32_t epoch = (uint32_t)(1 + rng_below(&g, 4) + (uint64_t)i / 60);
            switch (rng_below(&g, 10)) {
            case 0:
                report(&f, id, epoch, (uint32_t)rng_below(&g, 3), ms);
                break;
            case 1: {
                struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = at_ms(ms)};
                e.u.move.session = session(id);
                e.u.move.deadline = duration_ms(500);
                step(&f, &e);
                break;
            }
            case 2: {
                struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = at_ms(ms)};
                e.u.source.session = session(id);
                e.u.source.error = ERR_SOURCE_FAILED;
                step(&f, &e);
                break;
            }
            case 3:
                credit(&f, (uint32_t)rng_below(&g, 6), ms + 10000, ms);
                break;
            case 4:
                step(&f, &(struct tenure_event){.kind = TENURE_DRAIN_CHANGED,
                                                .now = at_ms(ms),
                                                .u.draining = rng_below(&g, 2) == 0});
                break;
            default:
                ask(&f, id, (enum resume_purpose)(1 + rng_below(&g, 5)), epoch, ms);
            }
        }
        pass(&f, ms + 10000, TENURE_GRANT);
        cr_expect_eq(f.t.credit_used, 0, "seed %llu: a lease did not end",
                     (unsigned long long)seed);
        pass(&f, ms + 200000, TENURE_GRANT);
        cr_expect_eq(f.t.counts[TENURE_FREE], CAPACITY, "seed %llu", (unsigned long long)seed);
        cr_expect(instant_is_never(tenure_deadline(&f.t)));
    }
}
