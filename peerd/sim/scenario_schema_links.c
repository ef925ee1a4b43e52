#include "peerd/sim/scenario_private.h"

#include <string.h>

/* Links, and the last mile of listeners: the same keys say what happens to packets on either. */

#define PPM            1000000u
#define BURST_MAX      "100000" /* [packets] mean length of a burst */
#define SHAPE_PERMILLE 1500     /* between a tail without mean and one without variance */

/* ---- bursts ---- */

uint32_t scenario_burst_leave_ppm(double packets) {
    return (uint32_t)(PPM / packets + 0.5);
}

uint64_t scenario_burst_enter_ppm(uint32_t leave_ppm, uint32_t loss_ppm) {
    uint64_t leave = leave_ppm, rest = loss_ppm < PPM ? PPM - loss_ppm : 0;
    uint64_t enter = rest > 0 ? (leave * loss_ppm + rest / 2) / rest : PPM;
    return enter > 0 || loss_ppm == 0 ? enter : 1;
}

/* ---- what takes more than a type ---- */

/* `loss_burst: 8`: its inverse is kept until `loss`, which may stand below, is known. */
static void read_burst(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    static const struct schema_row packets = {
        .key = "", .type = SCHEMA_NUMBER, .range = "1.." BURST_MAX};
    struct path_bursts *bursts = field;
    double count;
    (void)row;
    if (schema_read_value(run, &packets, node, &count))
        bursts->leave_ppm = scenario_burst_leave_ppm(count);
}

static void read_rate(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    static const struct schema_row rate = {
        .key = "", .type = SCHEMA_BITRATE, .range = "1kbit/s..4000Mbit/s"};
    uint32_t bps;
    (void)row;
    if (schema_read_value(run, &rate, node, &bps))
        *(uint64_t *)field = bps;
}

static void read_shape(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    static const struct schema_row shape = {.key = "", .type = SCHEMA_NUMBER, .range = "0.1..100"};
    double value;
    (void)row;
    if (schema_read_value(run, &shape, node, &value))
        *(uint32_t *)field = (uint32_t)(value * 1000 + 0.5);
}

static const struct schema_row chain_rows[] = {
    {"enter", SCHEMA_PERCENT, AT(path_bursts, enter_ppm), .required = true, .range = "0%..100%",
     .doc = "From the good state to the bad one, each packet (netem's p)."},
    {"leave", SCHEMA_PERCENT, AT(path_bursts, leave_ppm), .required = true, .range = "0%..100%",
     .doc = "And back (r); its inverse is the mean stay in packets."},
    {"loss_bad", SCHEMA_PERCENT, AT(path_bursts, loss_bad_ppm), .preset = "100%",
     .range = "0%..100%", .doc = "Loss in the bad state (1-h)."},
    {"loss_good", SCHEMA_PERCENT, AT(path_bursts, loss_good_ppm), .preset = "0%",
     .range = "0%..100%", .doc = "Loss in the good one (1-k)."},
};
static const struct schema_table chain_table = {
    .title = "a chain of Gilbert and Elliott",
    .doc = "A good and a bad state, one step a packet, as in tc-netem(8).",
    TABLE(chain_rows, path_bursts),
};

static void read_chain(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    struct path_bursts chain;
    (void)row;
    memset(&chain, 0, sizeof(chain));
    if (schema_read_mapping(run, &chain_table, node, &chain))
        *(struct path_bursts *)field = chain;
}

static void check_outages(struct schema_run *run, struct tree_node *node, void *record) {
    struct path_outages *o = record;
    if (tree_find(node, "shape") == NULL)
        o->shape_permille = SHAPE_PERMILLE;
    if (node->faulty || !duration_less(o->longest, o->least))
        return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "least to be at most longest");
    fault_found(x, "the contrary");
}

