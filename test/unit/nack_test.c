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

Test(nack, it_is_asked_for_again_after_a_round_trip_and_in_vain_three_times) {
    struct nack n = {.count = 0};
    struct nack_path near = {.rtt = {5000}, .rtt_min = {4000}, .jitter = {1000}};
    struct nack_question q;
    int64_t asked_us[8] = {0};
    uint32_t asks = 0;
    begin();
    nack_missed(&n, 3, 4, &near, at_ms(80));
    while (!instant_is_never(nack_deadline(&n))) {
        struct instant now = nack_deadline(&n);
        if (nack_take(&n, &playout, &near, now, &q))
            asked_us[asks++] = now.us;
        cr_assert_leq(asks, 8);
    }
    cr_expect_eq(asks, NACK_ASKS_MAX);
    cr_expect_eq(asked_us[1] - asked_us[0], 15000, "5 ms there and back, and 10 to spare");
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
        {"there is not: 40 ms and 4 before 260", 180, 216},
        {"10 ms after the first", 204, 216},
        {"not when the same burst would take both", 206, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nack n = {.count = 0};
        uint64_t from;
        begin();
        nack_missed(&n, 3, 4, &path, at_ms(rows[i].missed_ms));
        cr_expect_eq(ask(&n, rows[i].missed_ms + 2, &from), 1, "%s", rows[i].what);
        int64_t at = nack_deadline(&n).us / 1000;
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
