/* The witness, event by event: opening, commits, moves, ends. */
#include "test/unit/witness_fixture.h"

Test(witness_move, opening_asks_for_a_cookie_first) {
    struct witness_config config = calm_config();
    start_with(&config);
    cr_expect_eq(f.sent[0].o.kind, WITNESS_SEND_HELLO);
    cr_expect_eq(f.sent[0].o.server, 0);
    wait_until(40);
    cr_expect_null(resume_to(0, RESUME_COMMIT, 0), "nothing is asked of a path without a cookie");
    give_cookie(0);
    const struct witness_out *o = resume_to(0, RESUME_COMMIT, 0);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.resume.epoch, 1);
    cr_expect(o->u.resume.with_ticket);
    cr_expect_eq(o->u.resume.cookie.bytes[0], 0xc0);
    cr_expect_eq(o->u.resume.from_frame, 0);
    cr_expect_eq(o->u.resume.live_frame, 0);
    cr_expect_eq(o->u.resume.cause, MOVE_CAUSE_NONE);
}

Test(witness_move, the_one_that_serves_now_is_followed_and_the_old_one_released) {
    start_streaming();
    wait_until(2060);
    give_grant(1, RESUME_HEDGE);
    wait_until(2195);
    const struct witness_out *o = resume_to(1, RESUME_COMMIT, 0);
    cr_assert_not_null(o);
    give_grant(1, RESUME_COMMIT);
    cr_expect_eq(f.w.serving, 1);
    cr_expect_eq(f.w.epoch, 2);
    const struct witness_out *r = resume_to(0, RESUME_RELEASE, 0);
    cr_assert_not_null(r);
    cr_expect_eq(r->u.resume.epoch, 2, "under the new epoch, which fences the old");
    cr_expect_eq(f.w.stats.commits, 1);
    cr_expect_eq(budget_left(&f.w.moves, at_ms(f.ms)), f.w.config.moves_per_minute - 1);
    for (uint64_t n = 58; n < 64; n++)
        give_frame(1, n);
    cr_expect_null(resume_to(1, RESUME_CANCEL, 0), "its hedge has become its service");
}

/* ams1 has been asked, then lon1, now, and neither has answered. */
static void ask_two(uint64_t nonces[SERVERS]) {
    start_streaming();
    wait_until(2195);
    cr_assert_not_null(resume_to(1, RESUME_COMMIT, 0));
    nonces[1] = last_nonce(WITNESS_SEND_RESUME, 1);
    wait_until(2195 + 500);
    const struct witness_out *second = resume_to(2, RESUME_COMMIT, 0);
    cr_assert_not_null(second, "ams1 did not answer: lon1 is asked");
    cr_expect_eq(second->u.resume.epoch, 3);
    nonces[2] = last_nonce(WITNESS_SEND_RESUME, 2);
    forget_sent();
}

static void grant_late(uint8_t server, uint32_t epoch, uint64_t nonce) {
    struct witness_event e = {
        .kind = WITNESS_GRANTED, .now = at_ms(f.ms), .server = server, .nonce = nonce};
    e.u.grant = (struct message_grant){.purpose = RESUME_COMMIT, .epoch = epoch, .lease_ms = 5000};
    step(&e);
}

Test(witness_move, a_late_grant_of_an_older_epoch_is_not_followed) {
    uint64_t nonces[SERVERS];
    ask_two(nonces);
    grant_late(1, 2, nonces[1]);
    cr_expect_eq(f.w.state, WITNESS_COMMITTING);
    cr_expect_eq(f.w.epoch, 1);
    cr_expect_eq(f.w.stats.stale_grants, 1);
    const struct witness_out *r = resume_to(1, RESUME_COMMIT, 0);
    cr_assert_not_null(r, "but asked anew, for it lives");
    cr_expect_eq(r->u.resume.epoch, 4);
    cr_expect_null(resume_to(1, RESUME_RELEASE, 0), "what it sends is welcome meanwhile");
    f.ms += 10;
    give_grant(1, RESUME_COMMIT);
    cr_expect(f.w.state == WITNESS_FOLLOWING && f.w.serving == 1 && f.w.epoch == 4);
    r = resume_to(2, RESUME_RELEASE, 0);
    cr_assert_not_null(r, "lon1 may believe that it serves");
    cr_expect_eq(r->u.resume.epoch, 4);
}

