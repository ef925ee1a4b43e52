#include "peerd/sim/scenario_private.h"

/* Streams, their players, and the clusters that make them. */

#define MAKERS 2 /* of a cluster, where there are streams */

static void find_stream(struct resolving *r, struct tree_node *node, struct scenario_clients *g) {
    struct scenario *s = r->s;
    struct tree_node *at = tree_find(node, "stream");
    if (at == NULL)
        return;
    RESOLVE_KNOWN(r, at, "stream", "streams", s->streams, name, s->stream_count);
    for (uint32_t i = 0; i < s->stream_count; i++)
        if (name_equal(&s->streams[i].name, &g->stream))
            g->stream_index = i;
}

/* Nobody could make them, or somebody would for nobody. */
static void check_makers(struct resolving *r, struct tree_node *list) {
    for (uint32_t i = 0; i < r->s->cluster_count; i++) {
        struct scenario_cluster *c = &r->s->clusters[i];
        struct tree_node *at = tree_find(tree_child(list, c->row), "makers");
        if (r->s->stream_count > 0 && c->makers == 0)
            c->makers = MAKERS;
        if (r->s->stream_count > 0 || at == NULL || at->faulty)
            continue;
        struct fault *x = fault_add(r->run->faults, at, NULL);
        fault_expected(x, "`streams` for them to make");
        fault_found(x, "none");
        at->faulty = true; /* once a row */
    }
}

void resolve_streams(struct resolving *r) {
    struct tree_node *list = tree_find(r->root, "clients");
    const struct tree_node *streams = tree_find(r->root, "streams");
    if (streams != NULL)
        r->s->streams_mark = streams->mark;
    for (uint32_t i = 0; i < r->s->client_group_count; i++)
        find_stream(r, tree_child(list, i), &r->s->clients[i]);
    check_makers(r, tree_find(r->root, "clusters"));
}

/* Players are steered, which is no move, and an operator has no session to move. */
static void refuse_players(struct resolving *r, struct tree_node *node, uint32_t group) {
    const struct scenario *s = r->s;
    if (node == NULL || node->faulty || group >= s->client_group_count ||
        name_is_empty(&s->clients[group].stream))
        return;
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "a group of listeners: players have no sessions that move");
    fault_found(x, "`%s`, players of %s", s->clients[group].name.text,
                s->clients[group].stream.text);
}

void resolve_steered(struct resolving *r) {
    const struct scenario_expectations *e = &r->s->expectations;
    struct tree_node *node = tree_find(r->root, "expectations");
    struct tree_node *timeline = tree_find(r->root, "timeline");
    for (uint32_t i = 0; i < e->move_count; i++)
        refuse_players(r, tree_find(tree_child(tree_find(node, "moves"), i), "of"),
                       e->moves[i].of_index);
    for (uint32_t i = 0; i < e->must_not_move_count; i++)
        refuse_players(r, resolve_element(tree_find(node, "must_not_move"), i),
                       e->must_not_move[i]);
    for (uint32_t i = 0; i < r->s->event_count; i++) {
        const struct scenario_event *event = &r->s->events[i];
        if (event->verb == SCENARIO_VERB_MOVE)
            refuse_players(r,
                           tree_find(tree_find(tree_child(timeline, event->row), "move"), "group"),
                           event->move.group);
    }
}
