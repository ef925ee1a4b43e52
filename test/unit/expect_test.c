#include "peerd/sim/expect.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* Each expectation once met and once not, against one report that stands below. The older ones:
 * sim_report_test.c. */

static struct faults faults;

#define HEAD                                                                                       \
    "name: x\nduration: 20s\n"                                                                     \
    "clusters: [{name: fra1}, {name: ams1}, {name: lon1}, {name: par1, peers: [fra1, ams1]}]\n"    \
    "clients: [{name: near}, {name: far}, {name: gone, start: waiting}, "                          \
    "{name: deaf, count: 2}]\n"                                                                    \
    "expectations:\n  "

static void add_client(struct report *r, uint32_t group, const char *name, const char *served_by) {
    struct report_client c = {.group = group,
                              .frames_expected = 500,
                              .frames_lost = 2 + group,
                              .gap_max_ms = 20 + 20 * group,
                              .served_from_ms = 1000 + 4000 * group,
                              .outcome = "playing",
                              .name = name,
                              .served_by = served_by};
    report_add_client(r, &c);
}

static void add_gap(struct report *r, uint32_t client, int64_t at_ms) {
    report_add_mark(r, &(struct report_mark){
                           .client = client, .at_ms = at_ms, .kind = REPORT_MARK_GAP, .value = 20});
}

static void add_verdict(struct report *r, int64_t at_ms, const char *observer, const char *peer,
                        const char *verdict) {
    struct report_verdict v = {.at_ms = at_ms, .evidence = "no beat"};
    name_set(&v.observer, observer);
    name_set(&v.peer, peer);
    name_set(&v.verdict, verdict);
    report_add_verdict(r, &v);
}

/* fra1 dies at 5 s, and lon1's peerd hung from 4 s on. The move from fra1 to ams1 is over at 6 s.
 */
static void fill(struct report *r) {
    struct name name = {"x"};
    struct report_move m = {.at_ms = 6000, .group = 0};
    report_init(r, "sim", &name, 1);
    add_client(r, 0, "near-1", "ams1");
    add_client(r, 0, "near-2", "ams1");
    add_client(r, 1, "far-1", "lon1");
    add_gap(r, 2, 4100); /* of another group, and earlier than those of the first */
    add_gap(r, 0, 5400);
    add_gap(r, 1, 5310);
    report_add_client(
        r, &(struct report_client){
               .group = 2, .name = "gone-1", .left = true, .served_from_ms = REPORT_UNSERVED});
    report_add_client(r, &(struct report_client){.group = 3,
                                                 .name = "deaf-1",
                                                 .outcome = "no credit",
                                                 .served_from_ms = REPORT_UNSERVED});
    report_add_client(r, &(struct report_client){.group = 3,
                                                 .name = "deaf-2",
                                                 .served_by = "ams1",
                                                 .frames_expected = 100,
                                                 .served_from_ms = 1000});
    name_set(&m.cause, "crashed");
    name_set(&m.from, "fra1");
    name_set(&m.to, "ams1");
    report_add_move(r, &m);
    report_add_change(r, &(struct report_change){4000, 2, REPORT_STATE_HEADLESS});
    report_add_change(r, &(struct report_change){5000, 0, REPORT_STATE_DEAD});
    add_verdict(r, 5200, "ams1", "fra1", "suspect");
    add_verdict(r, 5300, "ams1", "fra1", "crashed");
    add_verdict(r, 5400, "par1", "fra1", "crashed");
    add_verdict(r, 5400, "ams1", "lon1", "headless");
}

