/* What people read of a move: what this end does not know is not shown as a number. */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/tables.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static json_t *one_move(json_t *before, json_t *after) {
    return json_pack("{s:[{s:i, s:s, s:f, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:b}]}", "moves",
                     "number", 7, "begun_at", "2026-01-01T00:00:00Z", "begun_ms_ago", 1500.0,
                     "session", "AAAAAAAAAAAAAAAAAAAAAA", "cause", "drain", "side", "leaving",
                     "from", "fra1", "to", "ams1", "epoch_from", before, "epoch_to", after,
                     "evidence", "", "settled", true);
}

static bool says(void (*show)(const json_t *), json_t *answer, const char *wanted) {
    static char text[4096];
    FILE *out = tmpfile(), *before = stdout;
    cr_assert_not_null(out);
    stdout = out;
    show(answer);
    stdout = before;
    rewind(out);
    text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
    fclose(out);
    json_decref(answer);
    return strstr(text, wanted) != NULL;
}

Test(ctl_moves, an_epoch_that_is_not_known_is_no_number) {
    cr_expect(says(tables_ledger, one_move(json_integer(1), json_null()), " 1 > ?\n"));
    cr_expect(says(tables_ledger, one_move(json_null(), json_integer(2)), " ? > 2\n"));
    cr_expect(says(tables_ledger, one_move(json_integer(1), json_integer(2)), " 1 > 2\n"));
    cr_expect(says(tables_moves, one_move(json_integer(1), json_null()), "(epoch 1 > ?)"));
    cr_expect(says(tables_moves, one_move(json_integer(1), json_integer(2)), "(epoch 1 > 2)"));
}

Test(ctl_moves, where_there_is_nothing_to_show) {
    cr_expect(says(tables_ledger, json_pack("{s:i, s:[]}", "entered", 0, "moves"), "no move yet"));
    cr_expect(says(tables_ledger, json_pack("{s:i, s:[]}", "entered", 3, "moves"), "no such move"));
    cr_expect(says(tables_ledger, json_pack("{s:[]}", "moves"), "no such move"), "an older peerd");
}

/* Where it came nobody overlaps unless it hedged there, and what it left knows its own phases. */
Test(ctl_moves, phases_are_told_as_each_end_sees_them) {
    static const struct {
        const char *side, *phases, *says;
    } rows[] = {
        {"leaving", "{\"overlap_ms\": 95, \"switched_ms\": 480}",
         "taken on after 95 ms, gone after 480 ms"},
        {"leaving", "{\"overlap_ms\": null, \"switched_ms\": 480}",
         "taken on after - ms, gone after 480 ms"},
        {"arriving", "{\"overlap_ms\": null, \"switched_ms\": 0}", "held warm; served at once"},
        {"arriving", "{\"overlap_ms\": 0, \"switched_ms\": 140}",
         "held warm; hedged here, served after 140 ms"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *moves = one_move(json_integer(1), json_integer(2));
        json_t *m = json_array_get(json_object_get(moves, "moves"), 0);
        json_object_set_new(m, "side", json_string(rows[i].side));
        json_object_set_new(m, "held", json_string("warm"));
        json_object_set_new(m, "phases", json_loads(rows[i].phases, 0, NULL));
        cr_expect(says(tables_ledger, moves, rows[i].says), "row %zu", i);
    }
}

/* What is said of a session that an operator has moved, as its peerd tells it. */
Test(ctl_moves, where_a_session_is_now) {
    static const struct {
        const char *answer, *says;
    } rows[] = {
        {"{\"served_here\": true, \"state\": \"prepare\", \"to\": \"ams1\", \"last\": null}",
         "S is moving to ams1: prepare\n"},
        {"{\"served_here\": true, \"state\": \"telling\", \"to\": \"ams1\", \"last\": null}",
         "S is to move to ams1: its client is told of that cluster first\n"},
        {"{\"served_here\": true, \"state\": null, \"last\": null}", "S stays at fra1\n"},
        {"{\"served_here\": true, \"state\": null, \"last\": {\"what\": \"cancelled\", \"to\": "
         "\"ams1\", \"why\": \"its client has not gone within 10 s\", \"epoch\": null}}",
         "S stays at fra1: its client has not gone within 10 s\n"},
        {"{\"served_here\": false, \"state\": null, \"last\": null}",
         "S is not served by fra1 any more\n"},
        {"{\"served_here\": false, \"last\": {\"what\": \"over\", \"to\": \"ams1\", \"why\": "
         "\"ordered\", \"epoch\": null, \"client\": null}}",
         "S is not served by fra1 any more: it was to go to ams1, which has not told yet that it "
         "serves it\n"},
        {"{\"served_here\": false, \"last\": {\"what\": \"over\", \"to\": \"lon1\", \"why\": "
         "\"ordered\", \"epoch\": 3, \"client\": {\"lost\": 2}}}",
         "S is not served by fra1 any more: lon1 serves it, under epoch 3; its client lost 2 "
         "frames\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *answer = json_loads(rows[i].answer, 0, NULL);
        cr_assert_not_null(answer, "row %zu", i);
        json_object_set_new(answer, "session", json_string("S"));
        json_object_set_new(answer, "cluster", json_string("fra1"));
        cr_expect(says(tables_moving, answer, rows[i].says), "row %zu", i);
    }
}