static const struct schema_row outage_rows[] = {
    {"every", SCHEMA_DURATION, AT(path_outages, every), .required = true, .range = "1ms..365d",
     .doc = "Mean time from the end of one to the next."},
    {"least", SCHEMA_DURATION, AT(path_outages, least), .preset = "1s", .range = "1ms..1d",
     .doc = "The shortest."},
    {"longest", SCHEMA_DURATION, AT(path_outages, longest), .preset = "1min", .range = "1ms..30d",
     .doc = "Longer ones are cut to this."},
    {"shape", SCHEMA_CUSTOM, AT(path_outages, shape_permille), .preset = "1.5", .read = read_shape,
     .form = "a number from 0.1 to 100",
     .doc = "Of the Pareto distribution of their lengths; from 1 to 2 its tail is heavy."},
};
static const struct schema_table outages_table = {
    .title = "outages",
    .doc =
        "Times in which nothing passes, as when routes fail: independent of one another, most of "
        "them short, some very long.",
    TABLE(outage_rows, path_outages),
    .check = check_outages,
};

/* ---- the keys of both ---- */

/* Bursts of a mean length that lose the share that `loss` says: everything in the bad state, which
 * is left with 1/N; the share of time in it is enter / (enter + leave). */
static void make_bursts(struct schema_run *run, struct tree_node *node, struct path_quality *q) {
    uint32_t leave = q->bursts.leave_ppm, loss = q->loss_ppm;
    uint64_t enter = scenario_burst_enter_ppm(leave, loss);
    if (enter <= PPM && loss > 0 && loss < PPM) {
        q->bursts = (struct path_bursts){
            .enter_ppm = (uint32_t)enter, .leave_ppm = leave, .loss_bad_ppm = PPM};
        q->loss_ppm = 0;
        return;
    }
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "beside it a `loss` that bursts of this length can make");
    fault_found(x, loss == 0 ? "none" : "more");
}

static void check_quality(struct schema_run *run, struct tree_node *node, struct path_quality *q) {
    struct tree_node *burst = tree_find(node, "loss_burst"), *loss = tree_find(node, "loss");
    struct tree_node *chain = tree_find(node, "gilbert_elliott");
    if (burst != NULL && chain != NULL) {
        struct fault *x = fault_add(run->faults, chain, NULL);
        fault_expected(x, "either `loss_burst` or `gilbert_elliott`");
        fault_found(x, "both");
    } else if (burst != NULL && !burst->faulty && (loss == NULL || !loss->faulty)) {
        make_bursts(run, burst, q);
    }
}

/* Rows for the struct path_quality that is `part` of `type`. By hand, since clang-format would make
 * a tower of each row of a macro. */
#define FIELD(type, part, name)                                                                    \
    .offset = offsetof(struct type, part) + offsetof(struct path_quality, name)
/* clang-format off */
#define QUALITY_ROWS(type, part) \
    {"jitter", SCHEMA_DURATION, FIELD(type, part, jitter), \
     .preset = "0ms", .range = "0s..10s", \
     .doc = "Each way up to this much more, in order."}, \
    {"jitter_correlation", SCHEMA_PERCENT, FIELD(type, part, jitter_correlation_ppm), \
     .preset = "0%", .range = "0%..100%", \
     .doc = "Of a packet's jitter with that of the one before."}, \
    {"loss", SCHEMA_PERCENT, FIELD(type, part, loss_ppm), \
     .preset = "0%", .range = "0%..100%", \
     .doc = "Each way, one packet independent of the other unless `loss_burst` is given."}, \
    {"loss_burst", SCHEMA_CUSTOM, FIELD(type, part, bursts), \
     .read = read_burst, .form = "a number of packets from 1 to " BURST_MAX, \
     .doc = "`loss` comes in bursts of this mean length, in which nothing passes."}, \
    {"gilbert_elliott", SCHEMA_CUSTOM, FIELD(type, part, bursts), \
     .read = read_chain, .table = &chain_table, \
     .form = "a mapping: a chain of Gilbert and Elliott", \
     .doc = "In place of `loss_burst`, for those who know the parameters; `loss` is on top."}, \
    {"outages", SCHEMA_MAPPING, FIELD(type, part, outages), \
     .table = &outages_table, \
     .doc = "Times in which nothing passes, each way for itself."}, \
    {"rate", SCHEMA_CUSTOM, FIELD(type, part, rate_bps), \
     .read = read_rate, .form = "a bit rate from 1kbit/s to 4000Mbit/s", \
     .doc = "Each way, of everybody together, IP headers included; without it no limit."}, \
    {"queue", SCHEMA_DURATION, FIELD(type, part, queue), \
     .preset = "100ms", .range = "0s..1min", \
     .doc = "What would wait longer than this for `rate` is dropped."}, \
    {"reorder", SCHEMA_PERCENT, FIELD(type, part, reorder_ppm), \
     .preset = "0%", .range = "0%..100%", \
     .doc = "Of packets: they may overtake those before them."}, \
    {"duplicate", SCHEMA_PERCENT, FIELD(type, part, duplicate_ppm), \
     .preset = "0%", .range = "0%..100%", \
     .doc = "Of packets: they come twice."}, \
    {"replay", SCHEMA_PERCENT, FIELD(type, part, replay_ppm), \
     .preset = "0%", .range = "0%..100%", \
     .doc = "Of packets: somebody records them and sends them again …"}, \
    {"replay_in", SCHEMA_DURATION, FIELD(type, part, replay_in), \
     .preset = "1s", .range = "1ms..1d", \
     .doc = "… within this time."}
