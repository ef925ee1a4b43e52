#include "peerd/policy/policy_schema.h"
#include "peerd/sim/scenario_private.h"
#include "topo/city.h"

/* ---- places ---- */

static void read_city(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      struct policy_cluster *out) {
    const struct city *city = city_find(node->text);
    size_t count;
    const char *const *names = city_names(&count);
    if (city != NULL) {
        out->latitude_deg = city->latitude_deg;
        out->longitude_deg = city->longitude_deg;
        out->placed = true;
        return;
    }
    const char *near = fault_nearest(node->text, names, count);
    struct fault *x = schema_mismatch(run, row, node);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
    else
        fault_hint(x, "a city that is not known has to be given by its coordinates");
}

void scenario_read_place(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field) {
    if (node->kind == TREE_SCALAR)
        read_city(run, row, node, field);
    else if (node->kind == TREE_SEQUENCE)
        schema_mismatch(run, row, node);
    else
        schema_read_mapping(run, &policy_place_table, node, field);
}

/* ---- clusters ---- */

/* Overrides are read when the scenario's own values, from which they inherit, are known. */
static void take_override(struct schema_run *run, const struct schema_row *row,
                          struct tree_node *node, void *field) {
    if (node->kind == TREE_MAPPING)
        *(bool *)field = true;
    else
        schema_mismatch(run, row, node);
}

/* Who its peers are is said in one way. */
static void check_one_way(struct schema_run *run, struct tree_node *node) {
    static const char *const ways[] = {"peers", "nearest", "chooses"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct tree_node *way = schema_good(node, ways[i]);
        if (way == NULL && (way = tree_find(node, ways[i])) == NULL)
            continue;
        if (first != NULL) {
            struct fault *x = fault_add(run->faults, way, NULL);
            fault_expected(x, "either `%s` or `%s`", first, ways[i]);
            fault_found(x, "both");
            return;
        }
        first = ways[i];
    }
}

static void check_cluster(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_cluster *c = record;
    struct tree_node *nearest = schema_good(node, "nearest");
    struct tree_node *elsewhere = schema_good(node, "elsewhere");
    struct fault *x = NULL;
    check_one_way(run, node);
    if (elsewhere == NULL || c->elsewhere <= c->nearest ||
        (nearest == NULL && tree_find(node, "nearest") != NULL))
        return;
    x = fault_add(run->faults, elsewhere, NULL);
    fault_expected(x, "at most as many as `nearest`");
    fault_found(x, nearest != NULL ? "more" : "no `nearest`");
}

const char *const scenario_lie_words[] = {"truth", "hears", "misses", NULL};

static const struct schema_row lie_rows[] = {
    {"of", SCHEMA_NAME, AT(scenario_lie, name), .required = true, .doc = "Another cluster."},
    {"says", SCHEMA_ENUM, AT(scenario_lie, says), .required = true, .words = scenario_lie_words,
     .doc = "hears: that it has had proof of its life just now; misses: none for ages."},
};
static const struct schema_table lie_table = {
    .title = "a lie",
    .doc = "In every beat that tells of others, to everybody, whatever the cluster knows.",
    TABLE(lie_rows, scenario_lie),
};

/* ---- agreements ---- */

static const struct schema_row agreement_rows[] = {
    {"at", SCHEMA_NAME, AT(scenario_agreement, name),
     .doc = "The cluster whose policy says so; without it every one."},
    {"terms", SCHEMA_MAPPING, AT(scenario_agreement, terms), .required = true,
     .table = &policy_agreement_table, .doc = "As a row of `agreements` of a policy."},
};
const struct schema_table scenario_agreement_table = {
    .title = "an agreement",
    TABLE(agreement_rows, scenario_agreement),
};

/* ---- wishes ---- */

static const struct schema_row wish_rows[] = {
    {"at", SCHEMA_NAME, AT(scenario_wish, at_name),
     .doc = "The cluster whose policy says so; without it every one."},
    {"of", SCHEMA_NAME, AT(scenario_wish, of_name), .required = true, .doc = "Its peer."},
    {"detect_within", SCHEMA_DURATION, AT(scenario_wish, wish.detect_within), .range = "20ms..60s",
     .doc = "As of a peer in a policy."},
    {"false_alarm_every", SCHEMA_DURATION, AT(scenario_wish, wish.false_alarm_every),
     .range = "1s..365d", .doc = "Likewise."},
};
const struct schema_table scenario_wish_table = {
    .title = "a wish",
    .doc = "Of several rows about a peering the last one counts, with all its keys.",
    TABLE(wish_rows, scenario_wish),
};

/* ---- clusters, by row ---- */

