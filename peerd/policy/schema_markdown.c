#include "peerd/policy/schema.h"

#include "peerd/policy/schema_value.h"
#include "peerd/policy/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TABLES_MAX 64 /* written tables: one that stands in two places is written once */

struct reference {
    struct text *text;
    unsigned level;
    const struct schema_table *done[TABLES_MAX];
    size_t done_count;
};

/* A cell may hold neither a bar nor a line feed. */
static void put_cell(struct text *t, const char *cell) {
    text_putf(t, " ");
    for (const char *c = cell; *c != '\0'; c++) {
        if (*c == '|')
            text_putf(t, "\\|");
        else
            text_putf(t, "%c", *c == '\n' ? ' ' : *c);
    }
    text_putf(t, " |");
}

static void put_form(struct text *t, const struct schema_row *row) {
    char form[FAULT_TEXT_LEN_MAX + 1], cell[2 * FAULT_TEXT_LEN_MAX];
    if (row->form != NULL || (row->type != SCHEMA_LIST && row->type != SCHEMA_MAPPING)) {
        put_cell(t, schema_value_form(row, form));
        return;
    }
    if (row->type == SCHEMA_MAPPING)
        snprintf(cell, sizeof(cell), "mapping: %s", row->table->title);
    else if (row->table != NULL)
        snprintf(cell, sizeof(cell), "list of mappings, each %s; at most %u", row->table->title,
                 (unsigned)row->count_max);
    else
        snprintf(cell, sizeof(cell), "%slist; each %s; at most %u", row->single ? "one or a " : "",
                 schema_value_form(row->item, form), (unsigned)row->count_max);
    put_cell(t, cell);
}

static void put_row(struct text *t, const struct schema_row *row) {
    char cell[FAULT_TEXT_LEN_MAX + 1];
    snprintf(cell, sizeof(cell), "`%s`", row->key);
    text_putf(t, "|");
    put_cell(t, cell);
    put_form(t, row);
    snprintf(cell, sizeof(cell), "`%s`", row->preset != NULL ? row->preset : "");
    put_cell(t, row->required ? "**required**" : row->preset != NULL ? cell : "–");
    put_cell(t, row->doc != NULL ? row->doc : "");
    text_putf(t, "\n");
}

static bool first_time(struct reference *r, const struct schema_table *table) {
    for (size_t i = 0; i < r->done_count; i++) {
        if (r->done[i] == table)
            return false;
    }
    if (r->done_count == TABLES_MAX)
        return false;
    r->done[r->done_count++] = table;
    return true;
}

/* Tables lie at most TREE_DEPTH_MAX deep, and a table is written once: this ends. */
static void put_table(struct reference *r, const struct schema_table *table, const char *path) {
    if (!first_time(r, table))
        return;
    text_putf(r->text, "%.*s ", (int)r->level, "######");
    if (*path == '\0')
        text_putf(r->text, "The whole file: %s\n\n", table->title);
    else
        text_putf(r->text, "`%s`: %s\n\n", path, table->title);
    if (table->doc != NULL)
        text_putf(r->text, "%s\n\n", table->doc);
    text_putf(r->text, "| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < table->row_count; i++)
        put_row(r->text, &table->rows[i]);
    text_putf(r->text, "\n");
    for (size_t i = 0; i < table->row_count; i++) {
        const struct schema_row *row = &table->rows[i];
        char below[TREE_PATH_LEN_MAX + 1];
        if (row->table == NULL)
            continue;
        snprintf(below, sizeof(below), "%s%s%s%s", path, *path != '\0' ? "." : "", row->key,
                 row->type == SCHEMA_LIST ? "[]" : "");
        put_table(r, row->table, below);
    }
}

size_t schema_markdown(const struct schema_table *table, unsigned level, char *out, size_t size) {
    struct text text = text_over(out, size);
    struct reference r = {.text = &text, .level = level < 1 ? 1 : level > 6 ? 6 : level};
    put_table(&r, table, "");
    return text.len;
}

/* ---- soundness of a table ---- */

/* Both ends of a range are values of the row's own type when it has no range. */
static bool range_sound(const struct schema_row *row) {
    struct schema_row bare = *row;
    char end[FAULT_TEXT_LEN_MAX + 1], hint[FAULT_TEXT_LEN_MAX + 1];
    union {
        double number;
        uint64_t whole;
    } field;
    const char *dots = strstr(row->range, "..");
    bare.range = NULL;
    if (dots == NULL || strlen(row->range) > FAULT_TEXT_LEN_MAX)
        return false;
    snprintf(end, sizeof(end), "%.*s", (int)(dots - row->range), row->range);
    return schema_value_parse(&bare, end, &field, hint) &&
           schema_value_parse(&bare, dots + 2, &field, hint);
}

static bool preset_sound(const struct schema_row *row) {
    _Alignas(max_align_t) unsigned char field[4096]; /* room for any single value, never read */
    char hint[FAULT_TEXT_LEN_MAX + 1];
    if (row->type == SCHEMA_LIST || row->type == SCHEMA_CUSTOM)
        return true; /* a description of what absence means */
    if (row->type == SCHEMA_TEXT && row->size > sizeof(field))
        return false;
    return row->type != SCHEMA_MAPPING && !row->required &&
           schema_value_parse(row, row->preset, field, hint);
}

static bool row_sound(const struct schema_table *table, size_t index) {
    const struct schema_row *row = &table->rows[index];
    for (size_t i = 0; i < index; i++) {
        if (strcmp(table->rows[i].key, row->key) == 0)
            return false;
    }
    if ((row->range != NULL && !range_sound(row)) || (row->preset != NULL && !preset_sound(row)))
        return false;
    if (row->offset >= table->record_size || row->doc == NULL)
        return false;
    if (row->type == SCHEMA_LIST)
        return (row->table != NULL) != (row->item != NULL) && row->stride > 0 &&
               row->count_max > 0 && row->count_offset < table->record_size &&
               (row->table == NULL || row->table->record_size <= row->stride);
    return (row->type != SCHEMA_TEXT || row->size > 1) &&
           (row->type != SCHEMA_ENUM || row->words != NULL) &&
           (row->type != SCHEMA_MAPPING || row->table != NULL) &&
           (row->type != SCHEMA_CUSTOM || (row->read != NULL && row->form != NULL));
}

const char *schema_table_defect(const struct schema_table *table) {
    for (size_t i = 0; i < table->row_count; i++) {
        const struct schema_row *row = &table->rows[i];
        const char *below = NULL;
        if (!row_sound(table, i))
            return row->key;
        if (row->table != NULL)
            below = schema_table_defect(row->table);
        if (below != NULL)
            return below;
    }
    return NULL;
}
