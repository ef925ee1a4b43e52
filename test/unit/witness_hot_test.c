/* The witness whose backup sends, too. */
#include "test/unit/witness_fixture.h"

/* Frames of both, the second one's `later` ms behind; no longer than a frame time. */
static void both(uint64_t first, uint64_t last, int64_t later) {
    for (uint64_t n = first; n < last; n++) {
        stream(0, n, n + 1);
        wait_until(f.ms + later);
        give_frame(1, n);
        answer_all();
    }
}

static void start_hot(void) {
    struct witness_config config = calm_config();
    config.hot = true;
    start_as(config);
    stream(0, 0, 20);
    both(20, 60, 10);
    cr_assert_eq(f.w.hot.server, 1);
    forget_sent();
}

static size_t sent_nacks(void) {
    size_t n = 0;
    for (size_t i = 0; i < f.count; i++)
        n += f.sent[i].o.kind == WITNESS_SEND_NACK;
    return n;
}

static size_t reports_to(uint8_t server) {
    size_t n = 0;
    for (size_t i = 0; i < f.count; i++)
        n += f.sent[i].o.kind == WITNESS_SEND_REPORT && f.sent[i].o.server == server;
    return n;
}

Test(witness_hot, the_backup_is_asked_to_send_once_it_is_known_which_frame_is_live) {
    struct witness_config config = calm_config();
    config.hot = true;
    start_as(config);
    cr_expect_null(resume_to(1, RESUME_HOT, 0));
    stream(0, 0, 20);
    const struct witness_out *asked = resume_to(1, RESUME_HOT, 0);
    cr_assert_not_null(asked);
    cr_expect_eq(asked->u.resume.from_frame, asked->u.resume.live_frame, "nothing is missing");
    cr_expect(asked->u.resume.with_ticket);
    cr_expect_null(resume_to(2, RESUME_HOT, 0), "two send, and no more");
    cr_expect_eq(f.w.epoch_high, 1);
    both(20, 80, 10);
    cr_expect_geq(reports_to(1), 2, "reports renew it");
    cr_expect_null(resume_to(1, RESUME_HOT, 1));
    cr_expect_eq(f.w.hot.lost, 0);
    cr_expect_geq(f.w.hot.expected, 59);
}

Test(witness_hot, covers_a_silence_without_a_hedge_and_is_committed_at) {
    start_hot();
    for (uint64_t n = 60; n < 90 && f.w.serving == 0; n++) {
        wait_until(1000 + (int64_t)n * 20 + 10);
        play();
        give_frame(1, n);
        if (resume_to(1, RESUME_COMMIT, 0) != NULL)
            give_grant(1, RESUME_COMMIT);
    }
    cr_expect_eq(f.w.serving, 1);
    cr_expect_eq(f.w.epoch, 2);
    cr_expect_eq(f.w.stats.hedges, 0);
    cr_expect_null(resume_to(1, RESUME_HEDGE, 0));
    cr_expect_null(resume_to(2, RESUME_HEDGE, 0));
    cr_expect_eq(f.p.stats.lost, 0);
    cr_expect_eq(f.w.hot.server, WITNESS_SERVER_NONE, "it serves now");
    cr_expect_neq(f.w.servers[0].role, WITNESS_ROLE_SERVING);
}

Test(witness_hot, a_false_alarm_costs_nothing) {
    start_hot();
    for (uint64_t n = 60; n < 66; n++) { /* 120 ms of the serving path's are lost */
        wait_until(1000 + (int64_t)n * 20 + 10);
        play();
        give_frame(1, n);
        answer_all();
    }
    cr_expect_eq(f.w.state, WITNESS_HEDGING);
    both(66, 76, 10);
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
    cr_expect_eq(f.w.hot.server, 1);
    cr_expect_null(resume_to(1, RESUME_CANCEL, 0), "it sends on");
    cr_expect_eq(f.w.stats.hedges, 0);
    cr_expect_eq(f.w.epoch_high, 1);
}

Test(witness_hot, a_hot_way_that_brings_nothing_is_given_up_and_no_epoch_changes) {
    start_hot();
    stream(0, 60, 125);
    cr_expect_not_null(resume_to(1, RESUME_RELEASE, 0));
    cr_expect_not_null(resume_to(2, RESUME_HOT, 0), "the next one is hot");
    cr_expect_eq(f.w.hot.server, 2);
    cr_expect_eq(f.w.epoch_high, 1);
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
}

