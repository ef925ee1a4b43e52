#include "peerd/sim/expect.h"
#include "peerd/sim/report.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct report_move move_of(const char *cause, uint32_t group, int64_t detect_ms) {
    struct report_move m = {
        .group = group, .at_ms = 5000, .detect_ms = detect_ms, .first_frame_ms = 71, .gap_ms = 20};
    snprintf(m.client, sizeof(m.client), "near-%u", group + 1);
    name_set(&m.cause, cause);
    name_set(&m.from, "fra1");
    name_set(&m.to, "ams1");
    return m;
}

/* Two listeners in two groups, one move each. */
static void fill(struct report *r) {
    struct name name;
    name_set(&name, "test");
    report_init(r, "sim", &name, 7);
    for (uint32_t i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof(name), "near-%u", i + 1);
        struct report_client c = {.group = i,
                                  .name = name,
                                  .outcome = "playing",
                                  .frames_expected = 500,
                                  .frames_lost = 3 * i,
                                  .frames_duplicated = 5,
                                  .reordered = 1 + i,
                                  .duplicates_apart = 3 + i,
                                  .hedges = 2,
                                  .gap_max_ms = 60 * (int64_t)i,
                                  .served_from_ms = 1000 + 500 * (int64_t)i};
        report_add_client(r, &c);
    }
    struct report_move m = move_of("crashed", 0, 45);
    report_add_move(r, &m);
    m = move_of("drain", 1, 0);
    report_add_move(r, &m);
    struct report_verdict v = {.at_ms = 4800};
    name_set(&v.observer, "ams1");
    name_set(&v.peer, "fra1");
    name_set(&v.verdict, "crashed");
    snprintf(v.evidence, sizeof(v.evidence), "no beat for 300 ms; \"lon1\" silent too");
    report_add_verdict(r, &v);
}

Test(sim_report, json_has_the_documented_shape) {
    struct report r;
    int64_t at_ms, detect_ms, first_ms, gap_ms, lost, expected, twice, seed, listeners;
    const char *runner, *scenario, *client, *cause, *from, *to, *evidence, *verdict, *what;
    int met, ok;
    fill(&r);
    report_add_expectation(&r, &(struct report_expectation){.what = "a", .found = "b"});
    char *text = report_to_json(&r);
    cr_assert_not_null(text);
    cr_expect_null(strchr(text, '\n'), "one line");
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(root);
    int failed = json_unpack(
        root, "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:[{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I}*],s:b}", "runner",
        &runner, "scenario", &scenario, "seed", &seed, "listeners", &listeners, "frames_expected",
        &expected, "frames_lost", &lost, "frames_duplicated", &twice, "moves", "client", &client,
        "cause", &cause, "from", &from, "to", &to, "at_ms", &at_ms, "detect_ms", &detect_ms,
        "first_frame_ms", &first_ms, "gap_ms", &gap_ms, "ok", &ok);
    cr_assert_eq(failed, 0);
    cr_expect_str_eq(runner, "sim");
    cr_expect_str_eq(scenario, "test");
    cr_expect_str_eq(client, "near-1");
    cr_expect_str_eq(cause, "crashed");
    cr_expect_str_eq(from, "fra1");
    cr_expect_str_eq(to, "ams1");
    cr_expect(seed == 7 && listeners == 2 && expected == 1000 && lost == 3 && twice == 10);
    cr_expect(at_ms == 5000 && detect_ms == 45 && first_ms == 71 && gap_ms == 20);
    cr_expect_eq(ok, 0, "an expectation is not met");
    failed = json_unpack(root, "{s:[{s:s,s:s}],s:[{s:s,s:b}]}", "verdicts", "verdict", &verdict,
                         "evidence", &evidence, "expectations", "what", &what, "met", &met);
    cr_assert_eq(failed, 0);
    cr_expect_str_eq(verdict, "crashed");
    cr_expect_str_eq(evidence, "no beat for 300 ms; \"lon1\" silent too");
    cr_expect(strcmp(what, "a") == 0 && met == 0);
    cr_expect_eq(json_array_size(json_object_get(root, "moves")), 2);
    json_decref(root);
    free(text);
    report_free(&r);
}

