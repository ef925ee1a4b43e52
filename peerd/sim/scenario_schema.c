#include "peerd/policy/policy_check.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/sim/scenario_private.h"

#include <assert.h>
#include <string.h>

/* The tables, from the inside out, with the readers of what has more than one form. Names are only
 * taken down here; scenario_resolve.c finds out what they stand for. */

#define AT(type, field) .offset = offsetof(struct type, field)
#define LIST_AT(type, field, counter, max)                                                         \
    AT(type, field), .stride = sizeof(((struct type *)0)->field[0]),                               \
                     .count_offset = offsetof(struct type, counter), .count_max = (max)
#define TABLE(rows_, type)                                                                         \
    .rows = (rows_), .row_count = sizeof(rows_) / sizeof((rows_)[0]),                              \
    .record_size = sizeof(struct type)
#define TEXT .type = SCHEMA_TEXT, .size = POLICY_TEXT_LEN_MAX + 1

static const struct schema_row name_item = {.key = "", .type = SCHEMA_NAME};

static const char *const class_words[] = {"exact", "seekable", "live", "push", NULL};
static const char *const protection_words[] = {"cold", "warm", "hot", NULL};
static const char *const cause_words[] = {"any",         "drain",  "degraded", "crashed",
                                          "partitioned", "return", NULL};

/* ---- instants ---- */

#define WHEN_FORM "an instant such as 5s, or {between: [4s, 6s]}"
#define WHEN_DOC  "Counted from the start; between two instants it is drawn with the seed."

struct when_pair {
    struct duration values[2];
    uint32_t count;
};
static const struct schema_row instant_item = {
    .key = "", .type = SCHEMA_DURATION, .range = "0s..30d"};
static const struct schema_row between_rows[] = {
    {"between", SCHEMA_LIST, LIST_AT(when_pair, values, count, 2), .required = true,
     .item = &instant_item, .doc = "The earliest and the latest instant."},
};
static const struct schema_table between_table = {
    .title = WHEN_FORM,
    TABLE(between_rows, when_pair),
};

static void read_when(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_when *when = field;
    struct when_pair pair = {.count = 0};
    if (node->kind == TREE_SCALAR) {
        if (schema_read_value(run, &instant_item, node, &when->from))
            when->to = when->from;
    } else if (node->kind == TREE_SEQUENCE) {
        schema_mismatch(run, row, node);
    } else if (schema_read_mapping(run, &between_table, node, &pair)) {
        if (pair.count == 2 && !duration_less(pair.values[1], pair.values[0])) {
            *when = (struct scenario_when){pair.values[0], pair.values[1]};
            return;
        }
        struct fault *x = fault_add(run->faults, tree_find(node, "between"), NULL);
        fault_expected(x, "two instants, the earlier one first");
        fault_found(x, pair.count == 2 ? "the later one first" : "one");
    }
}

/* ---- clusters ---- */

static void check_not_reserved(struct schema_run *run, const struct schema_row *row,
                               struct tree_node *node, void *field) {
    (void)row, (void)field;
    if (!scenario_word_reserved(node->text))
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "a name other than all, clients, last, none and serving");
    fault_found(x, "`%s`, a word of this format", node->text);
}

static const struct schema_row cluster_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_cluster, identity.name), .required = true,
     .check = check_not_reserved, .doc = "Of the cluster."},
    {"provider", SCHEMA_NAME, AT(scenario_cluster, identity.provider),
     .doc = "Failure domain; without it the cluster has one of its own."},
    {"region", SCHEMA_NAME, AT(scenario_cluster, identity.region),
     .doc = "Failure domain; without it the cluster has one of its own."},
    {"upstream", TEXT, AT(scenario_cluster, identity.upstream), .doc = "Failure domain."},
    {"place", SCHEMA_MAPPING, AT(scenario_cluster, identity), .table = &policy_place_table,
     .doc = "Coordinates."},
    {"capacity", SCHEMA_COUNT, AT(scenario_cluster, capacity), .range = "1..1000000",
     .doc = "Sessions of each service; without it as the services say."},
    {"workers", SCHEMA_COUNT, AT(scenario_cluster, workers), .preset = "2", .range = "1..64",
     .doc = "Worker processes of each node."},
    {"nodes", SCHEMA_COUNT, AT(scenario_cluster, nodes), .preset = "1", .range = "1..32",
     .doc = "Node supervisors, one a machine."},
    {"services", SCHEMA_LIST,
     LIST_AT(scenario_cluster, services, service_count, POLICY_SERVICES_MAX), .item = &name_item,
     .single = true, .unique = "", .doc = "Which of the services; without it all of them."},
    {"peers", SCHEMA_LIST, LIST_AT(scenario_cluster, peers, peer_count, POLICY_PEERS_MAX),
     .item = &name_item, .single = true, .unique = "",
     .doc = "Its peers; without it every cluster that does not exclude it by its own list."},
};
static const struct schema_table cluster_table = {
    .title = "a cluster",
    TABLE(cluster_rows, scenario_cluster),
};