Test(witness_hot, what_the_other_way_may_still_bring_is_not_asked_for) {
    start_hot();
    both(60, 70, 15);
    wait_until(1000 + 70 * 20 + 15); /* 70 is lost on the serving path, and comes on the other */
    give_frame(1, 70);
    both(71, 80, 15);
    cr_expect_eq(sent_nacks(), 0);
    stream(0, 80, 81);
    wait_until(1000 + 81 * 20 + 11); /* 81 comes on neither; the other way was 10 ms longer */
    cr_expect_eq(sent_nacks(), 0);
    stream(0, 82, 83);
    wait_until(f.ms + 30);
    cr_expect_eq(sent_nacks(), 2, "of each that sends");
}

/* Its way is 45 ms longer: what the serving one has lost it brings two frames after that is known.
 */
Test(witness_hot, a_longer_way_gets_the_time_that_it_takes) {
    struct witness_config config = calm_config();
    config.hot = true;
    start_as(config);
    stream(0, 0, 20);
    for (uint64_t n = 20; n < 70; n++) {
        if (n == 60) { /* lost on the serving way */
            forget_sent();
            wait_until(1000 + 60 * 20);
            play();
        } else {
            stream(0, n, n + 1);
        }
        wait_until(1000 + (int64_t)n * 20 + 5);
        give_frame(1, n - 2);
        answer_all();
    }
    cr_expect_eq(f.w.hot.server, 1);
    cr_expect_eq(sent_nacks(), 0);
    cr_expect_eq(f.p.stats.lost, 0);
}

Test(witness_hot, a_backup_that_may_not_send_stands_by_silently_and_is_asked_again) {
    struct witness_config config = calm_config();
    config.hot = true;
    start_as(config);
    f.deaf = 2;
    forget_sent();
    stream(0, 0, 16);
    cr_assert_not_null(resume_to(1, RESUME_HOT, 0));
    give_refusal(1, RESUME_HOT, ERR_BUDGET, 100);
    wait_until(f.ms + 1);
    cr_expect_not_null(resume_to(1, RESUME_STANDBY, 0));
    cr_expect_null(resume_to(2, RESUME_HOT, 0),
                   "who stands by silently is the backup all the same");
    f.deaf = 0;
    stream(0, 17, 16 + 300);
    cr_expect_eq(f.w.hot.server, 1, "5 s later there may be room");
}

Test(witness_hot, who_does_not_know_of_it_is_asked_for_a_plain_standby) {
    struct witness_config config = calm_config();
    config.hot = true;
    start_as(config);
    f.w.servers[1].standby_until = INSTANT_NEVER;
    f.w.servers[1].standby_at = at_ms(1000);
    forget_sent();
    for (uint64_t n = 0; n < 250; n++) { /* all but that is answered */
        wait_until(1000 + (int64_t)n * 20);
        play();
        give_frame(0, n);
        while (f.answered < f.count && f.sent[f.answered].o.kind == WITNESS_SEND_RESUME)
            f.answered++;
        if (f.answered < f.count && f.sent[f.answered].o.kind != WITNESS_SEND_RESUME)
            answer_all();
        if (f.count > SENT / 2 && resume_to(1, RESUME_STANDBY, 0) == NULL)
            forget_sent();
        if (resume_to(1, RESUME_STANDBY, 0) != NULL)
            break;
    }
    cr_expect_not_null(resume_to(1, RESUME_STANDBY, 0));
    cr_expect_eq(f.w.hot.server, WITNESS_SERVER_NONE);
}

Test(witness_hot, whoever_is_released_and_sends_on_is_told_again) {
    start_hot();
    stream(0, 60, 125); /* the hot one has gone silent and was released; now it is heard again */
    forget_sent();
    stream(0, 125, 136);
    give_frame(1, 136);
    cr_expect_not_null(resume_to(1, RESUME_RELEASE, 0));
}

Test(witness_hot, all_are_released_at_the_end) {
    start_hot();
    step(&(struct witness_event){.kind = WITNESS_CLOSED, .now = at_ms(f.ms)});
    cr_expect_not_null(resume_to(0, RESUME_RELEASE, 0));
    cr_expect_not_null(resume_to(1, RESUME_RELEASE, 0));
}

Test(witness_hot, who_is_drained_is_not_asked_again_and_again_in_place_of_another) {
    struct witness_config config = calm_config();
    config.hot = true;
    start_as(config);
    f.deaf = 2;
    forget_sent();
    stream(0, 0, 16);
    give_refusal(1, RESUME_HOT, ERR_DRAINING, 2000);
    f.deaf = 0;
    stream(0, 16, 30);
    for (uint64_t n = 30; n < 1500; n++) { /* 29 s */
        stream(0, n, n + 1);
        give_frame(2, n);
        forget_sent();
        cr_assert_eq(f.w.servers[2].role, WITNESS_ROLE_WARM, "at %lld ms", (long long)f.ms);
    }
    stream(0, 1500, 1700);
    cr_expect_eq(f.w.servers[1].role, WITNESS_ROLE_WARM, "in the end it is tried once more");
}
