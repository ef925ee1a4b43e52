/* The schema as a man page: the same walk as schema_markdown.c, in mdoc(7). */
#include "peerd/policy/schema.h"

#include "peerd/policy/schema_value.h"
#include "peerd/policy/text.h"

#include <stdio.h>
#include <string.h>

#define TABLES_MAX 64 /* written tables: one that stands in two places is written once */

struct page {
    struct text *text;
    const struct schema_table *done[TABLES_MAX];
    size_t done_count;
};

/* What stands for a character that roff would take for something else; NULL for any other. */
static const char *escape_of(char c) {
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '`':
        return "\\(ga";
    case '\'':
        return "\\(aq";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '\n':
        return " ";
    default:
        return NULL;
    }
}

/* Text on a line of its own: nothing in it is a request, an escape or a new line. */
static void put_plain(struct text *t, const char *plain) {
    if (*plain == '.')
        text_putf(t, "\\&");
    for (const char *c = plain; *c != '\0'; c++) {
        const char *escape = escape_of(*c);
        bool over = c[0] == '.' && c[1] == ' ' && c[2] >= 'A' && c[2] <= 'Z';
        if (over) { /* each sentence on a line of its own: so it is set with the right space */
            text_putf(t, ".\n");
            c++;
        } else if (escape != NULL)
            text_putf(t, "%s", escape);
        else
            text_putf(t, "%c", *c);
    }
}

static void put_value(struct text *t, const struct schema_row *row) {
    char form[FAULT_TEXT_LEN_MAX + 1];
    if (row->form != NULL || (row->type != SCHEMA_LIST && row->type != SCHEMA_MAPPING)) {
        put_plain(t, schema_value_form(row, form));
    } else if (row->type == SCHEMA_MAPPING) {
        text_putf(t, "a mapping: ");
        put_plain(t, row->table->title);
    } else if (row->table != NULL) {
        text_putf(t, "a list of at most %u mappings, each ", (unsigned)row->count_max);
        put_plain(t, row->table->title);
    } else {
        text_putf(t, "%slist of at most %u; each ", row->single ? "one or a " : "a ",
                  (unsigned)row->count_max);
        put_plain(t, schema_value_form(row->item, form));
    }
}

static void put_row(struct text *t, const struct schema_row *row) {
    text_putf(t, ".It Ic %s\n", row->key);
    if (row->doc != NULL) {
        put_plain(t, row->doc);
        text_putf(t, "\n.br\n");
    }
    text_putf(t, "Value: ");
    put_value(t, row);
    if (row->required)
        text_putf(t, "; required");
    else if (row->preset != NULL) {
        text_putf(t, "; default: ");
        put_plain(t, row->preset);
    }
    text_putf(t, "\n");
}

static bool first_time(struct page *p, const struct schema_table *table) {
    for (size_t i = 0; i < p->done_count; i++)
        if (p->done[i] == table)
            return false;
    if (p->done_count == TABLES_MAX)
        return false;
    p->done[p->done_count++] = table;
    return true;
}

/* Tables lie at most TREE_DEPTH_MAX deep, and a table is written once: this ends. */
static void put_table(struct page *p, const struct schema_table *table, const char *path) {
    if (!first_time(p, table))
        return;
    text_putf(p->text, ".Ss %s\n", *path == '\0' ? "The whole file" : path);
    put_plain(p->text, table->title);
    text_putf(p->text, "\n");
    if (table->doc != NULL) {
        text_putf(p->text, ".Pp\n");
        put_plain(p->text, table->doc);
        text_putf(p->text, "\n");
    }
    text_putf(p->text, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < table->row_count; i++)
        put_row(p->text, &table->rows[i]);
    text_putf(p->text, ".El\n");
    for (size_t i = 0; i < table->row_count; i++) {
        const struct schema_row *row = &table->rows[i];
        char below[TREE_PATH_LEN_MAX + 1];
        if (row->table == NULL)
            continue;
        snprintf(below, sizeof(below), "%s%s%s%s", path, *path != '\0' ? "." : "", row->key,
                 row->type == SCHEMA_LIST ? "[]" : "");
        put_table(p, row->table, below);
    }
}

size_t schema_mdoc(const struct schema_table *table, char *out, size_t size) {
    struct text text = text_over(out, size);
    struct page page = {.text = &text};
    put_table(&page, table, "");
    return text.len;
}
