#include "peerd/sim/scenario_private.h"

/* The names in what is expected, and what could be met by nothing or missed by nothing. */

static void resolve_since(struct resolving *r, struct tree_node *node, struct duration at) {
    const struct scenario_when when = {at, at};
    resolve_instant(r, node, &when);
}

/* Nobody watches itself. */
static void refuse_self(struct resolving *r, struct tree_node *node, const struct name *name) {
    if (node == NULL || node->faulty)
        return;
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "another cluster");
    fault_found(x, "`%s`, which is the one that is judged", name->text);
}

static void resolve_moves(struct resolving *r, struct tree_node *node, struct scenario_moves *m) {
    struct tree_node *of = tree_find(node, "of");
    uint32_t cluster;
    resolve_name(r, of, &m->of, MAY_BE_GROUP, &m->of_index, NULL);
    if (of == NULL)
        m->of_index = SCENARIO_ALL;
    resolve_name(r, tree_find(node, "from"), &m->from, MAY_BE_CLUSTER, &cluster, NULL);
    resolve_name(r, tree_find(node, "to"), &m->to, MAY_BE_CLUSTER, &cluster, NULL);
    if (m->by_given)
        resolve_since(r, tree_find(node, "by"), m->by);
}

/* Groups that name no network are neighbours. */
static void resolve_location(struct resolving *r, struct tree_node *node,
                             struct scenario_verdict *v) {
    uint32_t group;
    resolve_name(r, node, &v->location, MAY_BE_GROUP, &group, NULL);
    if (node == NULL || group >= r->s->client_group_count)
        return;
    for (uint32_t i = 0; i <= group && name_is_empty(&v->neighbours); i++)
        if (name_equal(&r->s->clients[i].network, &r->s->clients[group].network))
            v->neighbours = r->s->clients[i].name;
}

static void resolve_verdict(struct resolving *r, struct tree_node *node,
                            struct scenario_verdict *v) {
    struct tree_node *by = tree_find(node, "by");
    resolve_name(r, tree_find(node, "of"), &v->of, MAY_BE_CLUSTER, &v->of_index, NULL);
    for (uint32_t k = 0; k < v->by_count; k++) {
        resolve_name(r, resolve_element(by, k), &v->by_names[k],
                     v->by_count == 1 ? MAY_BE_CLUSTER | MAY_BE_ALL : MAY_BE_CLUSTER, &v->by[k],
                     NULL);
        if (v->by[k] == v->of_index && v->of_index != SCENARIO_NONE)
            refuse_self(r, resolve_element(by, k), &v->of);
    }
    resolve_location(r, tree_find(node, "location"), v);
    resolve_since(r, tree_find(node, "from"), v->from);
    resolve_since(r, tree_find(node, "until"), v->until);
}

static void resolve_hearing(struct resolving *r, struct tree_node *node,
                            struct scenario_hearing *h) {
    struct tree_node *at_end = tree_find(node, "served_at_end");
    struct tree_node *others = tree_find(node, "loses_at_most");
    resolve_name(r, tree_find(node, "of"), &h->of, MAY_BE_GROUP | MAY_BE_ALL, &h->of_index, NULL);
    resolve_name(r, others, &h->loses_at_most, MAY_BE_GROUP, &h->loses_at_most_index, NULL);
    if (others != NULL && h->loses_at_most_index == h->of_index && !others->faulty) {
        struct fault *x = fault_add(r->run->faults, others, NULL);
        fault_expected(x, "another group");
        fault_found(x, "`%s`, which is the one that is judged", h->of.text);
    }
    for (uint32_t k = 0; k < h->served_at_end_count; k++)
        resolve_name(r, resolve_element(at_end, k), &h->served_at_end[k], MAY_BE_CLUSTER,
                     &h->served_at_end_index[k], NULL);
    resolve_since(r, tree_find(node, "all_served_by"), h->all_served_by);
}

void resolve_expectations(struct resolving *r) {
    struct scenario_expectations *e = &r->s->expectations;
    struct tree_node *node = tree_find(r->root, "expectations");
    resolve_since(r, tree_find(node, "all_served_by"), e->all_served_by);
    for (uint32_t i = 0; i < e->move_count; i++)
        resolve_moves(r, tree_child(tree_find(node, "moves"), i), &e->moves[i]);
    for (uint32_t i = 0; i < e->verdict_count; i++)
        resolve_verdict(r, tree_child(tree_find(node, "verdicts"), i), &e->verdicts[i]);
    for (uint32_t i = 0; i < e->hearing_count; i++)
        resolve_hearing(r, tree_child(tree_find(node, "clients"), i), &e->clients[i]);
    for (uint32_t i = 0; i < e->must_not_move_count; i++)
        resolve_name(r, resolve_element(tree_find(node, "must_not_move"), i),
                     &e->must_not_move_names[i], MAY_BE_GROUP | MAY_BE_ALL, &e->must_not_move[i],
                     NULL);
}
