#include "peerd/policy/quantity.h"
#include "peerd/sim/scenario_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names become indices once the whole file has been read, so that it may say things in any order.
 * What refers to nothing but words and names of lists is here; clusters and the timeline, whose
 * rows may stand for many, have files of their own. */

void resolve_no_memory(struct resolving *r) {
    struct fault *x = fault_add(r->run->faults, r->root, NULL);
    fault_expected(x, "a scenario that fits into memory");
    fault_found(x, "one that does not");
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
    s->services[0] = (struct policy_service){.name = {"radio"}, .capacity = 1000, .hot = true};
    for (uint32_t i = 0; i < s->profile_count; i++)
        s->services[0].profiles[s->services[0].profile_count++] = s->profiles[i].name;
    return true;
}

static bool fill_lists(struct scenario *s) {
    return (s->profile_count > 0 || default_profiles(s)) &&
           (s->source_count > 0 || default_sources(s)) &&
           (s->service_count > 0 || default_services(s));
}

static void fill_group_names(struct scenario *s) {
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

/* ---- services and clients ---- */

static void resolve_services(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "services");
    for (uint32_t i = 0; list != NULL && i < s->service_count; i++) {
        struct tree_node *at = tree_child(list, i);
        struct tree_node *profiles = tree_find(at, "profiles"), *sources = tree_find(at, "sources");
        for (uint32_t k = 0; k < s->services[i].profile_count; k++)
            RESOLVE_KNOWN(r, resolve_element(profiles, k), "profile", "profiles", s->profiles, name,
                          s->profile_count);
        for (uint32_t k = 0; k < s->services[i].source_count; k++)
            RESOLVE_KNOWN(r, resolve_element(sources, k), "source", "sources", s->sources,
                          source.name, s->source_count);
    }
}

void resolve_instant(struct resolving *r, struct tree_node *node,
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

static void resolve_slander(struct resolving *r, struct tree_node *node,
                            struct scenario_slander *s) {
    const struct scenario_when when = {s->from, s->from};
    resolve_name(r, tree_find(node, "of"), &s->lie.name, MAY_BE_CLUSTER, &s->lie.of, NULL);
    resolve_instant(r, tree_find(node, "from"), &when);
}

static void resolve_clients(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *list = tree_find(r->root, "clients");
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        struct tree_node *at = tree_child(list, i);
        struct scenario_clients *g = &s->clients[i];
        RESOLVE_KNOWN(r, tree_find(at, "service"), "service", "services", s->services, name,
                      s->service_count);
        RESOLVE_KNOWN(r, tree_find(at, "profile"), "profile", "profiles", s->profiles, name,
                      s->profile_count);
        RESOLVE_KNOWN(r, tree_find(at, "source"), "source", "sources", s->sources, source.name,
                      s->source_count);
        g->open_at_nearest =
            g->open_at_count == 1 && strcmp(g->open_at_names[0].text, "nearest") == 0;
        for (uint32_t k = 0; k < g->open_at_count && !g->open_at_nearest; k++)
            resolve_name(r, resolve_element(tree_find(at, "open_at"), k), &g->open_at_names[k],
                         MAY_BE_CLUSTER, &g->open_at[k], NULL);
        resolve_slander(r, tree_find(at, "lies"), &g->lies);
        resolve_instant(r, tree_find(at, "start"), &g->start);
        resolve_instant(r, tree_find(at, "leave"), &g->leave);
    }
}

void resolve_link(struct resolving *r, struct tree_node *node, struct scenario_link *link) {
    struct tree_node *between = tree_find(node, "between");
    for (uint32_t k = 0; k < link->end_count; k++)
        resolve_end(r, resolve_element(between, k), link->end_count == 1 ? MAY_BE_ALL : MAY_BE_END,
                    &link->ends[k]);
    if (link->end_count == 2)
        resolve_differ(r, resolve_element(between, 1), &link->ends[0], &link->ends[1]);
    if (link->end_count == 1) {
        link->ends[1] = link->ends[0];
        link->end_count = 2;
    }
}

/* ---- names that two things have ---- */

/* Where an end may be a cluster, a region or a group, a name must say which. A region of one's own
 * is called like its only cluster. */
static void refuse_shared(struct resolving *r, struct tree_node *node, const char *kind,
                          const char *name, const char *other) {
    if (node == NULL || node->faulty)
        return;
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "a name for this %s that nothing else has", kind);
    fault_found(x, "`%s`, as a %s is called", name, other);
}

static void resolve_shared(struct resolving *r) {
    struct scenario *s = r->s;
    struct tree_node *clusters = tree_find(r->root, "clusters");
    struct tree_node *groups = tree_find(r->root, "clients");
    struct scenario_names *regions =
        scenario_names_make(s->cluster_count > 0 ? &s->clusters[0].identity.region : NULL,
                            sizeof(s->clusters[0]), s->cluster_count);
    uint32_t other;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        const char *region = s->clusters[i].identity.region.text;
        struct tree_node *node = tree_child(clusters, s->clusters[i].row);
        struct tree_node *at = tree_find(node, "region");
        if (scenario_names_find(r->clusters, region, &other) && other != i)
            refuse_shared(r, at != NULL ? at : tree_find(node, "name"), "region", region,
                          "cluster");
    }
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        const char *name = s->clients[i].name.text;
        struct tree_node *at = tree_find(tree_child(groups, i), "name");
        if (scenario_names_find(r->clusters, name, &other))
            refuse_shared(r, at, "group", name, "cluster");
        else if (regions != NULL && scenario_names_find(regions, name, &other))
            refuse_shared(r, at, "group", name, "region");
    }
    scenario_names_free(regions);
}