/* clang-format on */

/* ---- the last mile ---- */

struct access {
    struct path_quality quality;
};

static void check_access(struct schema_run *run, struct tree_node *node, void *record) {
    check_quality(run, node, record);
}

static const struct schema_row access_rows[] = {
    {"delay", SCHEMA_DURATION, AT(path_quality, delay), .preset = "0ms", .range = "0s..10s",
     .doc = "Each way, of every packet."},
    QUALITY_ROWS(access, quality),
};
const struct schema_table scenario_access_table = {
    .title = "an access line",
    .doc = "On top of the link behind it: delays and jitters add, losses compose, the smaller rate "
           "counts. Its bursts and outages are in place of those of all the links behind it, and "
           "one for all of them: what it swallows, it swallows from everybody.",
    TABLE(access_rows, path_quality),
    .check = check_access,
};

/* ---- links ---- */

#define ENDS_FORM "all, or two of: a cluster, a region, a group of clients, clients"

static void read_ends(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    struct scenario_link *link = field;
    if (node->kind == TREE_SCALAR && strcmp(node->text, "all") == 0) {
        name_set(&link->ends[0].name, "all");
        link->end_count = 1;
    } else if (node->kind != TREE_SEQUENCE || node->count != 2) {
        struct fault *x = schema_mismatch(run, row, node);
        if (node->kind == TREE_SEQUENCE)
            fault_found(x, "a list of %u", (unsigned)node->count);
    } else {
        struct tree_node *end = node->first;
        for (link->end_count = 0; end != NULL; end = end->next)
            schema_read_value(run, &scenario_name_item, end, &link->ends[link->end_count++].name);
    }
}

static void check_link(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_link *link = record;
    struct tree_node *one_way = tree_find(node, "one_way");
    link->mark = node->mark;
    link->rtt_given = tree_find(node, "rtt") != NULL;
    if (!link->rtt_given)
        link->rtt = duration_ms(SCENARIO_RTT_MS);
    link->quality.delay = duration_us(link->rtt.us / 2);
    check_quality(run, node, &link->quality);
    if (link->end_count != 1 || !link->one_way || one_way->faulty)
        return;
    struct fault *x = fault_add(run->faults, one_way, NULL);
    fault_expected(x, "two ends, the sending one first");
    fault_found(x, "`between: all`");
}

static const struct schema_row link_rows[] = {
    {"between", SCHEMA_CUSTOM, AT(scenario_link, mark), .required = true, .read = read_ends,
     .form = ENDS_FORM, .doc = "Which link; `clients` are all listeners, `all` is every link."},
    {"rtt", SCHEMA_DURATION, AT(scenario_link, rtt), .range = "0s..10s",
     .doc = "There and back, without jitter; half of it each way. Without it the matrix counts, or "
            "the places, if there are any."},
    {"one_way", SCHEMA_BOOL, AT(scenario_link, one_way), .preset = "false",
     .doc = "True: this is only the way from the first end to the second."},
    QUALITY_ROWS(scenario_link, quality),
};
const struct schema_table scenario_link_table = {
    .title = "a link",
    .doc = "Of several rows that fit, the last one counts, with all its keys. A link that no row "
           "names has the RTT of the matrix or of the places; without either 20ms. It has no "
           "jitter and loses nothing.",
    TABLE(link_rows, scenario_link),
    .check = check_link,
};
