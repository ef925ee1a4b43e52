#include "transcoder/rtp/rtx.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct rtp_packet original = {.marker = true,
                                           .payload_type = 111,
                                           .seq = 0xfffe,
                                           .timestamp = 0x89abcdef,
                                           .ssrc = 0x01020304,
                                           .payload = (const uint8_t *)"sound",
                                           .payload_len = 5};

Test(rtx, what_is_sent_again_is_the_packet_that_was_lost) {
    uint8_t datagram[64];
    size_t len = rtx_encode(datagram, sizeof(datagram), &original, 7);
    cr_assert_eq(len, RTP_HEADER_BYTES + RTX_OSN_BYTES + 5);
    struct rtp_packet p, back;
    cr_assert_eq(rtp_decode(&p, datagram, len), ERR_OK);
    cr_expect_eq(p.ssrc, 0xfefdfcfb, "a source of its own (RFC 4588 section 4)");
    cr_expect_eq(p.payload_type, 112);
    cr_expect_eq(p.seq, 7, "numbered on its own");
    cr_expect_eq(p.timestamp, original.timestamp);
    cr_expect_eq(p.payload[0] << 8 | p.payload[1], 0xfffe, "the original number leads");
    cr_assert(rtx_decode(&back, &p, 111, original.ssrc));
    cr_expect_eq(back.seq, original.seq);
    cr_expect_eq(back.ssrc, original.ssrc);
    cr_expect_eq(back.payload_type, 111);
    cr_expect(back.marker);
    cr_assert_eq(back.payload_len, 5);
    cr_expect_arr_eq(back.payload, "sound", 5);
    cr_assert(rtx_decode(&p, &p, 111, original.ssrc), "in place, too");
    cr_expect_eq(p.seq, original.seq);
}

Test(rtx, it_needs_room) {
    uint8_t datagram[RTP_HEADER_BYTES + RTX_OSN_BYTES + 5];
    cr_expect_eq(rtx_encode(datagram, sizeof(datagram) - 1, &original, 7), 0);
    cr_expect_eq(rtx_encode(datagram, sizeof(datagram), &original, 7), sizeof(datagram));
}

Test(rtx, payload_types_are_dynamic_ones_and_never_the_streams_own) {
    static const struct {
        uint8_t of, is;
    } rows[] = {{0, 97}, {3, 97}, {95, 97}, {96, 97}, {97, 98}, {126, 127}, {127, 96}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(rtx_payload_type(rows[i].of), rows[i].is, "%u", rows[i].of);
}

Test(rtx, what_is_not_one_is_left_alone) {
    static const struct {
        const char *what;
        uint32_t ssrc;
        uint8_t payload_type;
        size_t payload_len;
    } rows[] = {
        {"the stream itself", 0x01020304, 111, 5},
        {"another source", 0xfefdfcfa, 112, 5},
        {"another payload type", 0xfefdfcfb, 111, 5},
        {"no original number", 0xfefdfcfb, 112, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp_packet p = original, back = {.seq = 1};
        p.ssrc = rows[i].ssrc;
        p.payload_type = rows[i].payload_type;
        p.payload_len = rows[i].payload_len;
        cr_expect_not(rtx_decode(&back, &p, 111, 0x01020304), "%s", rows[i].what);
        cr_expect_eq(back.seq, 1, "%s", rows[i].what);
    }
}
