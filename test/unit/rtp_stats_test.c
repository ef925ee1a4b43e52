#include "transcoder/rtp/stats.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

/* Feeds a list of sequence numbers, 20 ms apart, at 8 kHz. */
static void feed(struct rtp_stats *s, const uint16_t *seqs, size_t count) {
    for (size_t i = 0; i < count; i++)
        rtp_stats_received(s, seqs[i], (uint32_t)(seqs[i] * 160U), at_ms((int64_t)i * 20));
}

Test(rtp_stats, expected_and_lost) {
    static const struct {
        const char *what;
        uint16_t seqs[8];
        size_t count;
        uint64_t expected;
        int64_t lost;
        uint32_t highest;
    } rows[] = {
        {"nothing yet", {0}, 0, 0, 0, 0},
        {"one packet", {5}, 1, 1, 0, 5},
        {"in a row", {5, 6, 7, 8}, 4, 4, 0, 8},
        {"two lost", {5, 6, 9}, 3, 5, 2, 9},
        {"one late", {5, 7, 6}, 3, 3, 0, 7},
        {"a duplicate makes it negative", {5, 6, 6, 7}, 4, 3, -1, 7},
        {"across the wrap", {65534, 65535, 0, 1}, 4, 4, 0, 0x10001},
        {"lost across the wrap", {65534, 1}, 2, 4, 2, 0x10001},
        {"one late across the wrap", {65535, 1, 0}, 3, 3, 0, 0x10001},
        {"a wild number is no packet", {5, 6, 30000, 7}, 4, 3, 0, 7},
        {"two wild ones in a row restart", {5, 6, 30000, 30001}, 4, 1, 0, 30001},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp_stats s;
        rtp_stats_init(&s, 8000);
        feed(&s, rows[i].seqs, rows[i].count);
        cr_expect_eq(rtp_stats_expected(&s), rows[i].expected, "%s: %llu expected", rows[i].what,
                     (unsigned long long)rtp_stats_expected(&s));
        cr_expect_eq(rtp_stats_lost(&s), rows[i].lost, "%s: %lld lost", rows[i].what,
                     (long long)rtp_stats_lost(&s));
        cr_expect_eq(rtp_stats_highest_seq(&s), rows[i].highest, "%s", rows[i].what);
    }
}

Test(rtp_stats, jitter_is_that_of_the_rfc) {
    struct rtp_stats s;
    rtp_stats_init(&s, 8000);
    for (int i = 0; i < 200; i++)
        rtp_stats_received(&s, (uint16_t)i, (uint32_t)i * 160, at_ms(i * 20));
    cr_expect_eq(rtp_stats_jitter(&s), 0, "a steady path has none");
    /* Alternating 10 ms late and in time: |D| is 80 ticks for ever, and so J tends to 80. */
    for (int i = 200; i < 600; i++)
        rtp_stats_received(&s, (uint16_t)i, (uint32_t)i * 160, at_ms(i * 20 + i % 2 * 10));
    cr_expect(rtp_stats_jitter(&s) >= 78 && rtp_stats_jitter(&s) <= 80, "%u ticks",
              rtp_stats_jitter(&s));
    cr_expect(rtp_stats_jitter_time(&s).us >= 9750 && rtp_stats_jitter_time(&s).us <= 10000);
}

Test(rtp_stats, jitter_survives_the_wrap_of_the_timestamp) {
    struct rtp_stats s;
    rtp_stats_init(&s, 48000);
    for (uint32_t i = 0; i < 100; i++)
        rtp_stats_received(&s, (uint16_t)i, UINT32_MAX - 20 * 960 + i * 960,
                           at_ms((int64_t)i * 20));
    cr_expect_leq(rtp_stats_jitter(&s), 1);
}

Test(rtp_stats, a_block_speaks_of_the_interval_since_the_last) {
    struct rtp_stats s;
    struct rtcp_block b;
    rtp_stats_init(&s, 8000);
    uint16_t first[] = {0, 1, 2, 3};
    feed(&s, first, 4);
    rtp_stats_block(&s, &b, 9, at_ms(100));
    cr_expect_eq(b.ssrc, 9);
    cr_expect_eq(b.fraction_lost, 0);
    cr_expect_eq(b.last_sr, 0);
    cr_expect_eq(b.delay, 0, "no SR heard yet");
    uint16_t second[] = {5, 7}; /* 4 and 6 are missing: half of four */
    feed(&s, second, 2);
    rtp_stats_sr_received(&s, 0x0123456789abcdef, at_ms(200));
    rtp_stats_block(&s, &b, 9, at_ms(1200));
    cr_expect_eq(b.fraction_lost, 128);
    cr_expect_eq(b.cumulative_lost, 2);
    cr_expect_eq(b.highest_seq, 7);
    cr_expect_eq(b.last_sr, 0x456789ab);
    cr_expect_eq(b.delay, 65536, "one second");
    rtp_stats_block(&s, &b, 9, at_ms(1300));
    cr_expect_eq(b.fraction_lost, 0, "nothing was expected since");
    cr_expect_eq(b.cumulative_lost, 2);
}

Test(rtp_stats, cumulative_loss_stays_within_24_bits) {
    struct rtp_stats s;
    struct rtcp_block b;
    rtp_stats_init(&s, 8000);
    for (uint32_t i = 0; i < 10000; i++) /* 2,999 of 3,000 missing: 30 million */
        rtp_stats_received(&s, (uint16_t)(i * 2999), 0, at_ms(0));
    cr_expect_gt(rtp_stats_lost(&s), 0x7fffff);
    rtp_stats_block(&s, &b, 1, at_ms(0));
    cr_expect_eq(b.cumulative_lost, 0x7fffff);
    cr_expect_eq(b.fraction_lost, 255);
}
