#include "monitor/verdict.h"
#include "peerd/sim/scenario_private.h"

#include <string.h>

/* What must be true at the end. */

static const char *const cause_words[] = {"any",         "drain",  "degraded", "crashed",
                                          "partitioned", "return", NULL};

/* Whether the first of two keys has a value larger than the second. */
static void check_order(struct schema_run *run, struct tree_node *node, const char *first,
                        const char *second, bool good) {
    struct tree_node *from = schema_good(node, first), *to = schema_good(node, second);
    if (good || from == NULL || to == NULL)
        return;
    struct fault *x = fault_add(run->faults, to, NULL);
    fault_expected(x, "%s to be at most %s", first, second);
    fault_found(x, "%s: %s and %s: %s", first, from->text, second, to->text);
}

/* What any run meets says nothing. */
static void refuse_void(struct schema_run *run, struct tree_node *node, const char *expected,
                        const char *found) {
    if (node->faulty)
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "%s", expected);
    fault_found(x, "%s", found);
    fault_hint(x, "any run would do");
}

/* ---- moves ---- */

static void check_moves(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_moves *m = record;
    if (tree_find(node, "max") == NULL)
        m->max = UINT32_MAX;
    m->by_given = tree_find(node, "by") != NULL;
    check_order(run, node, "min", "max", m->min <= m->max);
    if (m->min == 0 && m->max == UINT32_MAX)
        refuse_void(run, node, "a `min` of at least 1, or a `max`", "neither");
}

static const struct schema_row moves_rows[] = {
    {"cause", SCHEMA_ENUM, AT(scenario_moves, cause), .preset = "any", .words = cause_words,
     .doc = "Moves of this cause are counted."},
    {"min", SCHEMA_COUNT, AT(scenario_moves, min), .preset = "0",
     .doc = "At least so many, of all these clients together."},
    {"max", SCHEMA_COUNT, AT(scenario_moves, max),
     .doc = "At most so many; without it any number."},
    {"of", SCHEMA_NAME, AT(scenario_moves, of), .doc = "A group of clients; without it all."},
    {"from", SCHEMA_NAME, AT(scenario_moves, from),
     .doc = "Only moves away from this cluster are counted."},
    {"to", SCHEMA_NAME, AT(scenario_moves, to),
     .doc = "Only moves to this cluster are counted; from a to a: to another worker of it."},
    {"by", SCHEMA_DURATION, AT(scenario_moves, by), .range = "0s..30d",
     .doc = "Only moves whose new server served by this instant are counted."},
};
static const struct schema_table moves_table = {
    .title = "moves",
    TABLE(moves_rows, scenario_moves),
    .check = check_moves,
};

static const struct schema_row entered_rows[] = {
    {"cause", SCHEMA_ENUM, AT(scenario_moves, cause), .preset = "any", .words = cause_words,
     .doc =
         "Arrivals of this cause are counted, as it turned out: a client that hears nothing says "
         "`crashed`, and who takes it over finds out whether where it was had died or was cut "
         "off from it (`partitioned`), within three seconds."},
    {"min", SCHEMA_COUNT, AT(scenario_moves, min), .preset = "0", .doc = "At least so many."},
    {"max", SCHEMA_COUNT, AT(scenario_moves, max),
     .doc = "At most so many; without it any number."},
};
static const struct schema_table entered_table = {
    .title = "the ledgers",
    TABLE(entered_rows, scenario_moves),
    .check = check_moves,
};

/* ---- verdicts ---- */

static void read_verdict(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field) {
    const char *words[VERDICT_COUNT];
    for (enum verdict v = 0; v < VERDICT_COUNT; v++) {
        words[v] = verdict_name(v);
        if (node->kind == TREE_SCALAR && strcmp(node->text, words[v]) == 0)
            name_set(field, node->text);
    }
    if (!name_is_empty(field))
        return;
    struct fault *x = schema_mismatch(run, row, node);
    const char *near =
        node->kind == TREE_SCALAR ? fault_nearest(node->text, words, VERDICT_COUNT) : NULL;
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
}

static void check_verdict(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_verdict *v = record;
    if (tree_find(node, "until") == NULL)
        v->until = DURATION_ENDLESS;
    check_order(run, node, "from", "until", !duration_less(v->until, v->from));
    if (!name_is_empty(&v->location) && strcmp(v->verdict.text, "degraded") != 0)
        refuse_void(run, tree_find(node, "location"), "verdict: degraded beside it",
                    v->verdict.text);
    if (!name_is_empty(&v->location) && v->by_count > 0)
        refuse_void(run, tree_find(node, "by"), "`by` or `location`", "both");
    if (v->may && v->never)
        refuse_void(run, tree_find(node, "may"), "`may` or `never`", "both");
}

