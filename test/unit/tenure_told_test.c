/* What peerd is told of a session that a worker holds. */
#include "peerd/wire/node.h"
#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <string.h>

Test(tenure_told, purpose_and_lease) {
    static const struct {
        enum tenure_state state;
        enum resume_purpose purpose;
        int64_t now_ms;
        uint32_t left_ms;
    } rows[] = {
        {TENURE_SERVING, RESUME_COMMIT, 1000, 4000},
        {TENURE_STANDBY, RESUME_STANDBY, 4930, 70},
        {TENURE_STANDBY, RESUME_STANDBY, 6000, 0},
        {TENURE_HEDGING, RESUME_HEDGE, 1000, 400},
        {TENURE_SERVING, RESUME_COMMIT, -INT64_C(4000000000), NODE_INTERVAL_MS_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tenure_session s = {
            .state = rows[i].state,
            .lease = instant_us(5000000),
            .hedge = rows[i].state == TENURE_HEDGING ? instant_us(1400000) : INSTANT_NEVER};
        cr_expect_eq(tenure_purpose(&s), rows[i].purpose, "%zu", i);
        cr_expect_eq(tenure_lease_ms(&s, instant_us(rows[i].now_ms * 1000), NODE_INTERVAL_MS_MAX),
                     rows[i].left_ms, "%zu: %u", i,
                     tenure_lease_ms(&s, instant_us(rows[i].now_ms * 1000), NODE_INTERVAL_MS_MAX));
    }
}

#define SLOTS 4

struct fixture {
    struct tenure t;
    struct tenure_session sessions[SLOTS];
    struct due_entry due[SLOTS];
    uint32_t index[16];
    struct tenure_outbox out;
    uint64_t counter;
};

static void start(struct fixture *f) {
    const struct tenure_config config = {.session_lease = duration_s(5),
                                         .standby_lease = duration_s(3),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 4,
                                         .retry_ms = 700,
                                         .retry_draining_ms = 9000};
    const struct tenure_event credit = {
        .kind = TENURE_CREDIT_LEASED,
        .now = instant_us(0),
        .u.credit = {.slots = SLOTS, .until = instant_us(300000000)}};
    memset(f, 0, sizeof(*f));
    cr_assert_leq(tenure_index_count(SLOTS), 16u);
    tenure_init(&f->t, &config, f->sessions, f->due, f->index, SLOTS);
    tenure_step(&f->t, &credit, &f->out);
}

/* Its client commits, having been served by `from`. */
static void commit(struct fixture *f, uint32_t epoch, uint8_t from, enum move_cause cause) {
    const struct message_resume m = {.session = {{1}},
                                     .purpose = RESUME_COMMIT,
                                     .epoch = epoch,
                                     .counter = ++f->counter,
                                     .from_frame = 100,
                                     .live_frame = 105,
                                     .served_by = {{from}},
                                     .cause = cause};
    const struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED,
                                   .now = instant_us((int64_t)f->counter * 10000),
                                   .u.resume = &m};
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
    cr_assert_eq(f->sessions[0].epoch, epoch);
}

/* What a client has had here may not suffice, and it commits again, for what is missing: that says
 * nothing of why it came, nor from where. */
Test(tenure_told, why_a_session_came_is_kept) {
    static struct fixture f;
    start(&f);
    commit(&f, 2, 7, MOVE_CAUSE_DEGRADED);
    commit(&f, 2, 9, MOVE_CAUSE_NONE);
    cr_expect_eq(f.sessions[0].cause, MOVE_CAUSE_DEGRADED);
    cr_expect_eq(f.sessions[0].served_by.bytes[0], 7);
    commit(&f, 3, 9, MOVE_CAUSE_CRASHED);
    cr_expect_eq(f.sessions[0].cause, MOVE_CAUSE_CRASHED);
    cr_expect_eq(f.sessions[0].served_by.bytes[0], 9);
}

/* A drain, or any wish to have it elsewhere, must not hide from a client that this is the end. */
Test(tenure_told, the_end_is_not_hidden_by_a_move) {
    static struct fixture f;
    start(&f);
    commit(&f, 1, 0, MOVE_CAUSE_NONE);
    struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = instant_us(20000)};
    e.u.source.session = (struct session_id){{1}};
    e.u.source.error = ERR_SOURCE_ENDED;
    e.u.source.end = 500;
    tenure_step(&f.t, &e, &f.out);
    cr_assert_eq(f.sessions[0].notice.what, NOTICE_END);
    uint32_t number = f.sessions[0].notice.number;
    e = (struct tenure_event){.kind = TENURE_MOVE_ORDERED, .now = instant_us(30000)};
    e.u.move.session = (struct session_id){{1}};
    e.u.move.target = (struct key_hint){{3}};
    e.u.move.cause = MOVE_CAUSE_DRAIN;
    e.u.move.deadline = duration_s(5);
    tenure_step(&f.t, &e, &f.out);
    cr_expect_eq(f.sessions[0].notice.what, NOTICE_END);
    cr_expect_eq(f.sessions[0].notice.number, number);
    for (uint32_t i = 0; i < f.out.count; i++)
        cr_expect_neq(f.out.items[i].kind, TENURE_NOTICE, "nothing else is told");
}

/* Its client tried, and nobody took it on a path that loses. */
Test(tenure_told, who_has_seen_it_and_stayed_is_asked_anew_when_it_is_ordered_again) {
    static struct fixture f;
    start(&f);
    commit(&f, 1, 0, MOVE_CAUSE_NONE);
    const struct tenure_notice *n = &f.sessions[0].notice;
    struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = instant_us(1000000)};
    e.u.move.session = (struct session_id){{1}};
    e.u.move.target = (struct key_hint){{3}};
    e.u.move.cause = MOVE_CAUSE_DEGRADED;
    e.u.move.deadline = duration_s(10);
    tenure_step(&f.t, &e, &f.out);
    uint32_t number = n->number;
    e.now = instant_us(1020000);
    tenure_step(&f.t, &e, &f.out);
    cr_expect_eq(n->number, number, "it has not seen it yet");
    const struct message_report seen = {
        .session = {{1}}, .epoch = 1, .counter = ++f.counter, .notice = number};
    tenure_step(&f.t,
                &(struct tenure_event){
                    .kind = TENURE_REPORT_RECEIVED, .now = instant_us(1040000), .u.report = &seen},
                &f.out);
    cr_assert(instant_is_never(n->again));
    e.now = instant_us(3000000);
    tenure_step(&f.t, &e, &f.out);
    cr_expect_eq(n->number, number + 1, "else it would be taken for the one before");
    cr_expect_eq(f.out.items[0].kind, TENURE_NOTICE);
    cr_expect_eq(f.out.items[0].notice.target.bytes[0], 3);
    cr_expect_not(instant_is_never(n->again), "until that is seen, too");
}