Test(sim_report, an_empty_one_is_ok_and_a_broken_one_is_not) {
    struct report r;
    struct name name;
    name_set(&name, "none");
    report_init(&r, "live", &name, 0);
    cr_expect(report_ok(&r));
    r.broken = true;
    cr_expect_not(report_ok(&r));
    report_free(&r);
}

/* Whoever ran it, and in which order it came to know. */
Test(sim_report, moves_come_in_the_order_of_time_then_of_clients) {
    static const struct {
        int64_t at_ms;
        uint32_t group;
        const char *client;
    } sorted[] = {{4000, 1, "far-1"},  {5000, 0, "near-2"},  {5000, 0, "near-10"},
                  {5000, 1, "far-1"},  {5000, 1, "far-9"},   {5000, 1, "far-10"},
                  {5001, 0, "near-1"}, {6000, 0, "near-100"}};
    const size_t count = sizeof(sorted) / sizeof(sorted[0]);
    struct report r;
    struct name name;
    name_set(&name, "moves");
    report_init(&r, "live", &name, 0);
    for (size_t i = 0; i < count; i++) {
        size_t k = i * 3 % count;
        struct report_move m = move_of("crashed", sorted[k].group, 45);
        m.at_ms = sorted[k].at_ms;
        snprintf(m.client, sizeof(m.client), "%s", sorted[k].client);
        report_add_move(&r, &m);
    }
    report_sort(&r);
    for (size_t i = 0; i < count; i++)
        cr_expect(r.moves[i].at_ms == sorted[i].at_ms && r.moves[i].group == sorted[i].group &&
                      strcmp(r.moves[i].client, sorted[i].client) == 0,
                  "%zu: %s", i, r.moves[i].client);
    report_free(&r);
}

Test(sim_report, holds_as_many_as_are_added) {
    struct report r;
    struct name name;
    name_set(&name, "many");
    report_init(&r, "sim", &name, 0);
    for (int i = 0; i < 1000; i++) {
        struct report_move m = move_of("crashed", 0, i);
        report_add_move(&r, &m);
    }
    cr_assert_eq(r.move_count, 1000);
    for (int i = 0; i < 1000; i++)
        cr_expect_eq(r.moves[i].detect_ms, i);
    report_free(&r);
}

/* Client by client, those of one in the order of time; more than REPORT_HEDGES_MAX are counted. */
Test(sim_report, json_tells_hedges) {
    struct report r;
    fill(&r);
    report_add_mark(&r, &(struct report_mark){700, 1, 0, REPORT_MARK_HEDGED});
    report_add_mark(&r, &(struct report_mark){900, 0, 0, REPORT_MARK_HEDGED});
    report_add_mark(&r, &(struct report_mark){800, 0, 1, REPORT_MARK_HEDGED});
    report_sort(&r);
    char *out = report_to_json(&r);
    cr_assert_not_null(out);
    cr_expect_not_null(strstr(out, "\"hedges\":[{\"client\":\"near-1\",\"at_ms\":800},"
                                   "{\"client\":\"near-1\",\"at_ms\":900},"
                                   "{\"client\":\"near-2\",\"at_ms\":700}]"),
                       "%s", out);
    cr_expect_null(strstr(out, "hedges_left_out"));
    cr_expect_null(strstr(out, "stood_still_ms"));
    free(out);
    for (uint32_t i = 0; i < REPORT_HEDGES_MAX; i++)
        report_add_mark(&r, &(struct report_mark){1000, 1, 0, REPORT_MARK_HEDGED});
    r.stood_still_ms = 45;
    out = report_to_json(&r);
    cr_assert_not_null(out);
    cr_expect_not_null(strstr(out, "\"hedges_left_out\":3"));
    cr_expect_not_null(strstr(out, "\"stood_still_ms\":45"));
    free(out);
    report_free(&r);
}

