#include "transcoder/timeline/nack.h"

#include <criterion/criterion.h>
#include <string.h>

#define SLOTS 64

static struct playout_slot slots[SLOTS];
static struct playout playout;
static const struct nack_path path = {
    .rtt = {40000}, .rtt_min = {38000}, .jitter = {1000}}; /* [µs] */

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static void arrives(uint64_t frame, int64_t ms) {
    playout_insert(&playout, 0, frame, NULL, 160, at_ms(ms));
}

/* 200 ms deep; frame n arrives at 20 n and is due 200 ms later. */
static void begin(void) {
    playout_init(&playout, &(struct playout_config){.depth = duration_ms(200),
                                                    .frame = duration_ms(20),
                                                    .slots = slots,
                                                    .slot_count = SLOTS});
    arrives(0, 0);
}

static uint64_t ask(struct nack *n, int64_t ms, uint64_t *from) {
    struct nack_question q = {.missing = 0};
    bool any = nack_take(n, &playout, &path, at_ms(ms), &q);
    nack_check_invariants(n);
    cr_expect_eq(any, q.missing != 0, "an empty question");
    *from = q.from;
    return q.missing;
}

Test(nack, a_lost_frame_is_asked_for_when_it_cannot_have_been_overtaken) {
    struct nack n = {.count = 0};
    uint64_t from;
    begin();
    cr_expect(instant_is_never(nack_deadline(&n)));
    nack_missed(&n, 3, 4, &path, at_ms(80));
    cr_expect_eq(nack_deadline(&n).us, 82000, "twice the jitter");
    cr_expect_eq(ask(&n, 81, &from), 0);
    cr_expect_eq(ask(&n, 82, &from), 1);
    cr_expect_eq(from, 3);
    cr_expect_eq(ask(&n, 82, &from), 0, "once");
}

Test(nack, what_turns_up_meanwhile_is_not_asked_for) {
    struct nack n = {.count = 0};
    uint64_t from;
    begin();
    nack_missed(&n, 3, 6, &path, at_ms(120));
    arrives(4, 121);
    cr_expect_eq(ask(&n, 122, &from), 5, "the first and the third of them");
    arrives(3, 160);
    arrives(5, 160);
    cr_expect_eq(ask(&n, nack_deadline(&n).us / 1000, &from), 0);
    cr_expect_eq(n.count, 0, "forgotten");
}

Test(nack, it_is_asked_for_again_after_a_round_trip_and_in_vain_sixteen_times) {
    struct nack n = {.count = 0};
    struct nack_path near = {.rtt = {5000}, .rtt_min = {4000}, .jitter = {1000}};
    struct nack_question q;
    int64_t asked_us[NACK_ASKS_MAX] = {0};
    uint32_t asks = 0, hard = 0;
    begin();
    nack_missed(&n, 3, 4, &near, at_ms(80));
    while (!instant_is_never(nack_deadline(&n))) {
        struct instant now = nack_deadline(&n);
        bool any = nack_take(&n, &playout, &near, now, &q);
        cr_assert(!any || asks < NACK_ASKS_MAX);
        hard += any && q.hard;
        if (any)
            asked_us[asks++] = now.us;
    }
    cr_expect_eq(asks, NACK_ASKS_MAX);
    cr_expect_eq(hard, NACK_ASKS_MAX - 3, "the first one, and the two of the second round");
    cr_expect_eq(asked_us[1] - asked_us[0], 15000, "5 ms there and back, and 10 to spare");
    cr_expect_eq(asked_us[2] - asked_us[1], 5000, "then the path loses more than was seen");
    cr_expect_eq(asked_us[3] - asked_us[2], 15000, "from the last copy on");
    cr_expect_eq(n.count, 0);
}

Test(nack, nothing_is_asked_for_that_would_come_too_late) {
    struct nack n = {.count = 0};
    uint64_t from;
    begin(); /* frame 3 is due at 260 */
    nack_missed(&n, 3, 5, &path, at_ms(221));
    cr_expect_eq(ask(&n, 223, &from), 2, "frame 4 can be here at 261, frame 3 cannot");
    nack_forget(&n);
    nack_missed(&n, 3, 4, &path, at_ms(219));
    cr_expect_eq(ask(&n, 221, &from), 1, "38 ms before its instant it can");
}

Test(nack, of_a_long_hole_the_end_is_asked_for_and_of_many_the_newest) {
    struct nack n = {.count = 0};
    uint64_t from;
    begin();
    nack_missed(&n, 1, 101, &path, at_ms(0));
    cr_expect_eq(ask(&n, 2, &from), UINT64_MAX);
    cr_expect_eq(from, 37, "frames 37 to 100");
    nack_forget(&n);
    for (uint64_t i = 0; i < NACK_RUNS_MAX + 1; i++)
        nack_missed(&n, 10 + 2 * i, 11 + 2 * i, &path, at_ms(0));
    cr_expect_eq(n.count, NACK_RUNS_MAX);
    cr_expect_eq(ask(&n, 2, &from), 1);
    cr_expect_eq(from, 12, "the oldest made room");
}

