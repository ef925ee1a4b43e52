/* The witness whose server wishes it at another one, that has refused it before. */
#include "test/unit/witness_fixture.h"

static bool nowhere_else; /* the notice says so */

static void wish(enum move_cause cause) {
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1980), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_MOVE,
                                         .target = {{3}},
                                         .cause = cause,
                                         .only = nowhere_else,
                                         .deadline_ms = 5000,
                                         .end = FRAME_NEVER};
    step(&e);
}

/* Whoever serves us has refused nothing: the end is not clear because it once did. */
Test(witness_wished, a_grant_undoes_a_final_refusal) {
    start_streaming();
    f.w.servers[2].refusal = ERR_UNKNOWN_SOURCE;
    wish(MOVE_CAUSE_DRAIN);
    uint64_t first = resume_to(2, RESUME_COMMIT, 0)->u.resume.from_frame;
    give_grant(2, RESUME_COMMIT);
    for (uint64_t n = 50; n < first + 3; n++) {
        stream(0, n, n + 1);
        if (n >= first)
            give_frame(2, n);
    }
    cr_assert_eq(f.w.serving, 2);
    cr_expect_eq(f.w.servers[2].refusal, ERR_OK);
}

/* The target has refused us and said when it may be asked, or is not known: a drain leads
 * elsewhere, then, and who is only wished to be there stays. */
