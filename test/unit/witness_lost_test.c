/* Of whom single frames are asked for once more. */
#include "test/unit/witness_fixture.h"

static uint32_t nacks_to(uint8_t server) {
    uint32_t count = 0;
    for (size_t i = 0; i < f.count; i++)
        count += f.sent[i].o.kind == WITNESS_SEND_NACK && f.sent[i].o.server == server;
    return count;
}

/* Frames 51 and 52 of fra1 are lost while ams1 is remembered to have filled a hole. */
Test(witness_lost, a_backup_is_asked_while_it_fills_and_no_longer) {
    static const struct {
        const char *what;
        bool hedges;
        uint8_t asked;
    } rows[] = {{"its hedge runs", true, 1}, {"its hedge is over", false, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        f.w.filler = (struct witness_filler){.server = 1, .high = 40};
        f.w.servers[1].hedge.active = rows[i].hedges;
        f.w.servers[1].media_at = rows[i].hedges ? f.w.servers[0].media_at : INSTANT_NEVER;
        stream(0, 50, 51);
        stream(0, 53, 56);
        cr_expect_geq(nacks_to(rows[i].asked), 1u, "%s", rows[i].what);
        cr_expect_eq(nacks_to(1 - rows[i].asked), 0u, "%s", rows[i].what);
        forget_sent();
    }
}

static int64_t first_nack_at(void) {
    for (size_t i = 0; i < f.count; i++)
        if (f.sent[i].o.kind == WITNESS_SEND_NACK)
            return f.sent[i].ms;
    return 0;
}

/* Frame 60 should come at 2200, and the next one at 2220. */
Test(witness_lost, a_late_frame_is_asked_for_before_the_next_one_is_there) {
    static const struct {
        const char *what;
        bool lossy;
        int64_t rtt_ms, asked_ms;
    } rows[] = {
        {"nothing was lost before: a moment after 61 has come", false, 40, 2222},
        {"a frame was: 4 ms late is late", true, 40, 2204},
        {"there is no time to wait for 61", false, 150, 2204},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        stream(0, rows[i].lossy ? 51 : 50, 60);
        f.w.servers[0].path.rtt_smooth = duration_ms(rows[i].rtt_ms);
        forget_sent();
        wait_until(2219);
        stream(0, 61, 63);
        wait_until(2245);
        cr_expect_eq(first_nack_at(), rows[i].asked_ms, "%s: %lld", rows[i].what,
                     (long long)first_nack_at());
        forget_sent();
        stream(0, 63, 66);
    }
}

/* What comes after all leaves nothing behind, and while media is missing that is no question. */
Test(witness_lost, neither_who_is_late_nor_who_is_silent_is_asked_without_end) {
    start_streaming();
    stream(0, 51, 60);
    forget_sent();
    wait_until(2206);
    cr_expect_eq(nacks_to(0), 1u);
    give_frame(0, 60);
    wait_until(2219);
    cr_expect_eq(nacks_to(0), 1u);
    cr_expect_eq(f.w.nack.early, 0u);
    cr_expect_eq(f.w.nack.count, 1u, "until the answer is due");
    stream(0, 61, 130);
    cr_expect(nack_is_quiet(&f.w.nack));
    stream(0, 131, 140);
    wait_until(1000 + 140 * 20 + 50);
    cr_expect_eq(f.w.state, WITNESS_HEDGING);
    uint64_t early = f.w.nack.early;
    wait_until(1000 + 140 * 20 + 150);
    cr_expect_eq(f.w.nack.early, early, "who hedges is asked for the rest");
    cr_expect_leq(early, 143u);
}

/* The first frames of a session are lost: the first one that comes says so. */
Test(witness_lost, the_first_frames_are_asked_for_too) {
    start();
    wait_until(1040);
    give_frame(0, 2);
    forget_sent();
    wait_until(1060);
    const struct witness_out *o = NULL;
    for (size_t i = 0; i < f.count && o == NULL; i++)
        if (f.sent[i].o.kind == WITNESS_SEND_NACK)
            o = &f.sent[i].o;
    cr_assert_not_null(o, "nobody is asked");
    cr_expect(o->server == 0 && o->u.nack.from == 0 && o->u.nack.missing == 3, "from %llu, %llx",
              (unsigned long long)o->u.nack.from, (unsigned long long)o->u.nack.missing);
}

/* Frame 50, due at 2200, is asked for at 2022, 2072 and 2077, all in vain, and then of another,
 * too. */
Test(witness_lost, what_is_asked_for_again_and_again_another_is_asked_for) {
    static const struct {
        const char *what;
        uint32_t spent;           /* of the 30 hedges a minute */
        int64_t trip_ms, late_ms; /* to ams1; frames of fra1 */
        bool asked;
    } rows[] = {
        {"ams1 is 40 ms away", 0, 40, 0, true},
        {"it is too far away for that", 0, 80, 0, false},
        {"the rest of the budget is for what is worse", 21, 40, 0, false},
        {"fra1 is no faster with its frames", 0, 40, 61, false},
        {"it is a little late", 0, 40, 59, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        while (budget_left(&f.w.hedges, at_ms(f.ms)) > 30 - rows[i].spent)
            cr_assert(budget_spend(&f.w.hedges, at_ms(f.ms)));
        for (int k = 0; k < 2; k++)
            f.w.schedule.offset_us[k] -= rows[i].late_ms * 1000;
        stream(0, 51, 55);
        cr_expect_null(resume_to(1, RESUME_HEDGE, 0), "%s: too soon", rows[i].what);
        f.w.servers[1].path.rtt_smooth = duration_ms(rows[i].trip_ms);
        stream(0, 55, 58);
        const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
        cr_assert_eq(o != NULL, rows[i].asked, "%s", rows[i].what);
        cr_expect_eq(f.w.state, WITNESS_FOLLOWING, "%s", rows[i].what);
        forget_sent();
        if (o == NULL)
            continue;
        give_frame(1, 50);
        stream(0, 58, 60);
        cr_expect_not_null(resume_to(1, RESUME_CANCEL, 0), "it is there");
        forget_sent();
    }
}

/* The first server has a second to open its source. Once it has sent a frame it has done so. */
Test(witness_lost, who_has_begun_gets_no_more_time_to_begin) {
    start();
    stream(0, 0, 2);
    wait_until(1100);
    cr_expect_eq(f.w.state, WITNESS_HEDGING, "frame 2 should have been here at 1040");
}

/* What made it doubt is not among what it tells: frames count from then on. */
Test(witness_lost, of_the_servers_frames_it_tells_those_after_what_made_it_doubt) {
    start_streaming();
    f.w.config.looks = true;
    stream(0, 50, 60);
    stream(0, 62, 63); /* 60 and 61 are missing */
    cr_expect_not(doubt_is(&f.w.doubt, at_ms(f.ms)));
    stream(0, 64, 65); /* and 63 */
    cr_expect(doubt_is(&f.w.doubt, at_ms(f.ms)));
    stream(0, 65, 75);
    struct trip_own own = witness_own_frames(&f.w);
    cr_expect(own.due == 9 && own.lost == 0, "%u, %u lost", own.due, own.lost);
    stream(0, 76, 86); /* 75 is missing */
    own = witness_own_frames(&f.w);
    cr_expect(own.due == 11 && own.lost == 1 && own.runs == 1, "%u, %u lost", own.due, own.lost);
    forget_sent();
}
