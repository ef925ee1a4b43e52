#include "peerd/policy/policy_check.h"
#include "peerd/policy/quantity.h"
#include "peerd/policy/text.h"
#include "peerd/sim/scenario_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names become indices once the whole file has been read, so that it may say things in any order.
 * Where a name that is referred to was itself refused, nothing is said about the reference. */

/* What a name may stand for at some place. */
enum {
    MAY_BE_ALL = 1,
    MAY_BE_SERVING = 2,
    MAY_BE_LAST = 4,
    MAY_BE_CLIENTS = 8,
    MAY_BE_GROUP = 16,
    MAY_BE_CLUSTER = 32
};

struct resolving {
    struct schema_run *run;
    struct scenario *s;
    struct tree_node *root;
    bool clusters_good; /* every cluster has a name */
    bool groups_good;
};

static const struct {
    const char *text;
    uint32_t index;
    unsigned may_be;
} words[] = {
    {"all", SCENARIO_ALL, MAY_BE_ALL},    {"serving", SCENARIO_SERVING, MAY_BE_SERVING},
    {"last", SCENARIO_LAST, MAY_BE_LAST}, {"clients", SCENARIO_CLIENTS, MAY_BE_CLIENTS},
    {"none", SCENARIO_NONE, 0},
};
#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

bool scenario_word_reserved(const char *text) {
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strcmp(words[i].text, text) == 0)
            return true;
    }
    return false;
}

