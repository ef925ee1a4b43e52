#include "transcoder/rtp/rtcp.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rtcp_report sample(bool sender, uint8_t blocks, bool bye) {
    struct rtcp_report r = {
        .ssrc = 0xa1a2a3a4, .is_sender = sender, .block_count = blocks, .bye = bye};
    if (sender) {
        r.ntp = 0x0123456789abcdef;
        r.rtp = 0x11223344;
        r.packets = 1000;
        r.octets = 160000;
    }
    for (uint8_t i = 0; i < blocks; i++)
        r.blocks[i] = (struct rtcp_block){.ssrc = i + 1U,
                                          .fraction_lost = 255,
                                          .cumulative_lost = i % 2 ? -3 : 0x7fffff,
                                          .highest_seq = 0x00010002,
                                          .jitter = 77,
                                          .last_sr = 0x456789ab,
                                          .delay = 65536};
    strcpy(r.cname, "listener@example");
    return r;
}

static void expect_same(const char *what, const struct rtcp_report *a,
                        const struct rtcp_report *b) {
    cr_expect_eq(a->ssrc, b->ssrc, "%s", what);
    cr_expect_eq(a->is_sender, b->is_sender, "%s", what);
    cr_expect_eq(a->ntp, b->ntp, "%s", what);
    cr_expect_eq(a->rtp, b->rtp, "%s", what);
    cr_expect_eq(a->packets, b->packets, "%s", what);
    cr_expect_eq(a->octets, b->octets, "%s", what);
    cr_expect_eq(a->bye, b->bye, "%s", what);
    cr_expect_str_eq(a->cname, b->cname, "%s", what);
    cr_expect_eq(a->playout.depth_ms, b->playout.depth_ms, "%s", what);
    cr_expect_eq(a->playout.burst_x16, b->playout.burst_x16, "%s", what);
    cr_assert_eq(a->block_count, b->block_count, "%s", what);
    for (int i = 0; i < a->block_count; i++) {
        cr_expect_eq(a->blocks[i].ssrc, b->blocks[i].ssrc, "%s", what);
        cr_expect_eq(a->blocks[i].fraction_lost, b->blocks[i].fraction_lost, "%s", what);
        cr_expect_eq(a->blocks[i].cumulative_lost, b->blocks[i].cumulative_lost, "%s", what);
        cr_expect_eq(a->blocks[i].highest_seq, b->blocks[i].highest_seq, "%s", what);
        cr_expect_eq(a->blocks[i].jitter, b->blocks[i].jitter, "%s", what);
        cr_expect_eq(a->blocks[i].last_sr, b->blocks[i].last_sr, "%s", what);
        cr_expect_eq(a->blocks[i].delay, b->blocks[i].delay, "%s", what);
    }
}

Test(rtcp, what_is_written_can_be_read) {
    static const struct {
        const char *what;
        bool sender;
        uint8_t blocks;
        bool bye;
        size_t len; /* 4 or 28 or 8 + 24 a block; SDES 28; BYE 8 */
    } rows[] = {
        {"SR", true, 0, false, 28 + 28},
        {"SR with a block", true, 1, false, 28 + 24 + 28},
        {"RR", false, 0, false, 8 + 28},
        {"RR with four blocks", false, 4, false, 8 + 96 + 28},
        {"SR and BYE", true, 0, true, 28 + 28 + 8},
        {"everything", true, 4, true, 28 + 96 + 28 + 8},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtcp_report in = sample(rows[i].sender, rows[i].blocks, rows[i].bye), out;
        uint8_t bytes[RTCP_LEN_MAX];
        size_t len = rtcp_encode(bytes, sizeof(bytes), &in);
        cr_assert_eq(len, rows[i].len, "%s: %zu bytes", rows[i].what, len);
        cr_assert_eq(rtcp_decode(&out, bytes, len), ERR_OK, "%s", rows[i].what);
        expect_same(rows[i].what, &in, &out);
        cr_expect_eq(rtcp_encode(bytes, len - 1, &in), 0, "%s: does not fit", rows[i].what);
    }
}

