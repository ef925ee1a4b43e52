#include "peerd/policy/schema.h"

#include "peerd/policy/schema_value.h"
#include "peerd/policy/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 64 /* keys of one table: one bit each says "seen" */

static void *at_offset(void *record, size_t offset) {
    return (unsigned char *)record + offset;
}

/* `key:` with nothing behind it, and YAML's words for that. */
static bool is_nothing(const struct tree_node *node) {
    return node->kind == TREE_SCALAR && !node->quoted &&
           (node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

void schema_found(struct fault *x, const struct tree_node *node) {
    if (node == NULL || is_nothing(node))
        fault_found(x, "nothing");
    else if (node->kind == TREE_SEQUENCE)
        fault_found(x, "a list");
    else if (node->kind == TREE_MAPPING)
        fault_found(x, "a mapping");
    else if (schema_value_secret(node->text))
        fault_found(x, "a secret key");
    else if (node->len > 60)
        fault_found(x, "`%.56s…`", node->text);
    else
        fault_found(x, "`%s`", node->text);
}

struct fault *schema_mismatch(struct schema_run *run, const struct schema_row *row,
                              struct tree_node *node) {
    char form[FAULT_TEXT_LEN_MAX + 1];
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "%s", schema_value_form(row, form));
    schema_found(x, node);
    return x;
}

struct tree_node *schema_good(const struct tree_node *mapping, const char *key) {
    struct tree_node *node = tree_find(mapping, key);
    return node != NULL && !node->faulty && !is_nothing(node) ? node : NULL;
}

bool schema_names_good(const struct tree_node *list, const char *key) {
    if (list == NULL || is_nothing(list))
        return true;
    if (list->kind != TREE_SEQUENCE)
        return false;
    for (const struct tree_node *at = list->first; at != NULL; at = at->next) {
        if (schema_good(at, key) == NULL)
            return false;
    }
    return true;
}

/* ---- defaults ---- */

static void apply_presets(const struct schema_table *table, void *record) {
    char hint[FAULT_TEXT_LEN_MAX + 1];
    for (size_t i = 0; i < table->row_count; i++) {
        const struct schema_row *row = &table->rows[i];
        if (row->type == SCHEMA_MAPPING)
            apply_presets(row->table, at_offset(record, row->offset));
        else if (row->preset != NULL && row->type != SCHEMA_LIST && row->type != SCHEMA_CUSTOM)
            schema_value_parse(row, row->preset, at_offset(record, row->offset), hint);
    }
}

/* ---- lists ---- */

/* Whether two elements, given by their nodes, carry the same value under row->unique. */
static struct tree_node *unique_part(const struct schema_row *row, struct tree_node *element) {
    struct tree_node *part = row->unique[0] == '\0' ? element : schema_good(element, row->unique);
    return part != NULL && part->kind == TREE_SCALAR && !part->faulty ? part : NULL;
}

static void check_unique(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *list) {
    for (struct tree_node *b = list->first; b != NULL; b = b->next) {
        struct tree_node *later = unique_part(row, b);
        for (struct tree_node *a = list->first; a != b && later != NULL; a = a->next) {
            struct tree_node *earlier = unique_part(row, a);
            if (earlier == NULL || strcmp(earlier->text, later->text) != 0)
                continue;
            uint32_t line = earlier->mark.line;
            struct fault *x = fault_add(run->faults, later, NULL);
            fault_expected(x, "a %s that differs from all others in `%s`",
                           row->unique[0] != '\0' ? row->unique : "value",
                           list->key != NULL ? list->key->text : "the list");
            fault_found(x, "`%s` again", later->text);
            fault_hint(x, "first on line %u", (unsigned)line);
            break;
        }
    }
}

/* Reads one element to where its field is. */
static void read_element(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field) {
    if (row->table != NULL)
        schema_read_mapping(run, row->table, node, field);
    else
        schema_read_value(run, row->item, node, field);
}

/* Where the elements go: the array in the record, or a fresh one on the heap. */
static unsigned char *list_storage(struct schema_run *run, const struct schema_row *row,
                                   struct tree_node *node, void *field, uint32_t count) {
    if (!row->heap)
        return field;
    unsigned char *storage = calloc(count > 0 ? count : 1, row->stride);
    if (storage == NULL) {
        struct fault *x = fault_add(run->faults, node, NULL);
        fault_expected(x, "a list that fits into memory");
        fault_found(x, "%u elements", (unsigned)count);
    }
    *(void **)field = storage;
    return storage;
}

/* Whoever read the file has refused it already. */
static bool is_refused(const struct tree_node *node) {
    return node->kind == TREE_SCALAR && node->faulty;
}

static void read_list(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *record) {
    if (is_refused(node))
        return;
    bool alone = row->single && node->kind == TREE_SCALAR && !is_nothing(node);
    if (is_nothing(node) && !row->required)
        return; /* a list whose elements are all commented out */
    if (node->kind != TREE_SEQUENCE && !alone) {
        schema_mismatch(run, row, node);
        return;
    }
    if (row->required && node->count == 0 && !alone) {
        struct fault *x = fault_add(run->faults, node, NULL);
        fault_expected(x, "at least one element");
        fault_found(x, "an empty list");
        return;
    }
    uint32_t count = alone ? 1 : node->count;
    if (count > row->count_max) {
        struct fault *x = fault_add(run->faults, tree_child(node, row->count_max), NULL);
        fault_expected(x, "at most %u elements in `%s`", (unsigned)row->count_max, row->key);
        fault_found(x, "%u", (unsigned)count);
        count = row->count_max;
    }
    unsigned char *at = list_storage(run, row, node, at_offset(record, row->offset), count);
    if (at == NULL)
        return;
    *(uint32_t *)at_offset(record, row->count_offset) = count;
    struct tree_node *element = alone ? node : node->first;
    for (uint32_t i = 0; i < count; i++, element = element->next, at += row->stride)
        read_element(run, row, element, at);
    if (row->unique != NULL && !alone)
        check_unique(run, row, node);
}

/* ---- values and mappings ---- */

bool schema_read_value(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    char hint[FAULT_TEXT_LEN_MAX + 1] = "";
    assert(row->type != SCHEMA_LIST);
    if (is_refused(node))
        return false;
    if (row->type == SCHEMA_MAPPING)
        return schema_read_mapping(run, row->table, node, field);
    if (row->type == SCHEMA_CUSTOM) {
        row->read(run, row, node, field);
    } else if (node->kind != TREE_SCALAR || is_nothing(node) ||
               !schema_value_parse(row, node->text, field, hint)) {
        struct fault *x = schema_mismatch(run, row, node);
        fault_hint(x, "%s", hint);
    }
    if (row->check != NULL && !node->faulty)
        row->check(run, row, node, field);
    return !node->faulty;
}

static void unknown_key(struct schema_run *run, const struct schema_table *table,
                        struct tree_node *node) {
    char known[FAULT_TEXT_LEN_MAX - 12];
    const char *words[ROWS_MAX];
    struct text t = text_over(known, sizeof(known));
    bool counted_only = faults_full(run->faults);
    struct fault *x = fault_add(run->faults, node, NULL);
    if (counted_only)
        return;
    x->mark = node->key->mark;
    for (size_t i = 0; i < table->row_count; i++) {
        words[i] = table->rows[i].key;
        text_putf(&t, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    const char *near = fault_nearest(node->key->text, words, table->row_count);
    fault_expected(x, "a key of %s", table->title);
    fault_found(x, "unknown key `%.60s`", node->key->text);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
    else
        fault_hint(x, "known are %s", known);
}

static void repeated_key(struct schema_run *run, struct tree_node *mapping,
                         struct tree_node *node) {
    bool counted_only = faults_full(run->faults);
    struct fault *x = fault_add(run->faults, node, NULL);
    if (counted_only)
        return;
    x->mark = node->key->mark;
    fault_expected(x, "each key once");
    fault_found(x, "`%s` again", node->key->text);
    fault_hint(x, "first on line %u",
               (unsigned)tree_find(mapping, node->key->text)->key->mark.line);
}

static void missing_key(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *mapping) {
    char form[FAULT_TEXT_LEN_MAX + 1];
    struct fault *x = fault_add(run->faults, mapping, row->key);
    fault_expected(x, "%s", schema_value_form(row, form));
    fault_found(x, "no key `%s`", row->key);
    fault_hint(x, "it is required");
}

static size_t find_row(const struct schema_table *table, const char *key) {
    size_t i = 0;
    while (i < table->row_count && strcmp(table->rows[i].key, key) != 0)
        i++;
    return i;
}

bool schema_read_mapping(struct schema_run *run, const struct schema_table *table,
                         struct tree_node *node, void *record) {
    uint64_t seen = 0;
    assert(table->row_count <= ROWS_MAX);
    apply_presets(table, record);
    if (is_refused(node))
        return false;
    if (node->kind != TREE_MAPPING) {
        struct fault *x = fault_add(run->faults, node, NULL);
        fault_expected(x, "%s: a mapping (keys with values)", table->title);
        schema_found(x, node);
        if (node->kind == TREE_SCALAR && !is_nothing(node))
            fault_found(x, "a single value"); /* which may be a token */
        return false;
    }
    for (struct tree_node *child = node->first; child != NULL; child = child->next) {
        size_t i = find_row(table, child->key->text);
        const struct schema_row *row = &table->rows[i];
        if (i == table->row_count && child->faulty && strcmp(child->key->text, "<<") == 0) {
            continue; /* likewise */
        } else if (i == table->row_count) {
            unknown_key(run, table, child);
        } else if (seen & UINT64_C(1) << i) {
            repeated_key(run, node, child);
        } else {
            seen |= UINT64_C(1) << i;
            if (row->type == SCHEMA_LIST)
                read_list(run, row, child, record);
            else if (row->type != SCHEMA_MAPPING || row->required || !is_nothing(child))
                schema_read_value(run, row, child, at_offset(record, row->offset));
        }
    }
    for (size_t i = 0; i < table->row_count; i++) {
        if (table->rows[i].required && !(seen & UINT64_C(1) << i))
            missing_key(run, &table->rows[i], node);
    }
    if (table->check != NULL)
        table->check(run, node, record);
    return !node->faulty;
}

void schema_read(const struct schema_table *table, struct tree_node *root, void *record,
                 struct faults *faults, void *context) {
    struct schema_run run = {.faults = faults, .context = context};
    memset(record, 0, table->record_size);
    if (root == NULL || is_nothing(root)) {
        apply_presets(table, record);
        struct fault *x = fault_add(faults, NULL, NULL);
        fault_expected(x, "%s", table->title);
        fault_found(x, "an empty file");
    } else {
        schema_read_mapping(&run, table, root, record);
    }
    faults_sort(faults);
}

void schema_release(const struct schema_table *table, void *record) {
    for (size_t i = 0; i < table->row_count; i++) {
        const struct schema_row *row = &table->rows[i];
        void *field = at_offset(record, row->offset);
        if (row->type == SCHEMA_MAPPING)
            schema_release(row->table, field);
        if (row->type != SCHEMA_LIST)
            continue;
        unsigned char *at = row->heap ? *(unsigned char **)field : field;
        uint32_t *count = at_offset(record, row->count_offset);
        for (uint32_t k = 0; row->table != NULL && at != NULL && k < *count; k++)
            schema_release(row->table, at + k * row->stride);
        if (row->heap) {
            free(at);
            *(void **)field = NULL;
            *count = 0;
        }
    }
}