static bool find_cluster(const struct scenario *s, const char *name, uint32_t *out) {
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (strcmp(s->clusters[i].identity.name.text, name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool find_group(const struct scenario *s, const char *name, uint32_t *out) {
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        if (strcmp(s->clients[i].name.text, name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* The word, cluster or group that was probably meant; NULL if none is near. */
static const char *nearest(const struct resolving *r, const char *name, unsigned may_be) {
    const char *allowed[WORD_COUNT], *near;
    size_t count = 0;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (words[i].may_be & may_be)
            allowed[count++] = words[i].text;
    }
    near = fault_nearest(name, allowed, count);
    if (near == NULL && may_be & MAY_BE_CLUSTER && r->s->cluster_count > 0)
        near = policy_nearest_name(name, &r->s->clusters[0].identity.name,
                                   sizeof(r->s->clusters[0]), r->s->cluster_count);
    if (near == NULL && may_be & MAY_BE_GROUP && r->s->client_group_count > 0)
        near = policy_nearest_name(name, &r->s->clients[0].name, sizeof(r->s->clients[0]),
                                   r->s->client_group_count);
    return near;
}

static void refuse(struct resolving *r, struct tree_node *node, const char *name, unsigned may_be) {
    char what[FAULT_TEXT_LEN_MAX + 1];
    struct text t = text_over(what, sizeof(what));
    if ((!r->clusters_good && may_be & MAY_BE_CLUSTER) ||
        (!r->groups_good && may_be & MAY_BE_GROUP))
        return;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (words[i].may_be & may_be)
            text_putf(&t, "%s, ", words[i].text);
    }
    if (may_be & MAY_BE_CLUSTER)
        text_putf(&t, "a cluster%s", may_be & MAY_BE_GROUP ? " or " : "");
    if (may_be & MAY_BE_GROUP)
        text_putf(&t, "a group of clients");
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "%s of this scenario", what);
    fault_found(x, "`%s`", name);
    const char *near = nearest(r, name, may_be);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
}

/* Finds what a name stands for; `group` (may be NULL) tells a group of clients from a cluster. */
static void resolve_name(struct resolving *r, struct tree_node *node, const struct name *name,
                         unsigned may_be, uint32_t *index, bool *group) {
    bool is_group = false;
    *index = SCENARIO_NONE;
    if (node == NULL || node->faulty || name_is_empty(name))
        return;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (words[i].may_be & may_be && strcmp(words[i].text, name->text) == 0) {
            *index = words[i].index;
            return;
        }
    }
    if (may_be & MAY_BE_CLUSTER && find_cluster(r->s, name->text, index))
        return;
    is_group = may_be & MAY_BE_GROUP && find_group(r->s, name->text, index);
    if (!is_group)
        refuse(r, node, name->text, may_be);
    if (group != NULL)
        *group = is_group;
}

/* The n-th value of a list that may have been written as a single value. */
static struct tree_node *element(struct tree_node *list, uint32_t n) {
    return list == NULL || list->kind != TREE_SEQUENCE ? list : tree_child(list, n);
}

/* ---- what was not said ---- */

static bool default_profiles(struct scenario *s) {
    free(s->profiles); /* of an empty list */
    s->profiles = calloc(2, sizeof(s->profiles[0]));
    if (s->profiles == NULL)
        return false;
    s->profile_count = 2;
    s->profiles[0] = (struct policy_profile){.name = {"opus"},
                                             .codec = {"opus"},
                                             .rate_hz = 48000,
                                             .channels = 1,
                                             .bitrate_bps = 64000,
                                             .complexity = 5,
                                             .preroll_frames = 100};
    s->profiles[1] = (struct policy_profile){
        .name = {"pcmu"}, .codec = {"pcmu"}, .rate_hz = 8000, .channels = 1, .preroll_frames = 100};
    return true;
}

static bool default_sources(struct scenario *s) {
    free(s->sources); /* of an empty list */
    s->sources = calloc(1, sizeof(s->sources[0]));
    if (s->sources == NULL)
        return false;
    s->source_count = 1;
    s->sources[0] = (struct scenario_source){
        .source = {.name = {"tone"}, .class = SOURCE_CLASS_EXACT, .loop = true},
        .tone = duration_s(30)};
    return true;
}

static bool default_services(struct scenario *s) {
    free(s->services); /* of an empty list */
    s->services = calloc(1, sizeof(s->services[0]));
    if (s->services == NULL)
        return false;
    s->service_count = 1;
    s->services[0] = (struct policy_service){.name = {"radio"}, .capacity = 1000};
    for (uint32_t i = 0; i < s->profile_count; i++)
        s->services[0].profiles[s->services[0].profile_count++] = s->profiles[i].name;
    return true;
}

static bool fill_lists(struct scenario *s) {
    return (s->profile_count > 0 || default_profiles(s)) &&
           (s->source_count > 0 || default_sources(s)) &&
           (s->service_count > 0 || default_services(s));
}

static void fill_names(struct scenario *s) {
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        struct policy_cluster *c = &s->clusters[i].identity;
        if (name_is_empty(&c->provider))
            c->provider = c->name;
        if (name_is_empty(&c->region))
            c->region = c->name;
    }
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        struct scenario_clients *g = &s->clients[i];
        if (name_is_empty(&g->name))
            snprintf(g->name.text, sizeof(g->name.text), "clients%u", (unsigned)i + 1);
        if (name_is_empty(&g->service))
            g->service = s->services[0].name;
        if (name_is_empty(&g->profile))
            g->profile =
                s->services[0].profile_count > 0 ? s->services[0].profiles[0] : s->profiles[0].name;
        if (name_is_empty(&g->source))
            g->source = s->sources[0].source.name;
    }
}

/* ---- references ---- */

/* Refuses a name that is not among the records of a list; `names` as in policy_nearest_name. */
static void check_known(struct resolving *r, struct tree_node *node, const char *what,
                        const char *list, const void *names, size_t stride, uint32_t count) {
    if (node == NULL || node->faulty || node->kind != TREE_SCALAR ||
        !schema_names_good(tree_find(r->root, list), "name"))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct name *name = (const void *)((const unsigned char *)names + i * stride);
        if (strcmp(name->text, node->text) == 0)
            return;
    }
    const char *near = policy_nearest_name(node->text, names, stride, count);
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "the name of a %s of this scenario", what);
    schema_found(x, node);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
}

#define CHECK_KNOWN(r, node, what, list, array, field, count)                                      \
    check_known(r, node, what, list, &(array)[0].field, sizeof((array)[0]), count)

static void resolve_services(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "services");
    for (uint32_t i = 0; list != NULL && i < s->service_count; i++) {
        struct tree_node *at = tree_child(list, i);
        struct tree_node *profiles = tree_find(at, "profiles"), *sources = tree_find(at, "sources");
        for (uint32_t k = 0; k < s->services[i].profile_count; k++)
            CHECK_KNOWN(r, element(profiles, k), "profile", "profiles", s->profiles, name,
                        s->profile_count);
        for (uint32_t k = 0; k < s->services[i].source_count; k++)
            CHECK_KNOWN(r, element(sources, k), "source", "sources", s->sources, source.name,
                        s->source_count);
    }
}

