#include "peerd/sim/html.h"
#include "peerd/sim/report_html.h"
#include "peerd/sim/report_picture.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

/* ---- is it XML? A parser of what the page uses of it, which forgives nothing. ---- */

/* Of the library's functions AddressSanitizer reads the rest of the page at every call, to be
   strict about strings: the page is long, and these are called for each of its bytes. */
static bool starts(const char *s, const char *word) {
    while (*word != '\0' && *s == *word)
        s++, word++;
    return *word == '\0';
}

/* How many bytes at the start are among these. */
static size_t span(const char *s, const char *among) {
    size_t len = 0;
    while (s[len] != '\0' && strchr(among, s[len]) != NULL)
        len++;
    return len;
}

/* One reference, `&lt;` or `&#39;`; NULL if it is none. */
static const char *reference(const char *s) {
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (starts(s, known[i]))
            return s + strlen(known[i]);
    return NULL;
}

/* Attributes up to `>` or `/>`; NULL unless each is ` name="value"`. */
static const char *attributes(const char *s) {
    while (*s != '>' && !starts(s, "/>")) {
        if (*s++ != ' ' || !isalpha((unsigned char)*s))
            return NULL;
        s += span(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
        if (!starts(s, "=\""))
            return NULL;
        for (s += 2; *s != '"';) {
            s = *s == '&' ? reference(s) : *s == '<' || *s == '\0' ? NULL : s + 1;
            if (s == NULL)
                return NULL;
        }
        s++;
    }
    return s;
}

struct stack {
    char names[DEPTH_MAX][16];
    int depth;
};

static const char *element(const char *s, struct stack *stack) {
    bool closes = s[1] == '/';
    const char *name = s + 1 + closes;
    size_t len = span(name, "abcdefghijklmnopqrstuvwxyz0123456789");
    if (len == 0 || len > 15)
        return NULL;
    if (closes) {
        bool fits = stack->depth > 0 && strlen(stack->names[stack->depth - 1]) == len &&
                    starts(name, stack->names[stack->depth - 1]) && name[len] == '>';
        stack->depth -= fits;
        return fits ? name + len + 1 : NULL;
    }
    const char *end = attributes(name + len);
    if (end == NULL)
        return NULL;
    if (*end == '/')
        return end + 2;
    if (stack->depth == DEPTH_MAX)
        return NULL;
    memcpy(stack->names[stack->depth], name, len);
    stack->names[stack->depth++][len] = '\0';
    return end + 1;
}

/* NULL if it is well-formed, else where it is not. */
static const char *malformed(const char *text) {
    static const char doctype[] = "<!DOCTYPE html>\n";
    struct stack stack = {.depth = 0};
    const char *s = text;
    if (!starts(s, doctype))
        return s;
    s += strlen(doctype);
    while (*s != '\0') {
        const char *next = *s == '<'   ? element(s, &stack)
                           : *s == '&' ? reference(s)
                           : (unsigned char)*s < 0x20 && *s != '\n' && *s != '\t' ? NULL
                                                                                  : s + 1;
        if (next == NULL)
            return s;
        s = next;
    }
    return stack.depth == 0 ? NULL : s;
}

Test(sim_report_html, the_parser_of_this_test_forgives_nothing) {
    static const struct {
        const char *what;
        const char *text;
        bool good;
    } rows[] = {
        {"nested", "<a><b c=\"d\">x</b><e/></a>", true},
        {"references", "<a b=\"&quot;\">&lt;&amp;</a>", true},
        {"left open", "<a><b></a>", false},
        {"closed twice", "<a></a></a>", false},
        {"no quotes", "<a b=c></a>", false},
        {"markup in a value", "<a b=\"<\"></a>", false},
        {"a bare ampersand", "<a>x & y</a>", false},
        {"a control character", "<a>\x01</a>", false},
        {"a bare less-than", "<a>1 < 2</a>", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "<!DOCTYPE html>\n%s", rows[i].text);
        cr_expect((malformed(text) == NULL) == rows[i].good, "%s", rows[i].what);
    }
}

/* ---- a run ---- */

static struct faults faults;
static struct scenario scenario;
static struct report report;

static void set_up(const char *clusters, const char *clients) {
    char text[2048];
    snprintf(text, sizeof(text),
             "name: page\nduration: 20s\ndescription: \"</p><script>alert('x')</script>&\"\n"
             "clusters: [%s]\nclients: [%s]\n",
             clusters, clients);
    cr_assert_eq(scenario_parse(text, strlen(text), "t", &scenario, &faults), ERR_OK, "%s",
                 faults.count > 0 ? faults.list[0].found : "");
    report_init(&report, "sim", &scenario.name, 7);
}

static void tear_down(void) {
    report_free(&report);
    scenario_free(&scenario);
}

static void add_client(const char *name, uint32_t group, uint64_t lost) {
    struct report_client c = {.group = group,
                              .name = name,
                              .outcome = "playing",
                              .frames_expected = 900,
                              .frames_lost = lost,
                              .gap_max_ms = (int64_t)lost * 20};
    report_add_client(&report, &c);
}

static void add_mark(uint32_t client, enum report_mark_kind kind, int64_t at_ms, uint32_t value) {
    report_add_mark(&report, &(struct report_mark){at_ms, client, value, kind});
}

static void add_verdict(int64_t at_ms, const char *observer, const char *peer, const char *verdict,
                        const char *evidence) {
    struct report_verdict v = {.at_ms = at_ms};
    name_set(&v.observer, observer);
    name_set(&v.peer, peer);
    name_set(&v.verdict, verdict);
    snprintf(v.evidence, sizeof(v.evidence), "%s", evidence);
    report_add_verdict(&report, &v);
}

/* fra1 dies at 5 s; the first listener misses 60 ms, the other moves without a loss. */
static void fill(void) {
    set_up("{name: fra1}, {name: ams1}", "{name: near, count: 2}");
    struct report_event e = {.at_ms = 5000, .text = "kill site serving"};
    name_set(&e.target, "fra1");
    report_add_event(&report, &e);
    report_add_change(&report, &(struct report_change){5000, 0, REPORT_STATE_DEAD});
    add_client("near-1", 0, 3);
    add_client("near-2", 0, 0);
    for (uint32_t i = 0; i < 2; i++) {
        add_mark(i, REPORT_MARK_SERVED, 5180 + i, 1);
        add_mark(i, REPORT_MARK_SERVED, 400, 0);
        add_mark(i, REPORT_MARK_HEDGED, 5045, 1);
    }
    add_mark(0, REPORT_MARK_GAP, 5070, 60);
    add_verdict(5210, "ams1", "fra1", "crashed", "no beat for <310> ms; \"lon1\" & others too");
    struct report_move m = {.at_ms = 5300, .detect_ms = 45, .first_frame_ms = 81, .gap_ms = 60};
    snprintf(m.client, sizeof(m.client), "near-1");
    name_set(&m.cause, "crashed");
    name_set(&m.from, "fra1");
    name_set(&m.to, "ams1");
    report_add_move(&report, &m);
    report_add_expectation(&report, &(struct report_expectation){.what = "at most 0 frames lost",
                                                                 .found = "3 lost of 1800"});
    report_sort(&report);
}

static char *page(const char *violation) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert(
        report_html_write(out, &(struct report_page){.report = &report,
                                                     .scenario = &scenario,
                                                     .command = "peersim --seed 7 a&b.yaml",
                                                     .violation = violation,
                                                     .violated_ms = violation != NULL ? 7123 : 0}));
    fclose(out);
    const char *at = malformed(text);
    cr_assert_null(at, "not XML: %.60s", at);
    return text;
}

