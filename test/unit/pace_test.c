#include "transcoder/timeline/pace.h"

#include "peerd/wire/message.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define FRAME duration_ms(FRAME_MS)

static struct instant at_us(int64_t us) {
    return instant_us(us);
}

/* Runs until `end`, waking at every deadline; notes what was sent when. */
struct log {
    uint64_t frame[512];
    int64_t us[512];
    size_t count;
};

static void run(struct pace *p, int64_t end_us, struct log *log) {
    for (;;) {
        struct instant at = pace_deadline(p);
        pace_check_invariants(p);
        if (instant_is_never(at) || at.us > end_us)
            return;
        uint64_t frame;
        cr_assert(pace_take(p, at, &frame), "nothing was due at its deadline");
        cr_assert_lt(log->count, 512);
        log->frame[log->count] = frame;
        log->us[log->count++] = at.us;
    }
}

Test(pace, live_only_is_a_frame_every_20_ms_for_ever) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 100, 100, NULL, at_us(5000));
    run(&p, 5000 + 99 * 20000, &log);
    cr_assert_eq(log.count, 100);
    for (size_t i = 0; i < log.count; i++) {
        cr_expect_eq(log.frame[i], 100 + i);
        cr_expect_eq(log.us[i], 5000 + (int64_t)i * 20000, "no drift");
    }
}

Test(pace, ten_frames_of_backfill_are_out_in_a_few_milliseconds) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    run(&p, 39999, &log);
    cr_assert_eq(log.count, 12, "%zu", log.count);
    uint64_t seen = 0;
    int64_t filled_us = 0;
    for (size_t i = 0; i < log.count; i++) {
        seen |= UINT64_C(1) << (log.frame[i] - 90);
        if (log.frame[i] < 100)
            filled_us = log.us[i];
        else
            cr_expect_eq(log.us[i], (int64_t)(log.frame[i] - 100) * 20000, "paced undisturbed");
    }
    cr_expect_eq(seen, 0xfff, "each frame once");
    cr_expect_leq(filled_us, 3000);
}

/* Whoever drives it has turns of 40 ms: it is given up to four frames in each, twice real time. */
Test(pace, a_sparing_start_keeps_ahead_of_real_time_in_long_turns) {
    struct pace p;
    uint64_t frame, sent = 0;
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    pace_spare(&p);
    cr_assert(pace_take(&p, at_us(100000), &frame));
    cr_assert_not(pace_take(&p, at_us(100000), &frame));
    for (int64_t us = 140000; us <= 300000; us += 40000)
        for (int i = 0; pace_take(&p, at_us(us), &frame); i++, sent++)
            cr_assert_lt(i, 4, "at %lld us", (long long)us);
    cr_expect_eq(sent, 5 * 4);
}

/* It leaves the CPU to others, also where they have kept it waiting: at 100 ms, when it may begin,
 * frames 90 to 105 should be on the wire. */
Test(pace, a_sparing_start_goes_by_position_at_four_times_real_time) {
    struct pace p;
    uint64_t frame;
    struct log log = {0};
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    pace_spare(&p);
    cr_assert(pace_take(&p, at_us(100000), &frame), "its first frame at once");
    cr_expect_eq(frame, 90);
    cr_expect_not(pace_take(&p, at_us(100000), &frame), "and no more, whatever is due");
    run(&p, 300000, &log);
    cr_assert_eq(log.count, 25);
    for (size_t i = 0; i < log.count; i++) {
        uint64_t n = 91 + i;
        int64_t sparing_us = 100000 + (int64_t)(n - 90) * PACE_SPARING_GAP_US;
        int64_t due_us = ((int64_t)n - 100) * 20000;
        cr_expect_eq(log.frame[i], n, "in order");
        cr_expect_eq(log.us[i], sparing_us > due_us ? sparing_us : due_us);
    }
    cr_assert_eq(log.frame[24], 115);
    pace_repair(&p, 105, 115, NULL, at_us(301000));
    log.count = 0;
    run(&p, 304000, &log);
    cr_expect_eq(log.count, 6, "it is on time again, and has nothing to spare any more: %zu",
                 log.count);
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    cr_expect(pace_take(&p, at_us(0), &frame) && pace_take(&p, at_us(300), &frame),
              "it was for one start only");
}