static bool lists_peer(const struct scenario_cluster *c, const struct name *name) {
    for (uint32_t i = 0; i < c->peer_count; i++) {
        if (name_equal(&c->peers[i], name))
            return true;
    }
    return c->peer_count == 0;
}

/* A peering needs both: a cluster that names another must not be left out by that one. */
static void resolve_peers(struct resolving *r, uint32_t index, struct tree_node *list) {
    struct scenario_cluster *c = &r->s->clusters[index];
    for (uint32_t k = 0; k < c->peer_count; k++) {
        uint32_t other = SCENARIO_NONE;
        struct tree_node *node = element(list, k);
        resolve_name(r, node, &c->peers[k], MAY_BE_CLUSTER, &other, NULL);
        if (other >= r->s->cluster_count)
            continue;
        const struct scenario_cluster *peer = &r->s->clusters[other];
        if (other != index && lists_peer(peer, &c->identity.name))
            continue;
        struct fault *x = fault_add(r->run->faults, node, NULL);
        fault_expected(x, other == index ? "another cluster" : "a peering that both sides list");
        fault_found(x,
                    other == index ? "`%s`, the cluster itself" : "`%s`, which leaves this one out",
                    node->text);
    }
}

static void resolve_clusters(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "clusters");
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        struct tree_node *at = tree_child(list, i);
        for (uint32_t k = 0; k < s->clusters[i].service_count; k++)
            CHECK_KNOWN(r, element(tree_find(at, "services"), k), "service", "services",
                        s->services, name, s->service_count);
        resolve_peers(r, i, tree_find(at, "peers"));
        if (s->clusters[i].peer_count > 0 || s->cluster_count <= POLICY_PEERS_MAX + 1)
            continue;
        struct fault *x = fault_add(r->run->faults, at, "peers");
        fault_expected(x, "a list of peers, since there are more than %d clusters",
                       POLICY_PEERS_MAX + 1);
        fault_found(x, "no key `peers`");
    }
}

static void check_instant(struct resolving *r, struct tree_node *node,
                          const struct scenario_when *when) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    struct tree_node *duration = tree_find(r->root, "duration");
    if (node == NULL || node->faulty || duration == NULL || duration->faulty ||
        !duration_less(r->s->duration, when->to))
        return;
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "an instant before the end of the scenario at %s",
                   quantity_to_text(QUANTITY_DURATION, r->s->duration.us, text));
    fault_found(x, "%s", quantity_to_text(QUANTITY_DURATION, when->to.us, text));
}

static void resolve_clients(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "clients");
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        struct tree_node *at = tree_child(list, i);
        struct scenario_clients *g = &s->clients[i];
        CHECK_KNOWN(r, tree_find(at, "service"), "service", "services", s->services, name,
                    s->service_count);
        CHECK_KNOWN(r, tree_find(at, "profile"), "profile", "profiles", s->profiles, name,
                    s->profile_count);
        CHECK_KNOWN(r, tree_find(at, "source"), "source", "sources", s->sources, source.name,
                    s->source_count);
        for (uint32_t k = 0; k < g->open_at_count; k++)
            resolve_name(r, element(tree_find(at, "open_at"), k), &g->open_at_names[k],
                         MAY_BE_CLUSTER, &g->open_at[k], NULL);
        check_instant(r, tree_find(at, "start"), &g->start);
    }
}

static void resolve_link(struct resolving *r, struct tree_node *node, struct scenario_link *link) {
    struct tree_node *between = tree_find(node, "between");
    for (uint32_t k = 0; k < link->end_count; k++)
        resolve_name(r, element(between, k), &link->ends[k].name,
                     link->end_count == 1
                         ? MAY_BE_ALL
                         : MAY_BE_CLUSTER | MAY_BE_GROUP | MAY_BE_CLIENTS | MAY_BE_ALL,
                     &link->ends[k].index, &link->ends[k].group);
    if (link->end_count == 1) {
        link->ends[1] = link->ends[0];
        link->end_count = 2;
    }
}

