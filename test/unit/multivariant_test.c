#include "transcoder/hls/multivariant.h"

#include <criterion/criterion.h>
#include <string.h>

static char out[MULTIVARIANT_OUT_MAX];
static size_t len;
static struct multivariant_fault fault;

static enum err write_for(const char *origin, size_t pathways) {
    struct multivariant_pathway p[2] = {{.base = "https://fra1.example/film/"},
                                        {.base = "https://ams1.example:8443/f/"}};
    name_set(&p[0].id, "fra1");
    name_set(&p[1].id, "ams1");
    struct multivariant m = {p, pathways, "https://lon1.example/v1/steer/film"};
    return multivariant_write(out, sizeof(out), &len, &m, origin, strlen(origin), &fault);
}

static const char film[] =
    "#EXTM3U\r\n"
    "#EXT-X-VERSION:7\r\n"
    "#EXT-X-INDEPENDENT-SEGMENTS\r\n"
    "\r\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English, plain\",DEFAULT=YES,"
    "URI=\"audio/en.m3u8?x=1\"\r\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"avc1.4d401e,mp4a.40.2\",AUDIO=\"a\","
    "CLOSED-CAPTIONS=NONE\r\n"
    "# the small one\r\n"
    "360p/index.m3u8\r\n"
    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,URI=\"360p/iframes.m3u8\"\r\n";

Test(multivariant, two_pathways) {
    const char *expect =
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://lon1.example/v1/steer/film\","
        "PATHWAY-ID=\"fra1\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a@fra1\",NAME=\"English, plain\",DEFAULT=YES,"
        "URI=\"https://fra1.example/film/audio/en.m3u8?x=1\","
        "STABLE-RENDITION-ID=\"audio/en.m3u8\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a@ams1\",NAME=\"English, plain\",DEFAULT=YES,"
        "URI=\"https://ams1.example:8443/f/audio/en.m3u8?x=1\","
        "STABLE-RENDITION-ID=\"audio/en.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"avc1.4d401e,mp4a.40.2\",AUDIO=\"a@fra1\","
        "CLOSED-CAPTIONS=NONE,STABLE-VARIANT-ID=\"360p/index.m3u8\",PATHWAY-ID=\"fra1\"\n"
        "https://fra1.example/film/360p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS=\"avc1.4d401e,mp4a.40.2\",AUDIO=\"a@ams1\","
        "CLOSED-CAPTIONS=NONE,STABLE-VARIANT-ID=\"360p/index.m3u8\",PATHWAY-ID=\"ams1\"\n"
        "https://ams1.example:8443/f/360p/index.m3u8\n"
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,"
        "URI=\"https://fra1.example/film/360p/iframes.m3u8\","
        "STABLE-VARIANT-ID=\"360p/iframes.m3u8\",PATHWAY-ID=\"fra1\"\n"
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,"
        "URI=\"https://ams1.example:8443/f/360p/iframes.m3u8\","
        "STABLE-VARIANT-ID=\"360p/iframes.m3u8\",PATHWAY-ID=\"ams1\"\n";
    cr_assert_eq(write_for(film, 2), ERR_OK, "line %u: %s", fault.line, fault.why);
    cr_expect_str_eq(out, expect);
    cr_expect_eq(len, strlen(expect));
}

Test(multivariant, ids_of_the_origin_are_kept) {
    cr_assert_eq(write_for("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,STABLE-VARIANT-ID=\"mine\"\n"
                           "a b\xC3\xA9.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\na b\xC3\xA9.m3u8#t",
                           1),
                 ERR_OK, "%s", fault.why);
    cr_expect(strstr(out, "STABLE-VARIANT-ID=\"mine\",PATHWAY-ID"));
    cr_expect(strstr(out, "STABLE-VARIANT-ID=\"a_b__.m3u8\",PATHWAY-ID"), "%s", out);
}

