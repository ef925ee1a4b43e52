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