/* Two that both answer too late do not take turns: the one returned to gets the time it needs. */
Test(witness_move, who_answers_late_gets_more_time) {
    uint64_t nonces[SERVERS];
    ask_two(nonces);
    int64_t took_ms = duration_in_ms(instant_since(at_ms(f.ms), f.w.attempt.of[1].at));
    grant_late(1, 2, nonces[1]);
    int64_t again_ms = f.ms;
    f.ms += 100;
    grant_late(2, 3, nonces[2]);
    cr_expect_eq(f.w.attempt.server, 1, "still");
    cr_expect_eq(f.w.attempt.epoch, 4);
    cr_expect_eq(f.w.stats.stale_grants, 2);
    wait_until(again_ms + 2 * took_ms - 1);
    cr_expect_eq(f.w.attempt.server, 1);
    wait_until(again_ms + 2 * took_ms + 1);
    cr_expect_neq(f.w.attempt.server, 1, "it has had twice as long as it took");
}

Test(witness_move, the_old_server_may_come_back_before_anybody_granted) {
    start_streaming();
    wait_until(2195);
    cr_assert_eq(f.w.state, WITNESS_COMMITTING);
    uint32_t asked = f.w.epoch_high;
    for (uint64_t n = 56; n < 60; n++)
        give_frame(0, n);
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
    cr_expect_eq(f.w.serving, 0);
    cr_expect_eq(f.w.epoch, 1);
    const struct witness_out *r = resume_to(1, RESUME_RELEASE, 0);
    cr_assert_not_null(r, "who was asked is told");
    cr_expect_gt(r->u.resume.epoch, asked, "under an epoch that fences what was asked");
    cr_expect_eq(f.w.stats.commits, 0);
}

/* Of a report under the epoch before. */
static void refuse_late(uint64_t nonce, uint64_t counter) {
    struct witness_event e = {
        .kind = WITNESS_REFUSED, .now = at_ms(f.ms), .server = 0, .nonce = nonce};
    e.u.refuse = (struct message_refuse){.session = session,
                                         .purpose = RESUME_COMMIT,
                                         .error = ERR_UNKNOWN_SESSION,
                                         .counter = counter};
    uint32_t before = f.w.stats.refusals;
    step(&e);
    cr_expect_eq(f.w.stats.refusals, before + 1, "it was an answer");
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING, "and says nothing of what it does now");
}

/* It lives and is mute, is asked to take up again, answers late, and so is ams1 asked, too. */
Test(witness_move, a_late_grant_of_the_server_that_serves_is_adopted) {
    for (int media_first = 0; media_first <= 1; media_first++) {
        start_streaming();
        for (int64_t ms = 1981; ms < 3500 && resume_to(1, RESUME_COMMIT, 0) == NULL; ms++) {
            wait_until(ms);
            play();
            if (ms % 40 == 0)
                step(&(struct witness_event){
                    .kind = WITNESS_PACKET_HEARD, .now = at_ms(ms), .server = 0});
        }
        const struct witness_out *again = resume_to(0, RESUME_COMMIT, 0);
        const struct witness_out *elsewhere = resume_to(1, RESUME_COMMIT, 0);
        cr_assert(again != NULL && elsewhere != NULL);
        cr_assert_eq(again->u.resume.epoch, 2);
        uint64_t counter = again->u.resume.counter - 1;
        cr_assert_eq(elsewhere->u.resume.epoch, 3);
        uint64_t live = playout_missing(&f.p, at_ms(f.ms));
        uint64_t report = last_nonce(WITNESS_SEND_REPORT, 0);
        cr_assert_neq(report, 0);
        if (!media_first)
            give_grant_as(0, RESUME_COMMIT, 2);
        for (uint64_t n = live; n < live + 4; n++)
            give_frame(0, n);
        if (media_first)
            give_grant_as(0, RESUME_COMMIT, 2);
        cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
        cr_expect_eq(f.w.serving, 0);
        cr_expect_eq(f.w.epoch, 2, "a report under epoch 1 would be refused");
        const struct witness_out *r = resume_to(1, RESUME_RELEASE, 0);
        cr_assert_not_null(r);
        cr_expect_gt(r->u.resume.epoch, 3);
        cr_expect_eq(f.w.stats.stale_grants, 0);
        forget_sent();
        wait_until(f.ms + 1);
        cr_expect_null(resume_to(0, RESUME_COMMIT, 0), "nothing has to be asked for");
        refuse_late(report, counter);
    }
}