Test(witness_wished, who_refused_is_not_moved_to_before_it_may) {
    static const struct {
        enum move_cause cause;
        bool only, waits, unknown;
        uint8_t asked; /* server; 0: nobody */
    } rows[] = {
        {MOVE_CAUSE_DRAIN, false, true, false, 1},  {MOVE_CAUSE_DRAIN, false, false, true, 1},
        {MOVE_CAUSE_DRAIN, true, true, false, 0},   {MOVE_CAUSE_DRAIN, true, false, true, 0},
        {MOVE_CAUSE_DRAIN, true, false, false, 2},  {MOVE_CAUSE_RETURN, false, true, false, 0},
        {MOVE_CAUSE_RETURN, false, false, true, 0}, {MOVE_CAUSE_DEGRADED, false, true, false, 0},
        {MOVE_CAUSE_RETURN, false, false, false, 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        f.w.servers[2].not_before = at_ms(rows[i].waits ? 2500 : 1500);
        nowhere_else = rows[i].only;
        if (rows[i].unknown)
            f.w.servers[2].address.hint.bytes[7] ^= 1;
        wish(rows[i].cause);
        nowhere_else = false;
        for (uint8_t server = 1; server <= 2; server++)
            cr_expect_eq(resume_to(server, RESUME_COMMIT, 0) != NULL, server == rows[i].asked,
                         "row %zu, server %u", i, server);
        cr_expect_eq(f.w.state, rows[i].asked == 0 ? WITNESS_FOLLOWING : WITNESS_MOVING);
    }
}

/* It drained when it refused; whoever serves us has heard since that it does not any more. */
Test(witness_wished, who_refused_while_it_drained_is_moved_to_at_once) {
    start_streaming();
    f.w.servers[2].not_before = at_ms(2500);
    f.w.servers[2].refusal = ERR_DRAINING;
    wish(MOVE_CAUSE_DRAIN);
    cr_expect_not_null(resume_to(2, RESUME_COMMIT, 0));
    cr_expect_eq(f.w.state, WITNESS_MOVING);
}

/* The one that it is wished at refuses: nobody else was meant, but by a drain. */
Test(witness_wished, who_is_refused_where_it_is_wanted_stays) {
    static const struct {
        enum move_cause cause;
        bool only, stays;
    } rows[] = {{MOVE_CAUSE_RETURN, false, true},
                {MOVE_CAUSE_DEGRADED, false, true},
                {MOVE_CAUSE_DRAIN, true, true},
                {MOVE_CAUSE_DRAIN, false, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        nowhere_else = rows[i].only;
        wish(rows[i].cause);
        nowhere_else = false;
        cr_assert_not_null(resume_to(2, RESUME_COMMIT, 0), "row %zu", i);
        give_refusal(2, RESUME_COMMIT, ERR_NO_CREDIT, 1000);
        cr_expect_eq(resume_to(1, RESUME_COMMIT, 0) == NULL, rows[i].stays, "row %zu", i);
        cr_expect_eq(f.w.state, rows[i].stays ? WITNESS_FOLLOWING : WITNESS_MOVING, "row %zu", i);
        cr_expect_eq(f.w.serving, 0);
        forget_sent();
    }
}

/* Two ways there and back, each time for a good reason: enough within half an hour. */
Test(witness_wished, who_has_gained_by_so_many_moves_stays) {
    static const struct {
        const char *what;
        enum move_cause cause;
        int64_t later_s;
        int gained;
        bool goes;
    } rows[] = {
        {"off a bad path once more", MOVE_CAUSE_DEGRADED, 0, WITNESS_GAINS_MAX, false},
        {"home once more", MOVE_CAUSE_RETURN, 0, WITNESS_GAINS_MAX, false},
        {"a drain is no wish", MOVE_CAUSE_DRAIN, 0, WITNESS_GAINS_MAX, true},
        {"half an hour after the first of them", MOVE_CAUSE_RETURN, 1801, WITNESS_GAINS_MAX, true},
        {"it could not come back", MOVE_CAUSE_DEGRADED, 0, WITNESS_GAINS_MAX - 1, false},
        {"it can come back", MOVE_CAUSE_RETURN, 0, WITNESS_GAINS_MAX - 1, true},
        {"room for two", MOVE_CAUSE_DEGRADED, 0, WITNESS_GAINS_MAX - 2, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        struct instant first = at_ms(f.ms - rows[i].later_s * 1000);
        for (int k = 0; k < rows[i].gained; k++)
            f.w.gained[k] = instant_add(first, duration_ms(10 * (WITNESS_GAINS_MAX - k)));
        wish(rows[i].cause);
        cr_expect_eq(f.w.state, rows[i].goes ? WITNESS_MOVING : WITNESS_FOLLOWING, "%s",
                     rows[i].what);
        cr_expect_eq(f.w.stats.gains_denied, rows[i].goes ? 0u : 1u, "%s", rows[i].what);
        forget_sent();
    }
}

/* It follows server 2, which it was asked to go to with that cause. */
static void goes(enum move_cause cause) {
    start_streaming();
    wish(cause);
    uint64_t first = resume_to(2, RESUME_COMMIT, 0)->u.resume.from_frame;
    give_grant(2, RESUME_COMMIT);
    for (uint64_t n = 50; n < first + 3; n++) {
        stream(0, n, n + 1);
        if (n >= first)
            give_frame(2, n);
    }
    cr_assert_eq(f.w.serving, 2);
    forget_sent();
}

Test(witness_wished, moves_that_it_gained_by_are_remembered_and_no_others) {
    goes(MOVE_CAUSE_DRAIN);
    cr_expect(instant_is_never(f.w.gained[0]));
    goes(MOVE_CAUSE_RETURN);
    cr_expect_not(instant_is_never(f.w.gained[0]));
    cr_expect(instant_is_never(f.w.gained[1]));
    goes(MOVE_CAUSE_DEGRADED);
    cr_expect_not(instant_is_never(f.w.gained[0]));
}

/* A server that cannot go on is left without anybody's wish. */
Test(witness_wished, moves_of_its_own_are_not_counted) {
    start_streaming();
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1981), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_END,
                                         .error = ERR_SOURCE_FAILED,
                                         .end = FRAME_NEVER};
    f.ms = 1981;
    step(&e);
    cr_assert_eq(resume_to(1, RESUME_COMMIT, 0)->u.resume.cause, MOVE_CAUSE_DEGRADED);
    give_grant(1, RESUME_COMMIT);
    cr_assert_eq(f.w.serving, 1);
    cr_expect(instant_is_never(f.w.gained[0]));
}
