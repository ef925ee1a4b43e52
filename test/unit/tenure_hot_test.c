/* Hot standbys at a worker: what they may do, what they cost, and when they end. */
#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <string.h>

#define SLOTS 8

static struct fixture {
    struct tenure t;
    struct tenure_session sessions[SLOTS];
    struct due_entry due[SLOTS];
    uint32_t index[32];
    struct tenure_outbox out;
    uint64_t counter;
    struct board board;
    struct guests guests;
    const struct name *issuer; /* of who asks; NULL: ourselves */
} f;

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static void step(const struct tenure_event *e) {
    tenure_step(&f.t, e, &f.out);
    tenure_check_invariants(&f.t);
}

static void start(void) {
    const struct tenure_config config = {.session_lease = duration_ms(5000),
                                         .standby_lease = duration_ms(3000),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 30,
                                         .retry_ms = 100,
                                         .hot_max = 2};
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = at_ms(0)};
    e.u.credit.slots = 4;
    e.u.credit.until = at_ms(300000);
    memset(&f, 0, sizeof(f));
    cr_assert(tenure_index_count(SLOTS) <= 32);
    tenure_init(&f.t, &config, f.sessions, f.due, f.index, SLOTS);
    step(&e);
}

static const struct tenure_out *said(enum tenure_out_kind kind) {
    for (uint32_t i = 0; i < f.out.count; i++)
        if (f.out.items[i].kind == kind)
            return &f.out.items[i];
    return NULL;
}

/* The error of the refusal; ERR_OK for a grant. */
static enum err ask(uint8_t id, enum resume_purpose purpose, uint32_t epoch, int64_t ms) {
    const struct message_resume m = {.session = {{id}},
                                     .purpose = purpose,
                                     .epoch = epoch,
                                     .from_frame = 100,
                                     .live_frame = 100,
                                     .hedge_ms = 500,
                                     .counter = ++f.counter};
    step(&(struct tenure_event){
        .kind = TENURE_RESUME_RECEIVED, .now = at_ms(ms), .issuer = f.issuer, .u.resume = &m});
    return said(TENURE_REFUSE) != NULL ? said(TENURE_REFUSE)->error : ERR_OK;
}

static enum err report(uint8_t id, uint32_t epoch, int64_t ms) {
    const struct message_report m = {.session = {{id}}, .epoch = epoch, .counter = ++f.counter};
    step(&(struct tenure_event){.kind = TENURE_REPORT_RECEIVED, .now = at_ms(ms), .u.report = &m});
    return said(TENURE_REFUSE) != NULL ? said(TENURE_REFUSE)->error : ERR_OK;
}

static enum tenure_state state_of(uint8_t id) {
    return f.sessions[tenure_find(&f.t, &(struct session_id){{id}})].state;
}

static void pass(int64_t ms) {
    while (instant_reached(at_ms(ms), tenure_deadline(&f.t)))
        step(&(struct tenure_event){.kind = TENURE_TICKED, .now = tenure_deadline(&f.t)});
}

Test(tenure_hot, sends_under_a_lease_that_reports_renew) {
    start();
    cr_assert_eq(ask(1, RESUME_HOT, 1, 0), ERR_OK);
    cr_expect_eq(said(TENURE_MEDIA_START)->from, 100);
    cr_expect_eq(said(TENURE_GRANT)->lease_ms, 5000);
    cr_expect_eq(tenure_purpose(&f.sessions[0]), RESUME_STANDBY, "it has no right to serve");
    cr_expect_eq(report(1, 1, 4000), ERR_OK);
    cr_expect_eq(said(TENURE_ACK)->lease_ms, 5000);
    cr_expect_eq(state_of(1), TENURE_HOT, "a report makes nobody serve");
    cr_expect_eq(report(1, 2, 4100), ERR_UNKNOWN_SESSION, "nobody has asked it under that epoch");
    pass(8900);
    cr_expect_eq(state_of(1), TENURE_HOT);
    pass(9100);
    cr_expect_eq(state_of(1), TENURE_ENDED, "where the client is gone it ends by itself");
    cr_expect_not_null(said(TENURE_FORGET));
}

Test(tenure_hot, goes_on_undisturbed_when_it_comes_to_serve) {
    start();
    ask(1, RESUME_HOT, 1, 0);
    cr_expect_eq(ask(1, RESUME_HOT, 1, 500), ERR_OK);
    cr_expect_null(said(TENURE_MEDIA_START), "asked again it sends on");
    cr_expect_eq(ask(1, RESUME_CANCEL, 1, 600), ERR_OK);
    cr_expect_eq(state_of(1), TENURE_HOT, "a hedge is called off, not this");
    cr_expect_eq(ask(1, RESUME_COMMIT, 2, 700), ERR_OK);
    cr_expect_eq(state_of(1), TENURE_SERVING);
    cr_expect_null(said(TENURE_MEDIA_START));
    cr_expect_not_null(said(TENURE_MEDIA_REPAIR), "what both have lost is sent again");
    cr_expect_eq(f.t.credit_used, 1);
    cr_expect_eq(ask(1, RESUME_HOT, 3, 800), ERR_OK, "served elsewhere since");
    cr_expect_eq(state_of(1), TENURE_HOT);
    cr_expect_null(said(TENURE_MEDIA_STOP));
    cr_expect_eq(ask(1, RESUME_STANDBY, 3, 900), ERR_OK);
    cr_expect_eq(state_of(1), TENURE_STANDBY);
    cr_expect_not_null(said(TENURE_MEDIA_STOP));
    cr_expect_eq(ask(1, RESUME_RELEASE, 3, 1000), ERR_OK);
    cr_expect_eq(f.t.credit_used, 0);
}