Test(witness_move, a_refusal_sends_it_to_the_next) {
    start_streaming();
    wait_until(2195);
    give_refusal(1, RESUME_COMMIT, ERR_NO_CREDIT, 4000);
    const struct witness_out *o = resume_to(2, RESUME_COMMIT, 0);
    cr_assert_not_null(o);
    cr_expect_eq(sent_at(o), 2195, "at once");
    cr_expect_eq(o->u.resume.epoch, 3, "each server gets an epoch of its own");
    give_refusal(2, RESUME_COMMIT, ERR_NO_CREDIT, 1000);
    forget_sent();
    wait_until(5900);
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0), "Retry-After is honoured");
    cr_expect_not_null(resume_to(2, RESUME_COMMIT, 0));
}

Test(witness_move, a_server_that_knows_us_no_more_is_asked_again_at_once) {
    start_streaming();
    wait_until(2010);
    give_frame(0, 50);
    f.w.report_at = at_ms(2011);
    wait_until(2030);
    cr_assert_eq(f.w.state, WITNESS_FOLLOWING, "nothing is missing yet");
    give_refusal(0, RESUME_COMMIT, ERR_UNKNOWN_SESSION, 0);
    const struct witness_out *o = resume_to(0, RESUME_COMMIT, 0);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.resume.epoch, 2);
    cr_expect(o->u.resume.with_ticket);
}

static uint64_t report_at_once(int64_t ms) {
    f.w.report_at = at_ms(ms);
    wait_until(ms + 1);
    return last_nonce(WITNESS_SEND_REPORT, 0);
}

/* Two reports find a server that knows us no more. The first refusal has us ask it anew, and it
 * grants; the other one was still under way, and says nothing of what it does now. */
Test(witness_move, a_report_refused_before_the_grant_says_nothing_after_it) {
    start_streaming();
    wait_until(2010);
    give_frame(0, 50);
    uint64_t first = report_at_once(2011), counter = f.w.counter;
    report_at_once(2013);
    give_refusal(0, RESUME_COMMIT, ERR_UNKNOWN_SESSION, 0);
    cr_assert_not_null(resume_to(0, RESUME_COMMIT, 0));
    f.ms += 10;
    give_grant(0, RESUME_COMMIT);
    cr_assert(f.w.state == WITNESS_FOLLOWING && f.w.serving == 0 && f.w.epoch == 2);
    forget_sent();
    refuse_late(first, counter);
    cr_expect_null(resume_to(0, RESUME_COMMIT, 0), "nothing has to be asked for");
    cr_expect_null(resume_to(1, RESUME_HEDGE, 0));
    report_at_once(f.ms + 1);
    give_refusal(0, RESUME_COMMIT, ERR_UNKNOWN_SESSION, 0);
    cr_expect_neq(f.w.state, WITNESS_FOLLOWING, "one of a report under epoch 2 does");
}

Test(witness_move, ping_pong_makes_each_wait_longer) {
    start_streaming();
    while (budget_spend(&f.w.moves, at_ms(1980)))
        ;
    wait_until(2560);
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0), "three times 200 ms are not over");
    wait_until(2620);
    cr_expect_not_null(resume_to(1, RESUME_COMMIT, 0));
}

Test(witness_move, a_planned_move_makes_before_it_breaks) {
    start_streaming();
    struct witness_event e = planned();
    step(&e);
    cr_expect_eq(f.w.state, WITNESS_MOVING);
    const struct witness_out *o = resume_to(2, RESUME_COMMIT, 0);
    cr_assert_not_null(o, "the target of the notice, not the first backup");
    cr_expect_eq(o->u.resume.cause, MOVE_CAUSE_DRAIN);
    cr_expect_eq(o->u.resume.from_frame, o->u.resume.live_frame + 4);
    uint64_t first = o->u.resume.from_frame;
    size_t reports = f.count;
    e.u.notice.session.bytes[5] = 1;
    e.u.notice.number = 2;
    step(&e);
    cr_expect_eq(f.w.stats.forged, 1, "who does not know the session's id is nobody");
    e.u.notice.session = session;
    e.u.notice.number = 1;
    step(&e);
    cr_expect_eq(f.count, reports, "a repeated notice is one notice");
    give_grant(2, RESUME_COMMIT);
    cr_expect_eq(f.w.serving, 0, "not before it is heard");
    for (uint64_t n = 50; n < first + 3; n++) {
        stream(0, n, n + 1);
        if (n >= first)
            give_frame(2, n);
        cr_expect_eq(f.w.serving, n < first + 2 ? 0 : 2, "frame %llu", (unsigned long long)n);
    }
    cr_expect_not_null(resume_to(0, RESUME_RELEASE, 0));
    cr_expect_eq(f.w.stats.hedges, 0);
}

