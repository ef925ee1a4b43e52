/* The witness, event by event: what a new server is asked for once more. */
#include "test/unit/witness_fixture.h"

/* ams1 serves since 2195, 50 is missing first. */
static void have_moved(void) {
    start_streaming();
    wait_until(2060);
    give_grant(1, RESUME_HEDGE);
    wait_until(2195);
    give_grant(1, RESUME_COMMIT);
    cr_assert_eq(f.w.state, WITNESS_FOLLOWING);
    forget_sent();
}

Test(witness_repair, what_is_about_to_come_is_not_asked_for_again) {
    have_moved();
    for (uint64_t n = 50; n < 60; n++) { /* by position, as where many begin at once */
        wait_until(f.ms + 10);
        play();
        give_frame(1, n);
    }
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0));
    give_frame(1, 61);
    wait_until(f.ms + 61);
    const struct witness_out *o = resume_to(1, RESUME_COMMIT, 0);
    cr_assert_not_null(o, "it has gone past 60, and looks were free while nothing was missing");
    cr_expect_eq(o->u.resume.from_frame, 60);
}

Test(witness_repair, what_the_old_one_was_to_send_is_asked_for) {
    start_streaming();
    struct witness_event e = planned();
    step(&e);
    stream(0, 50, 53);
    give_grant(2, RESUME_COMMIT);
    stream(0, 53, 55);
    give_frame(2, 53);
    give_frame(2, 54);
    forget_sent();
    wait_until(f.ms + 70);
    cr_assert_eq(f.w.serving, 2, "fra1 has fallen silent, and this one was heard");
    const struct witness_out *o = resume_to(2, RESUME_COMMIT, 0);
    cr_assert_not_null(o, "55 should be here, and this one may begin with 58");
    cr_expect_eq(o->u.resume.from_frame, 55);
}

Test(witness_repair, who_says_nothing_after_a_move_is_asked_again) {
    have_moved();
    wait_until(2195 + 100);
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0), "it may have many who begin");
    wait_until(2195 + 201);
    const struct witness_out *o = resume_to(1, RESUME_COMMIT, 0);
    cr_assert_not_null(o, "a trip and a tenth of a second, at the next look");
    cr_expect_eq(o->u.resume.epoch, 2, "no new start: the same one, for what is missing");
}