Test(pace, a_long_backfill_is_polite) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 0, 400, NULL, at_us(0));
    run(&p, 1000000, &log);
    int64_t last_us = 0;
    uint64_t filled = 0;
    for (size_t i = 0; i < log.count; i++)
        if (log.frame[i] < 400) {
            filled++;
            last_us = log.us[i];
        }
    cr_assert_eq(filled, 400);
    /* 8 s of media at 20 × real time are 0.4 s. */
    cr_expect(last_us >= 380000 && last_us <= 400000, "%lld us", (long long)last_us);
}

Test(pace, what_is_held_is_not_sent) {
    uint8_t held[PACE_HELD_BYTES] = {0};
    held[0] = 0x05; /* bit 0: 91, bit 2: 93 */
    held[1] = 0x01; /* bit 8: 99 */
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 90, 100, held, at_us(0));
    run(&p, 19999, &log);
    const uint64_t expect[] = {90, 92, 94, 95, 96, 97, 98, 100};
    cr_assert_eq(log.count, 8);
    size_t at = 0;
    for (size_t i = 0; i < log.count; i++)
        if (log.frame[i] != 100)
            cr_expect_eq(log.frame[i], expect[at++]);
    cr_expect_eq(at, 7);
}

Test(pace, a_planned_start_lies_ahead) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 104, 100, NULL, at_us(0));
    cr_expect_eq(pace_deadline(&p).us, 80000, "not before its instant");
    run(&p, 100000, &log);
    cr_assert_eq(log.count, 2);
    cr_expect_eq(log.frame[0], 104);
    cr_expect_eq(log.frame[1], 105);
}

Test(pace, who_wakes_late_catches_up) {
    struct pace p;
    uint64_t frame;
    pace_start(&p, FRAME, 0, 0, NULL, at_us(0));
    for (uint64_t n = 0; n <= 5; n++) {
        cr_assert(pace_take(&p, at_us(105000), &frame));
        cr_expect_eq(frame, n);
    }
    cr_expect_not(pace_take(&p, at_us(105000), &frame));
    cr_expect_eq(pace_deadline(&p).us, 120000, "the schedule has not moved");
}

/* Frames that nobody waits for need not be taken one by one. */
Test(pace, passing_is_taking) {
    struct pace a, b;
    uint64_t frame;
    for (int64_t us = 0; us < 400000; us += 7001) {
        uint64_t taken = 0;
        pace_start(&a, duration_ms(20), 5, 5, NULL, at_us(0));
        pace_end_at(&a, 18);
        b = a;
        while (pace_take(&a, at_us(us - 1), &frame))
            taken++;
        cr_expect_eq(pace_pass(&b, at_us(us)), taken, "what is due before %ld us", (long)us);
        cr_expect_eq(a.next, b.next);
        pace_check_invariants(&b);
    }
    cr_expect_eq(pace_due(&b, 15).us, 200000);
}