/* ---- links ---- */

#define ENDS_FORM "all, or two of: a cluster, a group of clients, clients"

static void read_ends(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_link *link = field;
    if (node->kind == TREE_SCALAR && strcmp(node->text, "all") == 0) {
        name_set(&link->ends[0].name, "all");
        link->end_count = 1;
    } else if (node->kind != TREE_SEQUENCE || node->count != 2) {
        schema_mismatch(run, row, node);
    } else {
        struct tree_node *end = node->first;
        for (link->end_count = 0; end != NULL; end = end->next)
            schema_read_value(run, &name_item, end, &link->ends[link->end_count++].name);
    }
}

static void mark_link(struct schema_run *run, struct tree_node *node, void *record) {
    (void)run;
    ((struct scenario_link *)record)->mark = node->mark;
}

static const struct schema_row link_rows[] = {
    {"between", SCHEMA_CUSTOM, AT(scenario_link, mark), .required = true, .read = read_ends,
     .form = ENDS_FORM, .doc = "Which link; `clients` are all listeners, `all` is every link."},
    {"rtt", SCHEMA_DURATION, AT(scenario_link, rtt), .preset = "20ms", .range = "0s..10s",
     .doc = "There and back, without jitter."},
    {"jitter", SCHEMA_DURATION, AT(scenario_link, quality.jitter), .preset = "0ms",
     .range = "0s..10s", .doc = "Each way up to this much more, in order."},
    {"loss", SCHEMA_PERCENT, AT(scenario_link, quality.loss_ppm), .preset = "0%",
     .range = "0%..100%", .doc = "Each way, one packet independent of the other."},
};
static const struct schema_table link_table = {
    .title = "a link",
    .doc = "A link that no row names has an RTT of 20ms, no jitter and no loss. Of several rows "
           "that fit, the last one counts.",
    TABLE(link_rows, scenario_link),
    .check = mark_link,
};

/* ---- sources and clients ---- */

static void check_source(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_source *s = record;
    struct tree_node *tone = tree_find(node, "tone"), *location = tree_find(node, "location");
    if (tone == NULL) {
        policy_check_source(run, node, &s->source);
        return;
    }
    if (location == NULL && s->source.class == SOURCE_CLASS_EXACT)
        return;
    struct fault *x = fault_add(run->faults, tone, NULL);
    fault_expected(x, "a tone without location and of class exact");
    fault_found(x, "%s", location != NULL ? "a location, too" : "another class");
}

static const struct schema_row source_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_source, source.name), .required = true,
     .doc = "In every cluster's catalogue."},
    {"location", TEXT, AT(scenario_source, source.location), .check = policy_check_location,
     .form = "a file or an http:// or https:// URL",
     .doc = "A recording. A relative file is looked for beside the scenario."},
    {"tone", SCHEMA_DURATION, AT(scenario_source, tone), .range = "1s..1h",
     .doc = "In place of a location: a generated recording of this length."},
    {"class", SCHEMA_ENUM, AT(scenario_source, source.class), .preset = "exact",
     .words = class_words, .doc = "As in a policy."},
    {"loop", SCHEMA_BOOL, AT(scenario_source, source.loop), .preset = "false",
     .doc = "Begins again at its end."},
};
static const struct schema_table source_table = {
    .title = "a source",
    .doc = "Without `sources` there is one: `tone`, 30s, exact, looped.",
    TABLE(source_rows, scenario_source),
    .check = check_source,
};