static const struct {
    const char *expects, *what, *found;
    bool met;
} rows[] = {
    {"moves: [{from: fra1, min: 1}]", "1 or more moves (cause any, of all, from fra1)", "1", true},
    {"moves: [{from: lon1, min: 1}]", "1 or more moves (cause any, of all, from lon1)", "0", false},
    {"moves: [{to: ams1, max: 0}]", "0 to 0 moves (cause any, of all, to ams1)", "1", false},
    {"moves: [{by: 6s, min: 1}]", "1 or more moves (cause any, of all, by 6000 ms)", "1", true},
    {"moves: [{by: 5999ms, min: 1}]", "1 or more moves (cause any, of all, by 5999 ms)", "0",
     false},
    {"verdicts: [{of: fra1, verdict: crashed}]", "fra1 judged crashed by anybody",
     "ams1 at 5300 ms: no beat", true},
    {"verdicts: [{of: ams1, verdict: crashed}]", "ams1 judged crashed by anybody", "nobody did",
     false},
    {"verdicts: [{of: fra1, verdict: crashed, from: 5301ms, until: 5400ms}]",
     "fra1 judged crashed by anybody from 5301 ms until 5400 ms", "par1 at 5400 ms: no beat", true},
    {"verdicts: [{of: fra1, verdict: crashed, until: 5299ms}]",
     "fra1 judged crashed by anybody until 5299 ms", "nobody did", false},
    {"verdicts: [{of: fra1, verdict: crashed, never: true, from: 5401ms}]",
     "fra1 never judged crashed by anybody from 5401 ms", "nobody did", true},
    {"verdicts: [{of: lon1, verdict: headless, never: true}]",
     "lon1 never judged headless by anybody", "ams1 at 5400 ms: no beat", false},
    {"verdicts: [{of: fra1, verdict: crashed, by: [ams1, par1]}]",
     "fra1 judged crashed by ams1 and par1", "ams1 at 5300 ms: no beat", true},
    {"verdicts: [{of: fra1, verdict: suspect, by: [ams1, par1]}]",
     "fra1 judged suspect by ams1 and par1", "1 of 2, not par1, which judged it crashed at 5400 ms",
     false},
    {"verdicts: [{of: fra1, verdict: crashed, by: lon1, never: true}]",
     "fra1 never judged crashed by lon1", "nobody did", true},
    {"verdicts: [{of: fra1, verdict: crashed, by: all}]", "fra1 judged crashed by all",
     "ams1 at 5300 ms: no beat", true}, /* lon1 hung */
    {"verdicts: [{of: fra1, verdict: crashed, by: all, until: 5350ms}]",
     "fra1 judged crashed by all until 5350 ms",
     "1 of 2, not par1, which judged it crashed at 5400 ms", false},
    {"verdicts: [{of: lon1, verdict: headless, by: all}]", "lon1 judged headless by all",
     "ams1 at 5400 ms: no beat", true}, /* fra1 died, par1 is no peer of lon1 */
    {"clients: [{of: near, frames_lost_max: 4}]", "near: at most 4 frames lost",
     "4 lost of 1000, the first by near-2 at 5.31 s", true},
    {"clients: [{of: near, frames_lost_max: 3}]", "near: at most 3 frames lost",
     "4 lost of 1000, the first by near-2 at 5.31 s", false},
    {"clients: [{of: gone, frames_lost_max: 3}]", "gone: at most 3 frames lost",
     "nobody heard anything at all", false}, /* a group that heard nothing proves nothing */
    {"clients: [{of: near, loses_at_most: far}]", "near: loses no more than far",
     "4 lost of 1000, of the others 3 of 500", true},
    {"clients: [{of: far, loses_at_most: near}]", "far: loses no more than near",
     "3 lost of 500, of the others 4 of 1000", false},
    {"clients: [{of: near, loses_at_most: gone}]", "near: loses no more than gone",
     "nobody heard anything at all", false},
    {"clients: [{of: gone, gap_max: 1s}]", "gone: no gap longer than 1000 ms",
     "nobody heard anything at all", false},
    {"clients: [{of: deaf, gap_max: 1s}]", "deaf: no gap longer than 1000 ms",
     "deaf-1 never heard anything: no credit", false},
    {"gap_max: 1s", "no gap longer than 1000 ms", "deaf-1 never heard anything: no credit", false},
    {"must_not_move: gone", "no session of gone moves", "nobody heard anything at all", false},
    {"must_not_move: far", "no session of far moves", "none did", true},
    {"must_not_move: deaf", "no session of deaf moves", "none did", true}, /* one has a session */
    {"moves: [{of: gone, max: 0}]", "0 to 0 moves (cause any, of gone)",
     "nobody heard anything at all", false},
    {"moves: [{of: far, max: 0}]", "0 to 0 moves (cause any, of far)", "0", true},
    {"all_served_by: 5s", "everybody has media from 5000 ms to the end",
     "1 do not, first deaf-1: no credit", false},
    {"clients: [{of: gone, served_at_end: ams1}]", "gone: at the end each is at ams1",
     "nobody is there at the end", false},
    {"clients: [{of: near, gap_max: 20ms}]", "near: no gap longer than 20 ms", "20 ms at near-1",
     true},
    {"clients: [{of: far, gap_max: 20ms}]", "far: no gap longer than 20 ms", "40 ms at far-1",
     false},
    {"clients: [{of: near, all_served_by: 1s}]", "near: each has media from 1000 ms to the end",
     "all 2", true},
    {"clients: [{of: far, all_served_by: 4s}]", "far: each has media from 4000 ms to the end",
     "1 do not, first far-1: playing", false},
    {"clients: [{of: gone, all_served_by: 4s}]", "gone: each has media from 4000 ms to the end",
     "nobody is there at the end", false},
    {"clients: [{of: near, served_at_end: [ams1, lon1]}]",
     "near: at the end each is at ams1 or others named", "all 2", true},
    {"clients: [{of: all, served_at_end: ams1}]", "all: at the end each is at ams1",
     "2 are not, first far-1: at lon1", false},
};

