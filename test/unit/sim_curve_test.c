/* How soon clusters act, how often wrongly, and what single pairs of ears make of the same paths.
 */
#include "peerd/sim/arguments.h"
#include "peerd/sim/curve.h"
#include "peerd/sim/ears.h"
#include "peerd/sim/report_watch.h"

#include "test/unit/sim_fixture.h"

#include <getopt.h>
#include <math.h>

static struct ears ears;

static void listen_to(const char *links, double hours) {
    static struct faults faults;
    struct scenario s;
    char text[512];
    const struct duration wish = duration_ms(400);
    snprintf(text, sizeof(text),
             "name: a\nduration: 2s\nclusters: [{name: fra1}, {name: ams1}]\n"
             "links: [{between: all, rtt: 80ms%s}]\n",
             links);
    cr_assert_eq(scenario_parse(text, strlen(text), "a", &s, &faults), ERR_OK);
    cr_assert(ears_listen(&ears, &s, &wish, 1, hours, 7));
    scenario_free(&s);
}

static const struct ears_row *row_of(const char *name, double param) {
    for (uint32_t i = 0; i < ears.count; i++)
        if (strcmp(ears.rows[i].name, name) == 0 && ears.rows[i].param == param)
            return &ears.rows[i];
    cr_assert_fail("no row %s %g", name, param);
    return NULL;
}

/* Beats every 100 ms, 40 ms under way: a death is between two, so after three intervals from the
 * last arrival between 240 and 340 ms have passed. */
Test(sim_curve, ears_of_a_perfect_path) {
    listen_to("", 0.1);
    const struct ears_row *bfd = row_of("bfd", 3);
    cr_expect_eq(ears.paths, 1, "both ways are alike");
    cr_expect_eq(bfd->mistakes, 0);
    cr_expect(bfd->customary);
    cr_expect(bfd->ms_p50 >= 285 && bfd->ms_p50 <= 295, "%d", (int)bfd->ms_p50);
    cr_expect(bfd->ms_p99 >= 335 && bfd->ms_p99 <= 340, "%d", (int)bfd->ms_p99);
    cr_expect_not(row_of("bfd", 4)->customary);
    cr_expect(row_of("peerd", 400)->ms_p99 <= 400);
}

/* One beat in ten is lost for itself: three in a row once in a thousand, 36,000 beats an hour. */
Test(sim_curve, ears_of_a_lossy_path) {
    listen_to(", loss: 10%", 0.5);
    const struct ears_row *bfd = row_of("bfd", 3);
    cr_expect(bfd->per_hour > 22 && bfd->per_hour < 46, "%g", bfd->per_hour);
    cr_expect_eq(row_of("bfd", 30)->mistakes, 0);
    cr_expect_eq(row_of("fixed", 6)->ms_p50 > bfd->ms_p50, true);
}

Test(sim_curve, nothing_seen_is_not_nothing) {
    static const struct {
        uint64_t count;
        double hours, at_most; /* tables of chi-square, 95 % of one side */
    } rows[] = {{0, 1, 2.996}, {0, 100, 0.02996}, {1, 1, 4.744}, {10, 1, 16.962}, {100, 2, 59.05}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double found = curve_at_most(rows[i].count, rows[i].hours);
        cr_expect(fabs(found / rows[i].at_most - 1) < 0.01, "%zu: %g", i, found);
    }
    cr_expect(isinf(curve_at_most(0, 0)));
}

Test(sim_curve, seeds_from_to) {
    static const struct {
        const char *what, *seeds;
        bool file;
        int status;
        uint64_t first, runs;
    } rows[] = {
        {"a hundred", "1..100", true, -1, 1, 100},
        {"from elsewhere", "7..9", true, -1, 7, 3},
        {"one", "5..5", true, -1, 5, 1},
        {"a single one is no range", "5", true, -1, 1, 0},
        {"the other way around", "9..7", true, 2, 0, 0},
        {"no end", "9..", true, 2, 0, 0},
        {"no beginning", "..9", true, 2, 0, 0},
        {"words", "1..N", true, 2, 0, 0},
        {"of nothing", "1..9", false, 2, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arguments a;
        char *argv[] = {(char *)"peersim", (char *)"--seed", (char *)rows[i].seeds,
                        rows[i].file ? (char *)"a.yaml" : NULL, NULL};
        optind = 0;
        cr_expect_eq(arguments_parse(&a, rows[i].file ? 4 : 3, argv), rows[i].status, "%s",
                     rows[i].what);
        if (rows[i].status >= 0)
            continue;
        cr_expect_eq(a.runs, rows[i].runs, "%s", rows[i].what);
        cr_expect_eq(a.first_seed, rows[i].first, "%s", rows[i].what);
        cr_expect_eq(a.range, rows[i].runs > 0, "%s", rows[i].what);
    }
}

Test(sim_curve, a_watch_goes_through_a_line) {
    static struct report_watch w, back, sum;
    static char line[REPORT_WATCH_LINE_MAX];
    w = (struct report_watch){.peer_days = 1.5,
                              .listener_days = 2.5,
                              .suspicions_wrong = 3,
                              .crashed_wrong = 4,
                              .moves_wrong = 5,
                              .undetected = 6,
                              .detected = 2,
                              .ms = {400, 300},
                              .suspected_ms = {150, 170}};
    report_watch_to_line(&w, line, sizeof(line));
    cr_assert(report_watch_from_line(&back, line), "%s", line);
    cr_expect_eq(memcmp(&w, &back, sizeof(w)), 0, "%s", line);
    cr_expect_not(report_watch_from_line(&back, "1 2 3"));
    report_watch_add(&sum, &w);
    report_watch_add(&sum, &w);
    cr_expect_eq(sum.moves_wrong, 10);
    cr_expect_eq(sum.detected, 4);
    cr_expect_eq(report_watch_quantile(&sum, sum.ms, 500), 400);
    cr_expect_eq(report_watch_quantile(&sum, sum.suspected_ms, 0), 150);
}