Test(nack, forgetting_leaves_nothing) {
    struct nack n, none;
    memset(&n, 0, sizeof(n));
    memset(&none, 0, sizeof(none));
    begin();
    nack_missed(&n, 3, 4, &path, at_ms(80));
    nack_missed(&n, 5, 6, &path, at_ms(120));
    nack_forget(&n);
    cr_expect_eq(memcmp(&n, &none, sizeof(n)), 0);
}

/* Frame 3 is due at 260, and asked for the second time when it is overdue, or as long as there is
 * time. */
Test(nack, it_is_asked_for_once_more_while_there_is_time) {
    static const struct {
        const char *what;
        int64_t missed_ms, again_ms; /* 0: it is not */
    } rows[] = {
        {"there is time to wait: a round trip and 10 ms", 100, 102 + 50},
        {"there is not: nine more, evenly, until 40 ms and 4 before 260", 180, 186},
        {"closer to each other where there is less", 190, 195},
        {"when it is nearly too late 2 ms after the first", 212, 216},
        {"and not when it is", 219, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nack n = {.count = 0};
        uint64_t from;
        begin();
        nack_missed(&n, 3, 4, &path, at_ms(rows[i].missed_ms));
        cr_expect_eq(ask(&n, rows[i].missed_ms + 2, &from), 1, "%s", rows[i].what);
        int64_t at = (nack_deadline(&n).us + 999) / 1000;
        uint64_t again = ask(&n, at, &from);
        cr_expect_eq(again != 0, rows[i].again_ms != 0, "%s", rows[i].what);
        if (again != 0)
            cr_expect_eq(at, rows[i].again_ms, "%s: %lld", rows[i].what, (long long)at);
    }
}

Test(nack, a_backfill_gets_the_time_that_it_takes) {
    struct nack n = {.count = 0};
    struct nack_path slow = path;
    begin();
    slow.spread = duration_ms(4);
    nack_missed(&n, 3, 9, &slow, at_ms(180));
    cr_expect_eq(nack_deadline(&n).us, 186000, "twice the jitter later");
}

/* One frame is lost and so many come, and that so many times. */
static void hears(struct nack *n, uint32_t times, uint32_t between) {
    for (uint32_t i = 0; i < times; i++)
        for (uint32_t k = 0; k < between; k++)
            nack_heard(n, 0, k == 0);
}

static void hears_all(struct nack *n, uint32_t frames) {
    for (uint32_t i = 0; i < frames; i++)
        nack_heard(n, 0, 0);
}

/* When a frame that is missed at 80 ms is asked for, with all copies; nothing is answered. */
static uint32_t asked_at(struct nack *n, int64_t rtt_ms, int64_t at_us[NACK_ASKS_MAX]) {
    struct nack_path way = {
        .rtt = duration_ms(rtt_ms), .rtt_min = duration_ms(rtt_ms - 2), .jitter = {1000}};
    struct nack_question q;
    uint32_t asks = 0;
    begin(); /* frame 3 is due at 260 */
    nack_missed(n, 3, 4, &way, at_ms(80));
    while (n->count > 0) {
        struct instant now = nack_deadline(n);
        bool any = nack_take(n, &playout, &way, now, &q);
        nack_check_invariants(n);
        cr_assert(!any || asks < NACK_ASKS_MAX);
        if (any)
            at_us[asks++] = now.us;
    }
    return asks;
}

Test(nack, how_often_it_is_asked_follows_what_the_path_loses) {
    static const struct {
        const char *what;
        uint32_t lost, between, then; /* frames; these come one after another */
        int64_t rtt_ms;
        uint32_t first, asks; /* in the first round, in all */
    } rows[] = {
        {"nothing else was lost", 0, 0, 0, 70, 1, 14},
        {"a loss or two in 64 frames", 2, 10, 0, 70, 1, 14},
        {"15 %", 9, 6, 0, 70, 2, 12},
        {"long ago", 9, 6, 64, 70, 1, 14},
        {"another round would be short of copies", 0, 0, 0, 75, 10, 10},
        {"there is one round, and nothing else was lost", 0, 0, 0, 100, 10, 10},
        {"there is one round, and a little is lost", 3, 10, 0, 100, 10, 10},
        {"two fifths are lost", 30, 1, 0, 70, 1, 3},
        {"two fifths, and there is one round", 30, 1, 0, 100, 2, 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nack n = {.count = 0};
        int64_t at_us[NACK_ASKS_MAX];
        hears(&n, rows[i].lost, rows[i].between);
        hears_all(&n, rows[i].then);
        uint32_t asks = asked_at(&n, rows[i].rtt_ms, at_us), first = 1;
        while (first < asks && at_us[first] - at_us[first - 1] < rows[i].rtt_ms * 1000)
            first++;
        cr_expect_eq(asks, rows[i].asks, "%s: %u", rows[i].what, asks);
        cr_expect_eq(first, rows[i].first, "%s: %u at first", rows[i].what, first);
        int64_t last_us = 260000 - rows[i].rtt_ms * 1000 - 4000;
        cr_expect_leq(at_us[asks - 1], last_us + 1000, "%s: too late", rows[i].what);
        cr_expect_geq(at_us[asks - 1], last_us - 1000, "%s: as long as there is time",
                      rows[i].what);
    }
}

/* An answer may be late by as much as frames are. */
Test(nack, the_last_question_leaves_its_answer_time_for_jitter) {
    static const struct {
        int64_t jitter_ms, last_ms; /* frame 3 is due at 260, the round trip is 60 ms */
    } rows[] = {{1, 196}, {2, 196}, {10, 180}, {15, 170}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nack n = {.count = 0};
        struct nack_path way = {.rtt = duration_ms(60),
                                .rtt_min = duration_ms(40),
                                .jitter = duration_ms(rows[i].jitter_ms)};
        struct nack_question q;
        int64_t last_us = 0;
        begin();
        nack_missed(&n, 3, 4, &way, at_ms(80));
        while (n.count > 0) {
            struct instant now = nack_deadline(&n);
            if (nack_take(&n, &playout, &way, now, &q))
                last_us = now.us;
        }
        cr_expect_leq(last_us, rows[i].last_ms * 1000, "jitter of %lld ms: %lld",
                      (long long)rows[i].jitter_ms, (long long)last_us);
        cr_expect_gt(last_us, (rows[i].last_ms - 3) * 1000, "jitter of %lld ms: %lld",
                     (long long)rows[i].jitter_ms, (long long)last_us);
    }
}

Test(nack, where_holes_stay_holes_there_are_no_copies_until_they_do_not) {
    struct nack n = {.count = 0};
    int64_t at_us[NACK_ASKS_MAX];
    uint64_t from;
    for (uint32_t hole = 0; hole < 5; hole++) {
        hears(&n, 3, 1);
        cr_expect_eq(asked_at(&n, 70, at_us), hole == 0 ? 14 : 12, "hole %u", hole);
    }
    cr_expect_eq(asked_at(&n, 70, at_us), NACK_ASKS_PLAIN, "five of the last 32 were not mended");
    for (uint64_t i = 0; i < 32; i++) { /* these are, one after the other */
        begin();
        nack_missed(&n, 3, 4, &path, at_ms(80));
        arrives(3, 81);
        cr_expect_eq(ask(&n, 82, &from), 0);
    }
    cr_expect_eq(asked_at(&n, 70, at_us), 12);
    hears_all(&n, 64);
    cr_expect(nack_is_quiet(&n) && n.vain == 0, "nothing is left of it");
}

/* Frames 3 and 4 are late at 90 and 110 ms, 5 comes at 115, 6 is lost and 7 comes at 150. */
Test(nack, what_is_late_is_asked_for_at_once_and_not_missed_again) {
    struct nack n = {.count = 0};
    uint64_t from;
    begin();
    nack_late(&n, 3, 4, at_ms(90));
    cr_expect_eq(ask(&n, 90, &from), 1);
    cr_expect_eq(from, 3);
    nack_late(&n, 4, 5, at_ms(110));
    cr_expect_eq(ask(&n, 110, &from), 1);
    cr_expect_eq(from, 4);
    nack_missed(&n, 3, 5, &path, at_ms(115));
    nack_heard(&n, 5, 2);
    cr_expect_eq(n.count, 2, "they are asked for already");
    cr_expect_eq(n.early, 0, "and are not late any more");
    nack_missed(&n, 6, 7, &path, at_ms(150));
    cr_expect_eq(n.count, 3);
    nack_late(&n, 8, 9, at_ms(190));
    nack_heard(&n, 7, 1);
    cr_expect_eq(n.early, 9, "an earlier one has come");
    nack_missed(&n, 8, 10, &path, at_ms(200));
    cr_expect_eq(n.count, 5, "frame 9 was not asked for");
    cr_expect_eq(n.runs[4].from, 9);
    nack_forget(&n);
    cr_expect_eq(n.early, 0);
}

/* What turns up is asked for once at most, and leaves nothing. */
Test(nack, who_was_only_late_is_forgotten) {
    struct nack n = {.count = 0};
    uint64_t from;
    begin();
    nack_late(&n, 3, 4, at_ms(90));
    cr_expect_eq(ask(&n, 90, &from), 1);
    arrives(3, 95);
    nack_heard(&n, 3, 0);
    cr_expect_eq(ask(&n, nack_deadline(&n).us / 1000 + 1, &from), 0);
    cr_expect(nack_is_quiet(&n) && n.early == 0);
}

Test(nack, another_path_has_lost_nothing_yet) {
    struct nack n = {.count = 0};
    nack_heard(&n, 0, 100);
    nack_check_invariants(&n);
    cr_expect_not(nack_is_quiet(&n));
    nack_restart(&n);
    cr_expect(nack_is_quiet(&n));
}