static const struct schema_row clients_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_clients, name), .check = check_not_reserved,
     .doc = "Of the group, for links and expectations; without it clients1, clients2, …"},
    {"count", SCHEMA_COUNT, AT(scenario_clients, count), .preset = "1", .range = "1..1000000",
     .doc = "How many."},
    {"service", SCHEMA_NAME, AT(scenario_clients, service), .doc = "Without it the first one."},
    {"profile", SCHEMA_NAME, AT(scenario_clients, profile), .doc = "Without it the first one."},
    {"source", SCHEMA_NAME, AT(scenario_clients, source), .doc = "Without it the first one."},
    {"open_at", SCHEMA_LIST,
     LIST_AT(scenario_clients, open_at_names, open_at_count, SCENARIO_OPEN_AT_MAX),
     .item = &name_item, .single = true, .unique = "",
     .doc = "Clusters asked for a session, in this order; without it all, as listed."},
    {"spread", SCHEMA_BOOL, AT(scenario_clients, spread), .preset = "false",
     .doc = "True: the second client begins with the second cluster, and so on around."},
    {"buffer", SCHEMA_DURATION, AT(scenario_clients, buffer), .preset = "200ms",
     .range = "20ms..10s", .doc = "Playout buffer."},
    {"start", SCHEMA_CUSTOM, AT(scenario_clients, start), .preset = "0s", .read = read_when,
     .form = WHEN_FORM, .doc = "When they open their sessions; drawn for each client."},
    {"protection", SCHEMA_ENUM, AT(scenario_clients, protection), .preset = "warm",
     .words = protection_words,
     .doc = "What the backup holds ready: nothing, the session; hot is refused."},
};
static const struct schema_table clients_table = {
    .title = "a group of clients",
    TABLE(clients_rows, scenario_clients),
};

/* ---- what happens ---- */

struct target_names {
    struct name names[SCENARIO_PART_COUNT]; /* by enum scenario_part */
    uint32_t number;
};
static const struct schema_row target_rows[] = {
    {"site", SCHEMA_NAME, AT(target_names, names[SCENARIO_PART_SITE]),
     .doc = "Every process of this cluster."},
    {"peerd", SCHEMA_NAME, AT(target_names, names[SCENARIO_PART_PEERD]),
     .doc = "The peerd of this cluster alone."},
    {"node", SCHEMA_NAME, AT(target_names, names[SCENARIO_PART_NODE]),
     .doc = "A node supervisor of this cluster, and its workers with it."},
    {"worker", SCHEMA_NAME, AT(target_names, names[SCENARIO_PART_WORKER]),
     .doc = "One worker process of this cluster."},
    {"number", SCHEMA_COUNT, AT(target_names, number), .preset = "0", .range = "0..2047",
     .doc = "Which node or worker, counted from 0."},
};
#define TARGET_FORM                                                                                \
    "a cluster, serving, last, or one of {site: …}, {peerd: …}, {node: …} and {worker: …}"
static const struct schema_table target_table = {
    .title = TARGET_FORM,
    TABLE(target_rows, target_names),
};

static enum scenario_verb verb_of(const char *key) {
    enum scenario_verb v = 0;
    while (v < SCENARIO_VERB_COUNT && strcmp(scenario_verb_name(v), key) != 0)
        v++;
    assert(v < SCENARIO_VERB_COUNT);
    return v;
}

static void take_target(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, struct scenario_target *out) {
    struct target_names t;
    uint32_t given = 0;
    memset(&t, 0, sizeof(t));
    if (node->kind == TREE_SEQUENCE) {
        schema_mismatch(run, row, node);
    } else if (node->kind == TREE_SCALAR) {
        out->part = SCENARIO_PART_SITE;
        if (!name_set(&out->name, node->text))
            schema_mismatch(run, row, node);
    } else if (schema_read_mapping(run, &target_table, node, &t)) {
        for (enum scenario_part p = 0; p < SCENARIO_PART_COUNT; p++) {
            if (name_is_empty(&t.names[p]))
                continue;
            given++;
            *out = (struct scenario_target){.name = t.names[p], .part = p, .number = t.number};
        }
        if (given != 1)
            schema_mismatch(run, row, node);
    }
}