/* One side of a partition. */
static void resolve_side(struct resolving *r, struct tree_node *list, struct scenario_end *ends,
                         uint32_t count) {
    for (uint32_t k = 0; k < count; k++)
        resolve_name(r, element(list, k), &ends[k].name,
                     MAY_BE_CLUSTER | MAY_BE_GROUP | MAY_BE_CLIENTS | MAY_BE_ALL, &ends[k].index,
                     &ends[k].group);
}

static void resolve_heal(struct resolving *r, struct tree_node *node, struct scenario_cut *cut) {
    if (node == NULL || node->kind == TREE_MAPPING || cut->from_count == 0)
        return;
    resolve_name(r, node, &cut->from[0].name,
                 MAY_BE_CLUSTER | MAY_BE_SERVING | MAY_BE_LAST | MAY_BE_ALL, &cut->from[0].index,
                 NULL);
    cut->to[0].index = SCENARIO_ALL;
}

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

static void resolve_events(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "timeline");
    for (uint32_t i = 0; i < s->event_count; i++) {
        struct scenario_event *e = &s->events[i];
        struct tree_node *at = tree_child(list, i);
        struct tree_node *value = tree_find(at, scenario_verb_name(e->verb));
        check_instant(r, tree_find(at, "at"), &e->at);
        if (value == NULL || value->faulty)
            continue;
        if (e->verb == SCENARIO_VERB_LINK) {
            resolve_link(r, value, &e->link);
        } else if (e->verb == SCENARIO_VERB_PARTITION || e->verb == SCENARIO_VERB_HEAL) {
            resolve_side(r, tree_find(value, "from"), e->cut.from, e->cut.from_count);
            resolve_side(r, tree_find(value, "to"), e->cut.to, e->cut.to_count);
            resolve_heal(r, value, &e->cut);
        } else {
            resolve_name(r, target_node(value, e->target.part), &e->target.name,
                         MAY_BE_CLUSTER | MAY_BE_SERVING | MAY_BE_LAST | MAY_BE_ALL,
                         &e->target.cluster, NULL);
            check_number(r, value, &e->target);
        }
    }
}

static void resolve_expectations(struct resolving *r) {
    struct scenario_expectations *e = &r->s->expectations;
    struct tree_node *node = tree_find(r->root, "expectations");
    for (uint32_t i = 0; i < e->move_count; i++) {
        struct tree_node *of = tree_find(tree_child(tree_find(node, "moves"), i), "of");
        resolve_name(r, of, &e->moves[i].of, MAY_BE_GROUP, &e->moves[i].of_index, NULL);
        if (of == NULL)
            e->moves[i].of_index = SCENARIO_ALL;
    }
    for (uint32_t i = 0; i < e->must_not_move_count; i++)
        resolve_name(r, element(tree_find(node, "must_not_move"), i), &e->must_not_move_names[i],
                     MAY_BE_GROUP | MAY_BE_ALL, &e->must_not_move[i], NULL);
}

/* Groups need no name, so only one that was given and refused makes references uncertain. */
static bool groups_good(const struct tree_node *list) {
    const struct tree_node *at = list != NULL ? list->first : NULL;
    for (; at != NULL; at = at->next) {
        const struct tree_node *name = tree_find(at, "name");
        if (name != NULL && name->faulty)
            return false;
    }
    return true;
}

void scenario_resolve(struct schema_run *run, struct tree_node *root, void *record) {
    struct scenario *s = record;
    struct resolving r = {.run = run,
                          .s = s,
                          .root = root,
                          .clusters_good = schema_names_good(tree_find(root, "clusters"), "name"),
                          .groups_good = groups_good(tree_find(root, "clients"))};
    s->seed_given = tree_find(root, "seed") != NULL;
    if (!fill_lists(s)) {
        struct fault *x = fault_add(run->faults, root, NULL);
        fault_expected(x, "a scenario that fits into memory");
        fault_found(x, "one that does not");
        return;
    }
    fill_names(s);
    resolve_services(&r);
    resolve_clusters(&r);
    resolve_clients(&r);
    for (uint32_t i = 0; i < s->link_count; i++)
        resolve_link(&r, tree_child(tree_find(root, "links"), i), &s->links[i]);
    resolve_events(&r);
    resolve_expectations(&r);
}
