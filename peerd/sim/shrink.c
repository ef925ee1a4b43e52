#include "peerd/sim/shrink.h"

#include "peerd/io/yaml.h"
#include "peerd/policy/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 6 /* each leaves out what the one before made superfluous */
#define WORD_MAX   24

/* A change that can be taken back: a node taken out of its list, or another text in a scalar. */
struct change {
    struct tree_node *node;
    struct tree_node *before; /* its sibling; NULL: it was the first */
    const char *text;         /* of the scalar; NULL: the node was taken out */
    uint32_t len;
};

/* An expectation of so many moves: with fewer listeners, or when nothing happens, no run meets it,
 * and a file that fails without any fault says nothing. */
struct floor {
    const struct tree_node *row; /* of expectations.moves */
    uint64_t listeners;          /* that it speaks of */
};

struct shrinking {
    const struct shrink_options *options;
    struct tree *tree;
    struct tree_node *root;
    struct change *changes;
    size_t count, room;
    uint32_t attempts;
    struct floor *floors; /* what expectations of `moves` need to be met at all */
    uint32_t floor_count;
    bool had_fault, had_other; /* something to move from, and somewhere to go */
    bool over;                 /* attempts, time or memory have run out */
    bool no_memory;
};

/* ---- changes, and taking them back ----------------------------------------------------------- */

static struct change *add_change(struct shrinking *s) {
    if (s->count == s->room) {
        size_t room = s->room == 0 ? 64 : 2 * s->room;
        struct change *grown = realloc(s->changes, room * sizeof(*grown));
        if (grown == NULL) {
            s->over = s->no_memory = true;
            return NULL;
        }
        s->changes = grown;
        s->room = room;
    }
    return &s->changes[s->count++];
}

static void take_out(struct shrinking *s, struct tree_node *node) {
    struct tree_node *parent = node->parent, *before = NULL;
    struct change *c = add_change(s);
    if (c == NULL)
        return;
    for (struct tree_node *at = parent->first; at != node; at = at->next)
        before = at;
    *c = (struct change){.node = node, .before = before};
    if (before == NULL)
        parent->first = node->next;
    else
        before->next = node->next;
    if (parent->last == node)
        parent->last = before;
    parent->count--;
}

static void put_back(const struct change *c) {
    struct tree_node *parent = c->node->parent;
    c->node->next = c->before == NULL ? parent->first : c->before->next;
    if (c->before == NULL)
        parent->first = c->node;
    else
        c->before->next = c->node;
    if (c->node->next == NULL)
        parent->last = c->node;
    parent->count++;
}

static void say_instead(struct shrinking *s, struct tree_node *node, const char *text) {
    const char *copy = tree_keep(s->tree, text, strlen(text));
    struct change *c = copy == NULL ? NULL : add_change(s);
    if (c == NULL) {
        s->over = s->no_memory = true;
        return;
    }
    *c = (struct change){.node = node, .text = node->text, .len = node->len};
    node->text = copy;
    node->len = (uint32_t)strlen(copy);
}

static void undo_all(struct shrinking *s) {
    while (s->count > 0) {
        const struct change *c = &s->changes[--s->count];
        if (c->text == NULL)
            put_back(c);
        else {
            c->node->text = c->text;
            c->node->len = c->len;
        }
    }
}

/* ---- what must not become impossible --------------------------------------------------------- */

static uint64_t number_of(const struct tree_node *node, uint64_t otherwise) {
    uint64_t number;
    bool given =
        node != NULL && node->kind == TREE_SCALAR && sscanf(node->text, "%" SCNu64, &number) == 1;
    return given ? number : otherwise;
}

static uint64_t listeners_of(const struct shrinking *s, const struct tree_node *row) {
    const struct tree_node *of = tree_find(row, "of"), *list = tree_find(s->root, "clients");
    uint64_t sum = 0;
    for (const struct tree_node *at = list == NULL ? NULL : list->first; at != NULL;
         at = at->next) {
        const struct tree_node *name = tree_find(at, "name");
        if (of == NULL || (name != NULL && strcmp(name->text, of->text) == 0))
            sum += number_of(tree_find(at, "count"), 1);
    }
    return sum;
}

static const struct tree_node *moves_of(const struct shrinking *s) {
    const struct tree_node *list = tree_find(tree_find(s->root, "expectations"), "moves");
    return list != NULL && list->kind == TREE_SEQUENCE ? list->first : NULL;
}

/* True if an expectation that is still there asks for moves. */
static bool asks_for_moves(const struct shrinking *s) {
    for (const struct tree_node *row = moves_of(s); row != NULL; row = row->next)
        for (uint32_t i = 0; i < s->floor_count; i++)
            if (s->floors[i].row == row)
                return true;
    return false;
}

static uint64_t clusters(const struct shrinking *s) {
    const struct tree_node *list = tree_find(s->root, "clusters");
    uint64_t sum = 0;
    for (const struct tree_node *at = list == NULL ? NULL : list->first; at != NULL; at = at->next)
        sum += number_of(tree_find(at, "count"), 1);
    return sum;
}