static void read_target(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    take_target(run, row, node, &e->target);
    bool whole_site = e->target.part == SCENARIO_PART_SITE;
    if (node->faulty || whole_site || e->verb == SCENARIO_VERB_KILL ||
        e->verb == SCENARIO_VERB_RESTART || e->verb == SCENARIO_VERB_STOP ||
        e->verb == SCENARIO_VERB_CONTINUE)
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "a whole site to %s", row->key);
    fault_found(x, "a %s", scenario_part_name(e->target.part));
}

/* `blackhole: true` is an option of a kill, `blackhole: fra1` happens by itself. */
static bool is_option(enum scenario_verb v, const struct tree_node *node) {
    return v == SCENARIO_VERB_BLACKHOLE && node->kind == TREE_SCALAR &&
           (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
}

static void read_blackhole(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field) {
    struct scenario_event *e = field;
    if (is_option(SCENARIO_VERB_BLACKHOLE, node))
        e->blackhole = node->text[0] == 't';
    else
        read_target(run, row, node, field);
}

#define CUT_LIST(field, counter)                                                                   \
    .offset = offsetof(struct scenario_cut, field), .stride = sizeof(struct scenario_end),         \
    .count_offset = offsetof(struct scenario_cut, counter), .count_max = SCENARIO_OPEN_AT_MAX
static const struct schema_row cut_rows[] = {
    {"from", SCHEMA_LIST, CUT_LIST(from, from_count), .required = true, .item = &name_item,
     .single = true, .unique = "", .doc = "Clusters, groups of clients, or clients."},
    {"to", SCHEMA_LIST, CUT_LIST(to, to_count), .required = true, .item = &name_item,
     .single = true, .unique = "", .doc = "The other side."},
    {"one_way", SCHEMA_BOOL, AT(scenario_cut, one_way), .preset = "false",
     .doc = "True: only packets on their way to the other side vanish."},
};
static const struct schema_table cut_table = {
    .title = "a partition",
    TABLE(cut_rows, scenario_cut),
};

static void read_partition(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    schema_read_mapping(run, &cut_table, node, &e->cut);
}

static void read_heal(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    if (node->kind == TREE_MAPPING) {
        schema_read_mapping(run, &cut_table, node, &e->cut);
    } else if (node->kind != TREE_SCALAR || !name_set(&e->cut.from[0].name, node->text)) {
        schema_mismatch(run, row, node);
    } else if (strcmp(node->text, "all") != 0) {
        name_set(&e->cut.to[0].name, "all");
        e->cut.from_count = e->cut.to_count = 1;
    }
}

static void read_link(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    schema_read_mapping(run, &link_table, node, &e->link);
}

static void check_options(struct schema_run *run, struct tree_node *node,
                          const struct scenario_event *e, const char *verb) {
    struct tree_node *deadline = tree_find(node, "deadline"), *hole = tree_find(node, "blackhole");
    if (deadline != NULL && e->verb != SCENARIO_VERB_DRAIN) {
        struct fault *x = fault_add(run->faults, deadline, NULL);
        fault_expected(x, "a deadline only beside `drain`");
        fault_found(x, "it beside `%s`", verb);
    }
    if (hole != NULL && is_option(SCENARIO_VERB_BLACKHOLE, hole) &&
        (e->verb != SCENARIO_VERB_KILL || e->target.part != SCENARIO_PART_SITE)) {
        struct fault *x = fault_add(run->faults, hole, NULL);
        fault_expected(x, "blackhole: %s only beside the kill of a site", hole->text);
        fault_found(x, "it beside `%s`", verb);
    }
}

static void check_event(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_event *e = record;
    struct tree_node *first = NULL;
    e->mark = node->mark;
    for (enum scenario_verb v = 0; v < SCENARIO_VERB_COUNT; v++) {
        struct tree_node *given = tree_find(node, scenario_verb_name(v));
        if (given == NULL || is_option(v, given))
            continue;
        if (first != NULL) {
            struct fault *x = fault_add(run->faults, given, NULL);
            fault_expected(x, "one thing to happen in each entry");
            fault_found(x, "`%s` beside `%s`", given->key->text, first->key->text);
            return;
        }
        first = given;
    }
    if (first == NULL) {
        struct fault *x = fault_add(run->faults, node, NULL);
        fault_expected(x, "something to happen, such as kill: fra1");
        fault_found(x, "no key that says so");
    } else {
        check_options(run, node, e, first->key->text);
    }
}

#define EVENT AT(scenario_event, mark) /* the reader gets the whole event */
static const struct schema_row event_rows[] = {
    {"at", SCHEMA_CUSTOM, AT(scenario_event, at), .required = true, .read = read_when,
     .form = WHEN_FORM, .doc = WHEN_DOC},
    {"kill", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = TARGET_FORM,
     .doc = "SIGKILL, without a word to anybody."},
    {"restart", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = TARGET_FORM,
     .doc = "Starts again what was killed; a site's blackhole ends as well."},
    {"stop", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = TARGET_FORM,
     .doc = "SIGSTOP: it lives and does nothing."},
    {"continue", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = TARGET_FORM,
     .doc = "SIGCONT, the end of a stop."},
    {"drain", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = "a cluster, serving or last",
     .doc = "Planned maintenance: its sessions move away."},
    {"undrain", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = "a cluster, serving or last",
     .doc = "The end of a drain."},
    {"blackhole", SCHEMA_CUSTOM, EVENT, .read = read_blackhole,
     .form = "a cluster, serving or last; beside `kill`: true or false",
     .doc = "Packets to and from the site vanish, as when its uplink dies. Beside `kill: SITE` it "
            "happens at the same instant, so that no ICMP gives the dead site away."},
    {"partition", SCHEMA_CUSTOM, EVENT, .read = read_partition, .table = &cut_table,
     .form = "a mapping: a partition", .doc = "Packets between two sides vanish."},
    {"heal", SCHEMA_CUSTOM, EVENT, .read = read_heal, .form = "all, a cluster, or {from: …, to: …}",
     .doc = "The end of blackholes and partitions: of all, of one cluster's, or between two "
            "sides."},
    {"link", SCHEMA_CUSTOM, EVENT, .read = read_link, .table = &link_table,
     .form = "a mapping: a link", .doc = "The link changes to this."},
    {"deadline", SCHEMA_DURATION, AT(scenario_event, deadline), .range = "100ms..1d",
     .doc = "Of a drain; without it as `limits` say."},
};
static const struct schema_table event_table = {
    .title = "an entry of the timeline",
    .doc = "An instant, and exactly one thing that happens then. `serving` is the cluster that "
           "serves most clients at that moment, `last` the one that the latest event hit.",
    TABLE(event_rows, scenario_event),
    .check = check_event,
};

/* ---- what is expected ---- */

static void check_moves(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_moves *m = record;
    if (tree_find(node, "max") == NULL)
        m->max = UINT32_MAX;
    if (m->min <= m->max || node->faulty)
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "min to be at most max");
    fault_found(x, "min: %u and max: %u", (unsigned)m->min, (unsigned)m->max);
}

