#include "transcoder/rtp/sdp.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sdp_session opus(void) {
    return (struct sdp_session){.name = "radio",
                                .address = "127.0.0.1",
                                .port = 5004,
                                .id = 42,
                                .encoding = "opus",
                                .payload_type = 96,
                                .clock_hz = 48000,
                                .channels = 2,
                                .fmtp = "stereo=0; cbr=1",
                                .ptime_ms = 20};
}

Test(sdp, opus_in_full) {
    char text[SDP_LEN_MAX];
    struct sdp_session s = opus();
    const char *expect = "v=0\r\n"
                         "o=- 42 1 IN IP4 127.0.0.1\r\n"
                         "s=radio\r\n"
                         "c=IN IP4 127.0.0.1\r\n"
                         "t=0 0\r\n"
                         "m=audio 5004 RTP/AVP 96\r\n"
                         "a=rtpmap:96 opus/48000/2\r\n"
                         "a=fmtp:96 stereo=0; cbr=1\r\n"
                         "a=ptime:20\r\n"
                         "a=recvonly\r\n"
                         "a=rtcp-mux\r\n";
    cr_expect_eq(sdp_write(text, sizeof(text), &s), strlen(expect));
    cr_expect_str_eq(text, expect);
}

Test(sdp, variations) {
    char text[SDP_LEN_MAX];
    struct sdp_session s = opus();
    s.encoding = "PCMU";
    s.payload_type = 0;
    s.clock_hz = 8000;
    s.channels = 1;
    s.fmtp = NULL;
    s.name = NULL;
    s.address = "::1";
    cr_assert_gt(sdp_write(text, sizeof(text), &s), 0);
    cr_expect(strstr(text, "a=rtpmap:0 PCMU/8000\r\n"), "one channel is not written");
    cr_expect_null(strstr(text, "fmtp"));
    cr_expect(strstr(text, "s=-\r\n"), "a session must have some name");
    cr_expect(strstr(text, "c=IN IP6 ::1\r\n"));
}

Test(sdp, refusals) {
    char text[SDP_LEN_MAX];
    struct sdp_session s = opus();
    size_t len = sdp_write(text, sizeof(text), &s);
    for (size_t n = 0; n <= len; n++)
        cr_expect_eq(sdp_write(text, n, &s), 0, "%zu bytes do not hold it", n);
    cr_expect_eq(sdp_write(text, len + 1, &s), len, "with its terminator it fits");
    s.name = "radio\r\na=evil";
    cr_expect_eq(sdp_write(text, sizeof(text), &s), 0, "a name cannot write lines of its own");
    s = opus();
    s.fmtp = "x\ny";
    cr_expect_eq(sdp_write(text, sizeof(text), &s), 0, "nor can parameters");
}