Test(expect, judges) {
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        struct scenario s;
        struct report r;
        size_t len = (size_t)snprintf(text, sizeof(text), HEAD "%s\n", rows[i].expects);
        cr_assert_eq(scenario_parse(text, len, "f", &s, &faults), ERR_OK, "%s",
                     faults_text(&faults));
        fill(&r);
        expect_all(&s, &r);
        cr_assert_eq(r.expectation_count, 1, "%s", rows[i].expects);
        cr_expect_str_eq(r.expectations[0].what, rows[i].what);
        cr_expect_str_eq(r.expectations[0].found, rows[i].found, "%s: %s", rows[i].expects,
                         r.expectations[0].found);
        cr_expect_eq(r.expectations[0].met, rows[i].met, "%s", rows[i].expects);
        report_free(&r);
        scenario_free(&s);
    }
}

/* Who was refused a session has none to move; a group that was refused altogether shows nothing. */
Test(expect, no_other_verdict) {
    static const struct {
        const char *verdicts, *found;
        bool met;
    } lists[] = {
        {"{of: fra1, verdict: crashed}, {of: lon1, verdict: headless, by: ams1}", "none", true},
        {"{of: fra1, verdict: crashed, by: all}, {of: lon1, verdict: headless, may: true}", "none",
         true},
        {"{of: fra1, verdict: crashed}", "lon1 judged headless by ams1 at 5400 ms: no beat", false},
        {"{of: fra1, verdict: crashed, by: ams1}, {of: lon1, verdict: headless}",
         "fra1 judged crashed by par1 at 5400 ms: no beat", false},
        {"{of: fra1, verdict: crashed, until: 5350ms}, {of: lon1, verdict: headless}",
         "fra1 judged crashed by par1 at 5400 ms: no beat", false},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char text[1024];
        struct scenario s;
        struct report r;
        size_t len = (size_t)snprintf(
            text, sizeof(text), HEAD "{verdicts: [%s], verdicts_only: true}\n", lists[i].verdicts);
        cr_assert_eq(scenario_parse(text, len, "f", &s, &faults), ERR_OK, "%s",
                     faults_text(&faults));
        fill(&r);
        expect_all(&s, &r);
        uint32_t at = 0;
        while (at < r.expectation_count && strcmp(r.expectations[at].what, "no other verdict") != 0)
            at++;
        cr_assert(at < r.expectation_count);
        cr_expect_str_eq(r.expectations[at].found, lists[i].found, "%s", lists[i].verdicts);
        cr_expect_eq(r.expectations[at].met, lists[i].met, "%s", lists[i].verdicts);
        report_free(&r);
        scenario_free(&s);
    }
}

Test(expect, that_nobody_moves_is_shown_by_those_who_hear) {
    static const char text[] = "name: x\nduration: 20s\nclusters: [{name: fra1}]\n"
                               "clients: [{name: near}, {name: far, count: 2}]\n"
                               "expectations: {must_not_move: all}\n";
    static const struct {
        uint64_t heard[3]; /* frames, of near-1, far-1, far-2 */
        bool left;         /* those of far */
        const char *found;
        bool met;
    } cases[] = {
        {{500, 500, 0}, false, "none did", true},
        {{500, 0, 0}, false, "nobody of far heard anything at all", false},
        {{500, 0, 0}, true, "none did", true},
        {{0, 0, 0}, true, "nobody heard anything at all", false},
    };
    struct scenario s;
    struct report r;
    cr_assert_eq(scenario_parse(text, strlen(text), "f", &s, &faults), ERR_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        report_init(&r, "sim", &s.name, 1);
        for (uint32_t k = 0; k < 3; k++)
            report_add_client(&r, &(struct report_client){.group = k > 0,
                                                          .frames_expected = cases[i].heard[k],
                                                          .left = k > 0 && cases[i].left});
        expect_all(&s, &r);
        cr_expect_str_eq(r.expectations[0].found, cases[i].found, "%zu", i);
        cr_expect_eq(r.expectations[0].met, cases[i].met, "%zu", i);
        report_free(&r);
    }
    scenario_free(&s);
}
