#include "peerd/policy/policy_check.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/sim/scenario_private.h"

#include <string.h>

static const char *const class_words[] = {"exact", "seekable", "live", "push", NULL};
static const char *const protection_words[] = {"cold", "warm", "hot", NULL};

#define PLAYER_BUFFER     duration_s(8)     /* [s] as the web players are judged with */
#define PLAYER_BUFFER_MIN duration_ms(6400) /* [ms] what is played, and the next */

/* ---- sources ---- */

/* Each fault is told of the key that has to change. */
static void check_source(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_source *s = record;
    struct tree_node *tone = tree_find(node, "tone"), *location = tree_find(node, "location");
    struct tree_node *class = schema_good(node, "class");
    bool seekable = tone == NULL && s->source.class == SOURCE_CLASS_SEEKABLE;
    s->mark = location != NULL ? location->mark : node->mark;
    if (tone == NULL && location == NULL && s->source.class != SOURCE_CLASS_PUSH) {
        struct fault *x = fault_add(run->faults, node, NULL);
        fault_expected(x, "either `location` or `tone`");
        fault_found(x, "neither");
    } else if (tone != NULL && location != NULL) {
        struct fault *x = fault_add(run->faults, location, NULL);
        fault_expected(x, "either `location` or `tone`");
        fault_found(x, "both");
    }
    if (s->origin.us > 0 && strstr(s->source.location.text, "://") != NULL) {
        struct fault *x = fault_add(run->faults, tree_find(node, "origin"), NULL);
        fault_expected(x, "a file or a tone, which is put onto a server of its own");
        fault_found(x, "`%s`, which has one", s->source.location.text);
    }
    if (class == NULL || seekable || s->source.class == SOURCE_CLASS_EXACT)
        return;
    struct fault *x = fault_add(run->faults, class, NULL);
    fault_expected(x, tone != NULL ? "exact, as every tone is" : "exact or seekable");
    fault_found(x, "`%s`%s", class->text, tone == NULL ? ", which no worker serves yet" : "");
}

static const struct schema_row source_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_source, source.name), .required = true,
     .doc = "In every cluster's catalogue."},
    {"location", TEXT, AT(scenario_source, source.location), .check = policy_check_location,
     .form = "a file or an http:// or https:// URL",
     .doc = "A recording. A relative file is looked for beside the scenario."},
    {"tone", SCHEMA_DURATION, AT(scenario_source, tone), .range = "1s..1h",
     .doc = "In place of a location: a generated recording of this length."},
    {"origin", SCHEMA_DURATION, AT(scenario_source, origin), .range = "1ms..400ms",
     .doc =
         "It is not at each cluster, but on one HTTP server, a round trip so long away from all."},
    {"class", SCHEMA_ENUM, AT(scenario_source, source.class), .preset = "exact",
     .words = class_words, .doc = "As in a policy; live and push are refused."},
    {"loop", SCHEMA_BOOL, AT(scenario_source, source.loop), .preset = "false",
     .doc = "Begins again at its end."},
};
const struct schema_table scenario_source_table = {
    .title = "a source",
    .doc = "Without `sources` there is one: `tone`, 30s, exact, looped.",
    TABLE(source_rows, scenario_source),
    .check = check_source,
};

/* ---- streams ---- */

static const struct schema_row stream_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_stream, name), .required = true,
     .doc = "What `clients` ask for, and an origin of every policy."},
    {"media_cpu", SCHEMA_DURATION, AT(scenario_stream, media_cpu), .required = true,
     .range = "1ms..4s",
     .doc = "CPU time that a second of media takes a maker: picture and sound of a player."},
};
const struct schema_table scenario_stream_table = {
    .title = "a stream",
    TABLE(stream_rows, scenario_stream),
};

/* ---- clients ---- */

/* What means nothing of who watches a stream. */
static void check_players(struct schema_run *run, struct tree_node *node,
                          struct scenario_clients *g) {
    static const char *const of_sessions[] = {"service", "profile", "source", "protection", "lies"};
    struct tree_node *buffer = tree_find(node, "buffer");
    if (name_is_empty(&g->stream))
        return;
    for (size_t i = 0; i < sizeof(of_sessions) / sizeof(of_sessions[0]); i++) {
        struct tree_node *at = tree_find(node, of_sessions[i]);
        if (at == NULL)
            continue;
        struct fault *x = fault_add(run->faults, at, NULL);
        fault_expected(x, "no `%s` of clients that have a `stream`", of_sessions[i]);
        fault_found(x, "one");
    }
    if (buffer == NULL) {
        g->buffer = PLAYER_BUFFER;
    } else if (!buffer->faulty && duration_less(g->buffer, PLAYER_BUFFER_MIN)) {
        struct fault *x = fault_add(run->faults, buffer, NULL);
        fault_expected(x, "6400ms or more with a `stream`: two segments");
        schema_found(x, buffer);
    }
}

static void read_start(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    struct scenario_clients *g = field;
    g->waits = node->kind == TREE_SCALAR && strcmp(node->text, "waiting") == 0;
    if (!g->waits)
        scenario_read_when(run, row, node, &g->start);
}

static void read_client_place(struct schema_run *run, const struct schema_row *row,
                              struct tree_node *node, void *field) {
    struct scenario_clients *g = field;
    struct policy_cluster at;
    memset(&at, 0, sizeof(at));
    scenario_read_place(run, row, node, &at);
    g->placed = at.placed;
    g->latitude_deg = at.latitude_deg;
    g->longitude_deg = at.longitude_deg;
}

