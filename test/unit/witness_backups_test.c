/* Which backup a client counts on after one has refused it, or its way was bad. */
#include "test/unit/witness_fixture.h"

static void refuse(uint8_t server, enum resume_purpose purpose, enum err error) {
    struct witness_event e = {.kind = WITNESS_REFUSED,
                              .now = at_ms(f.ms),
                              .server = server,
                              .nonce = last_nonce(WITNESS_SEND_RESUME, server)};
    e.u.refuse = (struct message_refuse){.session = session,
                                         .purpose = purpose,
                                         .error = error,
                                         .counter = f.w.counter,
                                         .retry_after_ms = 5000};
    step(&e);
}

/* Its standby at ams1 is to be renewed. */
static void until_renewed(void) {
    uint64_t frame = 50;
    forget_sent();
    f.deaf = 2;
    while (resume_to(1, RESUME_STANDBY, 0) == NULL && frame < 200) {
        stream(0, frame, frame + 1);
        frame++;
    }
    cr_assert_lt(frame, 200);
    f.deaf = 0;
}

/* The ways of being refused, and whether it hedges there the next moment. */
Test(witness_backups, who_found_no_slot_to_stand_by_may_have_one_when_it_is_missed) {
    static const struct {
        const char *what;
        enum resume_purpose purpose;
        enum err error;
        bool asks;
    } rows[] = {{"a standby, for want of a slot", RESUME_STANDBY, ERR_NO_CREDIT, true},
                {"a standby, since it drains", RESUME_STANDBY, ERR_DRAINING, false},
                {"a hedge, for want of a slot", RESUME_HEDGE, ERR_NO_CREDIT, false},
                {"to serve, likewise", RESUME_COMMIT, ERR_NO_CREDIT, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        until_renewed();
        refuse(1, rows[i].purpose, rows[i].error);
        refuse(2, RESUME_HEDGE, ERR_NO_CREDIT);
        forget_sent();
        wait_until(f.ms + 150); /* nothing comes any more */
        cr_expect_eq(resume_to(1, RESUME_HEDGE, 0) != NULL, rows[i].asks, "%s", rows[i].what);
    }
}

/* Who was told to keep away is not let in by what is said of a standby. */
Test(witness_backups, a_refusal_to_serve_outlasts_one_to_stand_by) {
    start_streaming();
    until_renewed();
    refuse(1, RESUME_HEDGE, ERR_NO_CREDIT);
    refuse(1, RESUME_STANDBY, ERR_NO_CREDIT);
    cr_expect_not(f.w.servers[1].stand_later);
}

/* From `from` to `to`; frames of that one have come. */
static uint64_t moves(uint8_t from, uint8_t to, enum move_cause cause, uint32_t number,
                      uint64_t frame) {
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(f.ms), .server = from};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = number,
                                         .what = NOTICE_MOVE,
                                         .target = address(to).hint,
                                         .cause = cause,
                                         .deadline_ms = 5000,
                                         .end = FRAME_NEVER};
    step(&e);
    give_grant(to, RESUME_COMMIT);
    for (uint64_t end = frame + 20; f.w.serving == from && frame < end; frame++) {
        stream(from, frame, frame + 1);
        give_frame(to, frame);
    }
    cr_assert_eq(f.w.serving, to);
    stream(to, frame, frame + 30);
    return frame + 30;
}

Test(witness_backups, whose_way_was_bad_is_the_last) {
    start_streaming();
    uint64_t frame = moves(0, 1, MOVE_CAUSE_DEGRADED, 1, 50);
    cr_expect_eq(f.w.servers[2].role, WITNESS_ROLE_WARM, "and not the one that it left");
    forget_sent();
    frame += 150; /* three seconds */
    stream(1, frame - 150, frame);
    uint32_t hellos = 0;
    for (size_t i = 0; i < f.count; i++)
        hellos += f.sent[i].o.kind == WITNESS_SEND_HELLO && f.sent[i].o.server == 0;
    cr_expect_geq(hellos, 5u, "which it listens to all the same: %u", hellos);
    frame = moves(1, 0, MOVE_CAUSE_RETURN, 2, frame);
    moves(0, 2, MOVE_CAUSE_DRAIN, 1, frame);
    cr_expect_eq(f.w.servers[0].role, WITNESS_ROLE_WARM, "it was well again");
}

Test(witness_backups, who_was_drained_is_the_first) {
    start_streaming();
    moves(0, 1, MOVE_CAUSE_DRAIN, 1, 50);
    cr_expect_eq(f.w.servers[0].role, WITNESS_ROLE_WARM, "it began there");
}

Test(witness_backups, who_stands_by_is_asked_before_who_had_no_slot_for_that) {
    start_streaming();
    until_renewed();
    refuse(1, RESUME_STANDBY, ERR_NO_CREDIT);
    uint64_t frame = (uint64_t)(f.ms - 1000) / 20 + 1;
    stream(0, frame, frame + 20);
    cr_assert_eq(f.w.servers[2].role, WITNESS_ROLE_WARM);
    cr_assert(f.w.servers[1].stand_later, "it may be asked, and comes first in the list");
    forget_sent();
    wait_until(f.ms + 600); /* nothing comes any more, and no hedge is answered */
    const struct witness_out *there = resume_to(2, RESUME_COMMIT, 0);
    const struct witness_out *next = resume_to(1, RESUME_COMMIT, 0);
    cr_assert_not_null(there);
    cr_expect(next == NULL || sent_at(there) < sent_at(next));
}
