#include "transcoder/hls/mpd.h"

#include <criterion/criterion.h>
#include <string.h>

static char out[MULTIVARIANT_OUT_MAX];
static size_t len;
static struct multivariant_fault fault;

static enum err write_into(size_t size, const char *origin) {
    struct multivariant_pathway p[2] = {{.base = "https://fra1.example/film/"},
                                        {.base = "https://ams1.example:8443/f&g/"}};
    name_set(&p[0].id, "fra1");
    name_set(&p[1].id, "ams1");
    struct multivariant m = {p, 2, "https://lon1.example/v1/steer/film?a=1&b='2'"};
    return mpd_write(out, size, &len, &m, origin, strlen(origin), &fault);
}

static const char film[] =
    "<?xml version=\"1.0\"?>\n<!-- <Location>none</Location> -->\n"
    "<MPD type='static' note=\"a > b\">\n "
    "<ProgramInformation><Title>x</Title></ProgramInformation>\n"
    " <Period><AdaptationSet><BaseURL>a/</BaseURL>"
    "<SegmentTemplate media=\"$Number$.m4s\"/></AdaptationSet></Period>\n <Period/>\n</MPD>\n";

Test(mpd, two_pathways) {
    const char *expect =
        "<?xml version=\"1.0\"?>\n<!-- <Location>none</Location> -->\n"
        "<MPD type='static' note=\"a > b\">\n"
        " <ProgramInformation><Title>x</Title></ProgramInformation>\n"
        " <BaseURL serviceLocation=\"fra1\">https://fra1.example/film/</BaseURL>\n"
        " <BaseURL serviceLocation=\"ams1\">https://ams1.example:8443/f&amp;g/</BaseURL>\n"
        " <ContentSteering defaultServiceLocation=\"fra1\" queryBeforeStart=\"false\">"
        "https://lon1.example/v1/steer/film?a=1&amp;b='2'</ContentSteering>\n"
        " <Period><AdaptationSet><BaseURL>a/</BaseURL>"
        "<SegmentTemplate media=\"$Number$.m4s\"/></AdaptationSet></Period>\n <Period/>\n</MPD>\n";
    cr_assert_eq(write_into(sizeof(out), film), ERR_OK, "line %u: %s", fault.line, fault.why);
    cr_expect_str_eq(out, expect);
    cr_expect_eq(len, strlen(expect));
}

static const struct {
    const char *what, *text;
    enum err err;
    uint32_t line;
    const char *why;
} refused[] = {
    {"nothing", "", ERR_BAD_FIELD, 1, "expected an element MPD"},
    {"a playlist", "#EXTM3U\n", ERR_BAD_FIELD, 2, "expected an element MPD"},
    {"a page", "<html></html>", ERR_BAD_FIELD, 1, "found html"},
    {"two of them", "<MPD><Period/></MPD>\n<MPD/>", ERR_BAD_FIELD, 2, "found MPD"},
    {"half of one", "<MPD>\n<Period>", ERR_BAD_FIELD, 2, "whole"},
    {"half a tag", "<MPD>\n<Period a=\"", ERR_BAD_FIELD, 2, "does not end"},
    {"half a comment", "<MPD><!-- x", ERR_BAD_FIELD, 1, "\"-->\" is missing"},
    {"crossed", "<MPD><Period></MPD></Period>", ERR_BAD_FIELD, 1, "</MPD> closes"},
    {"no value", "<MPD><Period media=x/></MPD>", ERR_BAD_FIELD, 1, "expected NAME="},
    {"no Period", "<MPD><BaseUrl/></MPD>", ERR_UNSUPPORTED, 1, "no Period"},
    {"a document type", "<!DOCTYPE MPD>\n<MPD/>", ERR_UNSUPPORTED, 1, "document type"},
    {"steered", "<MPD>\n<ContentSteering/><Period/></MPD>", ERR_UNSUPPORTED, 2, "already"},
    {"a Location", "<MPD><Location>x</Location><Period/></MPD>", ERR_UNSUPPORTED, 1, "a Location"},
    {"a base", "<MPD><BaseURL>x/</BaseURL><Period/></MPD>", ERR_UNSUPPORTED, 1, "of the whole"},
    {"another host", "<MPD><Period><BaseURL>\n https://x/</BaseURL></Period></MPD>",
     ERR_UNSUPPORTED, 1, "https://x/"},
    {"from the root", "<MPD><Period>\n<S media='/x'/></Period></MPD>", ERR_UNSUPPORTED, 2,
     "\"/x\""},
    {"from elsewhere", "<MPD><Period><S initialization = \"http://y\"/></Period></MPD>",
     ERR_UNSUPPORTED, 1, "http://y"},
};

Test(mpd, refused) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_eq(write_into(sizeof(out), refused[i].text), refused[i].err, "%s: %s",
                     refused[i].what, fault.why);
        cr_expect_eq(fault.line, refused[i].line, "%s: line %u", refused[i].what, fault.line);
        cr_expect(strstr(fault.why, refused[i].why) != NULL, "%s: %s", refused[i].what, fault.why);
    }
}

Test(mpd, bounds) {
    char deep[4096] = "<MPD>";
    for (size_t i = 0; i < MPD_DEPTH_MAX; i++)
        strcat(deep, "<a>");
    cr_expect_eq(write_into(sizeof(out), deep), ERR_OVERSIZED);
    cr_assert_eq(write_into(sizeof(out), film), ERR_OK);
    size_t whole = len;
    cr_expect_eq(write_into(whole + 1, film), ERR_OK);
    for (size_t size = 1; size <= whole; size++)
        cr_expect_eq(write_into(size, film), ERR_OVERSIZED, "%zu", size);
}
