#include "peerd/policy/policy_check.h"
#include "peerd/sim/scenario_private.h"

#include <stdlib.h>
#include <string.h>

/* What the timeline names, and the rows of it that stand for several events. */

/* In place of a region the clusters of it, if there is room: then a runner that knows no regions
 * can do it as well. */
static void spell_out(const struct scenario *s, struct scenario_end *ends, uint32_t *count,
                      uint32_t n) {
    const struct scenario_end region = ends[n];
    uint32_t size = 0;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        size += scenario_end_holds(s, &region, i, false);
    if (*count - 1 + size > SCENARIO_OPEN_AT_MAX)
        return;
    ends[n] = ends[--*count];
    for (uint32_t i = region.index; i < s->cluster_count; i++) {
        if (scenario_end_holds(s, &region, i, false))
            ends[(*count)++] =
                (struct scenario_end){.name = s->clusters[i].identity.name, .index = i};
    }
}

/* One side of a partition. */
static void resolve_side(struct resolving *r, struct tree_node *list, struct scenario_end *ends,
                         uint32_t *count) {
    for (uint32_t k = 0; k < *count; k++)
        resolve_end(r, resolve_element(list, k), MAY_BE_END, &ends[k]);
    for (uint32_t k = *count; k-- > 0;) {
        if (ends[k].region)
            spell_out(r->s, ends, count, k);
    }
}

/* No packet is on its way from a cluster to itself, or between listeners. */
static void check_sides(struct resolving *r, struct tree_node *to, const struct scenario_cut *cut) {
    for (uint32_t i = 0; i < cut->from_count; i++)
        for (uint32_t k = 0; k < cut->to_count && to != NULL && !to->faulty; k++) {
            const struct scenario_end *a = &cut->from[i], *b = &cut->to[k];
            bool many = a->region || a->index == SCENARIO_ALL || a->index == SCENARIO_NONE;
            if (many || a->index != b->index || a->group != b->group || b->region)
                continue;
            struct fault *x = fault_add(r->run->faults, to, NULL);
            fault_expected(x, "sides that have no end in common");
            fault_found(x, "`%s` on both", b->name.text);
        }
}

static void resolve_heal(struct resolving *r, struct tree_node *node, struct scenario_cut *cut) {
    if (node == NULL || node->kind == TREE_MAPPING || cut->from_count == 0)
        return;
    resolve_name(r, node, &cut->from[0].name,
                 MAY_BE_CLUSTER | MAY_BE_SERVING | MAY_BE_LAST | MAY_BE_ALL, &cut->from[0].index,
                 NULL);
    cut->to[0].index = SCENARIO_ALL;
}

/* ---- targets ---- */

/* The node that holds the cluster's name: the value, or what stands in {worker: NAME}. */
static struct tree_node *target_node(struct tree_node *value, enum scenario_part part) {
    return value != NULL && value->kind == TREE_MAPPING ? tree_find(value, scenario_part_name(part))
                                                        : value;
}

static void check_number(struct resolving *r, struct tree_node *value, struct scenario_target *t) {
    if (t->cluster >= r->s->cluster_count || value->kind != TREE_MAPPING)
        return;
    const struct scenario_cluster *c = &r->s->clusters[t->cluster];
    uint32_t count = t->part == SCENARIO_PART_NODE     ? c->nodes
                     : t->part == SCENARIO_PART_WORKER ? c->nodes * c->workers
                                                       : 1;
    if (t->number < count)
        return;
    struct fault *x = fault_add(r->run->faults, tree_find(value, "number"), NULL);
    fault_expected(x, "a number below %u, which is how many there are", (unsigned)count);
    fault_found(x, "%u", (unsigned)t->number);
}

static const struct name *domain_of(const struct scenario_cluster *c,
                                    const struct scenario_target *t) {
    return t->region ? &c->identity.region : &c->identity.provider;
}

static bool in_domain(const struct scenario_cluster *c, const struct scenario_target *t) {
    return name_equal(domain_of(c, t), &t->name);
}

/* A region or provider: some cluster must be there. */
static void resolve_domain(struct resolving *r, struct tree_node *node, struct scenario_target *t) {
    const struct scenario *s = r->s;
    const char *what = t->region ? "region" : "provider";
    t->cluster = SCENARIO_NONE;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (in_domain(&s->clusters[i], t))
            return;
    }
    if (node == NULL || node->faulty || !r->clusters_good || s->cluster_count == 0)
        return;
    const char *near = policy_nearest_name(t->name.text, domain_of(&s->clusters[0], t),
                                           sizeof(s->clusters[0]), s->cluster_count);
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "a %s of this scenario", what);
    fault_found(x, "`%s`", t->name.text);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
}