static const struct schema_row verdict_rows[] = {
    {"of", SCHEMA_NAME, AT(scenario_verdict, of), .required = true,
     .doc = "The cluster that is judged."},
    {"verdict", SCHEMA_CUSTOM, AT(scenario_verdict, verdict), .required = true,
     .read = read_verdict,
     .form = "one of unknown, alive, suspect, headless, crashed, partitioned, degraded, draining",
     .doc = "What they come to believe of it."},
    {"location", SCHEMA_NAME, AT(scenario_verdict, location),
     .doc = "degraded only: what the cluster believes of its own path to where this group of "
            "clients is."},
    {"by", SCHEMA_LIST, LIST_AT(scenario_verdict, by_names, by_count, SCENARIO_OPEN_AT_MAX),
     .item = &scenario_name_item, .single = true, .unique = "",
     .doc = "The clusters each of which believes so, or `all` that are its peers; without it any "
            "one is enough."},
    {"never", SCHEMA_BOOL, AT(scenario_verdict, never), .preset = "false",
     .doc = "True: none of them may come to believe it."},
    {"may", SCHEMA_BOOL, AT(scenario_verdict, may), .preset = "false",
     .doc = "True: they may come to believe it or not; for `verdicts_only`."},
    {"from", SCHEMA_DURATION, AT(scenario_verdict, from), .preset = "0s", .range = "0s..30d",
     .doc = "Only what they come to believe at this instant or later counts …"},
    {"until", SCHEMA_DURATION, AT(scenario_verdict, until), .range = "0s..30d",
     .doc = "… and until this one; without it to the end."},
};
static const struct schema_table verdicts_table = {
    .title = "a verdict",
    .doc = "A verdict counts at the instant at which a cluster changes its mind.",
    TABLE(verdict_rows, scenario_verdict),
    .check = check_verdict,
};

/* ---- what a group hears ---- */

static void check_hearing(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_hearing *h = record;
    h->frames_lost_max_given = tree_find(node, "frames_lost_max") != NULL;
    h->gap_max_given = tree_find(node, "gap_max") != NULL;
    h->all_served_by_given = tree_find(node, "all_served_by") != NULL;
    if (!h->frames_lost_max_given && !h->gap_max_given && !h->all_served_by_given &&
        h->served_at_end_count == 0 && tree_find(node, "loses_at_most") == NULL)
        refuse_void(run, node,
                    "`frames_lost_max`, `gap_max`, `all_served_by`, `served_at_end` or "
                    "`loses_at_most`",
                    "none of them");
}

static const struct schema_row hearing_rows[] = {
    {"of", SCHEMA_NAME, AT(scenario_hearing, of), .required = true,
     .doc = "A group of clients, or `all`."},
    {"frames_lost_max", SCHEMA_COUNT, AT(scenario_hearing, frames_lost_max),
     .doc = "Frames lost, of the group together."},
    {"gap_max", SCHEMA_DURATION, AT(scenario_hearing, gap_max), .range = "0s..1d",
     .doc = "Media missing in a row at the output of any of them."},
    {"all_served_by", SCHEMA_DURATION, AT(scenario_hearing, all_served_by), .range = "0s..30d",
     .doc = "From this instant to the end each of them has media."},
    {"served_at_end", SCHEMA_LIST,
     LIST_AT(scenario_hearing, served_at_end, served_at_end_count, SCENARIO_OPEN_AT_MAX),
     .item = &scenario_name_item, .single = true, .unique = "",
     .doc = "At the end each of them is served by one of these clusters."},
    {"loses_at_most", SCHEMA_NAME, AT(scenario_hearing, loses_at_most),
     .doc = "Another group of clients: no larger a part of the frames is lost than of theirs."},
};
static const struct schema_table hearing_table = {
    .title = "what a group hears",
    TABLE(hearing_rows, scenario_hearing),
    .check = check_hearing,
};

/* ---- all of it ---- */

