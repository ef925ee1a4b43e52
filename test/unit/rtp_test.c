#include "transcoder/rtp/rtp.h"

#include <criterion/criterion.h>
#include <string.h>

/* Version 2, payload type 96, seq 0x1234, timestamp 0x01020304, SSRC 0xa1a2a3a4. */
#define HEADER "\x80\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"

/* A flat table. */
Test(rtp, decodes_what_the_rfc_allows_and_nothing_else) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        enum err expect;
        size_t payload_at;
        size_t payload_len;
    } rows[] = {
        {"header and payload", HEADER "abc", 15, ERR_OK, 12, 3},
        {"header only", HEADER, 12, ERR_OK, 12, 0},
        {"nothing", "", 0, ERR_TRUNCATED, 0, 0},
        {"one byte", "\x80", 1, ERR_TRUNCATED, 0, 0},
        {"eleven bytes", HEADER, 11, ERR_TRUNCATED, 0, 0},
        {"version 1", "\x40\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4", 12, ERR_BAD_VERSION, 0,
         0},
        {"our own messages", "\xf9\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12,
         ERR_BAD_VERSION, 0, 0},
        {"RTCP", "\x80\xc8\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4", 12, ERR_BAD_KIND, 0, 0},
        {"two contributing sources",
         "\x82"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "11112222x",
         21, ERR_OK, 20, 1},
        {"contributing sources cut",
         "\x82"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "1111222",
         19, ERR_TRUNCATED, 0, 0},
        {"extension of one word",
         "\x90"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "\xbe\xde\x00\x01wordx",
         21, ERR_OK, 20, 1},
        {"extension longer than the packet",
         "\x90"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "\xbe\xde\x00\x02wordx",
         21, ERR_TRUNCATED, 0, 0},
        {"extension header cut",
         "\x90"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "\xbe\xde\x00",
         15, ERR_TRUNCATED, 0, 0},
        {"padding of two",
         "\xa0"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "ab\x00\x02",
         16, ERR_OK, 12, 2},
        {"padding is all",
         "\xa0"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "\x00\x00\x03",
         15, ERR_OK, 12, 0},
        {"padding of none",
         "\xa0"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "ab\x00\x00",
         16, ERR_BAD_FIELD, 0, 0},
        {"padding reaches into the header",
         "\xa0"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4"
         "ab\x05",
         15, ERR_BAD_FIELD, 0, 0},
        {"padding without a payload",
         "\xa0"
         "\x60\x12\x34\x01\x02\x03\x04\xa1\xa2\xa3\xa4",
         12, ERR_TRUNCATED, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp_packet p, before;
        memset(&p, 0x55, sizeof(p));
        before = p;
        enum err e = rtp_decode(&p, rows[i].bytes, rows[i].len);
        cr_expect_eq(e, rows[i].expect, "%s: %s", rows[i].what, err_name(e));
        if (rows[i].expect != ERR_OK) {
            cr_expect_arr_eq(&p, &before, sizeof(p), "%s: touched", rows[i].what);
            continue;
        }
        cr_expect_eq(p.seq, 0x1234, "%s", rows[i].what);
        cr_expect_eq(p.timestamp, 0x01020304, "%s", rows[i].what);
        cr_expect_eq(p.ssrc, 0xa1a2a3a4, "%s", rows[i].what);
        cr_expect_eq(p.payload_type, 96, "%s", rows[i].what);
        cr_expect_eq(p.payload, (const uint8_t *)rows[i].bytes + rows[i].payload_at, "%s",
                     rows[i].what);
        cr_expect_eq(p.payload_len, rows[i].payload_len, "%s", rows[i].what);
    }
}

Test(rtp, what_is_written_can_be_read) {
    const struct rtp_packet in = {.marker = true,
                                  .payload_type = 127,
                                  .seq = 65535,
                                  .timestamp = UINT32_MAX,
                                  .ssrc = 7,
                                  .payload = (const uint8_t *)"payload",
                                  .payload_len = 7};
    uint8_t bytes[19], header[RTP_HEADER_BYTES];
    cr_assert_eq(rtp_encode(bytes, sizeof(bytes), &in), 19);
    rtp_header_encode(header, &in);
    cr_expect_arr_eq(bytes, header, sizeof(header), "both ways of writing agree");
    struct rtp_packet out;
    /* 0xff with the marker is payload type 127: outside 192…223, hence not RTCP. */
    cr_assert_eq(rtp_decode(&out, bytes, sizeof(bytes)), ERR_OK);
    cr_expect(out.marker);
    cr_expect_eq(out.payload_type, 127);
    cr_expect_eq(out.seq, 65535);
    cr_expect_eq(out.timestamp, UINT32_MAX);
    cr_expect_eq(out.payload_len, 7);
    cr_expect_arr_eq(out.payload, "payload", 7);
    cr_expect_eq(rtp_encode(bytes, 18, &in), 0, "it does not fit");
}

Test(rtp, kinds_share_a_port) {
    static const struct {
        const char *what;
        uint8_t first, second;
        enum rtp_kind expect;
    } rows[] = {
        {"RTP", 0x80, 96, RTP_KIND_RTP},
        {"RTP with the marker and a low type", 0x80, 0x80, RTP_KIND_RTP},
        {"just below RTCP", 0x80, 191, RTP_KIND_RTP},
        {"first of RTCP", 0x80, 192, RTP_KIND_RTCP},
        {"SR", 0x81, 200, RTP_KIND_RTCP},
        {"last of RTCP", 0xbf, 223, RTP_KIND_RTCP},
        {"just above RTCP", 0x80, 224, RTP_KIND_RTP},
        {"STUN", 0x00, 1, RTP_KIND_NEITHER},
        {"DTLS", 22, 254, RTP_KIND_NEITHER},
        {"just below version 2", 127, 96, RTP_KIND_NEITHER},
        {"just above version 2", 192, 96, RTP_KIND_NEITHER},
        {"our own", 0xf9, 1, RTP_KIND_NEITHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[2] = {rows[i].first, rows[i].second};
        cr_expect_eq(rtp_kind(bytes, 2), rows[i].expect, "%s", rows[i].what);
    }
    cr_expect_eq(rtp_kind("\x80", 1), RTP_KIND_NEITHER, "too short to say");
}
