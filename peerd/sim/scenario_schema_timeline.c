#include "peerd/sim/scenario_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What happens: an entry of the timeline, each verb with a reader of its own. */

static enum scenario_verb verb_of(const char *key) {
    enum scenario_verb v = 0;
    while (v < SCENARIO_VERB_COUNT && strcmp(scenario_verb_name(v), key) != 0)
        v++;
    assert(v < SCENARIO_VERB_COUNT);
    return v;
}

/* ---- targets ---- */

struct target_names {
    struct name names[SCENARIO_PART_COUNT]; /* by enum scenario_part */
    struct name region, provider;
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
    {"region", SCHEMA_NAME, AT(target_names, region), .doc = "Every site of this region."},
    {"provider", SCHEMA_NAME, AT(target_names, provider), .doc = "Every site of this provider."},
    {"number", SCHEMA_COUNT, AT(target_names, number), .preset = "0", .range = "0..2047",
     .doc = "Which node or worker, counted from 0: node 0 is called n1."},
};
#define TARGET_FORM                                                                                \
    "all, a cluster, serving, last, or one of {site: …}, {peerd: …}, {node: …}, "            \
    "{worker: …}, {region: …} and {provider: …}"
#define SITE_FORM "all, a cluster, serving, last, {region: …} or {provider: …}"
static const struct schema_table target_table = {
    .title = "a target",
    .doc = "Exactly one of these, and for a node or a worker its number.",
    TABLE(target_rows, target_names),
};

/* How many of the names were given; the last one given is the target. */
static uint32_t choose_target(const struct target_names *t, struct scenario_target *out) {
    uint32_t given = 0;
    for (enum scenario_part p = 0; p < SCENARIO_PART_COUNT; p++) {
        if (name_is_empty(&t->names[p]))
            continue;
        given++;
        *out = (struct scenario_target){.name = t->names[p], .part = p, .number = t->number};
    }
    if (!name_is_empty(&t->region)) {
        given++;
        *out = (struct scenario_target){.name = t->region, .region = true};
    }
    if (!name_is_empty(&t->provider)) {
        given++;
        *out = (struct scenario_target){.name = t->provider, .provider = true};
    }
    return given;
}

static void take_target(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, struct scenario_target *out) {
    struct target_names t;
    memset(&t, 0, sizeof(t));
    if (node->kind == TREE_SEQUENCE) {
        schema_mismatch(run, row, node);
    } else if (node->kind == TREE_SCALAR) {
        out->part = SCENARIO_PART_SITE;
        if (!name_set(&out->name, node->text))
            schema_mismatch(run, row, node);
    } else if (schema_read_mapping(run, &target_table, node, &t)) {
        uint32_t given = choose_target(&t, out);
        if (given != 1) {
            struct fault *x = fault_add(run->faults, node, NULL);
            fault_expected(x, "exactly one of site, peerd, node, worker, region and provider");
            fault_found(x, given == 0 ? "none of them" : "several");
        }
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
        e->verb == SCENARIO_VERB_CONTINUE || e->verb == SCENARIO_VERB_SLOW)
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "a whole site to %s", row->key);
    fault_found(x, "a %s", scenario_part_name(e->target.part));
}

