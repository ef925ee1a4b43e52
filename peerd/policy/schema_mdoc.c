/* The schema as a man page, in mdoc(7). */
#include "peerd/policy/schema.h"

#include "peerd/policy/schema_value.h"
#include "peerd/policy/text.h"

#include <stdio.h>
#include <string.h>

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

static void put_table(void *data, const struct schema_table *table, const char *path) {
    struct text *t = data;
    text_putf(t, ".Ss %s\n", *path == '\0' ? "The whole file" : path);
    put_plain(t, table->title);
    text_putf(t, "\n");
    if (table->doc != NULL) {
        text_putf(t, ".Pp\n");
        put_plain(t, table->doc);
        text_putf(t, "\n");
    }
    text_putf(t, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < table->row_count; i++)
        put_row(t, &table->rows[i]);
    text_putf(t, ".El\n");
}

size_t schema_mdoc(const struct schema_table *table, char *out, size_t size) {
    struct text text = text_over(out, size);
    schema_walk(table, put_table, &text);
    return text.len;
}
