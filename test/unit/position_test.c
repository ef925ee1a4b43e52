#include "transcoder/timeline/position.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>

static const struct leg leg = {.ssrc = 7, .seq0 = 65530, .ts0 = 0xffffff00};

Test(position, a_frame_is_its_packet_and_back) {
    struct position p = position_of_leg(&leg, 960);
    struct rng g;
    rng_seed(&g, 1);
    for (int i = 0; i < 10000; i++) {
        uint64_t n = rng_below(&g, 100000000);
        uint64_t near = n + rng_below(&g, 60000);
        near = near > 30000 ? near - 30000 : 0;
        uint64_t found = FRAME_NEVER;
        cr_assert(
            position_frame(&p, 7, position_seq(&p, n), position_timestamp(&p, n), near, &found),
            "frame %llu near %llu", (unsigned long long)n, (unsigned long long)near);
        cr_assert_eq(found, n);
    }
}

Test(position, known_numbers) {
    struct position p = position_of_leg(&leg, 160);
    cr_expect_eq(position_seq(&p, 0), 65530);
    cr_expect_eq(position_seq(&p, 5), 65535);
    cr_expect_eq(position_seq(&p, 6), 0, "sequence numbers wrap");
    cr_expect_eq(position_timestamp(&p, 1), 0xffffff00 + 160);
    cr_expect_eq(position_timestamp(&p, 2), 0x40, "timestamps wrap");
}

Test(position, strangers_are_refused) {
    struct position p = position_of_leg(&leg, 160);
    static const struct {
        const char *what;
        uint32_t ssrc;
        int seq_off;
        int ts_off;
        uint64_t near;
        uint64_t frame;
        bool expect;
    } rows[] = {
        {"the frame itself", 7, 0, 0, 1000, 1000, true},
        {"another's SSRC", 8, 0, 0, 1000, 1000, false},
        {"one tick off", 7, 0, 1, 1000, 1000, false},
        {"a sequence number off", 7, 1, 0, 1000, 1000, false},
        {"both off by a frame are just another frame", 7, 1, 160, 1000, 1000, true},
        {"as far ahead as can be told", 7, 0, 0, 1000, 1000 + 32767, true},
        {"further ahead", 7, 0, 0, 1000, 1000 + 32769, false},
        {"as far back", 7, 0, 0, 40000, 40000 - 32768, true},
        {"frame 0", 7, 0, 0, 5, 0, true},
        {"before frame 0", 7, -1, -160, 5, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t found = 123;
        uint16_t seq = (uint16_t)(position_seq(&p, rows[i].frame) + rows[i].seq_off);
        uint32_t ts = position_timestamp(&p, rows[i].frame) + (uint32_t)rows[i].ts_off;
        bool ok = position_frame(&p, rows[i].ssrc, seq, ts, rows[i].near, &found);
        cr_expect_eq(ok, rows[i].expect, "%s", rows[i].what);
        if (!ok)
            cr_expect_eq(found, 123, "%s: touched", rows[i].what);
    }
}