/* Entries of the timeline from which listeners have to move. */
static uint32_t faults(const struct shrinking *s) {
    static const char *const keys[] = {"kill", "stop", "drain", "blackhole", "partition"};
    const struct tree_node *list = tree_find(s->root, "timeline");
    uint32_t count = 0;
    for (const struct tree_node *at = list == NULL ? NULL : list->first; at != NULL; at = at->next)
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            if (tree_find(at, keys[i]) != NULL) {
                count++;
                break;
            }
    return count;
}

static bool find_floors(struct shrinking *s) {
    uint32_t count = 0;
    for (const struct tree_node *row = moves_of(s); row != NULL; row = row->next)
        count++;
    s->floors = calloc((size_t)count + 1, sizeof(*s->floors));
    if (s->floors == NULL)
        return false;
    s->had_fault = faults(s) > 0;
    s->had_other = clusters(s) > 1;
    for (const struct tree_node *row = moves_of(s); row != NULL; row = row->next) {
        uint64_t min = number_of(tree_find(row, "min"), 0), all = listeners_of(s, row);
        if (min > 0)
            s->floors[s->floor_count++] = (struct floor){row, min < all ? min : all};
    }
    return true;
}

static bool could_be_met(const struct shrinking *s) {
    if (!asks_for_moves(s))
        return true;
    if ((s->had_fault && faults(s) == 0) || (s->had_other && clusters(s) < 2))
        return false;
    for (const struct tree_node *row = moves_of(s); row != NULL; row = row->next)
        for (uint32_t i = 0; i < s->floor_count; i++)
            if (s->floors[i].row == row && listeners_of(s, row) < s->floors[i].listeners)
                return false;
    return true;
}

/* Tries what the changes since the last call made of the scenario: they stay, or are taken back. */
static bool keep_if_it_fails(struct shrinking *s) {
    enum shrink_verdict v = SHRINK_OTHER;
    s->over |= s->attempts >= s->options->attempts_max;
    if (!s->over && s->count > 0 && could_be_met(s)) {
        char *text = yaml_write(s->root);
        s->over = s->no_memory = text == NULL;
        s->attempts++;
        if (text != NULL)
            v = s->options->fails(s->options->context, text);
        free(text);
    }
    s->over |= v == SHRINK_ENOUGH;
    if (v != SHRINK_SAME) {
        undo_all(s);
        return false;
    }
    s->count = 0;
    return true;
}

/* ---- what may be left out -------------------------------------------------------------------- */

static void take_out_range(struct shrinking *s, struct tree_node *list, uint32_t from,
                           uint32_t count) {
    struct tree_node *node = tree_child(list, from);
    while (node != NULL && count-- > 0) {
        struct tree_node *next = node->next;
        take_out(s, node);
        node = next;
    }
}

/* Children of a list or a mapping: first all of them, then halves, quarters, … and each alone.
 * Later ones first: what happens after the failure is the easiest to do without. */
static bool minimise(struct shrinking *s, struct tree_node *list) {
    bool any = false;
    if (list == NULL || list->kind == TREE_SCALAR)
        return false;
    for (uint32_t size = list->count; size > 0 && !s->over; size /= 2) {
        uint32_t end = list->count;
        while (end > 0) {
            uint32_t from = end > size ? end - size : 0;
            take_out_range(s, list, from, end - from);
            any |= keep_if_it_fails(s);
            end = from;
        }
    }
    return any;
}

/* ---- clusters and groups, with all that names them ------------------------------------------- */

/* What has to go with a name: the name alone from a list of several, a key of another cluster or
 * group that mentions it, else the item of a list in which it stands. */
static void take_out_user(struct shrinking *s, struct tree_node *at) {
    for (;; at = at->parent) {
        const struct tree_node *list = at->parent, *root = s->root;
        if (list == root)
            break;
        if (list->kind == TREE_SEQUENCE &&
            (list->parent == root || list->first->kind == TREE_MAPPING))
            break;
        if (list->kind == TREE_SEQUENCE && list->count > 1 && strcmp(list->key->text, "between"))
            break;
        /* `name` makes the item itself what goes. */
        bool of_item = list->parent->parent == root && list->parent->key != NULL &&
                       (strcmp(list->parent->key->text, "clusters") == 0 ||
                        strcmp(list->parent->key->text, "clients") == 0);
        if (of_item && strcmp(at->key->text, "name") != 0)
            break;
    }
    take_out(s, at);
}

/* A row with a `count` names its clusters eu1, eu2, … */
static bool stands_for(const char *text, const char *name, bool many) {
    size_t len = strlen(name);
    if (strncmp(text, name, len) != 0)
        return false;
    return text[len] == '\0' || (many && text[len + strspn(text + len, "0123456789")] == '\0');
}

/* True if something was taken out: then the walk begins anew. */
static bool take_out_first_user(struct shrinking *s, struct tree_node *node, const char *name,
                                bool many) {
    if (node->kind == TREE_SCALAR) {
        if (!stands_for(node->text, name, many))
            return false;
        take_out_user(s, node);
        return !s->over;
    }
    for (struct tree_node *at = node->first; at != NULL; at = at->next)
        if (take_out_first_user(s, at, name, many))
            return true;
    return false;
}