Test(pace, repairs) {
    static const struct {
        const char *what;
        uint64_t from, live;
        int64_t at_us;
        uint64_t first, last; /* frames sent again; first > last: none */
    } rows[] = {
        /* Started with 90…99 as backfill and live 100 at 0; at t the paced part has reached 100 +
           t/20 ms. */
        {"a hedge repeated after 20 ms is the same hedge", 90, 101, 20001, 1, 0},
        {"and after 60 ms", 90, 103, 60001, 1, 0},
        {"frames never covered go out at once", 85, 101, 20001, 85, 89},
        {"later it is another question: all that had time to land", 98, 110, 200001, 98, 105},
        {"what was sent a moment ago is on its way", 108, 110, 200001, 1, 0},
        {"what lies ahead is coming anyway", 300, 110, 200001, 1, 0},
        /* It says which frame should be on the wire when it arrives: what waited tells by that. */
        {"what went out while it waited is on its way, too", 98, 107, 200001, 98, 102},
        {"asked before the last one was answered, read after it", 98, 104, 200001, 1, 0},
        {"frames never covered go out, however long it waited", 85, 92, 200001, 85, 89},
        {"who has heard nothing does not know what is live", 98, 98, 200001, 98, 105},
        {"of who is ahead nothing is old", 98, 140, 200001, 98, 105},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pace p;
        struct log log = {0};
        pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
        run(&p, rows[i].at_us, &log);
        uint64_t next = p.next;
        memset(&log, 0, sizeof(log));
        pace_repair(&p, rows[i].from, rows[i].live, NULL, at_us(rows[i].at_us));
        run(&p, rows[i].at_us + 15000, &log);
        uint64_t expect = rows[i].first;
        for (size_t k = 0; k < log.count; k++) {
            if (log.frame[k] >= next)
                continue;
            cr_expect_eq(log.frame[k], expect, "%s: %llu", rows[i].what,
                         (unsigned long long)log.frame[k]);
            expect++;
        }
        cr_expect_eq(expect, rows[i].first > rows[i].last ? rows[i].first : rows[i].last + 1, "%s",
                     rows[i].what);
    }
}

Test(pace, a_repair_in_the_middle_of_a_backfill_loses_nothing_of_it) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 50, 100, NULL, at_us(0));
    run(&p, 5000, &log);
    pace_repair(&p, 40, 100, NULL, at_us(5000));
    run(&p, 200000, &log);
    uint8_t times[128] = {0};
    for (size_t i = 0; i < log.count; i++)
        times[log.frame[i]]++;
    for (int n = 40; n < 108; n++)
        cr_expect_geq(times[n], 1, "frame %d was forgotten", n);
}

Test(pace, the_end) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    pace_end_at(&p, 103);
    cr_expect_not(pace_finished(&p));
    run(&p, 10000000, &log);
    cr_expect_eq(log.count, 13);
    cr_expect(pace_finished(&p));
    cr_expect(instant_is_never(pace_deadline(&p)));
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    pace_end_at(&p, 95);
    memset(&log, 0, sizeof(log));
    run(&p, 10000000, &log);
    cr_expect_eq(log.count, 5, "an end within the backfill");
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    pace_stop(&p);
    uint64_t frame;
    cr_expect_not(pace_take(&p, at_us(1000000), &frame), "stopped is stopped");
    cr_expect(instant_is_never(pace_deadline(&p)));
}

