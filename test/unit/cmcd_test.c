#include "transcoder/hls/cmcd.h"

#include <criterion/criterion.h>
#include <string.h>

static enum err read_text(struct cmcd *out, const char *text) {
    cmcd_init(out);
    return cmcd_read(out, text, strlen(text));
}

/* As hls.js sends it. */
Test(cmcd, argument) {
    struct cmcd c;
    cr_assert_eq(read_text(&c, "bl=21300,br=3200,bs,cid=\"faec5fc2-ac30\",d=4004,dl=18500,"
                               "mtp=25400,nor=\"..%2F300kbps%2Fsegment35.m4v\",ot=v,pr=1.08,sf=h,"
                               "sid=\"6e2fb550-c457-11e9\",st=v,su,tb=6000"),
                 ERR_OK);
    cr_expect_eq(c.buffer_ms, 21300);
    cr_expect_eq(c.bitrate_kbps, 3200);
    cr_expect_eq(c.duration_ms, 4004);
    cr_expect_eq(c.deadline_ms, 18500);
    cr_expect_eq(c.throughput_kbps, 25400);
    cr_expect_eq(c.top_kbps, 6000);
    cr_expect_eq(c.rate_permille, 1080);
    cr_expect_eq(c.object, CMCD_OBJECT_VIDEO);
    cr_expect(c.starved && c.startup && !c.live);
    cr_expect_str_eq(c.session, "6e2fb550-c457-11e9");
    cr_expect_str_eq(c.content, "faec5fc2-ac30");
    cr_expect_str_eq(c.next_object, "../300kbps/segment35.m4v");
}

Test(cmcd, nothing_said) {
    struct cmcd c;
    cr_assert_eq(read_text(&c, ""), ERR_OK);
    cr_expect_eq(c.buffer_ms, CMCD_UNKNOWN);
    cr_expect_eq(c.throughput_kbps, CMCD_UNKNOWN);
    cr_expect_eq(c.rate_permille, 1000, "who says nothing plays at the rate of time");
    cr_expect_eq(c.object, CMCD_OBJECT_UNKNOWN);
    cr_expect(!c.starved && !c.startup && !c.live);
    cr_expect_str_empty(c.session);
}

Test(cmcd, four_headers_into_one) {
    struct cmcd c;
    static const char *const headers[] = {"br=500,d=2000,ot=av", "bl=900,su", "bs",
                                          "sid=\"a\",st=l"};
    cmcd_init(&c);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(cmcd_read(&c, headers[i], strlen(headers[i])), ERR_OK, "%s", headers[i]);
    cr_expect_eq(c.bitrate_kbps, 500);
    cr_expect_eq(c.buffer_ms, 900);
    cr_expect_eq(c.object, CMCD_OBJECT_MUXED);
    cr_expect(c.starved && c.startup && c.live);
    cr_expect_str_eq(c.session, "a");
}

Test(cmcd, values) {
    static const struct {
        const char *what, *text;
        uint32_t buffer_ms;
    } rows[] = {
        {"a list: the emptiest", "bl=(4100;v 900;a 8000;tt)", 900},
        {"one in a list", "bl=(700)", 700},
        {"a fraction is dropped", "bl=1499.9", 1499},
        {"more than a day is a day", "bl=99999999999999999999", CMCD_MS_MAX},
        {"the last word counts", "bl=100,bl=200", 200},
        {"blanks between", "bl=300, ot=a", 300},
        {"a custom key with a comma in it", "com.example-x=\"a,b\",bl=400", 400},
        {"an unknown key, without value", "zz,bl=500", 500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cmcd c;
        cr_expect_eq(read_text(&c, rows[i].text), ERR_OK, "%s", rows[i].what);
        cr_expect_eq(c.buffer_ms, rows[i].buffer_ms, "%s: %u", rows[i].what, c.buffer_ms);
    }
}

Test(cmcd, flags_can_be_denied) {
    struct cmcd c;
    cr_assert_eq(read_text(&c, "bs,bs=?0,su=?1"), ERR_OK);
    cr_expect(!c.starved && c.startup);
}

Test(cmcd, a_url_too_long_is_left_out) {
    char text[CMCD_URL_MAX + 32] = "nor=\"";
    memset(text + 5, 'a', CMCD_URL_MAX + 1);
    strcpy(text + 5 + CMCD_URL_MAX + 1, "\",bl=5");
    struct cmcd c;
    cr_assert_eq(read_text(&c, text), ERR_OK);
    cr_expect_str_empty(c.next_object);
    cr_expect_eq(c.buffer_ms, 5, "the rest counts all the same");
}

Test(cmcd, refusals_leave_all_as_it_was) {
    static const char *const rows[] = {
        "bl=many",      "bl",      "bl=",     "bl=-1",     "bl=(1;v",    "bl=()",
        "ot=w",         "st=x",    "sid=abc", "sid=\"abc", "nor=\"%2\"", "nor=\"%00\"",
        "nor=\"a%7F\"", "pr=fast", "bs=?2",   ",,",        "=5",         "bl=5,,br=1",
        "sid=\"a\\\"",  "k ey=1",  "bl=5\n",  "bl=\x80",
    };
    struct cmcd before;
    cr_assert_eq(read_text(&before, "bl=77,sid=\"kept\""), ERR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cmcd c = before;
        cr_expect_eq(cmcd_read(&c, rows[i], strlen(rows[i])), ERR_BAD_FIELD, "%s", rows[i]);
        cr_expect_eq(memcmp(&c, &before, sizeof(c)), 0, "%s", rows[i]);
    }
    char text[CMCD_TEXT_MAX + 1];
    memset(text, 'a', sizeof(text));
    cr_expect_eq(cmcd_read(&before, text, sizeof(text)), ERR_OVERSIZED);
    char id[CMCD_ID_MAX + 16] = "sid=\"";
    memset(id + 5, 'b', CMCD_ID_MAX + 1);
    strcpy(id + 5 + CMCD_ID_MAX + 1, "\"");
    cr_expect_eq(cmcd_read(&before, id, strlen(id)), ERR_BAD_FIELD, "an id is 64 at most");
}