static const char *const ticket_words[] = {"own", "none", "another", NULL};

static const struct schema_row slander_rows[] = {
    {"of", SCHEMA_NAME, AT(scenario_slander, lie.name), .required = true,
     .doc = "The cluster that serves them."},
    {"says", SCHEMA_ENUM, AT(scenario_slander, lie.says), .required = true,
     .words = scenario_lie_words,
     .doc =
         "misses: they turn to their backups as if it were silent, whatever it sends; hears: they "
         "turn to nobody, however silent it is."},
    {"from", SCHEMA_DURATION, AT(scenario_slander, from), .preset = "0s", .range = "0s..30d",
     .doc = "From this instant on."},
    {"ticket", SCHEMA_ENUM, AT(scenario_slander, ticket), .preset = "own", .words = ticket_words,
     .doc = "With what they ask others, from the beginning: their ticket, none, or for a session "
            "that is not theirs."},
};
static const struct schema_table slander_table = {
    .title = "clients that lie",
    TABLE(slander_rows, scenario_slander),
};

static void check_clients(struct schema_run *run, struct tree_node *node, void *record) {
    struct scenario_clients *g = record;
    struct tree_node *leave = tree_find(node, "leave"), *start = tree_find(node, "start");
    g->mark = node->mark;
    g->leaves = leave != NULL;
    g->access_given = tree_find(node, "access") != NULL;
    check_players(run, node, g);
    if (leave == NULL || leave->faulty || (start != NULL && start->faulty) || g->waits ||
        !duration_less(g->leave.from, g->start.to))
        return;
    struct fault *x = fault_add(run->faults, leave, NULL);
    fault_expected(x, "an instant after `start`");
    fault_found(x, "an earlier one");
}

static const struct schema_row clients_rows[] = {
    {"name", SCHEMA_NAME, AT(scenario_clients, name), .check = scenario_check_name,
     .doc = "Of the group, for links and expectations; without it clients1, clients2, …"},
    {"count", SCHEMA_COUNT, AT(scenario_clients, count), .preset = "1", .range = "1..1000000",
     .doc = "How many."},
    {"stream", SCHEMA_NAME, AT(scenario_clients, stream),
     .doc =
         "They are players of this one of `streams`, not listeners: that they stand still counts "
         "as frames lost, and the longest time as gap. Each begins somewhere else in it. For "
         "the simulator only."},
    {"service", SCHEMA_NAME, AT(scenario_clients, service), .doc = "Without it the first one."},
    {"profile", SCHEMA_NAME, AT(scenario_clients, profile), .doc = "Without it the first one."},
    {"source", SCHEMA_NAME, AT(scenario_clients, source), .doc = "Without it the first one."},
    {"open_at", SCHEMA_LIST,
     LIST_AT(scenario_clients, open_at_names, open_at_count, SCENARIO_OPEN_AT_MAX),
     .item = &scenario_name_item, .single = true, .unique = "",
     .doc =
         "Clusters asked for a session, in this order; without it all, as listed; `nearest`: those "
         "with the shortest RTT, at most 16."},
    {"spread", SCHEMA_BOOL, AT(scenario_clients, spread), .preset = "false",
     .doc = "True: the second client begins with the second cluster, and so on around."},
    {"buffer", SCHEMA_DURATION, AT(scenario_clients, buffer), .preset = "200ms",
     .range = "20ms..10s", .doc = "Playout buffer; of a player 8 s unless it is given."},
    {"start", SCHEMA_CUSTOM, AT(scenario_clients, name) /* the whole group */, .preset = "0s",
     .read = read_start, .form = "waiting, " WHEN_FORM,
     .doc =
         "When they open their sessions; drawn for each client. `waiting`: only when an `arrive` "
         "of the timeline says so."},
    {"leave", SCHEMA_CUSTOM, AT(scenario_clients, leave), .read = scenario_read_when,
     .form = WHEN_FORM, .doc = "When they close their sessions; drawn for each client."},
    {"protection", SCHEMA_ENUM, AT(scenario_clients, protection), .preset = "warm",
     .words = protection_words,
     .doc = "What the backup holds ready: nothing; the session; that, and it sends, too (with "
            "`limits.hot_standbys`, and `hot` of the service if `services` are given)."},
    {"place", SCHEMA_CUSTOM, AT(scenario_clients, name) /* the whole group */,
     .read = read_client_place, .table = &policy_place_table, .form = PLACE_FORM,
     .doc = "Where they are, for delays that neither a link nor a matrix names."},
    {"network", SCHEMA_NAME, AT(scenario_clients, network),
     .doc =
         "Groups that name one share a network (IPv4 /24) with nobody else: clusters tell clients' "
         "locations apart by it. Without it they are neighbours of the other groups that name "
         "none. Live, across a wide area, every group has one of its own."},
    {"lies", SCHEMA_MAPPING, AT(scenario_clients, lies), .table = &slander_table,
     .doc = "They say of a cluster what is not true. For the simulator only."},
    {"access", SCHEMA_MAPPING, AT(scenario_clients, access), .table = &scenario_access_table,
     .doc = "Their last mile, on top of every link of theirs."},
};
const struct schema_table scenario_clients_table = {
    .title = "a group of clients",
    TABLE(clients_rows, scenario_clients),
    .check = check_clients,
};