Test(witness_move, a_move_is_reported_once_its_gap_is_known) {
    start_streaming();
    wait_until(2060);
    give_grant(1, RESUME_HEDGE);
    wait_until(2100);
    for (uint64_t n = 52; n < 56; n++) /* 50 and 51 never come */
        give_frame(1, n);
    wait_until(2195);
    give_grant(1, RESUME_COMMIT);
    forget_sent();
    stream(1, 60, 75);
    const struct witness_move *m = NULL;
    for (size_t i = 0; i < f.count; i++)
        if (f.sent[i].o.kind == WITNESS_MOVED)
            m = &f.sent[i].o.u.moved;
    cr_assert_not_null(m);
    cr_expect_str_eq(m->from.text, "fra1");
    cr_expect_str_eq(m->to.text, "ams1");
    cr_expect_eq(m->cause, MOVE_CAUSE_CRASHED);
    cr_expect_eq(m->epoch, 2);
    cr_expect(m->hedged);
    cr_expect_eq(m->at.us, 2195000, "when it was granted, not when the output has passed it");
    cr_expect_eq(m->detect_ms, 45);
    cr_expect_eq(m->first_frame_ms, 100, "frame 50 was expected at 2000");
    cr_expect_eq(m->gap_ms, 40 + 20 * 4, "50, 51 and 56…59: %lld", (long long)m->gap_ms);
}

/* A move from fra1 to ams1 whose gap is known; reports go out from now on. */
static void move_and_settle(void) {
    start_streaming();
    wait_until(2060);
    give_grant(1, RESUME_HEDGE);
    wait_until(2100);
    for (uint64_t n = 52; n < 56; n++) {
        give_frame(1, n);
        give_frame(1, n);
    }
    wait_until(2195);
    give_grant(1, RESUME_COMMIT);
    f.deaf = 2; /* ams1's acknowledgements are up to the test */
    for (uint64_t n = 60; f.w.move_open; n++)
        stream(1, n, n + 1);
    forget_sent();
}

/* The n-th (from 0) report since forget_sent(). */
static const struct witness_out *report_at(size_t n) {
    for (size_t i = 0; i < f.count; i++)
        if (f.sent[i].o.kind == WITNESS_SEND_REPORT && n-- == 0)
            return &f.sent[i].o;
    return NULL;
}

static void acknowledge(const struct witness_out *o) {
    struct witness_event e = {
        .kind = WITNESS_ACKNOWLEDGED, .now = at_ms(f.ms), .server = 1, .nonce = o->nonce};
    e.u.ack.counter = o->u.report.counter;
    step(&e);
}

Test(witness_move, the_new_server_is_told_what_it_was_like) {
    move_and_settle();
    uint64_t first = f.p.next + 20;
    stream(1, first, first + 30);
    const struct witness_out *o = report_at(0);
    cr_assert_not_null(o);
    cr_expect_eq(o->server, 1);
    const struct message_moved *m = &o->u.report.moved;
    cr_expect(m->epoch == 2 && m->detect_ms == 45 && m->first_frame_ms == 100);
    cr_expect_eq(m->lost, 2 + 4, "50, 51 and 56…59: %u", m->lost);
    cr_expect_eq(m->duplicates, 4);
    struct message filled;
    witness_report_fill(&filled, &f.w, o);
    cr_expect_eq(filled.u.report.moved.epoch, 2u);
    acknowledge(o);
    forget_sent();
    stream(1, first + 30, first + 130);
    cr_assert_not_null(report_at(2));
    for (size_t n = 0; report_at(n) != NULL; n++)
        cr_expect_eq(report_at(n)->u.report.moved.epoch, 0u, "it has been heard");
}

Test(witness_move, who_does_not_understand_it_still_hears_reports) {
    move_and_settle();
    uint64_t first = f.p.next + 20;
    stream(1, first, first + 300);
    size_t told = 0, plain = 0;
    cr_assert_not_null(report_at(9));
    for (size_t n = 0; n < 8; n++) {
        bool tells = report_at(n)->u.report.moved.epoch != 0;
        cr_expect_eq(tells, n % 2 == 0, "report %zu", n);
        told += tells;
        plain += !tells;
    }
    cr_expect(told == 4 && plain == 4);
    for (size_t n = 8; report_at(n) != NULL; n++)
        cr_expect_eq(report_at(n)->u.report.moved.epoch, 0u, "it is given up");
}

