#include "peerd/policy/policy_check.h"
#include "peerd/policy/text.h"
#include "peerd/sim/scenario_private.h"

#include <stdlib.h>
#include <string.h>

/* What names stand for: words of the format, clusters, groups of clients. A scenario may have a
 * thousand of each and refer to them twenty times as often, so they are looked up by halves. Where
 * a name that is referred to was itself refused, nothing is said about the reference. */

/* ---- the index ---- */

struct entry {
    const char *name;
    uint32_t index;
};

struct scenario_names {
    uint32_t count;
    struct entry entries[];
};

/* Of two that are called alike the first one is found. */
static int by_name(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

struct scenario_names *scenario_names_make(const struct name *first, size_t stride,
                                           uint32_t count) {
    struct scenario_names *names = malloc(sizeof(*names) + count * sizeof(names->entries[0]));
    if (names == NULL)
        return NULL;
    names->count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct name *name = (const void *)((const unsigned char *)first + i * stride);
        names->entries[i] = (struct entry){name->text, i};
    }
    if (count > 0)
        qsort(names->entries, count, sizeof(names->entries[0]), by_name);
    return names;
}

void scenario_names_free(struct scenario_names *names) {
    free(names);
}

bool scenario_names_find(const struct scenario_names *names, const char *name, uint32_t *index) {
    uint32_t low = 0, high = names->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(names->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == names->count || strcmp(names->entries[low].name, name) != 0)
        return false;
    *index = names->entries[low].index;
    return true;
}

/* ---- words ---- */

static const struct {
    const char *text;
    uint32_t index;
    unsigned may_be;
} words[] = {
    {"all", SCENARIO_ALL, MAY_BE_ALL},    {"serving", SCENARIO_SERVING, MAY_BE_SERVING},
    {"last", SCENARIO_LAST, MAY_BE_LAST}, {"clients", SCENARIO_CLIENTS, MAY_BE_CLIENTS},
    {"none", SCENARIO_NONE, 0},           {"nearest", SCENARIO_NONE, 0},
};
#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

bool scenario_word_reserved(const char *text) {
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strcmp(words[i].text, text) == 0)
            return true;
    }
    return false;
}

/* ---- finding ---- */

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
    if (near == NULL && may_be & MAY_BE_REGION && r->s->cluster_count > 0)
        near = policy_nearest_name(name, &r->s->clusters[0].identity.region,
                                   sizeof(r->s->clusters[0]), r->s->cluster_count);
    return near;
}

/* A target may be a region or a provider, if it says so. */
static const char *domain_called(const struct scenario *s, const char *name) {
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (strcmp(s->clusters[i].identity.region.text, name) == 0)
            return "region";
        if (strcmp(s->clusters[i].identity.provider.text, name) == 0)
            return "provider";
    }
    return NULL;
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
    if (may_be & MAY_BE_REGION)
        text_putf(&t, "a region, ");
    if (may_be & MAY_BE_CLUSTER)
        text_putf(&t, "a cluster%s", may_be & MAY_BE_GROUP ? " or " : "");
    if (may_be & MAY_BE_GROUP)
        text_putf(&t, "a group of clients");
    bool counted_only = faults_full(r->run->faults);
    struct fault *x = fault_add(r->run->faults, node, NULL);
    if (counted_only)
        return;
    fault_expected(x, "%s of this scenario", what);
    fault_found(x, "`%s`", name);
    const char *near = nearest(r, name, may_be);
    const char *domain = domain_called(r->s, name);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
    else if (domain != NULL && may_be & (MAY_BE_SERVING | MAY_BE_LAST))
        fault_hint(x, "for all clusters of a %s write {%s: %s}", domain, domain, name);
}

void resolve_name(struct resolving *r, struct tree_node *node, const struct name *name,
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
    if (may_be & MAY_BE_CLUSTER && scenario_names_find(r->clusters, name->text, index))
        return;
    is_group = may_be & MAY_BE_GROUP && scenario_names_find(r->groups, name->text, index);
    if (!is_group)
        refuse(r, node, name->text, may_be);
    if (group != NULL)
        *group = is_group;
}

/* A region is what is meant if nothing else is called so. */
void resolve_end(struct resolving *r, struct tree_node *node, unsigned may_be,
                 struct scenario_end *end) {
    uint32_t other;
    bool taken = scenario_names_find(r->clusters, end->name.text, &other) ||
                 scenario_names_find(r->groups, end->name.text, &other);
    for (uint32_t i = 0; i < r->s->cluster_count && may_be & MAY_BE_REGION && !taken; i++) {
        if (!name_equal(&r->s->clusters[i].identity.region, &end->name))
            continue;
        end->index = i;
        end->region = true;
        return;
    }
    resolve_name(r, node, &end->name, may_be, &end->index, &end->group);
}

void resolve_differ(struct resolving *r, struct tree_node *node, const struct scenario_end *first,
                    const struct scenario_end *second) {
    bool single = !second->group && !second->region && second->index < r->s->cluster_count;
    if (!single || first->group || first->region || first->index != second->index)
        return;
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "two ends that differ");
    fault_found(x, "`%s` again", second->name.text);
}

struct tree_node *resolve_element(struct tree_node *list, uint32_t n) {
    return list == NULL || list->kind != TREE_SEQUENCE ? list : tree_child(list, n);
}

void resolve_known(struct resolving *r, struct tree_node *node, const char *what, const char *list,
                   const void *names, size_t stride, uint32_t count) {
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