/* A planned move begins ahead; if the old server dies meanwhile the same one is asked for all. */
Test(pace, a_start_ahead_that_is_asked_for_earlier_frames_sends_none_before_its_instant) {
    const struct {
        const char *what;
        uint64_t from;
        int64_t at_us;
    } rows[] = {
        {"frames that are over and frames that are to come", 97, 10000},
        {"only frames that are to come", 102, 10000},
        {"at the very instant of one", 100, 20000},
        {"when its own have begun", 98, 130000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pace p;
        struct log log = {0};
        uint64_t seen = 0;
        pace_start(&p, FRAME, 104, 100, NULL, at_us(0));
        run(&p, rows[i].at_us, &log);
        pace_repair(&p, rows[i].from, 100 + (uint64_t)rows[i].at_us / 20000, NULL,
                    at_us(rows[i].at_us));
        pace_check_invariants(&p);
        run(&p, 10 * 20000, &log);
        for (size_t k = 0; k < log.count; k++) {
            uint64_t bit = UINT64_C(1) << (log.frame[k] - rows[i].from);
            cr_expect_geq(log.us[k], (int64_t)(log.frame[k] - 100) * 20000, "%s: frame %zu",
                          rows[i].what, (size_t)log.frame[k]);
            cr_expect((seen & bit) == 0, "%s: frame %zu twice", rows[i].what, (size_t)log.frame[k]);
            seen |= bit;
        }
        cr_expect_eq(seen, (UINT64_C(1) << (111 - rows[i].from)) - 1, "%s: none left out",
                     rows[i].what);
    }
}

Test(pace, earlier_frames_asked_for_during_a_backfill_send_none_of_it_again) {
    struct pace p;
    struct log log = {0};
    uint64_t seen = 0;
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    run(&p, 1000, &log); /* five of them are out */
    pace_repair(&p, 80, 100, NULL, at_us(1100));
    run(&p, 50000, &log);
    for (size_t i = 0; i < log.count; i++) {
        uint64_t bit = UINT64_C(1) << (log.frame[i] - 80);
        cr_expect((seen & bit) == 0, "frame %d twice", (int)log.frame[i]);
        seen |= bit;
    }
    cr_expect_eq(seen, (UINT64_C(1) << 23) - 1, "none left out");
    pace_repair(&p, 80, 107, NULL, at_us(150000));
    log.count = 0;
    run(&p, 170000, &log);
    cr_expect_gt(log.count, 20, "later they are sent again");
}

/* Sends for so long and returns when the last frame went out. */
static int64_t send_until(struct pace *p, int64_t end_us, uint64_t *next, int64_t last_us) {
    for (;;) {
        uint64_t frame;
        struct instant at = pace_deadline(p);
        if (at.us > end_us)
            return last_us;
        cr_assert(pace_take(p, at, &frame));
        cr_assert_eq(frame, (*next)++, "each frame once, in order");
        int64_t gap_us = at.us - last_us;
        cr_assert(frame == 100 || (gap_us >= 19979 && gap_us <= 20021), "frame %llu after %lld us",
                  (unsigned long long)frame, (long long)gap_us);
        last_us = at.us;
        pace_check_invariants(p);
    }
}

Test(pace, follows_its_listener_without_a_jump) {
    static const struct {
        const char *what;
        int32_t lag_us;
        int64_t frames; /* in 100 s, of 5000 */
    } rows[] = {
        {"late: a thousandth faster", 90000, 5005},     {"early: slower", -90000, 4995},
        {"a little late", SERVO_LATE_US + 800, 5001},   {"content", 0, 5000},
        {"content to be early", -SERVO_EARLY_US, 5000}, {"unknown", MESSAGE_LAG_UNKNOWN, 5000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pace p;
        uint64_t next = 100;
        int64_t last_us = 0;
        pace_start(&p, FRAME, 100, 100, NULL, at_us(0));
        for (int64_t us = 0; us < 100000000; us += 500000) {
            pace_follow(&p, rows[i].lag_us, at_us(us));
            last_us = send_until(&p, us + 499999, &next, last_us);
        }
        int64_t frames = (int64_t)next - 100;
        cr_expect(frames >= rows[i].frames && frames <= rows[i].frames + 1, "%s: %lld",
                  rows[i].what, (long long)frames);
    }
}

/* RTCP says where in the media an instant is: frame n at the instant that n goes out. */
Test(pace, says_where_it_is_at_any_instant) {
    struct pace p;
    uint64_t frame;
    pace_start(&p, FRAME, 100, 100, NULL, at_us(0));
    cr_expect_eq(pace_media_us(&p, at_us(-500)), -500, "before it has begun");
    for (int k = 0; k < 2000; k++) {
        struct instant at = pace_deadline(&p);
        int64_t media_us = (int64_t)(p.live - 100) * 20000 + pace_media_us(&p, at);
        cr_assert(llabs(media_us - k * 20000) <= 2, "frame %d: %lld us", k, (long long)media_us);
        cr_assert(pace_take(&p, at, &frame));
        if (k % 25 == 3)
            pace_follow(&p, k < 1000 ? 300000 : -300000, at);
    }
}

Test(pace, a_backfill_is_not_followed_and_a_stop_is_a_stop) {
    struct pace p;
    struct log log = {0};
    pace_start(&p, FRAME, 90, 100, NULL, at_us(0));
    pace_follow(&p, 300000, at_us(0));
    run(&p, 20000, &log);
    cr_assert_eq(log.count, 12, "ten at once, the live one and the next");
    pace_stop(&p);
    pace_follow(&p, 300000, at_us(20000));
    cr_expect(instant_is_never(pace_deadline(&p)));
    pace_start(&p, FRAME, 200, 200, NULL, at_us(30000));
    cr_expect_eq(p.rate_ppb, 0, "a new run knows nothing of the old one");
}