/* `value` is what stands behind the verb. */
static void resolve_target(struct resolving *r, struct tree_node *value, struct scenario_event *e) {
    struct scenario_target *t = &e->target;
    struct tree_node *node = target_node(value, t->part);
    if (t->region || t->provider) {
        resolve_domain(r, tree_find(value, t->region ? "region" : "provider"), t);
        return;
    }
    if (e->verb == SCENARIO_VERB_DNS && tree_find(value, "cluster") == NULL) {
        t->cluster = SCENARIO_ALL;
        return;
    }
    if (e->verb == SCENARIO_VERB_CLOCK || e->verb == SCENARIO_VERB_POLICY ||
        e->verb == SCENARIO_VERB_DNS)
        node = tree_find(value, "cluster");
    resolve_name(r, node, &t->name, MAY_BE_CLUSTER | MAY_BE_SERVING | MAY_BE_LAST | MAY_BE_ALL,
                 &t->cluster, NULL);
    check_number(r, value, t);
}

/* ---- entries ---- */

static void resolve_instants(struct resolving *r, struct tree_node *list) {
    for (struct tree_node *node = list->first; node != NULL && !list->faulty; node = node->next) {
        struct scenario_when when;
        scenario_read_when(r->run, NULL, node, &when);
        resolve_instant(r, node, &when);
    }
}

static void resolve_crowd(struct resolving *r, struct tree_node *value, struct scenario_crowd *c) {
    struct tree_node *group = value->kind == TREE_MAPPING ? tree_find(value, "group") : value;
    resolve_name(r, group, &c->name, MAY_BE_GROUP | MAY_BE_ALL, &c->group, NULL);
}

/* Who is asked to come must be waiting for it, and no more can come or go than there are. */
static void check_crowd(struct resolving *r, struct tree_node *value,
                        const struct scenario_event *e) {
    const struct scenario_crowd *c = &e->crowd;
    uint64_t all = 0, waiting = 0;
    if (c->group == SCENARIO_NONE || value->faulty || !r->groups_good)
        return;
    for (uint32_t i = 0; i < r->s->client_group_count; i++) {
        const struct scenario_clients *g = &r->s->clients[i];
        if (c->group != SCENARIO_ALL && c->group != i)
            continue;
        all += g->count;
        waiting += g->waits ? g->count : 0;
    }
    bool arrive = e->verb == SCENARIO_VERB_ARRIVE;
    if (c->count != UINT32_MAX && c->count > (arrive && waiting > 0 ? waiting : all)) {
        struct fault *x = fault_add(r->run->faults, tree_find(value, "count"), NULL);
        fault_expected(x, "at most %llu, which is how many there are",
                       (unsigned long long)(arrive && waiting > 0 ? waiting : all));
        fault_found(x, "%u", (unsigned)c->count);
    }
    if (!arrive || waiting > 0)
        return;
    struct fault *x = fault_add(r->run->faults, value, NULL);
    fault_expected(x, "listeners with `start: waiting`");
    fault_found(x, "`%s`, who come by themselves", c->name.text);
}

static void resolve_move(struct resolving *r, struct tree_node *value, struct scenario_move *m) {
    struct tree_node *number = tree_find(value, "number");
    resolve_name(r, tree_find(value, "group"), &m->name, MAY_BE_GROUP, &m->group, NULL);
    resolve_name(r, tree_find(value, "to"), &m->to_name, MAY_BE_CLUSTER, &m->to, NULL);
    if (m->group >= r->s->client_group_count || !r->groups_good || number == NULL ||
        number->faulty || m->number < r->s->clients[m->group].count)
        return;
    struct fault *x = fault_add(r->run->faults, number, NULL);
    fault_expected(x, "a number below %u, which is how many there are",
                   (unsigned)r->s->clients[m->group].count);
    fault_found(x, "%u", (unsigned)m->number);
}

static void resolve_event(struct resolving *r, struct tree_node *value, struct scenario_event *e) {
    switch (e->verb) {
    case SCENARIO_VERB_LINK:
        resolve_link(r, value, &e->link);
        return;
    case SCENARIO_VERB_HEAL:
        if (e->target.region || e->target.provider) {
            resolve_target(r, value, e);
            return;
        }
        resolve_side(r, tree_find(value, "from"), e->cut.from, &e->cut.from_count);
        resolve_side(r, tree_find(value, "to"), e->cut.to, &e->cut.to_count);
        resolve_heal(r, value, &e->cut);
        return;
    case SCENARIO_VERB_PARTITION:
        resolve_side(r, tree_find(value, "from"), e->cut.from, &e->cut.from_count);
        resolve_side(r, tree_find(value, "to"), e->cut.to, &e->cut.to_count);
        check_sides(r, tree_find(value, "to"), &e->cut);
        return;
    case SCENARIO_VERB_ARRIVE:
    case SCENARIO_VERB_LEAVE:
        resolve_crowd(r, value, &e->crowd);
        check_crowd(r, value, e);
        return;
    case SCENARIO_VERB_MOVE:
        resolve_move(r, value, &e->move);
        return;
    case SCENARIO_VERB_KILL:
    case SCENARIO_VERB_RESTART:
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_CONTINUE:
    case SCENARIO_VERB_SLOW:
    case SCENARIO_VERB_DRAIN:
    case SCENARIO_VERB_UNDRAIN:
    case SCENARIO_VERB_REKEY:
    case SCENARIO_VERB_BLACKHOLE:
    case SCENARIO_VERB_CLOCK:
    case SCENARIO_VERB_POLICY:
    case SCENARIO_VERB_DNS:
        resolve_target(r, value, e);
        return;
    case SCENARIO_VERB_COUNT:
        return;
    }
}