/* `blackhole: true` is an option of a kill, `blackhole: fra1` happens by itself. */
bool scenario_is_option(enum scenario_verb v, const struct tree_node *node) {
    return v == SCENARIO_VERB_BLACKHOLE && node->kind == TREE_SCALAR &&
           (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
}

static void read_blackhole(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field) {
    struct scenario_event *e = field;
    if (scenario_is_option(SCENARIO_VERB_BLACKHOLE, node))
        e->blackhole = node->text[0] == 't';
    else
        read_target(run, row, node, field);
}

/* ---- cuts and links ---- */

#define CUT_LIST(field, counter)                                                                   \
    .offset = offsetof(struct scenario_cut, field), .stride = sizeof(struct scenario_end),         \
    .count_offset = offsetof(struct scenario_cut, counter), .count_max = SCENARIO_OPEN_AT_MAX
static const struct schema_row cut_rows[] = {
    {"from", SCHEMA_LIST, CUT_LIST(from, from_count), .required = true, .item = &scenario_name_item,
     .single = true, .unique = "", .doc = "Clusters, regions, groups of clients, or clients."},
    {"to", SCHEMA_LIST, CUT_LIST(to, to_count), .required = true, .item = &scenario_name_item,
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

static bool names_many(const struct tree_node *node) {
    return tree_find(node, "region") != NULL || tree_find(node, "provider") != NULL;
}

static void read_heal(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    if (names_many(node)) {
        take_target(run, row, node, &e->target);
        if (!node->faulty && !e->target.region && !e->target.provider)
            schema_mismatch(run, row, node);
    } else if (node->kind == TREE_MAPPING) {
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
    schema_read_mapping(run, &scenario_link_table, node, &e->link);
}

/* ---- who comes and goes ---- */

static const struct schema_row arrive_rows[] = {
    {"group", SCHEMA_NAME, AT(scenario_crowd, name), .required = true,
     .doc = "A group of clients, or `all`."},
    {"count", SCHEMA_COUNT, AT(scenario_crowd, count), .range = "1..1000000",
     .doc = "So many of those that have not yet, in their order; without it all."},
    {"spread", SCHEMA_DURATION, AT(scenario_crowd, spread), .preset = "0s", .range = "0s..1d",
     .doc = "One after another over this time."},
};
static const struct schema_row leave_rows[] = {
    {"group", SCHEMA_NAME, AT(scenario_crowd, name), .required = true,
     .doc = "A group of clients, or `all`."},
    {"count", SCHEMA_COUNT, AT(scenario_crowd, count), .range = "1..1000000",
     .doc = "So many of those that are there, in their order; without it all."},
    {"spread", SCHEMA_DURATION, AT(scenario_crowd, spread), .preset = "0s", .range = "0s..1d",
     .doc = "One after another over this time."},
    {"vanish", SCHEMA_BOOL, AT(scenario_crowd, vanish), .preset = "false",
     .doc = "True: without a word; their leases have to run out."},
};
static const struct schema_table arrive_table = {
    .title = "who arrives",
    TABLE(arrive_rows, scenario_crowd),
};
static const struct schema_table leave_table = {
    .title = "who leaves",
    TABLE(leave_rows, scenario_crowd),
};

static void read_crowd(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    if (node->kind == TREE_MAPPING)
        schema_read_mapping(run, row->table, node, &e->crowd);
    else if (node->kind != TREE_SCALAR || !name_set(&e->crowd.name, node->text))
        schema_mismatch(run, row, node);
    if (e->crowd.count == 0)
        e->crowd.count = UINT32_MAX;
}

/* ---- who is moved ---- */

static const struct schema_row move_rows[] = {
    {"group", SCHEMA_NAME, AT(scenario_move, name), .required = true, .doc = "A group of clients."},
    {"number", SCHEMA_COUNT, AT(scenario_move, number), .preset = "0", .range = "0..999999",
     .doc = "Which of its listeners, counted from 0."},
    {"to", SCHEMA_NAME, AT(scenario_move, to_name), .required = true, .doc = "A cluster."},
};
static const struct schema_table move_table = {
    .title = "who is moved",
    .doc =
        "As by `peerctl move SESSION CLUSTER` at the cluster that serves it then. What it refuses "
        "is told, and the scenario goes on.",
    TABLE(move_rows, scenario_move),
};

static void read_move(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_event *e = field;
    e->verb = verb_of(row->key);
    schema_read_mapping(run, &move_table, node, &e->move);
}

/* ---- clocks ---- */

#define DRIFT_PPM_MAX 100000

struct clock_names {
    struct name cluster, region, provider;
    struct duration forward, back;
    int32_t drift_ppm;
};

static void read_drift(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    char *end = NULL;
    long ppm = 0;
    if (node->kind == TREE_SCALAR && node->text[strspn(node->text, "+-0123456789")] == 'p')
        ppm = strtol(node->text, &end, 10);
    if (end != NULL && end != node->text && strcmp(end, "ppm") == 0 && ppm >= -DRIFT_PPM_MAX &&
        ppm <= DRIFT_PPM_MAX)
        *(int32_t *)field = (int32_t)ppm;
    else
        schema_mismatch(run, row, node);
}

static const struct schema_row clock_rows[] = {
    {"cluster", SCHEMA_NAME, AT(clock_names, cluster),
     .doc = "Whose clocks: a cluster, serving, last or all …"},
    {"region", SCHEMA_NAME, AT(clock_names, region), .doc = "… or every site of a region …"},
    {"provider", SCHEMA_NAME, AT(clock_names, provider), .doc = "… or of a provider."},
    {"forward", SCHEMA_DURATION, AT(clock_names, forward), .range = "1us..3650d",
     .doc = "The wall clock steps ahead by this; monotonic clocks do not step."},
    {"back", SCHEMA_DURATION, AT(clock_names, back), .range = "1us..3650d",
     .doc = "The wall clock steps back by this."},
    {"drift", SCHEMA_CUSTOM, AT(clock_names, drift_ppm), .read = read_drift,
     .form = "a drift such as 50ppm or -50ppm, up to 100000ppm",
     .doc = "From now on both clocks run so much faster than true time, or slower if negative; "
            "0ppm ends it."},
};
#define CLOCK_FORM "a mapping: what a clock does"
static const struct schema_table clock_table = {
    .title = "what a clock does",
    TABLE(clock_rows, clock_names),
};

static void read_clock(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    struct scenario_event *e = field;
    struct clock_names c;
    struct target_names t;
    memset(&c, 0, sizeof(c));
    memset(&t, 0, sizeof(t));
    e->verb = verb_of(row->key);
    if (!schema_read_mapping(run, &clock_table, node, &c))
        return;
    t.names[SCENARIO_PART_SITE] = c.cluster;
    t.region = c.region;
    t.provider = c.provider;
    e->clock.step_us = c.forward.us - c.back.us;
    e->clock.drift_ppm = c.drift_ppm;
    e->clock.drifts = tree_find(node, "drift") != NULL;
    struct fault *x = NULL;
    if (choose_target(&t, &e->target) != 1) {
        x = fault_add(run->faults, node, NULL);
        fault_expected(x, "one of cluster, region and provider");
        fault_found(x, "none or several");
    } else if ((c.forward.us > 0 && c.back.us > 0) || (e->clock.step_us == 0 && !e->clock.drifts)) {
        x = fault_add(run->faults, node, NULL);
        fault_expected(x, "one of forward and back, or drift");
        fault_found(x, c.forward.us > 0 ? "forward and back" : "none of them");
    }
}

/* ---- policies ---- */

struct change_names {
    struct name cluster, region, provider;
    struct scenario_change change;
};
static const struct schema_row change_rows[] = {
    {"cluster", SCHEMA_NAME, AT(change_names, cluster),
     .doc = "Whose policy: a cluster, serving, last or all …"},
    {"region", SCHEMA_NAME, AT(change_names, region), .doc = "… or every site of a region …"},
    {"provider", SCHEMA_NAME, AT(change_names, provider), .doc = "… or of a provider."},
    {"nodes", SCHEMA_COUNT, AT(change_names, change.nodes), .range = "1..16",
     .doc = "It names only so many of its nodes, the first ones."},
    {"peers", SCHEMA_COUNT, AT(change_names, change.peers), .range = "0..64",
     .doc = "… and of its peers."},
    {"capacity", SCHEMA_COUNT, AT(change_names, change.capacity), .range = "1..1000000",
     .doc = "Of every service."},
    {"reserved_slots", SCHEMA_COUNT, AT(change_names, change.reserved_slots), .range = "0..1000000",
     .doc = "For every peer."},
    {"opens_per_s", SCHEMA_COUNT, AT(change_names, change.opens_per_s), .range = "1..1000000",
     .doc = "As in `limits`."},
    {"drain_per_s", SCHEMA_COUNT, AT(change_names, change.drain_per_s), .range = "1..100000",
     .doc = "As in `limits`."},
};
#define CHANGE_FORM "a mapping: what a policy says from now on"
static const struct schema_table change_table = {
    .title = "what a policy says from now on",
    .doc = "What is not given is as it was at the start, whatever was changed since.",
    TABLE(change_rows, change_names),
};

static void keep(const struct tree_node *node, const char *key, uint32_t *value) {
    if (tree_find(node, key) == NULL)
        *value = UINT32_MAX;
}

static void read_policy(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field) {
    struct scenario_event *e = field;
    struct change_names c;
    struct target_names t;
    memset(&c, 0, sizeof(c));
    memset(&t, 0, sizeof(t));
    e->verb = verb_of(row->key);
    if (!schema_read_mapping(run, &change_table, node, &c))
        return;
    t.names[SCENARIO_PART_SITE] = c.cluster;
    t.region = c.region;
    t.provider = c.provider;
    e->change = c.change;
    keep(node, "nodes", &e->change.nodes);
    keep(node, "peers", &e->change.peers);
    keep(node, "capacity", &e->change.capacity);
    keep(node, "reserved_slots", &e->change.reserved_slots);
    keep(node, "opens_per_s", &e->change.opens_per_s);
    keep(node, "drain_per_s", &e->change.drain_per_s);
    if (choose_target(&t, &e->target) == 1)
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "one of cluster, region and provider");
    fault_found(x, "none or several");
}

/* ---- resolvers ---- */

struct dns_names {
    struct name cluster, region, provider;
    enum scenario_resolver does;
};
static const struct schema_row dns_rows[] = {
    {"cluster", SCHEMA_NAME, AT(dns_names, cluster),
     .doc = "Whose resolver: a cluster, serving, last or all …"},
    {"region", SCHEMA_NAME, AT(dns_names, region), .doc = "… or every site of a region …"},
    {"provider", SCHEMA_NAME, AT(dns_names, provider),
     .doc = "… or of a provider; without any of these all."},
    {"does", SCHEMA_ENUM, AT(dns_names, does), .required = true, .words = scenario_resolver_words,
     .doc = "answers: as at the start. fails: nobody is at its port, and ICMP says so. silent: "
            "questions wait, and whoever asks gives up. forgets: no such name. lies: it names "
            "every cluster with a key that nobody holds."},
};
#define DNS_FORM "a mapping: what a resolver does"
static const struct schema_table dns_table = {
    .title = "what a resolver does",
    .doc = "From now on. It is none of the site's processes: whoever kills a site leaves it.",
    TABLE(dns_rows, dns_names),
};

static void read_dns(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                     void *field) {
    struct scenario_event *e = field;
    struct dns_names d;
    struct target_names t;
    memset(&d, 0, sizeof(d));
    memset(&t, 0, sizeof(t));
    e->verb = verb_of(row->key);
    if (!schema_read_mapping(run, &dns_table, node, &d))
        return;
    t.names[SCENARIO_PART_SITE] = d.cluster;
    t.region = d.region;
    t.provider = d.provider;
    e->resolver = d.does;
    uint32_t given = choose_target(&t, &e->target);
    if (given == 0)
        name_set(&e->target.name, "all");
    if (given <= 1)
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "one of cluster, region and provider, or none for all");
    fault_found(x, "several");
}

/* ---- an entry ---- */

static void check_options(struct schema_run *run, struct tree_node *node,
                          const struct scenario_event *e, const char *verb) {
    struct tree_node *deadline = tree_find(node, "deadline"), *hole = tree_find(node, "blackhole");
    struct tree_node *frame = tree_find(node, "frame"), *to = tree_find(node, "to");
    if (to != NULL && e->verb != SCENARIO_VERB_DRAIN) {
        struct fault *x = fault_add(run->faults, to, NULL);
        fault_expected(x, "to only beside `drain`");
        fault_found(x, "it beside `%s`", verb);
    }
    if (frame != NULL && e->verb != SCENARIO_VERB_SLOW) {
        struct fault *x = fault_add(run->faults, frame, NULL);
        fault_expected(x, "a frame only beside `slow`");
        fault_found(x, "it beside `%s`", verb);
    }
    if (deadline != NULL && e->verb != SCENARIO_VERB_DRAIN) {
        struct fault *x = fault_add(run->faults, deadline, NULL);
        fault_expected(x, "a deadline only beside `drain`");
        fault_found(x, "it beside `%s`", verb);
    }
    if (hole != NULL && scenario_is_option(SCENARIO_VERB_BLACKHOLE, hole) &&
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
        if (given == NULL || scenario_is_option(v, given))
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

/* A list is read once to see that all of it is good, and again when the entry is repeated. */
static void read_instants(struct schema_run *run, const struct schema_row *row,
                          struct tree_node *node, void *field) {
    if (node->kind != TREE_SEQUENCE) {
        scenario_read_when(run, row, node, field);
        return;
    }
    if (node->count == 0)
        schema_mismatch(run, row, node);
    for (struct tree_node *at = node->first; at != NULL; at = at->next)
        scenario_read_when(run, row, at, field);
}

#define EVENT AT(scenario_event, mark) /* the reader gets the whole event */
static const struct schema_row event_rows[] = {
    {"at", SCHEMA_CUSTOM, AT(scenario_event, at), .required = true, .read = read_instants,
     .form = WHEN_FORM ", or a list of them",
     .doc = "Counted from the start; between two instants it is drawn with the seed. With a list "
            "the entry happens at each of them."},
    {"kill", SCHEMA_CUSTOM, EVENT, .read = read_target, .table = &target_table, .form = TARGET_FORM,
     .doc = "SIGKILL, without a word to anybody."},
    {"restart", SCHEMA_CUSTOM, EVENT, .read = read_target, .table = &target_table,
     .form = TARGET_FORM, .doc = "Starts again what was killed; a site's blackhole ends as well."},
    {"stop", SCHEMA_CUSTOM, EVENT, .read = read_target, .table = &target_table, .form = TARGET_FORM,
     .doc = "SIGSTOP: it lives and does nothing."},
    {"continue", SCHEMA_CUSTOM, EVENT, .read = read_target, .table = &target_table,
     .form = TARGET_FORM, .doc = "SIGCONT, the end of a stop."},
    {"slow", SCHEMA_CUSTOM, EVENT, .read = read_target, .table = &target_table, .form = TARGET_FORM,
     .doc = "Workers are short of CPU from now on: each frame takes one of them as long as `frame` "
            "says, and whatever is due meanwhile is late."},
    {"drain", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = SITE_FORM,
     .doc = "Planned maintenance: its sessions move away."},
    {"undrain", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = SITE_FORM,
     .doc = "The end of a drain."},
    {"blackhole", SCHEMA_CUSTOM, EVENT, .read = read_blackhole,
     .form = SITE_FORM "; beside `kill`: true or false",
     .doc = "Packets to and from the site vanish, as when its uplink dies. Beside `kill: SITE` it "
            "happens at the same instant, so that no ICMP gives the dead site away."},
    {"partition", SCHEMA_CUSTOM, EVENT, .read = read_partition, .table = &cut_table,
     .form = "a mapping: a partition", .doc = "Packets between two sides vanish."},
    {"heal", SCHEMA_CUSTOM, EVENT, .read = read_heal,
     .form = "all, a cluster, serving, last, {from: …, to: …}, {region: …} or {provider: …}",
     .doc = "The end of blackholes and partitions: of all, of one cluster's, between two sides, of "
            "a region's or a provider's."},
    {"link", SCHEMA_CUSTOM, EVENT, .read = read_link, .table = &scenario_link_table,
     .form = "a mapping: a link", .doc = "The link changes to this, with all its keys."},
    {"arrive", SCHEMA_CUSTOM, EVENT, .read = read_crowd, .table = &arrive_table,
     .form = "a group of clients, all, or {group: …, count: …, spread: …}",
     .doc = "Listeners that wait open their sessions."},
    {"leave", SCHEMA_CUSTOM, EVENT, .read = read_crowd, .table = &leave_table,
     .form = "a group of clients, all, or {group: …, count: …, spread: …, vanish: …}",
     .doc = "Listeners close their sessions, or vanish."},
    {"move", SCHEMA_CUSTOM, EVENT, .read = read_move, .table = &move_table,
     .form = "a mapping: who is moved",
     .doc = "The operator moves the session of one listener; its cause is `drain`, as of all that "
            "operators want."},
    {"clock", SCHEMA_CUSTOM, EVENT, .read = read_clock, .table = &clock_table, .form = CLOCK_FORM,
     .doc = "The wall clock of a site steps, or its clocks run wrong from now on."},
    {"policy", SCHEMA_CUSTOM, EVENT, .read = read_policy, .table = &change_table,
     .form = CHANGE_FORM,
     .doc = "The operator changes the policy: a peerd that runs reads it at once, a dead one when "
            "it starts, and one that is stopped not at all."},
    {"rekey", SCHEMA_CUSTOM, EVENT, .read = read_target, .form = SITE_FORM,
     .doc = "It takes its next key, which it has announced since it started."},
    {"dns", SCHEMA_CUSTOM, EVENT, .read = read_dns, .table = &dns_table, .form = DNS_FORM,
     .doc = "The resolver of a site changes; only with `discovery`."},
    {"deadline", SCHEMA_DURATION, AT(scenario_event, deadline), .range = "100ms..1d",
     .doc = "Of a drain; without it as `limits` say."},
    {"to", SCHEMA_NAME, AT(scenario_event, drain_to),
     .doc = "Of a drain: the cluster to which the sessions shall go; without it to their backups."},
    {"frame", SCHEMA_DURATION, AT(scenario_event, frame), .range = "0s..1s",
     .doc = "Of a `slow`, in whole milliseconds or as 600us; without it, and with 0s, it is over."},
};
const struct schema_table scenario_event_table = {
    .title = "an entry of the timeline",
    .doc = "An instant, and exactly one thing that happens then. `serving` is the cluster that "
           "serves most clients at that moment, `last` the one that the latest event hit, or all "
           "of them.",
    TABLE(event_rows, scenario_event),
    .check = check_event,
};