static void check_expectations(struct schema_run *run, struct tree_node *node, void *record) {
    static const char *const lists[] = {"moves", "verdicts", "clients", "must_not_move"};
    struct scenario_expectations *e = record;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct tree_node *list = tree_find(node, lists[i]);
        if (list != NULL && list->kind == TREE_SEQUENCE && list->count == 0)
            refuse_void(run, list, "at least one", "an empty list");
    }
    for (uint32_t i = 0; i < e->verdict_count && !e->verdicts_only; i++)
        if (e->verdicts[i].may)
            refuse_void(run, tree_find(tree_child(tree_find(node, "verdicts"), i), "may"),
                        "`verdicts_only` beside it", "none");
    e->frames_lost_max_given = tree_find(node, "frames_lost_max") != NULL;
    e->gap_max_given = tree_find(node, "gap_max") != NULL;
    e->detect_max_given = tree_find(node, "detect_max") != NULL;
    e->all_served_by_given = tree_find(node, "all_served_by") != NULL;
    const struct tree_node *whole = tree_find(node, "whole");
    e->whole_mark = whole != NULL ? whole->mark : (struct mark){0, 0};
    e->hedges_max_given = tree_find(node, "hedges_max") != NULL;
    e->reordered_max_given = tree_find(node, "reordered_max") != NULL;
    e->duplicates_apart_max_given = tree_find(node, "duplicates_apart_max") != NULL;
}

static const struct schema_row expectation_rows[] = {
    {"frames_lost_max", SCHEMA_COUNT, AT(scenario_expectations, frames_lost_max),
     .doc = "Frames lost, of all clients together."},
    {"gap_max", SCHEMA_DURATION, AT(scenario_expectations, gap_max), .range = "0s..1d",
     .doc = "Media missing in a row at any client's output."},
    {"detect_max", SCHEMA_DURATION, AT(scenario_expectations, detect_max), .range = "0s..1d",
     .doc = "From the event to the client's hedge, of any move."},
    {"all_served_by", SCHEMA_DURATION, AT(scenario_expectations, all_served_by), .range = "0s..30d",
     .doc = "From this instant to the end every client has media."},
    {"hedges_max", SCHEMA_COUNT, AT(scenario_expectations, hedges_max),
     .doc = "Hedges, of all clients together."},
    {"reordered_max", SCHEMA_COUNT, AT(scenario_expectations, reordered_max),
     .doc = "Frames that come out after a later one, of all clients together; live at their "
            "players' ports."},
    {"duplicates_apart_max", SCHEMA_COUNT, AT(scenario_expectations, duplicates_apart_max),
     .doc = "Frames that came twice where no two servers had been asked to send, of all clients "
            "together. Who is asked to serve, to hedge or to be hot may send until it is released, "
            "and a round trip and 100 ms longer. What is resent on request does not count."},
    {"whole", SCHEMA_BOOL, AT(scenario_expectations, whole), .preset = "false",
     .doc = "True: the scenario heals everything that it broke, and at its end every cluster runs, "
            "believes its peers alive and knows who is served, once each."},
    {"moves", SCHEMA_LIST, LIST_AT(scenario_expectations, moves, move_count, 16),
     .table = &moves_table, .doc = "How many moves of which cause."},
    {"ledgers", SCHEMA_LIST, LIST_AT(scenario_expectations, entered, entered_count, 8),
     .table = &entered_table,
     .doc = "How many arrivals of which cause the ledgers of all clusters hold in the end. A peerd "
            "that is started again begins a new one."},
    {"verdicts", SCHEMA_LIST, LIST_AT(scenario_expectations, verdicts, verdict_count, 16),
     .table = &verdicts_table, .doc = "What clusters must, or must never, believe of another."},
    {"verdicts_only", SCHEMA_BOOL, AT(scenario_expectations, verdicts_only), .preset = "false",
     .doc = "True: nobody comes to any other verdict than those of `verdicts`, of that cluster, by "
            "that one and in that time. Alive, suspect and unknown are free."},
    {"clients", SCHEMA_LIST, LIST_AT(scenario_expectations, clients, hearing_count, 16),
     .table = &hearing_table, .doc = "What the listeners of one group hear."},
    {"must_not_move", SCHEMA_LIST,
     LIST_AT(scenario_expectations, must_not_move_names, must_not_move_count, 64),
     .item = &scenario_name_item, .single = true, .unique = "",
     .doc = "Groups of clients whose sessions stay where they are, or `all`. To another worker of "
            "the same cluster is a move, too."},
};
const struct schema_table scenario_expectations_table = {
    .title = "the expectations",
    .doc = "What is not named is not checked.",
    TABLE(expectation_rows, scenario_expectations),
    .check = check_expectations,
};
