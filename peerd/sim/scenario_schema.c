#include "peerd/policy/policy_schema.h"
#include "peerd/sim/scenario_private.h"

/* The table of the whole file, and what several tables share. Tables take names down as they are
 * written; scenario_resolve.c finds out what they stand for. */

const struct schema_row scenario_name_item = {.key = "", .type = SCHEMA_NAME};

void scenario_check_name(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field) {
    (void)row, (void)field;
    if (!scenario_word_reserved(node->text))
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "a name other than all, clients, last, nearest, none and serving");
    fault_found(x, "`%s`, a word of this format", node->text);
}

/* ---- instants ---- */

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

void scenario_read_when(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field) {
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

/* ---- many runs ---- */

static const struct schema_row wish_item = {
    .key = "", .type = SCHEMA_DURATION, .range = "20ms..60s"};

static const struct schema_row curve_rows[] = {
    {"detect_within", SCHEMA_LIST,
     LIST_AT(scenario_curve, detect_within, count, SCENARIO_WISHES_MAX), .required = true,
     .item = &wish_item, .single = true, .unique = "",
     .doc =
         "All seeds are run with each of these as `detect_within`. Of others than the scenario's "
         "own no expectation is judged, only invariants."},
    {"rarer_min", SCHEMA_COUNT, AT(scenario_curve, rarer_min), .range = "1..1000000",
     .doc = "With the scenario's own, wrong moves must be at least so many times rarer than the "
            "detectors' wrong suspicions, or it has failed."},
};
static const struct schema_table curve_table = {
    .title = "the curve",
    TABLE(curve_rows, scenario_curve),
};

/* ---- discovery ---- */

const char *const scenario_resolver_words[] = {"answers", "fails", "silent",
                                               "forgets", "lies",  NULL};

static const struct schema_row discovery_rows[] = {
    {"ttl", SCHEMA_DURATION, AT(scenario_discovery, ttl), .preset = "5s", .range = "1s..1h",
     .doc = "Of the records: a cluster asks again when it is over."},
    {"keep", SCHEMA_DURATION, AT(scenario_discovery, keep), .preset = "1d", .range = "1s..30d",
     .doc = "Whom an answer no longer names stays a peer for so long, as in a policy."},
};
static const struct schema_table discovery_table = {
    .title = "discovery",
    .doc = "Every cluster asks a resolver of its own, at its site, for one domain, which has a TXT "
           "record for each cluster, and accepts everybody.",
    TABLE(discovery_rows, scenario_discovery),
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
    {"performance", SCHEMA_MAPPING, AT(scenario, performance), .table = &policy_performance_table,
     .doc = "At every cluster, as in a policy, and with what holds there by default. Of more than "
            "5,000 "
            "listeners it is not followed how they fare unless this is there."},
    {"discovery", SCHEMA_MAPPING, AT(scenario, discovery), .table = &discovery_table,
     .doc = "Clusters know each other by DNS alone; without it their policies name their peers."},
    {"agreements", SCHEMA_LIST,
     LIST_AT(scenario, agreements, agreement_count, SCENARIO_AGREEMENTS_MAX), .heap = true,
     .table = &scenario_agreement_table,
     .doc = "What has to be agreed before sessions move: rows of policies, in this order."},
    {"wishes", SCHEMA_LIST, LIST_AT(scenario, wishes, wish_count, SCENARIO_PEER_WISHES_MAX),
     .heap = true, .table = &scenario_wish_table,
     .doc = "What is wished of watching one peer, where `detection` does not say it of all."},
    {"profiles", SCHEMA_LIST, LIST_AT(scenario, profiles, profile_count, POLICY_PROFILES_MAX),
     .heap = true, .table = &policy_profile_table, .unique = "name",
     .doc = "As in a policy; without it `opus` and `pcmu`."},
    {"sources", SCHEMA_LIST, LIST_AT(scenario, sources, source_count, POLICY_SOURCES_MAX),
     .heap = true, .table = &scenario_source_table, .unique = "name",
     .doc = "The same everywhere."},
    {"streams", SCHEMA_LIST, LIST_AT(scenario, streams, stream_count, POLICY_ORIGINS_MAX),
     .heap = true, .table = &scenario_stream_table, .unique = "name",
     .doc = "Recordings of which every cluster that has `makers` makes segments as players ask for "
            "them. For the simulator only."},
    {"services", SCHEMA_LIST, LIST_AT(scenario, services, service_count, POLICY_SERVICES_MAX),
     .heap = true, .table = &policy_service_table, .unique = "name",
     .doc = "As in a policy; without it `radio` with every profile and capacity 1000."},
    {"clusters", SCHEMA_LIST, LIST_AT(scenario, clusters, cluster_count, SCENARIO_CLUSTERS_MAX),
     .heap = true, .required = true, .table = &scenario_cluster_table, .unique = "name",
     .doc = "The clusters."},
    {"rtt_matrix", SCHEMA_TEXT, AT(scenario, matrix.file), .size = POLICY_TEXT_LEN_MAX + 1,
     .form = "a file",
     .doc = "Measured round-trip times, relative to the scenario: rows and columns of milliseconds "
            "in plain text. The n-th cluster is the n-th row, groups of clients come after the "
            "last cluster, and after the last row comes the first one again."},
    {"links", SCHEMA_LIST, LIST_AT(scenario, links, link_count, SCENARIO_LINKS_MAX), .heap = true,
     .table = &scenario_link_table, .doc = "What their networks do to packets."},
    {"clients", SCHEMA_LIST, LIST_AT(scenario, clients, client_group_count, SCENARIO_CLIENTS_MAX),
     .heap = true, .table = &scenario_clients_table, .unique = "name", .doc = "The listeners."},
    {"timeline", SCHEMA_LIST, LIST_AT(scenario, events, event_count, SCENARIO_EVENTS_MAX),
     .heap = true, .table = &scenario_event_table, .doc = "What happens when."},
    {"expectations", SCHEMA_MAPPING, AT(scenario, expectations),
     .table = &scenario_expectations_table, .doc = "What must be true at the end."},
    {"curve", SCHEMA_MAPPING, AT(scenario, curve), .table = &curve_table,
     .doc = "What `peersim FILE --seed A..B` draws of many runs; a single run does not look."},
};
const struct schema_table scenario_table = {
    .title = "a scenario",
    TABLE(scenario_rows, scenario),
    .check = scenario_resolve,
};
