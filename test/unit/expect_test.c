#include "peerd/sim/expect.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>

/* Each expectation once met and once not, against one report that stands below. The older ones:
 * sim_report_test.c. */

static struct faults faults;

#define HEAD                                                                                       \
    "name: x\nduration: 20s\n"                                                                     \
    "clusters: [{name: fra1}, {name: ams1}, {name: lon1}, {name: par1, peers: [fra1, ams1]}]\n"    \
    "clients: [{name: near}, {name: far}, {name: gone, start: waiting}]\n"                         \
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
    report_add_client(
        r, &(struct report_client){
               .group = 2, .name = "gone-1", .left = true, .served_from_ms = REPORT_UNSERVED});
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
    {"clients: [{of: near, frames_lost_max: 4}]", "near: at most 4 frames lost", "4 lost of 1000",
     true},
    {"clients: [{of: near, frames_lost_max: 3}]", "near: at most 3 frames lost", "4 lost of 1000",
     false},
    {"clients: [{of: gone, frames_lost_max: 3}]", "gone: at most 3 frames lost", "0 lost of 0",
     false}, /* a group that heard nothing proves nothing */
    {"clients: [{of: near, gap_max: 20ms}]", "near: no gap longer than 20 ms", "20 ms at near-1",
     true},
    {"clients: [{of: all, gap_max: 20ms}]", "all: no gap longer than 20 ms", "40 ms at far-1",
     false},
    {"clients: [{of: near, all_served_by: 1s}]", "near: each has media from 1000 ms to the end",
     "all", true},
    {"clients: [{of: far, all_served_by: 4s}]", "far: each has media from 4000 ms to the end",
     "1 do not, first far-1: playing", false},
    {"clients: [{of: gone, all_served_by: 4s}]", "gone: each has media from 4000 ms to the end",
     "all", true},
    {"clients: [{of: all, served_at_end: [ams1, lon1]}]",
     "all: at the end each is at ams1 or others named", "all", true},
    {"clients: [{of: all, served_at_end: ams1}]", "all: at the end each is at ams1",
     "1 are not, first far-1: at lon1", false},
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