static const struct schema_row moves_rows[] = {
    {"cause", SCHEMA_ENUM, AT(scenario_moves, cause), .preset = "any", .words = cause_words,
     .doc = "Moves of this cause are counted."},
    {"min", SCHEMA_COUNT, AT(scenario_moves, min), .preset = "0",
     .doc = "At least so many, of all these clients together."},
    {"max", SCHEMA_COUNT, AT(scenario_moves, max),
     .doc = "At most so many; without it any number."},
    {"of", SCHEMA_NAME, AT(scenario_moves, of), .doc = "A group of clients; without it all."},
};
static const struct schema_table moves_table = {
    .title = "moves",
    TABLE(moves_rows, scenario_moves),
    .check = check_moves,
};

static void check_expectations(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_expectations *e = record;
    (void)run;
    e->frames_lost_max_given = tree_find(node, "frames_lost_max") != NULL;
    e->gap_max_given = tree_find(node, "gap_max") != NULL;
    e->detect_max_given = tree_find(node, "detect_max") != NULL;
    e->all_served_by_given = tree_find(node, "all_served_by") != NULL;
    e->hedges_max_given = tree_find(node, "hedges_max") != NULL;
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
    {"whole", SCHEMA_BOOL, AT(scenario_expectations, whole), .preset = "false",
     .doc = "True: the scenario heals everything that it broke, and at its end every cluster runs, "
            "believes its peers alive and knows who is served, once each."},
    {"moves", SCHEMA_LIST, LIST_AT(scenario_expectations, moves, move_count, 16),
     .table = &moves_table, .doc = "How many moves of which cause."},
    {"must_not_move", SCHEMA_LIST,
     LIST_AT(scenario_expectations, must_not_move_names, must_not_move_count, 64),
     .item = &name_item, .single = true, .unique = "",
     .doc = "Groups of clients whose sessions stay where they are, or `all`."},
};
static const struct schema_table expectations_table = {
    .title = "the expectations",
    .doc = "What is not named is not checked.",
    TABLE(expectation_rows, scenario_expectations),
    .check = check_expectations,
};

