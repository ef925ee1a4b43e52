#include "peerd/policy/policy_check.h"
#include "peerd/policy/policy_schema.h"

#include <string.h>

/*
 * Which rows of `agreements` can count at all: the first that fits a peer's name does. One that
 * never counts leaves its peer to another row or to none, and that is no error that anybody sees.
 */

static bool is_pattern(const char *text) {
    return strpbrk(text, "*?") != NULL;
}

/* True if `wide` fits whatever `narrow` fits; false may mean that it is too tangled to tell. The
 * wildcards of `narrow` are taken for characters: a * for one that only a * fits, and a ? for one
 * that no letter fits. */
static bool fits_all(const char *wide, const char *narrow) {
    const char *star = NULL, *again = NULL;
    while (*narrow != '\0') {
        if (*wide == '*') {
            star = ++wide;
            again = narrow;
        } else if (*wide != '\0' && (*wide == *narrow || (*wide == '?' && *narrow != '*'))) {
            wide++;
            narrow++;
        } else if (star != NULL) {
            wide = star;
            narrow = ++again;
        } else {
            return false;
        }
    }
    while (*wide == '*')
        wide++;
    return *wide == '\0';
}

/* The same text twice has been refused already. */
static void check_reached(struct schema_run *run, const struct tree_node *rows,
                          struct tree_node *name) {
    for (const struct tree_node *row = rows->first; row != name->parent; row = row->next) {
        const struct tree_node *earlier = schema_good(row, "name");
        if (earlier == NULL || strcmp(earlier->text, name->text) == 0 ||
            !fits_all(earlier->text, name->text))
            continue;
        struct fault *x = fault_add(run->faults, name, NULL);
        fault_expected(x, "a row that some peer reaches: the first that fits its name counts");
        fault_found(x, "`%s` after `%s`, which fits all of that", name->text, earlier->text);
        fault_hint(x, "put it before line %u", (unsigned)earlier->mark.line);
        return;
    }
}

/* Nobody but the peers that the policy names can come, and all of those are known. */
static bool are_all_known(const struct tree_node *root) {
    return tree_find(root, "discovery") == NULL &&
           schema_names_good(tree_find(root, "peers"), "name");
}

static void check_known(struct schema_run *run, const struct policy *p, struct tree_node *name) {
    struct name text;
    if (is_pattern(name->text) || strcmp(name->text, p->cluster.name.text) == 0 ||
        (name_set(&text, name->text) && policy_peer_find(p, &text) != NULL))
        return;
    const char *near =
        policy_nearest_name(name->text, &p->peers[0].name, sizeof(p->peers[0]), p->peer_count);
    struct fault *x = fault_add(run->faults, name, NULL);
    fault_expected(x, "the name of a peer of this policy, or a pattern of names");
    schema_found(x, name);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
    else
        fault_hint(x, "without `discovery` there are no other peers than those of `peers`");
}

void policy_check_rows(struct schema_run *run, const struct policy *p, struct tree_node *root) {
    struct tree_node *rows = tree_find(root, "agreements");
    bool known = are_all_known(root);
    if (rows == NULL || rows->kind != TREE_SEQUENCE)
        return;
    for (struct tree_node *row = rows->first; row != NULL; row = row->next) {
        struct tree_node *name = schema_good(row, "name");
        if (name == NULL || name->kind != TREE_SCALAR)
            continue;
        check_reached(run, rows, name);
        if (known && !name->faulty)
            check_known(run, p, name);
    }
}