/* ---- rows that stand for several ---- */

static bool heals_domain(const struct scenario_event *e) {
    return e->verb == SCENARIO_VERB_HEAL && (e->target.region || e->target.provider);
}

static uint32_t domain_size(const struct scenario *s, const struct scenario_target *t) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        count += in_domain(&s->clusters[i], t);
    return count;
}

/* The end of the cuts of a whole region is that of each of its sites. */
static uint32_t heal_each(const struct scenario *s, const struct scenario_event *e,
                          struct scenario_event *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (!in_domain(&s->clusters[i], &e->target))
            continue;
        struct scenario_event *one = &out[count++];
        *one = *e;
        memset(&one->target, 0, sizeof(one->target));
        one->cut.from[0] = (struct scenario_end){.name = s->clusters[i].identity.name, .index = i};
        one->cut.to[0] = (struct scenario_end){.name = {"all"}, .index = SCENARIO_ALL};
        one->cut.from_count = one->cut.to_count = 1;
        one->cut.sweeps = true;
    }
    return count;
}

static uint32_t repeat(struct resolving *r, struct tree_node *at, const struct scenario_event *e,
                       struct scenario_event *out) {
    bool list = at->kind == TREE_SEQUENCE;
    uint32_t count = 0;
    for (struct tree_node *node = list ? at->first : at; node != NULL;
         node = list ? node->next : NULL) {
        struct scenario_event one = *e;
        scenario_read_when(r->run, NULL, node, &one.at);
        if (heals_domain(e))
            count += heal_each(r->s, &one, &out[count]);
        else
            out[count++] = one;
    }
    return count;
}

static uint32_t times(const struct scenario *s, const struct tree_node *at,
                      const struct scenario_event *e) {
    return (at->kind == TREE_SEQUENCE ? at->count : 1) *
           (heals_domain(e) ? domain_size(s, &e->target) : 1);
}

/* Only for a timeline without a fault: then every entry has an instant. */
static void expand(struct resolving *r, struct tree_node *list) {
    struct scenario *s = r->s;
    struct tree_node *node = list->first;
    uint64_t total = 0;
    for (uint32_t i = 0; i < s->event_count; i++, node = node->next)
        total += times(s, tree_find(node, "at"), &s->events[i]);
    if (total > SCENARIO_EVENTS_MAX) {
        struct fault *x = fault_add(r->run->faults, list, NULL);
        fault_expected(x, "at most %d events", SCENARIO_EVENTS_MAX);
        fault_found(x, "%llu", (unsigned long long)total);
        return;
    }
    if (total == s->event_count)
        return;
    struct scenario_event *all = calloc(total, sizeof(*all));
    if (all == NULL) {
        resolve_no_memory(r);
        return;
    }
    uint32_t count = 0;
    node = list->first;
    for (uint32_t i = 0; i < s->event_count; i++, node = node->next)
        count += repeat(r, tree_find(node, "at"), &s->events[i], &all[count]);
    free(s->events);
    s->events = all;
    s->event_count = count;
}

void resolve_events(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "timeline");
    struct tree_node *node = list != NULL ? list->first : NULL;
    for (uint32_t i = 0; i < s->event_count; i++, node = node->next) {
        struct scenario_event *e = &s->events[i];
        struct tree_node *value = tree_find(node, scenario_verb_name(e->verb));
        struct tree_node *at = tree_find(node, "at");
        e->row = i;
        if (at != NULL && at->kind == TREE_SEQUENCE)
            resolve_instants(r, at);
        else
            resolve_instant(r, at, &e->at);
        if (value != NULL && !value->faulty)
            resolve_event(r, value, e);
        uint32_t drain_to = SCENARIO_ALL;
        resolve_name(r, tree_find(node, "to"), &e->drain_to, MAY_BE_CLUSTER, &drain_to, NULL);
    }
    if (list != NULL && !list->faulty)
        expand(r, list);
    if (list != NULL && !list->faulty && !faults_any(r->run->faults))
        resolve_undone(r, list);
}