Test(rtcp, a_receiver_tells_of_its_buffer_and_others_skip_it) {
    struct rtcp_report in = sample(false, 1, true), out;
    in.playout = (struct rtcp_playout){.depth_ms = 250, .burst_x16 = 56};
    uint8_t bytes[RTCP_LEN_MAX];
    size_t len = rtcp_encode(bytes, sizeof(bytes), &in), at = 8 + 24 + 28;
    cr_assert_eq(len, at + 16 + 8);
    cr_assert_eq(rtcp_decode(&out, bytes, len), ERR_OK);
    expect_same("with a buffer", &in, &out);
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } rows[] = {{"another subtype", 0, 0x81},
                {"a kind nobody knows", 1, 210},
                {"another sender's", 7, 0},
                {"another application", 8, 'p'},
                {"no depth", 13, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t was = bytes[at + rows[i].at];
        bytes[at + rows[i].at] = rows[i].value;
        cr_assert_eq(rtcp_decode(&out, bytes, len), ERR_OK, "%s", rows[i].what);
        cr_expect(out.playout.depth_ms == 0 && out.playout.burst_x16 == 0, "%s", rows[i].what);
        cr_expect(out.bye && out.block_count == 1, "%s: the rest counts", rows[i].what);
        bytes[at + rows[i].at] = was;
    }
}

Test(rtcp, a_name_of_any_length_fills_its_words) {
    for (size_t n = 0; n <= RTCP_CNAME_LEN_MAX; n++) {
        struct rtcp_report in = sample(true, 0, false), out;
        memset(in.cname, 'x', n);
        in.cname[n] = 0;
        uint8_t bytes[RTCP_LEN_MAX];
        size_t len = rtcp_encode(bytes, sizeof(bytes), &in);
        if (n == 0) {
            cr_expect_eq(len, 0, "a compound packet must carry a name");
            continue;
        }
        cr_assert_eq(len % 4, 0);
        cr_assert_eq(rtcp_decode(&out, bytes, len), ERR_OK, "%zu characters", n);
        cr_expect_str_eq(in.cname, out.cname);
    }
}

Test(rtcp, every_truncation_is_refused_untouched) {
    struct rtcp_report in = sample(true, 2, true), out, before;
    uint8_t bytes[RTCP_LEN_MAX];
    size_t len = rtcp_encode(bytes, sizeof(bytes), &in);
    size_t whole_parts[] = {28 + 48, 28 + 48 + 28}; /* SR; SR and SDES: whole compounds, too */
    for (size_t n = 0; n < len; n++) {
        memset(&out, 0x55, sizeof(out));
        before = out;
        enum err e = rtcp_decode(&out, bytes, n);
        if (n == whole_parts[0] || n == whole_parts[1]) {
            cr_expect_eq(e, ERR_OK);
            continue;
        }
        cr_expect_neq(e, ERR_OK, "%zu bytes", n);
        cr_expect_arr_eq(&out, &before, sizeof(out), "%zu bytes", n);
    }
}

/* A flat table. */
Test(rtcp, foreign_and_damaged_packets) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        enum err expect;
    } rows[] = {
        {"an empty RR",
         "\x80\xc9\x00\x01"
         "ssrc",
         8, ERR_OK},
        {"begins with SDES", "\x80\xca\x00\x00", 4, ERR_BAD_KIND},
        {"begins with BYE", "\x80\xcb\x00\x00", 4, ERR_BAD_KIND},
        {"version 1",
         "\x40\xc9\x00\x01"
         "ssrc",
         8, ERR_BAD_VERSION},
        {"RR without its SSRC", "\x80\xc9\x00\x00", 4, ERR_BAD_FIELD},
        {"RR says one block and has none",
         "\x81\xc9\x00\x01"
         "ssrc",
         8, ERR_BAD_FIELD},
        {"SR without sender information",
         "\x80\xc8\x00\x01"
         "ssrc",
         8, ERR_BAD_FIELD},
        {"RR with a profile's extension",
         "\x80\xc9\x00\x02"
         "ssrcmore",
         12, ERR_OK},
        {"an unknown kind behind it is skipped",
         "\x80\xc9\x00\x01"
         "ssrc"
         "\x81\xce\x00\x01"
         "????",
         16, ERR_OK},
        {"an unknown kind that is cut",
         "\x80\xc9\x00\x01"
         "ssrc"
         "\x81\xce\x00\x02"
         "????",
         16, ERR_TRUNCATED},
        {"three bytes behind it",
         "\x80\xc9\x00\x01"
         "ssrc"
         "\x80\xce\x00",
         11, ERR_TRUNCATED},
        {"padding in a packet that is not the last",
         "\xa0\xc9\x00\x02"
         "ssrc"
         "\x00\x00\x00\x04"
         "\x80\xcb\x00\x00",
         16, ERR_BAD_FIELD},
        {"padding in the last",
         "\xa0\xc9\x00\x02"
         "ssrc"
         "\x00\x00\x00\x04",
         12, ERR_OK},
        {"padding that is no multiple of four",
         "\xa0\xc9\x00\x02"
         "ssrc"
         "\x00\x00\x00\x03",
         12, ERR_BAD_FIELD},
        {"padding longer than its packet",
         "\xa0\xc9\x00\x02"
         "ssrc"
         "\x00\x00\x00\x0c",
         12, ERR_BAD_FIELD},
        {"SDES item longer than its chunk",
         "\x80\xc9\x00\x01"
         "ssrc"
         "\x81\xca\x00\x02"
         "ssrc"
         "\x01\x09"
         "ab",
         20, ERR_BAD_FIELD},
        {"SDES without an end",
         "\x80\xc9\x00\x01"
         "ssrc"
         "\x81\xca\x00\x02"
         "ssrc"
         "\x01\x02"
         "ab",
         20, ERR_BAD_FIELD},
        {"BYE of more sources than it holds",
         "\x80\xc9\x00\x01"
         "ssrc"
         "\x82\xcb\x00\x01"
         "ssrc",
         16, ERR_BAD_FIELD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtcp_report r;
        enum err e = rtcp_decode(&r, rows[i].bytes, rows[i].len);
        cr_expect_eq(e, rows[i].expect, "%s: %s", rows[i].what, err_name(e));
    }
}

