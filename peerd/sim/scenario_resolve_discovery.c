#include "peerd/sim/scenario_private.h"

#define FOUND_MAX 32 /* whoever has more chooses among them: they would not all be peers */

/* What clusters that know each other by DNS alone cannot have beside it. */

static void refuse(struct resolving *r, struct tree_node *node, const char *expected,
                   const char *found) {
    if (node == NULL || node->faulty)
        return;
    struct fault *x = fault_add(r->run->faults, node, NULL);
    fault_expected(x, "%s", expected);
    fault_found(x, "%s", found);
}

/* No policy names a peer, in whatever way. */
static void refuse_peerings(struct resolving *r) {
    static const char *const ways[] = {"peers", "nearest"};
    struct tree_node *list = tree_find(r->root, "clusters");
    for (struct tree_node *row = list != NULL ? list->first : NULL; row != NULL; row = row->next)
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
            refuse(r, tree_find(row, ways[i]), "peers that DNS names, as `discovery` says",
                   "a choice of them");
}

/* Of more than so many a cluster would hear of some only. */
static void refuse_many(struct resolving *r) {
    struct tree_node *list = tree_find(r->root, "clusters");
    const struct scenario *s = r->s;
    if (s->cluster_count <= FOUND_MAX)
        return;
    struct fault *x = fault_add(r->run->faults, tree_child(list, s->clusters[FOUND_MAX].row), NULL);
    fault_expected(x, "at most %d clusters with `discovery`", FOUND_MAX);
    fault_found(x, "%u", (unsigned)s->cluster_count);
}

/* Before lists of instants have been spelt out: an entry is a row. */
static void refuse_entries(struct resolving *r) {
    struct tree_node *list = tree_find(r->root, "timeline");
    bool given = r->s->discovery.given;
    for (struct tree_node *row = list != NULL ? list->first : NULL; row != NULL; row = row->next) {
        if (given) {
            refuse(r, tree_find(row, "rekey"), "keys that stay, beside `discovery`", "another one");
            refuse(r, tree_find(row, "policy"), "policies that stay, beside `discovery`",
                   "another one");
        } else {
            refuse(r, tree_find(row, "dns"), "`discovery`, without which nobody asks a resolver",
                   "none");
        }
    }
}

/* RFC 1035 section 3.2.1: a TTL is a number of seconds. */
static void refuse_parts(struct resolving *r) {
    struct tree_node *discovery = tree_find(r->root, "discovery");
    if (!discovery->faulty && r->s->discovery.ttl.us % 1000000 != 0)
        refuse(r, tree_find(discovery, "ttl"), "whole seconds, as DNS counts", "parts of one");
}

void resolve_discovery(struct resolving *r) {
    if (r->s->discovery.given) {
        refuse_parts(r);
        refuse_peerings(r);
        refuse_many(r);
        refuse(r, tree_find(r->root, "wishes"), "peers that DNS names, as `discovery` says",
               "wishes of one of them");
    }
    refuse_entries(r);
}
