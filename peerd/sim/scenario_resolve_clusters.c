#include "peerd/policy/policy_schema.h"
#include "peerd/sim/scenario_private.h"
#include "topo/city.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows of clusters become clusters, and their names peerings. */

/* ---- overrides ---- */

#define OVERRIDE_ROWS_MAX 32

/* Reads a mapping over what `record` holds already: the same table, less its defaults. If that is
 * in doubt itself, how values fit one another is not judged. */
static void override(struct resolving *r, const struct schema_table *table, struct tree_node *own,
                     const struct tree_node *inherited, void *record) {
    struct schema_row rows[OVERRIDE_ROWS_MAX];
    struct schema_table bare = *table;
    if (table->row_count > OVERRIDE_ROWS_MAX)
        return;
    for (size_t i = 0; i < table->row_count; i++) {
        rows[i] = table->rows[i];
        rows[i].preset = NULL;
    }
    bare.rows = rows;
    if (inherited != NULL && inherited->faulty)
        bare.check = NULL;
    schema_read_mapping(r->run, &bare, own, record);
}

static void resolve_overrides(struct resolving *r, struct tree_node *node,
                              struct scenario_cluster *c) {
    c->detection = r->s->detection;
    c->limits = r->s->limits;
    if (c->detection_given)
        override(r, &policy_detection_table, tree_find(node, "detection"),
                 tree_find(r->root, "detection"), &c->detection);
    if (c->limits_given)
        override(r, &policy_limits_table, tree_find(node, "limits"), tree_find(r->root, "limits"),
                 &c->limits);
}

/* ---- one row, many clusters ---- */

/* The n-th of `count` lies on a spiral around the place, as seeds do in a sunflower: evenly over
 * the disc and no two together, without anything drawn. */
static void spread(struct policy_cluster *c, uint32_t n, uint32_t count) {
    const double golden_angle = 2.39996322972865332;
    double distance_km = CITY_KM * sqrt((double)n / count);
    double degrees = distance_km / CITY_EARTH_RADIUS_KM * 180 / 3.14159265358979323846;
    double narrow = cos(c->latitude_deg * 3.14159265358979323846 / 180);
    if (!c->placed || n == 0)
        return;
    c->longitude_deg += degrees * sin(golden_angle * n) / (narrow > 0.1 ? narrow : 0.1);
    c->latitude_deg += degrees * cos(golden_angle * n);
    c->latitude_deg = fmin(fmax(c->latitude_deg, -90), 90);
    c->longitude_deg -= c->longitude_deg > 180 ? 360 : c->longitude_deg < -180 ? -360 : 0;
}

static bool number_name(struct name *name, uint32_t number) {
    char text[NAME_LEN_MAX + 16];
    snprintf(text, sizeof(text), "%s%u", name->text, (unsigned)number);
    return name_set(name, text);
}

static void fill_domains(struct scenario_cluster *c, const struct name *row) {
    if (name_is_empty(&c->identity.provider))
        c->identity.provider = c->identity.name;
    if (name_is_empty(&c->identity.region))
        c->identity.region = c->count > 0 ? *row : c->identity.name;
}

/* Puts the clusters of one row at `out`; how many is their count, or 1. */
static void expand(struct resolving *r, struct tree_node *node, const struct scenario_cluster *row,
                   uint32_t index, struct scenario_cluster *out) {
    uint32_t count = row->count > 0 ? row->count : 1;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = *row;
        out[i].row = index;
        out[i].mark = node->mark;
        if (row->count > 0 && !name_is_empty(&row->identity.name) &&
            !number_name(&out[i].identity.name, i + 1) && !node->faulty) {
            struct fault *x = fault_add(r->run->faults, tree_find(node, "name"), NULL);
            fault_expected(x, "a name that has room for a number");
            fault_found(x, "`%s`", row->identity.name.text);
        }
        fill_domains(&out[i], &row->identity.name);
        spread(&out[i].identity, i, count);
    }
}

static bool expand_all(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "clusters");
    uint64_t total = 0;
    struct tree_node *beyond = NULL; /* the first row that has no room */
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        total += s->clusters[i].count > 0 ? s->clusters[i].count : 1;
        if (total > SCENARIO_CLUSTERS_MAX && beyond == NULL)
            beyond = tree_child(list, i);
    }
    if (beyond != NULL) {
        struct fault *x = fault_add(r->run->faults, beyond, NULL);
        fault_expected(x, "at most %d clusters", SCENARIO_CLUSTERS_MAX);
        fault_found(x, "%llu", (unsigned long long)total);
        return true;
    }
    struct scenario_cluster *all = calloc(total > 0 ? total : 1, sizeof(*all));
    if (all == NULL)
        return false;
    uint32_t at = 0;
    struct tree_node *node = list != NULL ? list->first : NULL;
    for (uint32_t i = 0; i < s->cluster_count; i++, node = node->next) {
        expand(r, node, &s->clusters[i], i, &all[at]);
        at += s->clusters[i].count > 0 ? s->clusters[i].count : 1;
    }
    free(s->clusters);
    s->clusters = all;
    s->cluster_count = at;
    return true;
}