Test(rtcp, only_the_senders_own_name_and_bye_count) {
    struct rtcp_report r;
    static const char another[] = "\x80\xc9\x00\x01"
                                  "ssrc"
                                  "\x81\xca\x00\x03"
                                  "SSRC"
                                  "\x01\x04name\x00\x00"
                                  "\x81\xcb\x00\x01"
                                  "SSRC";
    cr_assert_eq(rtcp_decode(&r, another, sizeof(another) - 1), ERR_OK);
    cr_expect_str_eq(r.cname, "");
    cr_expect_not(r.bye);
}

Test(rtcp, more_blocks_than_we_keep) {
    uint8_t bytes[8 + 31 * 24] = {0x80 | 31, 201, 0, 1 + 31 * 6};
    struct rtcp_report r;
    cr_assert_eq(rtcp_decode(&r, bytes, sizeof(bytes)), ERR_OK);
    cr_expect_eq(r.block_count, RTCP_BLOCKS_MAX);
}

Test(rtcp, clocks_map_both_ways) {
    struct instant at = instant_us(5000000);
    /* RFC 5905: the Unix epoch is 2208988800 s into era 0. */
    struct rtcp_clock c = rtcp_clock_from_wall(at, (struct wall){.us = 500000});
    cr_expect_eq(c.ntp >> 32, 2208988800);
    cr_expect_eq(c.ntp & 0xffffffff, 0x80000000, "half a second");
    for (int64_t us = -3000001; us < 4000000; us += 333337) {
        struct instant t = instant_us(at.us + us);
        struct instant back = rtcp_instant_at(&c, rtcp_ntp_at(&c, t));
        cr_expect_leq(llabs(back.us - t.us), 1, "%lld us off", (long long)(back.us - t.us));
    }
}