/* ---- the whole file ---- */

static const struct schema_row scenario_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario, name), .required = true, .doc = "Of the scenario."},
    {"description", SCHEMA_TEXT, AT(scenario, description), .size = SCENARIO_DESCRIPTION_MAX + 1,
     .doc = "What it shows, in a sentence."},
    {"seed", SCHEMA_U64, AT(scenario, seed),
     .doc = "Of everything drawn; without it the runner chooses and prints one."},
    {"duration", SCHEMA_DURATION, AT(scenario, duration), .required = true, .range = "1s..30d",
     .doc = "How long it runs."},
    {"detection", SCHEMA_MAPPING, AT(scenario, detection), .table = &policy_detection_table,
     .doc = "At every cluster, as in a policy."},
    {"limits", SCHEMA_MAPPING, AT(scenario, limits), .table = &policy_limits_table,
     .doc = "At every cluster, as in a policy."},
    {"profiles", SCHEMA_LIST, LIST_AT(scenario, profiles, profile_count, POLICY_PROFILES_MAX),
     .heap = true, .table = &policy_profile_table, .unique = "name",
     .doc = "As in a policy; without it `opus` and `pcmu`."},
    {"sources", SCHEMA_LIST, LIST_AT(scenario, sources, source_count, POLICY_SOURCES_MAX),
     .heap = true, .table = &source_table, .unique = "name", .doc = "The same everywhere."},
    {"services", SCHEMA_LIST, LIST_AT(scenario, services, service_count, POLICY_SERVICES_MAX),
     .heap = true, .table = &policy_service_table, .unique = "name",
     .doc = "As in a policy; without it `radio` with every profile and capacity 1000."},
    {"clusters", SCHEMA_LIST, LIST_AT(scenario, clusters, cluster_count, SCENARIO_CLUSTERS_MAX),
     .heap = true, .required = true, .table = &cluster_table, .unique = "name",
     .doc = "The clusters."},
    {"links", SCHEMA_LIST, LIST_AT(scenario, links, link_count, SCENARIO_LINKS_MAX), .heap = true,
     .table = &link_table, .doc = "Delay, jitter and loss between them."},
    {"clients", SCHEMA_LIST, LIST_AT(scenario, clients, client_group_count, SCENARIO_CLIENTS_MAX),
     .heap = true, .table = &clients_table, .unique = "name", .doc = "The listeners."},
    {"timeline", SCHEMA_LIST, LIST_AT(scenario, events, event_count, SCENARIO_EVENTS_MAX),
     .heap = true, .table = &event_table, .doc = "What happens when."},
    {"expectations", SCHEMA_MAPPING, AT(scenario, expectations), .table = &expectations_table,
     .doc = "What must be true at the end."},
};
const struct schema_table scenario_table = {
    .title = "a scenario",
    TABLE(scenario_rows, scenario),
    .check = scenario_resolve,
};