static void expect_in_order(const char *text, const char *const *pieces, size_t count) {
    const char *at = text;
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, pieces[i]);
        cr_assert_not_null(found, "`%s` is missing, or not where it should be", pieces[i]);
        at = found;
    }
}
#define EXPECT_IN_ORDER(text, ...)                                                                 \
    expect_in_order(text, (const char *const[]){__VA_ARGS__},                                      \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(sim_report_html, begins_with_what_went_wrong_and_when) {
    fill();
    char *text = page(NULL);
    EXPECT_IN_ORDER(text, "not as expected", "expected <strong>at most 0 frames lost</strong>",
                    "found 3 lost of 1800", "5.070 s</strong> by <strong>near-1",
                    "served by fra1, 70 ms after <strong>kill site serving (fra1)",
                    "it missed 60 ms", "1 of 2 listeners lost 3 frames", "a&amp;b.yaml",
                    "Around the first loss, at 5.070 s", "The whole run", "Expectations", "Events",
                    "Moves, by cause and route", "Verdicts");
    free(text);
    tear_down();
}

Test(sim_report_html, names_every_listener_cluster_and_verdict) {
    fill();
    char *text = page("an epoch went back");
    const char *whole = strstr(text, "The whole run");
    EXPECT_IN_ORDER(text, "<strong>7.123 s: an epoch went back</strong>",
                    "Before the invariant was broken, at 7.123 s", "The whole run");
    EXPECT_IN_ORDER(whole, "kill site serving = fra1", ">fra1<", "fra1: dead from 5.000 s",
                    "fra1 crashed\n5.210 s ams1: no beat for &lt;310&gt; ms", ">ams1<", ">near-1<",
                    "served by fra1 from 0.400 s to 5.180 s", "5.070 s: 60 ms missing",
                    "5.045 s: asks ams1 for what is missing", "5.180 s: moves from fra1 to ams1",
                    "3 lost", ">near-2<", "served by ams1 from 5.181 s",
                    "no beat for &lt;310&gt; ms; &quot;lon1&quot; &amp; others too</td>");
    free(text);
    tear_down();
}

Test(sim_report_html, what_a_scenario_says_is_text) {
    fill();
    char *text = page(NULL);
    cr_expect_null(strstr(text, "<script>alert"));
    cr_expect_not_null(strstr(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"));
    cr_expect_null(strstr(text, "http://") == NULL ? NULL : strstr(text, "src="));
    cr_expect_null(strstr(text, "href="), "it needs nothing else");
    free(text);
    tear_down();
}

Test(sim_report_html, without_a_loss_it_says_so) {
    set_up("{name: fra1}", "{name: near}");
    add_client("near-1", 0, 0);
    add_mark(0, REPORT_MARK_SERVED, 300, 0);
    char *text = page(NULL);
    EXPECT_IN_ORDER(text, ">as expected<", "Nothing was lost: 1 listeners", "The whole run");
    cr_expect_null(strstr(text, "Around the first"), "nothing happened");
    free(text);
    tear_down();
}

/* A stray packet is lost long before a site dies: both are shown. */
Test(sim_report_html, a_stray_loss_does_not_hide_the_first_move) {
    fill();
    add_mark(1, REPORT_MARK_GAP, 1500, 20);
    report_sort(&report);
    char *text = page(NULL);
    EXPECT_IN_ORDER(text, "1.500 s</strong> by <strong>near-2", "before anything had happened",
                    "5.070 s</strong> at <strong>near-1", "Around the first loss, at 1.500 s",
                    "Where the longest gap begins, at 5.070 s", "The whole run");
    free(text);
    report.mark_count = 0;
    add_mark(1, REPORT_MARK_GAP, 1500, 20);
    text = page(NULL);
    EXPECT_IN_ORDER(text, "Around the first loss, at 1.500 s", "Around the first move, at 5.300 s",
                    "The whole run");
    free(text);
    tear_down();
}

Test(sim_report_html, an_empty_run_is_a_page) {
    set_up("{name: fra1}", "");
    char *text = page(NULL);
    cr_expect_not_null(strstr(text, "Nothing was lost: 0 listeners"));
    free(text);
    tear_down();
}

/* ---- what is shown of many ---- */

Test(sim_report_html, the_worst_come_first_and_the_others_are_counted) {
    set_up("{name: fra1}", "{name: near, count: 1000}, {name: far, count: 500}");
    for (uint32_t i = 0; i < 1500; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s-%u", i < 1000 ? "near" : "far",
                 i < 1000 ? i + 1 : i - 999);
        add_client(name, i >= 1000, i == 700 ? 9 : i == 1200 ? 4 : 0);
    }
    char *text = page(NULL);
    EXPECT_IN_ORDER(strstr(text, "The whole run"), ">near-701<", ">near-1<", ">near-10<",
                    "and 989 more near without a loss", ">far-201<", ">far-1<",
                    "and 489 more far without a loss");
    free(text);
    tear_down();
}

Test(sim_report_html, a_million_listeners_with_much_trouble_fit_in_five_megabytes) {
    static const uint32_t listeners = 1000000, marks = 60;
    set_up("{name: fra1}, {name: ams1}", "{name: near, count: 1000000}");
    for (uint32_t i = 0; i < listeners; i++)
        add_client("near", 0, i % 7);
    for (uint32_t i = 0; i < marks * 2000; i++) {
        add_mark(i % 100, REPORT_MARK_GAP, i * INT64_C(16) / 100 % 20000, 20);
        add_mark(i % 100, REPORT_MARK_HEDGED, i * INT64_C(17) / 100 % 20000, 1);
        add_mark(i % 100, REPORT_MARK_SERVED, i * INT64_C(18) / 100 % 20000, i / 100 % 2);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        add_verdict(i, "ams1", "fra1", i % 2 == 0 ? "suspect" : "alive", "no beat for 300 ms");
        report_add_event(&report, &(struct report_event){.at_ms = i, .text = "heal all"});
    }
    report_sort(&report);
    char *text = page(NULL);
    cr_expect_lt(strlen(text), 5000000);
    free(text);
    tear_down();
}

/* ---- text ---- */

Test(sim_report_html, text_is_escaped_and_utf_8) {
    static const struct {
        const char *what, *in, *out;
    } rows[] = {
        {"plain", "fra1 > ams1", "fra1 &gt; ams1"},
        {"markup", "<a b='c' d=\"e\">&", "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;"},
        {"umlaut", "K\xc3\xb6ln", "K\xc3\xb6ln"},
        {"four bytes", "\xf0\x9f\x8e\xb5", "\xf0\x9f\x8e\xb5"},
        {"control", "a\x1b[1m", "a\xef\xbf\xbd[1m"},
        {"not UTF-8", "a\xff", "a\xef\xbf\xbd"},
        {"cut short", "a\xc3", "a\xef\xbf\xbd"},
        {"overlong", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"beyond Unicode", "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"no character", "\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        html_text(out, rows[i].in);
        fclose(out);
        cr_expect_str_eq(text, rows[i].out, "%s", rows[i].what);
        free(text);
    }
}

Test(sim_report_html, figures_have_units) {
    static const struct {
        int64_t ms;
        const char *duration, *instant;
    } rows[] = {
        {0, "0 ms", "0.000 s"},      {45, "45 ms", "0.045 s"}, {1500, "1.5 s", "1.500 s"},
        {9780, "9.78 s", "9.780 s"}, {4000, "4 s", "4.000 s"}, {200000, "3 min 20 s", "200.000 s"},
        {-50, "-50 ms", "-0.050 s"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        html_duration(out, rows[i].ms);
        fputc('|', out);
        html_instant(out, rows[i].ms);
        fclose(out);
        char expected[64];
        snprintf(expected, sizeof(expected), "%s|%s", rows[i].duration, rows[i].instant);
        cr_expect_str_eq(text, expected);
        free(text);
    }
}
