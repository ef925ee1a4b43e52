#include "peerd/policy/schema.h"

#include "peerd/policy/tree.h"

#include <stdio.h>

#define TABLES_MAX 64 /* tables; of more the rest is left out */

struct walk {
    schema_visit_fn visit;
    void *data;
    const struct schema_table *done[TABLES_MAX];
    size_t done_count;
};

static bool first_time(struct walk *w, const struct schema_table *table) {
    for (size_t i = 0; i < w->done_count; i++)
        if (w->done[i] == table)
            return false;
    if (w->done_count == TABLES_MAX)
        return false;
    w->done[w->done_count++] = table;
    return true;
}

/* Tables lie at most TREE_DEPTH_MAX deep, and each is visited once: this ends. */
static void walk(struct walk *w, const struct schema_table *table, const char *path) {
    if (!first_time(w, table))
        return;
    w->visit(w->data, table, path);
    for (size_t i = 0; i < table->row_count; i++) {
        const struct schema_row *row = &table->rows[i];
        char below[TREE_PATH_LEN_MAX + 1];
        if (row->table == NULL)
            continue;
        snprintf(below, sizeof(below), "%s%s%s%s", path, *path != '\0' ? "." : "", row->key,
                 row->type == SCHEMA_LIST ? "[]" : "");
        walk(w, row->table, below);
    }
}

void schema_walk(const struct schema_table *table, schema_visit_fn visit, void *data) {
    struct walk w = {.visit = visit, .data = data};
    walk(&w, table, "");
}