Test(rtcp, round_trip) {
    static const struct {
        const char *what;
        uint32_t last_sr, delay, now;
        bool known;
        int64_t expect_us;
    } rows[] = {
        /* RFC 3550 section 6.4.1, figure 2: 0xb7108000 - 0x00054000 - 0xb7052000 = 0x00062000 */
        {"the example of the RFC", 0xb7052000, 0x00054000, 0xb7108000, true, 6125000},
        {"no SR heard yet", 0, 0x00054000, 0xb7108000, false, 0},
        {"negative: a clock stepped", 0xb7052000, 0x00154000, 0xb7108000, false, 0},
        {"across the wrap of 18 hours", 0xffff0000, 0x00008000, 0x00004000, true, 750000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtcp_block b = {.last_sr = rows[i].last_sr, .delay = rows[i].delay};
        struct duration rtt = duration_us(-1);
        bool known = rtcp_round_trip(&b, (uint64_t)rows[i].now << 16, &rtt);
        cr_expect_eq(known, rows[i].known, "%s", rows[i].what);
        cr_expect_eq(rtt.us, known ? rows[i].expect_us : -1, "%s: %lld", rows[i].what,
                     (long long)rtt.us);
    }
    cr_expect_eq(rtcp_delay(duration_ms(1500)), 98304);
    cr_expect_eq(rtcp_delay(duration_ms(-1)), 0);
    cr_expect_eq(rtcp_delay(DURATION_ENDLESS), UINT32_MAX);
}

Test(rtcp, intervals) {
    struct duration least = duration_s(5);
    double mean = (double)rtcp_interval(64000, 120, least, false, 0.5).us / 1e6;
    cr_expect(fabs(mean - 5 / 1.21828) < 0.01, "%f", mean);
    cr_expect_eq(rtcp_interval(64000, 120, least, true, 0.5).us,
                 rtcp_interval(64000, 120, least, false, 0.5).us / 2, "the first one comes sooner");
    double low = (double)rtcp_interval(64000, 120, least, false, 0).us;
    double high = (double)rtcp_interval(64000, 120, least, false, 0.999999).us;
    cr_expect(fabs(high / low - 3) < 0.01, "from half to one and a half");
    cr_expect_gt(rtcp_interval(1000, 120, least, false, 0.5).us, 30000000,
                 "a thin line is asked for less");
}

/* ---- Generic NACK, RFC 4585 section 6.2.1 ---- */

static struct rtcp_report nacking(void) {
    struct rtcp_report r = sample(false, 0, false);
    r.nack_ssrc = 0xb1b2b3b4;
    cr_assert(rtcp_nack_add(&r, 0xfffe));
    cr_assert(rtcp_nack_add(&r, 0xfffe), "said twice is said once");
    cr_assert(rtcp_nack_add(&r, 0x0000), "numbers wrap");
    cr_assert(rtcp_nack_add(&r, 0x000e), "sixteen further");
    cr_assert(rtcp_nack_add(&r, 0x000f), "which begins a pair");
    return r;
}

Test(rtcp, missing_packets_are_asked_for_in_pairs) {
    struct rtcp_report r = nacking(), back;
    uint8_t out[RTCP_LEN_MAX];
    cr_assert_eq(r.nack_count, 2);
    cr_expect_eq(r.nacks[0].after, 1U << 1 | 1U << 15);
    size_t len = rtcp_encode(out, sizeof(out), &r);
    cr_assert_eq(len, 8 + 28 + 20);
    const uint8_t feedback[] = {0x81, 205,  0,    4,    0xa1, 0xa2, 0xa3, 0xa4, 0xb1, 0xb2,
                                0xb3, 0xb4, 0xff, 0xfe, 0x80, 0x02, 0x00, 0x0f, 0x00, 0x00};
    cr_expect_arr_eq(out + 8 + 28, feedback, sizeof(feedback));
    cr_assert_eq(rtcp_decode(&back, out, len), ERR_OK);
    cr_expect_eq(back.nack_ssrc, 0xb1b2b3b4);
    cr_assert_eq(back.nack_count, 2);
    cr_expect_eq(back.nacks[0].seq, 0xfffe);
    cr_expect_eq(back.nacks[0].after, 0x8002);
    cr_expect_eq(back.nacks[1].seq, 0x000f);
}

Test(rtcp, there_is_room_for_so_many_pairs_and_all_of_it_fits) {
    struct rtcp_report r = sample(true, RTCP_BLOCKS_MAX, true);
    uint8_t out[RTCP_LEN_MAX];
    memset(r.cname, 'x', RTCP_CNAME_LEN_MAX);
    for (uint16_t i = 0; i < RTCP_NACKS_MAX; i++)
        cr_expect(rtcp_nack_add(&r, (uint16_t)(100 * i)));
    cr_expect_not(rtcp_nack_add(&r, 5000));
    cr_expect(rtcp_nack_add(&r, 100 * (RTCP_NACKS_MAX - 1) + 3), "within the last pair");
    cr_expect_gt(rtcp_encode(out, sizeof(out), &r), 0);
}

Test(rtcp, broken_feedback_is_refused_and_other_feedback_skipped) {
    struct rtcp_report r = nacking(), back;
    uint8_t good[RTCP_LEN_MAX], out[RTCP_LEN_MAX];
    size_t len = rtcp_encode(good, sizeof(good), &r), at = 8 + 28;
    memcpy(out, good, len);
    out[at] = 0x8f; /* transport-wide congestion control */
    cr_assert_eq(rtcp_decode(&back, out, len), ERR_OK);
    cr_expect_eq(back.nack_count, 0);
    memcpy(out, good, len);
    out[at + 3] = 2; /* no pair */
    cr_expect_eq(rtcp_decode(&back, out, at + 12), ERR_BAD_FIELD);
    out[at + 3] = 1; /* nobody's packets */
    cr_expect_eq(rtcp_decode(&back, out, at + 8), ERR_BAD_FIELD);
    cr_expect_eq(rtcp_decode(&back, good, len - 4), ERR_TRUNCATED);
}