Test(witness_move, the_end_of_the_source_is_played_out) {
    start_streaming();
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1981), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_END,
                                         .error = ERR_SOURCE_ENDED,
                                         .end = FRAME_NEVER};
    step(&e);
    cr_expect_eq(f.w.state, WITNESS_ENDING);
    cr_expect_eq(f.p.end, 50);
    bool seen = false;
    for (size_t i = 0; i < f.count; i++)
        seen |= f.sent[i].o.kind == WITNESS_SEND_REPORT && f.sent[i].o.u.report.notice == 1;
    cr_expect(seen, "a report says that it was seen");
    wait_until(2179);
    cr_expect_eq(f.w.state, WITNESS_ENDING, "frame 49 is due at 2180");
    wait_until(2300);
    cr_expect_eq(f.w.state, WITNESS_ENDED);
    cr_expect_eq(f.sent[f.count - 1].o.u.ended, ERR_SOURCE_ENDED);
    cr_expect(instant_is_never(witness_deadline(&f.w)));
}

static void end_at(int64_t ms, uint64_t end) {
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(ms), .server = 0};
    e.u.notice = (struct message_notice){
        .session = session, .number = 1, .what = NOTICE_END, .error = ERR_SOURCE_ENDED, .end = end};
    f.ms = ms;
    step(&e);
}

/* Frames 0-49 have come, the last one at 1980; round trips take 40 ms. */
Test(witness_move, what_is_missing_before_the_end_comes_from_a_backup) {
    start_streaming();
    end_at(2041, 52);
    cr_expect_eq(f.w.state, WITNESS_ENDING);
    cr_expect_eq(f.p.end, 52);
    const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
    cr_expect_null(o, "frame 51 was due at 2020 and may have been overtaken");
    wait_until(2110);
    o = resume_to(1, RESUME_HEDGE, 0);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.resume.from_frame, 50);
    give_frame(1, 50);
    cr_expect_null(resume_to(1, RESUME_CANCEL, 0), "one is missing yet");
    give_frame(1, 51);
    cr_expect_not_null(resume_to(1, RESUME_CANCEL, 0));
    wait_until(2500);
    play();
    cr_expect_eq(f.w.state, WITNESS_ENDED);
    cr_expect_eq(f.p.stats.expected, 52);
    cr_expect_eq(f.p.stats.lost, 0);
}

Test(witness_move, what_nobody_has_before_the_end_is_lost) {
    static const struct {
        const char *what;
        uint64_t end;
        uint64_t expected;
        uint64_t lost;
    } rows[] = {{"all have come", 50, 50, 0},
                {"two have not", 52, 52, 2},
                {"how many is not known", FRAME_NEVER, 50, 0},
                {"no source ends there", 1 << 20, 50, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        end_at(2041, rows[i].end);
        wait_until(2600);
        play();
        cr_expect_eq(f.w.state, WITNESS_ENDED, "%s", rows[i].what);
        cr_expect_eq(f.p.stats.expected, rows[i].expected, "%s", rows[i].what);
        cr_expect_eq(f.p.stats.lost, rows[i].lost, "%s", rows[i].what);
    }
}

Test(witness_move, a_source_that_fails_here_may_live_elsewhere) {
    start_streaming();
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1981), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_END,
                                         .error = ERR_SOURCE_FAILED,
                                         .end = FRAME_NEVER};
    f.ms = 1981;
    step(&e);
    const struct witness_out *o = resume_to(1, RESUME_COMMIT, 0);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.resume.cause, MOVE_CAUSE_DEGRADED);
    give_refusal(1, RESUME_COMMIT, ERR_SOURCE_FAILED, 0);
    give_refusal(2, RESUME_COMMIT, ERR_SOURCE_FAILED, 0);
    wait_until(2700);
    cr_expect_eq(f.w.state, WITNESS_ENDED, "it failed everywhere: %s",
                 witness_state_name(f.w.state));
    cr_expect_eq(f.sent[f.count - 1].o.u.ended, ERR_SOURCE_FAILED);
}