Test(multivariant, refusals) {
    static const struct {
        const char *text;
        enum err err;
        uint32_t line;
        const char *why;
    } rows[] = {
        {"", ERR_BAD_FIELD, 0, "expected #EXTM3U"},
        {"#EXTM3U\n", ERR_UNSUPPORTED, 1, "there is no variant"},
        {"#EXTM3U\n#EXTINF:4,\na.m4s\n", ERR_UNSUPPORTED, 2, "a media playlist"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", ERR_BAD_FIELD, 2, "expected the URI"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-VERSION:7\na\n", ERR_BAD_FIELD, 3,
         "expected the URI"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\rb\n", ERR_BAD_FIELD, 3, "0x0d"},
        {"#EXTM3U\n# a\x1b[1m\n", ERR_BAD_FIELD, 2, "0x1b"},
        {"#EXTM3U\na.m3u8\n", ERR_BAD_FIELD, 2, "no EXT-X-STREAM-INF"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://cdn/a.m3u8\n", ERR_UNSUPPORTED, 3,
         "\"http://cdn/a.m3u8\" lies elsewhere"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/a.m3u8\n", ERR_UNSUPPORTED, 3, "lies elsewhere"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\na.m3u8\n", ERR_BAD_FIELD, 3,
         "expected NAME=VALUE"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH\na.m3u8\n", ERR_BAD_FIELD, 3, "expected NAME=VALUE"},
        {"#EXTM3U\n#EXT-X-STREAM-INF:PATHWAY-ID=\"x\"\na\n", ERR_UNSUPPORTED, 3, "of its own"},
        {"#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"x\"\n", ERR_UNSUPPORTED, 2, "steered"},
        {"#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n", ERR_UNSUPPORTED, 2, "variables"},
        {"#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"key\"\n", ERR_UNSUPPORTED, 2,
         "relative to one cluster"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(write_for(rows[i].text, 2), rows[i].err, "%zu: %s", i, fault.why);
        cr_expect_eq(fault.line, rows[i].line, "%zu: line %u", i, fault.line);
        cr_expect(strstr(fault.why, rows[i].why), "%zu: %s", i, fault.why);
    }
    cr_expect_eq(write_for(film, 0), ERR_BAD_FIELD);
}

Test(multivariant, what_does_not_fit) {
    struct multivariant_pathway p = {.base = "https://fra1.example/"};
    name_set(&p.id, "fra1");
    struct multivariant m = {&p, 1, "https://lon1.example/"};
    cr_assert_eq(multivariant_write(out, sizeof(out), &len, &m, film, sizeof(film) - 1, &fault),
                 ERR_OK);
    size_t whole = len;
    for (size_t n = 1; n <= whole; n++)
        cr_assert_eq(multivariant_write(out, n, &len, &m, film, sizeof(film) - 1, &fault),
                     ERR_OVERSIZED, "%zu characters do not hold it", n);
    cr_expect_eq(multivariant_write(out, whole + 1, &len, &m, film, sizeof(film) - 1, &fault),
                 ERR_OK);
}

Test(multivariant, the_poorest_variant) {
    static const struct {
        const char *what, *text;
        uint32_t kbps;
    } rows[] = {
        {"the least of three",
         "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\na\n#EXT-X-STREAM-INF:BANDWIDTH=400500\nb\n"
         "#EXT-X-STREAM-INF:BANDWIDTH=700000\nc\n",
         400},
        {"the average goes before the peak",
         "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=300000\na\n"
         "#EXT-X-STREAM-INF:BANDWIDTH=400000\nb\n",
         300},
        {"what is no number says nothing",
         "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=fast\na\n#EXT-X-STREAM-INF:BANDWIDTH=99999999999\n",
         0},
        {"no variant", "#EXTM3U\n", 0},
        {"nothing", "", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(multivariant_poorest_kbps(rows[i].text, strlen(rows[i].text)), rows[i].kbps,
                     "%s", rows[i].what);
}
