#include "peerd/policy/schema.h"

#include "peerd/policy/schema_value.h"
#include "peerd/policy/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct reference {
    struct text *text;
    unsigned level;
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

static void put_table(void *data, const struct schema_table *table, const char *path) {
    struct reference *r = data;
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
}

size_t schema_markdown(const struct schema_table *table, unsigned level, char *out, size_t size) {
    struct text text = text_over(out, size);
    struct reference r = {.text = &text, .level = level < 1 ? 1 : level > 6 ? 6 : level};
    schema_walk(table, put_table, &r);
    return text.len;
}