static bool minimise_named(struct shrinking *s, struct tree_node *list) {
    bool any = false;
    if (list == NULL || list->kind != TREE_SEQUENCE)
        return false;
    for (uint32_t i = list->count; i > 0 && !s->over; i--) {
        struct tree_node *item = tree_child(list, i - 1);
        const struct tree_node *name = tree_find(item, "name");
        bool many = tree_find(item, "count") != NULL;
        if (name == NULL || name->kind != TREE_SCALAR || name->len == 0)
            continue;
        while (take_out_first_user(s, s->root, name->text, many))
            ;
        any |= keep_if_it_fails(s);
    }
    return any;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The smallest for which it fails still, between 1 and what is there; `unit` stands behind it. */
static bool reduce(struct shrinking *s, struct tree_node *node, uint64_t now, const char *unit) {
    uint64_t low = 0, high = now;
    while (high - low > 1 && !s->over) {
        uint64_t middle = low == 0 ? 1 : low + (high - low) / 2;
        char text[WORD_MAX];
        snprintf(text, sizeof(text), "%" PRIu64 "%s", middle, unit);
        say_instead(s, node, text);
        if (keep_if_it_fails(s))
            high = middle;
        else
            low = middle;
    }
    return high < now;
}

static bool reduce_counts(struct shrinking *s, const struct tree_node *list) {
    static const char *const keys[] = {"count", "nodes", "workers"};
    bool any = false;
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            struct tree_node *node = tree_find(tree_child(list, i), keys[k]);
            uint64_t now;
            if (node != NULL && node->kind == TREE_SCALAR &&
                sscanf(node->text, "%" SCNu64, &now) == 1)
                any |= reduce(s, node, now, "");
        }
    return any;
}

static bool duration_of(const struct tree_node *node, int64_t *us) {
    char hint[QUANTITY_HINT_LEN_MAX + 1];
    return node != NULL && node->kind == TREE_SCALAR &&
           quantity_parse(QUANTITY_DURATION, node->text, us, hint);
}

/* Instants of the timeline, to a second or a tenth of one. */
static void round_instants(struct shrinking *s, const struct tree_node *timeline) {
    for (uint32_t i = 0; timeline != NULL && i < timeline->count; i++) {
        struct tree_node *at = tree_find(tree_child(timeline, i), "at");
        char text[WORD_MAX];
        int64_t us;
        if (!duration_of(at, &us) || us % 1000000 == 0)
            continue;
        snprintf(text, sizeof(text), "%" PRId64 "s", us / 1000000);
        say_instead(s, at, text);
        if (keep_if_it_fails(s) || us % 100000 == 0)
            continue;
        snprintf(text, sizeof(text), "%" PRId64 "ms", us / 100000 * 100);
        say_instead(s, at, text);
        keep_if_it_fails(s);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool minimise_below(struct shrinking *s, struct tree_node *node) {
    bool any = false;
    for (struct tree_node *at = node->first; at != NULL && !s->over; at = at->next) {
        if (at->kind == TREE_SCALAR)
            continue;
        any |= minimise(s, at);
        any |= minimise_below(s, at);
    }
    return any;
}

static uint32_t entries(const struct tree *tree) {
    const struct tree_node *timeline = tree_find(tree->root, "timeline");
    return timeline == NULL ? 0 : timeline->count;
}

static void shrink(struct shrinking *s) {
    bool any = true;
    int64_t us;
    for (int round = 0; any && round < ROUNDS_MAX && !s->over; round++) {
        any = minimise(s, tree_find(s->root, "timeline"));
        any |= minimise(s, s->root);
        any |= minimise_named(s, tree_find(s->root, "clusters"));
        any |= minimise_named(s, tree_find(s->root, "clients"));
        any |= reduce_counts(s, tree_find(s->root, "clusters"));
        any |= reduce_counts(s, tree_find(s->root, "clients"));
        any |= minimise_below(s, s->root);
    }
    round_instants(s, tree_find(s->root, "timeline"));
    struct tree_node *duration = tree_find(s->root, "duration");
    if (duration_of(duration, &us) && !asks_for_moves(s)) /* they need their time */
        reduce(s, duration, (uint64_t)us / 1000000, "s");
}

bool shrink_tree(struct tree *tree, const struct shrink_options *options,
                 struct shrink_outcome *out) {
    struct shrinking s = {.options = options, .tree = tree, .root = tree->root};
    *out = (struct shrink_outcome){.entries_before = entries(tree)};
    s.no_memory = tree->root != NULL && !find_floors(&s);
    if (tree->root != NULL && tree->root->kind == TREE_MAPPING && !s.no_memory)
        shrink(&s);
    out->entries_after = entries(tree);
    out->attempts = s.attempts;
    free(s.changes);
    free(s.floors);
    return !s.no_memory;
}