Test(tenure_hot, no_more_than_are_allowed_and_the_others_stand_by) {
    start();
    cr_expect_eq(ask(1, RESUME_HOT, 1, 0), ERR_OK);
    cr_expect_eq(ask(2, RESUME_HOT, 1, 0), ERR_OK);
    cr_expect_eq(ask(3, RESUME_STANDBY, 1, 0), ERR_OK);
    cr_expect_eq(ask(3, RESUME_HOT, 1, 10), ERR_BUDGET);
    cr_expect_gt(said(TENURE_REFUSE)->retry_after_ms, 0);
    cr_expect_eq(state_of(3), TENURE_STANDBY, "what it has here it keeps");
    cr_expect_eq(ask(1, RESUME_HOT, 1, 20), ERR_OK, "who is one already is not one more");
    cr_expect_eq(ask(4, RESUME_HOT, 1, 30), ERR_BUDGET);
    cr_expect_eq(tenure_find(&f.t, &(struct session_id){{4}}), TENURE_SLOT_NONE);
    cr_expect_eq(ask(2, RESUME_RELEASE, 1, 40), ERR_OK);
    cr_expect_eq(ask(3, RESUME_HOT, 1, 50), ERR_OK);
}

Test(tenure_hot, is_not_renewed_where_nobody_may_come) {
    start();
    ask(1, RESUME_HOT, 1, 0);
    struct tenure_event e = {.kind = TENURE_DRAIN_CHANGED, .now = at_ms(100), .u.draining = true};
    step(&e);
    cr_expect_eq(state_of(1), TENURE_HOT);
    cr_expect_eq(report(1, 1, 200), ERR_DRAINING);
    cr_expect_eq(state_of(1), TENURE_ENDED);
}

Test(tenure_hot, a_source_that_stops_ends_it) {
    start();
    ask(1, RESUME_HOT, 1, 0);
    struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = at_ms(100)};
    e.u.source.session = (struct session_id){{1}};
    e.u.source.error = ERR_SOURCE_FAILED;
    e.u.source.end = FRAME_NEVER;
    step(&e);
    cr_expect_eq(state_of(1), TENURE_ENDED);
    cr_expect_null(said(TENURE_NOTICE), "whoever serves tells the client");
}

/* Of each issuer as many may send as are given to it, whatever there is room for. */
Test(tenure_hot, no_more_of_an_issuer_than_it_may_have) {
    static const struct name theirs = {"ams1"}, others = {"lon1"};
    const struct node_guest_services none = {.count = 0};
    struct guest_limit limit = {theirs, 5, ERR_NO_CREDIT, NODE_GUEST_SERVICES_ALL, 1};
    start();
    board_init(&f.board);
    guests_init(&f.guests, &f.board, 0);
    guests_credit(&f.guests, f.t.credit_slots);
    guests_begin(&f.guests);
    f.t.guests = &f.guests;
    board_limit_set(&f.board, 5, 4, 0);
    guests_limit_set(&f.guests, &limit, 1, &none);
    f.issuer = &theirs;
    cr_assert_eq(ask(1, RESUME_HOT, 1, 0), ERR_OK);
    cr_expect_eq(ask(2, RESUME_HOT, 1, 0), ERR_BUDGET);
    cr_expect_eq(ask(2, RESUME_STANDBY, 1, 10), ERR_OK, "silently it may");
    f.issuer = &others;
    cr_expect_eq(ask(3, RESUME_HOT, 1, 20), ERR_OK, "of them nothing is said");
    cr_expect_eq(ask(3, RESUME_RELEASE, 1, 30), ERR_OK);
    f.issuer = &theirs;
    limit.hot_max = 0;
    guests_limit_set(&f.guests, &limit, 1, &none);
    cr_expect_eq(ask(1, RESUME_HOT, 1, 40), ERR_OK, "who is one already goes on");
    cr_expect_eq(ask(1, RESUME_STANDBY, 1, 50), ERR_OK);
    cr_expect_eq(ask(1, RESUME_HOT, 1, 60), ERR_BUDGET, "and is none of them any more");
    limit.hot_max = 1;
    guests_limit_set(&f.guests, &limit, 1, &none);
    cr_expect_eq(ask(2, RESUME_HOT, 1, 70), ERR_OK);
    cr_expect_eq(ask(2, RESUME_COMMIT, 2, 80), ERR_OK);
    cr_expect_eq(ask(1, RESUME_HOT, 2, 90), ERR_OK, "who serves is none either");
    pass(20000);
    cr_expect_eq(f.guests.rows[guests_row(&f.guests, &theirs)].hot, 0u, "leases end it");
}