/* Each expectation once met and once not: a row that cannot fail proves nothing. */
Test(sim_report, expectations_are_met_or_not) {
    static const struct {
        const char *expectation;
        bool met;
        const char *found;
    } rows[] = {
        {"frames_lost_max: 3", true, "3 lost of 1000"},
        {"frames_lost_max: 2", false, "3 lost of 1000"},
        {"gap_max: 60ms", true, "60 ms at near-2"},
        {"gap_max: 40ms", false, "60 ms at near-2"},
        {"detect_max: 45ms", true, "45 ms at near-1"},
        {"detect_max: 44ms", false, "45 ms at near-1"},
        {"all_served_by: 1500ms", true, "all 2"},
        {"all_served_by: 1499ms", false, "1 do not, first near-2: from 1500 ms"},
        {"hedges_max: 4", true, "4"},
        {"hedges_max: 3", false, "4"},
        {"reordered_max: 3", true, "3"},
        {"reordered_max: 2", false, "3"},
        {"duplicates_apart_max: 7", true, "7"},
        {"duplicates_apart_max: 6", false, "7"},
        {"moves: [{min: 2, max: 2}]", true, "2"},
        {"moves: [{min: 3}]", false, "2"},
        {"moves: [{max: 1}]", false, "2"},
        {"moves: [{cause: crashed, min: 1, max: 1}]", true, "1"},
        {"moves: [{cause: degraded, min: 1}]", false, "0"},
        {"moves: [{cause: crashed, max: 0, of: far}]", true, "0"},
        {"moves: [{cause: drain, max: 0, of: far}]", false, "1"},
        {"must_not_move: far", false, "1 moves, first near-2, fra1 to ams1 (drain)"},
        {"must_not_move: all", false, "2 moves, first near-1, fra1 to ams1 (crashed)"},
    };
    static struct faults faults;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scenario s;
        struct report r;
        char text[512];
        snprintf(text, sizeof(text),
                 "name: t\nduration: 2s\nclusters: [{name: fra1}]\n"
                 "clients: [{name: near}, {name: far}]\nexpectations: {%s}\n",
                 rows[i].expectation);
        cr_assert_eq(scenario_parse(text, strlen(text), "t", &s, &faults), ERR_OK, "%s",
                     rows[i].expectation);
        fill(&r);
        expect_all(&s, &r);
        cr_assert_eq(r.expectation_count, 1);
        cr_expect_eq(r.expectations[0].met, rows[i].met, "%s", rows[i].expectation);
        cr_expect_str_eq(r.expectations[0].found, rows[i].found);
        cr_expect_eq(report_ok(&r), rows[i].met);
        report_free(&r);
        scenario_free(&s);
    }
}

Test(sim_report, nobody_hearing_anything_is_not_zero_frames_lost) {
    static struct faults faults;
    static const char text[] = "name: t\nduration: 1s\nclusters: [{name: fra1}]\n"
                               "clients: [{name: near}]\nexpectations: {frames_lost_max: 0, "
                               "hedges_max: 0, detect_max: 0s, moves: [{max: 0}], "
                               "must_not_move: near}\n";
    struct scenario s;
    struct report r;
    struct name name;
    cr_assert_eq(scenario_parse(text, strlen(text), "t", &s, &faults), ERR_OK);
    name_set(&name, "t");
    report_init(&r, "sim", &name, 0);
    report_add_client(&r, &(struct report_client){.served_from_ms = REPORT_UNSERVED});
    expect_all(&s, &r);
    cr_assert_eq(r.expectation_count, 5);
    for (uint32_t i = 0; i < r.expectation_count; i++) {
        cr_expect_not(r.expectations[i].met, "%s", r.expectations[i].what);
        cr_expect_str_eq(r.expectations[i].found, "nobody heard anything at all");
    }
    report_free(&r);
    scenario_free(&s);
}

Test(sim_report, text_names_groups_and_reasons) {
    static struct faults faults;
    static const char text[] = "name: t\nduration: 1s\nclusters: [{name: fra1}]\n"
                               "clients: [{name: near}, {name: far}]\n";
    struct scenario s;
    struct report r;
    cr_assert_eq(scenario_parse(text, strlen(text), "t", &s, &faults), ERR_OK);
    fill(&r);
    r.clients[1].served_from_ms = REPORT_UNSERVED;
    r.clients[1].outcome = "the source has ended";
    char *out = report_to_text(&r, &s);
    cr_assert_not_null(out);
    cr_expect_not_null(strstr(out, "near"));
    cr_expect_not_null(
        strstr(out, "1 without media at the end: the source has ended (first near-2)"));
    cr_expect_not_null(strstr(out, "1 moves, cause drain"));
    cr_expect_not_null(strstr(out, "as expected"));
    free(out);
    report_free(&r);
    scenario_free(&s);
}