static const struct schema_row cluster_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_cluster, identity.name), .required = true,
     .check = scenario_check_name,
     .doc = "Of the cluster; with `count` what their names begin with."},
    {"count", SCHEMA_COUNT, AT(scenario_cluster, count), .range = "1..1024",
     .doc =
         "So many clusters: `eu` and 50 make eu1 to eu50. They lie within 300 km of their place."},
    {"provider", SCHEMA_NAME, AT(scenario_cluster, identity.provider),
     .doc = "Failure domain; without it the cluster has one of its own."},
    {"region", SCHEMA_NAME, AT(scenario_cluster, identity.region), .check = scenario_check_name,
     .doc = "Failure domain; without it the cluster has one of its own, and those of a `count` "
            "share one that is called like their row."},
    {"upstream", TEXT, AT(scenario_cluster, identity.upstream), .doc = "Failure domain."},
    {"place", SCHEMA_CUSTOM, AT(scenario_cluster, identity), .read = scenario_read_place,
     .table = &policy_place_table, .form = PLACE_FORM,
     .doc = "Where it is, for delays that neither a link nor a matrix names."},
    {"capacity", SCHEMA_COUNT, AT(scenario_cluster, capacity), .range = "1..1000000",
     .doc = "Sessions of each service; without it as the services say."},
    {"reserved_slots", SCHEMA_COUNT, AT(scenario_cluster, reserved_slots), .preset = "0",
     .range = "0..1000000", .doc = "Of them kept for each peer, as in a policy."},
    {"workers", SCHEMA_COUNT, AT(scenario_cluster, workers), .preset = "2", .range = "1..64",
     .doc = "Worker processes of each node."},
    {"frame_cpu", SCHEMA_DURATION, AT(scenario_cluster, frame_cpu), .range = "10us..10ms",
     .doc = "What a frame costs of the one core that each worker has; resumes and pre-rolls cost "
            "some, too. For the simulator, which takes all of that for nothing without it; real "
            "programs take what they take."},
    {"makers", SCHEMA_COUNT, AT(scenario_cluster, makers), .range = "1..128",
     .doc = "Cores of its first node that make segments of `streams`; without it, with `streams`, "
            "2. For the simulator only."},
    {"nodes", SCHEMA_COUNT, AT(scenario_cluster, nodes), .preset = "1", .range = "1..32",
     .doc = "Node supervisors, one a machine."},
    {"services", SCHEMA_LIST,
     LIST_AT(scenario_cluster, services, service_count, POLICY_SERVICES_MAX),
     .item = &scenario_name_item, .single = true, .unique = "",
     .doc = "Which of the services; without it all of them."},
    {"peers", SCHEMA_LIST, LIST_AT(scenario_cluster, peers, peer_count, POLICY_PEERS_MAX),
     .item = &scenario_name_item, .single = true, .unique = "",
     .doc = "Its peers; without it every cluster that does not exclude it by its own list."},
    {"nearest", SCHEMA_COUNT, AT(scenario_cluster, nearest), .range = "1..64",
     .doc = "In place of `peers`: so many clusters with the shortest RTT, and those that choose it "
            "in turn. One that has 64 peers already is passed over."},
    {"elsewhere", SCHEMA_COUNT, AT(scenario_cluster, elsewhere), .preset = "0", .range = "0..64",
     .doc = "At least so many of `nearest` are outside its region."},
    {"chooses", SCHEMA_COUNT, AT(scenario_cluster, chooses), .range = "1..64",
     .doc =
         "In place of `peers`: it knows all clusters that choose, and peers with at most so many, "
         "and with half as many at least: those that give the listeners whom it serves two good "
         "backups, which fall neither with it nor together, for the least cost. With `discovery` "
         "it "
         "chooses while it runs, as a policy with `peers_max` does."},
    {"lies", SCHEMA_MAPPING, AT(scenario_cluster, lies), .table = &lie_table,
     .doc = "It says of one cluster what is not true. For the simulator only."},
    {"detection", SCHEMA_CUSTOM, AT(scenario_cluster, detection_given), .read = take_override,
     .table = &policy_detection_table, .form = "a mapping: the detection",
     .doc = "Here alone; what it does not name is as the scenario's `detection` says."},
    {"limits", SCHEMA_CUSTOM, AT(scenario_cluster, limits_given), .read = take_override,
     .table = &policy_limits_table, .form = "a mapping: the limits",
     .doc = "Here alone; what it does not name is as the scenario's `limits` say."},
};
const struct schema_table scenario_cluster_table = {
    .title = "a cluster",
    TABLE(cluster_rows, scenario_cluster),
    .check = check_cluster,
};
