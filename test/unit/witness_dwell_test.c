/* The witness after a move: for a while nothing but silence makes it move again. */
#include "test/unit/witness_fixture.h"

/* It follows server 1, since server 0 cannot go on. */
static void moves(void) {
    start_streaming();
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1981), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_END,
                                         .error = ERR_SOURCE_FAILED,
                                         .end = FRAME_NEVER};
    f.ms = 1981;
    step(&e);
    give_grant(1, RESUME_COMMIT);
    cr_assert_eq(f.w.serving, 1);
    forget_sent();
}

/* Server 1 has sent a few frames, or none, and then only lives. When another is asked to serve. */
static int64_t left_at(bool lives) {
    f.w.reseated_at = at_ms(1981); /* it was asked to take up again a moment ago: not twice */
    for (int64_t ms = f.ms + 1; ms < 8000; ms++) {
        wait_until(ms);
        if (lives && ms % 40 == 0)
            step(&(struct witness_event){
                .kind = WITNESS_PACKET_HEARD, .now = at_ms(ms), .server = 1});
        for (uint8_t server = 0; server < SERVERS; server++)
            if (server != 1 && resume_to(server, RESUME_COMMIT, 0) != NULL)
                return ms;
    }
    return INT64_MAX;
}

/* One that lives and sends no media is left after a second; no sooner than `dwell` after a move. */
Test(witness_dwell, a_new_server_without_media_has_some_time) {
    moves();
    int64_t at = left_at(true);
    int64_t dwell_ms = duration_in_ms(f.w.config.dwell);
    cr_assert_lt(duration_in_ms(f.w.config.zombie), dwell_ms, "or this shows nothing");
    cr_expect(at >= 1981 + dwell_ms && at <= 1981 + dwell_ms + 200, "at %lld", (long long)at);
}

Test(witness_dwell, one_that_has_served_for_longer_has_not) {
    moves();
    f.w.dwell_until = at_ms(1981);
    int64_t at = left_at(true);
    cr_expect(at >= 2900 && at < 1981 + duration_in_ms(f.w.config.dwell), "at %lld", (long long)at);
}

/* Who is silent is dead or cut off: to be saved is never too soon. */
Test(witness_dwell, silence_is_not_borne_for_it) {
    moves();
    int64_t at = left_at(false);
    cr_expect(at < 1981 + duration_in_ms(f.w.config.dwell), "at %lld", (long long)at);
}

/* Server 1 wishes it at server 2, and says so four times a second as long as it is not told that
 * this was seen. When server 2 is asked. */
static int64_t goes_at(enum move_cause cause, bool hedging, int64_t until_ms) {
    struct witness_event e = {.kind = WITNESS_NOTICED, .server = 1};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_MOVE,
                                         .target = {{3}},
                                         .cause = cause,
                                         .deadline_ms = 5000,
                                         .end = FRAME_NEVER};
    f.w.reseated_at = at_ms(1981); /* not a second time */
    for (int64_t ms = f.ms + 1; ms < until_ms; ms++) {
        wait_until(ms);
        if (ms % 20 == 0 && !hedging)
            give_frame(1, (uint64_t)ms / 20 - 50);
        if (ms % 40 == 0)
            step(&(struct witness_event){
                .kind = WITNESS_PACKET_HEARD, .now = at_ms(ms), .server = 1});
        e.now = at_ms(ms);
        if (ms % 250 == 0 && f.w.state == (hedging ? WITNESS_HEDGING : WITNESS_FOLLOWING))
            step(&e);
        if (resume_to(2, RESUME_COMMIT, 0) != NULL)
            return ms;
    }
    return INT64_MAX;
}

/* Whoever wishes it elsewhere for its own good waits, and is heeded then, too; and nobody who may
 * have to leave does. */
Test(witness_dwell, who_has_just_come_is_moved_by_a_drain_only) {
    static const struct {
        enum move_cause cause;
        bool hedging;
        int64_t from_ms, to_ms;
    } rows[] = {
        {MOVE_CAUSE_DRAIN, false, 1981, 2251},    {MOVE_CAUSE_DRAIN, true, 1981, 2501},
        {MOVE_CAUSE_DEGRADED, false, 3981, 4251}, {MOVE_CAUSE_RETURN, false, 3981, 4251},
        {MOVE_CAUSE_DEGRADED, true, 3981, 4251},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        moves();
        int64_t at = goes_at(rows[i].cause, rows[i].hedging, 6000);
        cr_expect(at >= rows[i].from_ms && at <= rows[i].to_ms, "row %zu: at %lld", i,
                  (long long)at);
    }
}
