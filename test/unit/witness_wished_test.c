/* The witness whose server wishes it at another one, that has refused it before. */
#include "test/unit/witness_fixture.h"

static void wish(enum move_cause cause) {
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1980), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_MOVE,
                                         .target = {{3}},
                                         .cause = cause,
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

/* The target has refused us and said when it may be asked: until then a drain leads elsewhere, and
 * who is only wished to be there stays. */
Test(witness_wished, who_refused_is_not_moved_to_before_it_may) {
    static const struct {
        enum move_cause cause;
        bool waits;
        uint8_t asked; /* server; 0: nobody */
    } rows[] = {{MOVE_CAUSE_DRAIN, true, 1},
                {MOVE_CAUSE_RETURN, true, 0},
                {MOVE_CAUSE_DEGRADED, true, 0},
                {MOVE_CAUSE_RETURN, false, 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        f.w.servers[2].not_before = at_ms(rows[i].waits ? 2500 : 1500);
        wish(rows[i].cause);
        for (uint8_t server = 1; server <= 2; server++)
            cr_expect_eq(resume_to(server, RESUME_COMMIT, 0) != NULL, server == rows[i].asked,
                         "row %zu, server %u", i, server);
        cr_expect_eq(f.w.state, rows[i].asked == 0 ? WITNESS_FOLLOWING : WITNESS_MOVING);
    }
}