Test(witness_move, closing_releases_everybody) {
    start_streaming();
    wait_until(2060); /* a hedge is running, too */
    forget_sent();
    step(&(struct witness_event){.kind = WITNESS_CLOSED, .now = at_ms(2060)});
    cr_expect_not_null(resume_to(0, RESUME_RELEASE, 0));
    cr_expect_not_null(resume_to(1, RESUME_RELEASE, 0));
    cr_expect_eq(f.sent[f.count - 1].o.kind, WITNESS_SESSION_ENDED);
    cr_expect_eq(f.sent[f.count - 1].o.u.ended, ERR_OK);
    size_t count = f.count;
    wait_until(10000);
    cr_expect_eq(f.count, count, "and is silent from then on");
}

Test(witness_move, a_copy_of_an_old_refusal_is_not_about_the_new_question) {
    start_streaming();
    while (budget_spend(&f.w.hedges, at_ms(1980))) /* hedges would push older questions out */
        ;
    wait_until(2195);
    uint64_t copy = last_nonce(WITNESS_SEND_RESUME, 1);
    uint64_t counter = resume_to(1, RESUME_COMMIT, 0)->u.resume.counter;
    wait_until(2216); /* the question is repeated; the first answer comes now */
    give_refusal(1, RESUME_COMMIT, ERR_NO_CREDIT, 100);
    give_refusal(2, RESUME_COMMIT, ERR_NO_CREDIT, 100);
    wait_until(3110); /* fra1 was asked, too, and did not answer */
    cr_assert_eq(f.w.attempt.server, 1, "the next round");
    struct witness_event e = {
        .kind = WITNESS_REFUSED, .now = at_ms(3110), .server = 1, .nonce = copy};
    e.u.refuse = (struct message_refuse){
        .purpose = RESUME_COMMIT, .error = ERR_NO_CREDIT, .counter = counter};
    step(&e);
    cr_expect_eq(f.w.stats.forged, 0, "it is an answer");
    cr_expect_eq(f.w.attempt.server, 1, "still asked");
}

Test(witness_move, a_spent_budget_of_hedges_keeps_no_commit_away) {
    start_streaming();
    wait_until(2100);
    cr_assert_not_null(resume_to(1, RESUME_HEDGE, 0));
    give_refusal(1, RESUME_HEDGE, ERR_BUDGET, 5000);
    forget_sent();
    wait_until(2300);
    cr_assert_not_null(resume_to(1, RESUME_COMMIT, 0), "the best one is asked to take over");
    give_grant(1, RESUME_COMMIT);
    cr_expect_eq(f.w.serving, 1);
    cr_expect_null(resume_to(1, RESUME_HEDGE, 0), "and not again to hedge");
}

/* The standby at ams1 is renewed, which has not been answered yet. */
static void ask_to_stand_by(void) {
    start();
    stream(0, 0, 50);
    f.w.servers[1].standby_at = at_ms(f.ms);
    forget_sent();
    wait_until(f.ms + 1);
    cr_assert_not_null(resume_to(1, RESUME_STANDBY, 0));
}

Test(witness_move, who_stands_by_after_all_is_asked) {
    ask_to_stand_by();
    give_refusal(1, RESUME_STANDBY, ERR_UNKNOWN_SOURCE, 0);
    wait_until(f.ms + 1);
    give_refusal(2, RESUME_STANDBY, ERR_NO_CREDIT,
                 1000); /* of two that refuse ams1 is the better */
    wait_until(f.ms + 1);
    give_grant(1, RESUME_STANDBY);
    cr_assert_not(instant_is_never(f.w.servers[1].standby_until));
    forget_sent();
    wait_until(f.ms + 600);
    cr_expect_not_null(resume_to(1, RESUME_COMMIT, 0), "it has said yes since it said no");
}

Test(witness_move, a_stranger_may_be_known_soon) {
    static const struct {
        enum err error;
        int64_t ms;
    } table[] = {{ERR_BUDGET, 1000},
                 {ERR_UNKNOWN_ISSUER, 2000},
                 {ERR_EXPIRED, 60000},
                 {ERR_NO_CREDIT, 30000 /* lon1 may stand by meanwhile */}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        ask_to_stand_by();
        give_refusal(1, RESUME_STANDBY, table[i].error, 0);
        cr_expect_eq(instant_since(f.w.servers[1].not_before, at_ms(f.ms)).us / 1000, table[i].ms,
                     "%s", err_name(table[i].error));
    }
}