/* ---- all of it ---- */

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

/* As of `detection` itself: two beats at least. */
static void resolve_curve(struct resolving *r) {
    struct tree_node *list = tree_find(tree_find(r->root, "curve"), "detect_within");
    for (uint32_t i = 0; i < r->s->curve.count; i++) {
        struct tree_node *node = resolve_element(list, i);
        if (node->faulty || r->s->curve.detect_within[i].us >= 2 * r->s->detection.interval.us)
            continue;
        struct fault *x = fault_add(r->run->faults, node, NULL);
        fault_expected(x, "at least twice `detection.interval`");
        fault_found(x, "%s", node->text);
    }
}

static void resolve_agreements(struct resolving *r) {
    struct tree_node *list = tree_find(r->root, "agreements");
    for (uint32_t i = 0; i < r->s->agreement_count; i++) {
        struct scenario_agreement *a = &r->s->agreements[i];
        resolve_name(r, tree_find(tree_child(list, i), "at"), &a->name, MAY_BE_CLUSTER, &a->at,
                     NULL);
        if (name_is_empty(&a->name))
            a->at = SCENARIO_ALL;
    }
}

/* Two beats at least, of those that watch. */
static void check_wish(struct resolving *r, const struct scenario_wish *w, struct tree_node *node) {
    struct tree_node *at = schema_good(node, "detect_within");
    bool fits = true;
    if (at == NULL && tree_find(node, "false_alarm_every") == NULL) {
        struct fault *x = fault_add(r->run->faults, node, NULL);
        fault_expected(x, "detect_within, false_alarm_every or both");
        fault_found(x, "neither of them");
        return;
    }
    for (uint32_t i = 0; i < r->s->cluster_count; i++)
        if (w->at == i || w->at == SCENARIO_ALL)
            fits = fits && w->wish.detect_within.us >= 2 * r->s->clusters[i].detection.interval.us;
    if (at == NULL || fits)
        return;
    struct fault *x = fault_add(r->run->faults, at, NULL);
    fault_expected(x, "at least twice `detection.interval`");
    fault_found(x, "%s", at->text);
}

static void resolve_wishes(struct resolving *r) {
    struct tree_node *list = tree_find(r->root, "wishes");
    for (uint32_t i = 0; i < r->s->wish_count; i++) {
        struct scenario_wish *w = &r->s->wishes[i];
        struct tree_node *node = tree_child(list, i);
        resolve_name(r, tree_find(node, "at"), &w->at_name, MAY_BE_CLUSTER, &w->at, NULL);
        resolve_name(r, tree_find(node, "of"), &w->of_name, MAY_BE_CLUSTER, &w->of, NULL);
        if (name_is_empty(&w->at_name))
            w->at = SCENARIO_ALL;
        check_wish(r, w, node);
    }
}

static void resolve_all(struct resolving *r) {
    struct scenario *s = r->s;
    if (!fill_lists(s)) {
        resolve_no_memory(r);
        return;
    }
    fill_group_names(s);
    resolve_services(r);
    resolve_cluster_rows(r);
    r->groups = scenario_names_make(s->client_group_count > 0 ? &s->clients[0].name : NULL,
                                    sizeof(s->clients[0]), s->client_group_count);
    if (r->groups == NULL)
        resolve_no_memory(r);
    if (r->clusters == NULL || r->groups == NULL)
        return;
    resolve_shared(r);
    resolve_peerings(r);
    resolve_agreements(r);
    resolve_wishes(r);
    resolve_clients(r);
    resolve_streams(r);
    for (uint32_t i = 0; i < s->link_count; i++)
        resolve_link(r, tree_child(tree_find(r->root, "links"), i), &s->links[i]);
    resolve_events(r);
    resolve_discovery(r);
    resolve_expectations(r);
    resolve_steered(r);
    resolve_curve(r);
}

static uint64_t listeners(const struct scenario *s) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->client_group_count; i++)
        count += s->clients[i].count;
    return count;
}

void scenario_resolve(struct schema_run *run, struct tree_node *root, void *record) {
    struct scenario *s = record;
    struct resolving r = {.run = run,
                          .s = s,
                          .root = root,
                          .clusters_good = schema_names_good(tree_find(root, "clusters"), "name"),
                          .groups_good = groups_good(tree_find(root, "clients"))};
    struct tree_node *matrix = tree_find(root, "rtt_matrix");
    const struct tree_node *clusters = tree_find(root, "clusters");
    if (tree_find(root, "performance") == NULL && listeners(s) > SCENARIO_CROWD)
        s->performance.locations_max = 0;
    s->discovery.given = tree_find(root, "discovery") != NULL;
    if (s->discovery.given)
        s->discovery.mark = tree_find(root, "discovery")->mark;
    s->seed_given = tree_find(root, "seed") != NULL;
    s->clusters_mark = clusters != NULL ? clusters->mark : (struct mark){1, 1};
    if (matrix != NULL)
        s->matrix.mark = matrix->mark;
    resolve_all(&r);
    scenario_names_free(r.clusters);
    scenario_names_free(r.groups);
    if (faults_any(run->faults))
        return;
    s->ways = scenario_ways_make(s);
    if (!scenario_choose_nearest(s))
        resolve_no_memory(&r);
}