/* The tables have compared rows; clusters of a `count` may still be called like another. */
static void check_unique(struct resolving *r) {
    struct tree_node *list = tree_find(r->root, "clusters");
    for (uint32_t i = 0; i < r->s->cluster_count; i++) {
        const struct scenario_cluster *c = &r->s->clusters[i];
        struct tree_node *node = tree_child(list, c->row);
        uint32_t first = i;
        scenario_names_find(r->clusters, c->identity.name.text, &first);
        if (first >= i || node->faulty)
            continue;
        struct fault *x = fault_add(r->run->faults, tree_find(node, "name"), NULL);
        fault_expected(x, "names that differ from those of all other clusters");
        fault_found(x, "`%s` again", c->identity.name.text);
        fault_hint(x, "first on line %u",
                   (unsigned)tree_child(list, r->s->clusters[first].row)->mark.line);
    }
}

static void find_regions(struct resolving *r) {
    struct scenario *s = r->s;
    struct scenario_names *regions =
        scenario_names_make(s->cluster_count > 0 ? &s->clusters[0].identity.region : NULL,
                            sizeof(s->clusters[0]), s->cluster_count);
    if (regions == NULL) {
        resolve_no_memory(r);
        return;
    }
    for (uint32_t i = 0; i < s->cluster_count; i++)
        scenario_names_find(regions, s->clusters[i].identity.region.text,
                            &s->clusters[i].region_first);
    scenario_names_free(regions);
}

void resolve_cluster_rows(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "clusters");
    struct tree_node *node = list != NULL ? list->first : NULL;
    for (uint32_t i = 0; i < s->cluster_count; i++, node = node->next) {
        resolve_overrides(r, node, &s->clusters[i]);
        for (uint32_t k = 0; k < s->clusters[i].service_count; k++)
            RESOLVE_KNOWN(r, resolve_element(tree_find(node, "services"), k), "service", "services",
                          s->services, name, s->service_count);
    }
    if (!expand_all(r)) {
        resolve_no_memory(r);
        return;
    }
    r->clusters = scenario_names_make(s->cluster_count > 0 ? &s->clusters[0].identity.name : NULL,
                                      sizeof(s->clusters[0]), s->cluster_count);
    if (r->clusters == NULL)
        resolve_no_memory(r);
    else
        check_unique(r);
    find_regions(r);
}

/* ---- peerings ---- */

/* One that chooses accepts whoever chooses it. */
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
        struct tree_node *node = resolve_element(list, k);
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

static void resolve_lie(struct resolving *r, uint32_t index, struct tree_node *node) {
    struct scenario_lie *lie = &r->s->clusters[index].lies;
    struct tree_node *of = schema_good(node, "of");
    lie->of = SCENARIO_NONE;
    if (of == NULL)
        return;
    resolve_name(r, of, &lie->name, MAY_BE_CLUSTER, &lie->of, NULL);
    if (lie->of != index)
        return;
    struct fault *x = fault_add(r->run->faults, of, NULL);
    fault_expected(x, "another cluster");
    fault_found(x, "`%s`, the cluster itself", of->text);
}

static bool peers_with_all(const struct scenario_cluster *c, struct tree_node *at) {
    return c->peer_count == 0 && c->nearest == 0 && c->chooses == 0 &&
           tree_find(at, "peers") == NULL && tree_find(at, "nearest") == NULL &&
           tree_find(at, "chooses") == NULL;
}

/* Who peers with everybody has no room for more: said once, of the first such row that is beyond
 * what there is room for, or of the first one if those beyond name their peers. */
static void resolve_room(struct resolving *r, struct tree_node *list) {
    struct scenario *s = r->s;
    uint32_t room = POLICY_PEERS_MAX + 1, found = UINT32_MAX;
    for (uint32_t i = 0; i < s->cluster_count && (found == UINT32_MAX || found < room); i++)
        if (peers_with_all(&s->clusters[i], tree_child(list, s->clusters[i].row)) &&
            (found == UINT32_MAX || i >= room))
            found = i;
    if (found == UINT32_MAX || s->cluster_count <= room)
        return;
    struct tree_node *at = tree_child(list, s->clusters[found].row);
    struct fault *x = fault_add(r->run->faults, at, "peers");
    fault_expected(x,
                   "a list of peers, `nearest` or `chooses`, since there are more than %u clusters",
                   (unsigned)room);
    fault_found(x, "no key `peers`");
}

void resolve_peerings(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "clusters");
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        struct tree_node *at = tree_child(list, s->clusters[i].row);
        resolve_peers(r, i, tree_find(at, "peers"));
        resolve_lie(r, i, tree_find(at, "lies"));
    }
    resolve_room(r, list);
}
