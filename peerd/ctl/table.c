/* A table: see table.h. */
#include "peerd/ctl/table.h"

#include "peerd/ctl/paint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_LEN_MAX 4096 /* [bytes] longer ones are cut off */

/* Characters, not bytes: what continues one does not count. */
static int width_of(const char *text, size_t len) {
    int width = 0;
    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static size_t cell_len(const char *cell) {
    return strcspn(cell, "\t");
}

static void append(struct table *t, const char *row) {
    if (t->row_count == t->row_room) {
        size_t room = t->row_room == 0 ? 32 : 2 * t->row_room;
        char **grown = realloc(t->rows, room * sizeof(*grown));
        if (grown != NULL) {
            t->rows = grown;
            t->row_room = room;
        }
    }
    char *copy = t->row_count < t->row_room ? strdup(row) : NULL;
    if (copy == NULL) {
        t->short_of_memory = true;
        return;
    }
    t->rows[t->row_count++] = copy;
    for (size_t c = 0; c < t->column_count; c++) {
        size_t len = cell_len(copy);
        int width = width_of(copy, len);
        if (width > t->width[c])
            t->width[c] = width;
        if (copy[len] == '\0')
            return;
        copy += len + 1;
    }
}

void table_open(struct table *t, const char *head) {
    char plain[ROW_LEN_MAX];
    size_t at = 0;
    memset(t, 0, sizeof(*t));
    for (const char *cell = head; t->column_count < TABLE_COLUMNS_MAX; cell++) {
        t->right[t->column_count] = *cell == '>';
        t->painted[t->column_count] = *cell == '!';
        cell += *cell == '>' || *cell == '!';
        t->column_count++;
        at += (size_t)snprintf(plain + at, sizeof(plain) - at, "%.*s\t", (int)cell_len(cell), cell);
        cell += cell_len(cell);
        if (*cell == '\0')
            break;
    }
    plain[at - 1] = '\0';
    append(t, plain);
}

void table_row(struct table *t, const char *format, ...) {
    char row[ROW_LEN_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(row, sizeof(row), format, args);
    va_end(args);
    append(t, row);
}

static void print_cell(const struct table *t, size_t column, const char *cell, bool head,
                       bool last) {
    size_t len = cell_len(cell);
    int room = t->width[column] - width_of(cell, len);
    const char *paint = !head && t->painted[column] ? paint_of(cell, len) : "";
    printf("%*s%s%.*s%s", t->right[column] ? room : 0, "", paint, (int)len, cell,
           paint[0] != '\0' ? PAINT_END : "");
    if (!last)
        printf("%*s  ", t->right[column] ? 0 : room, "");
}

static void print_line(const struct table *t, const char *row, bool head) {
    /* What is empty to the end leaves no blanks behind. */
    size_t end = strlen(row);
    while (end > 0 && row[end - 1] == '\t')
        end--;
    for (size_t c = 0; c < t->column_count; c++) {
        size_t len = cell_len(row);
        bool last = c + 1 == t->column_count || len >= end;
        print_cell(t, c, row, head, last);
        if (last)
            break;
        row += len + 1;
        end -= len + 1;
    }
    putchar('\n');
}

void table_print_head(const struct table *t) {
    if (t->row_count > 0)
        print_line(t, t->rows[0], true);
}

void table_print_row(const struct table *t, size_t index) {
    if (index + 1 < t->row_count)
        print_line(t, t->rows[index + 1], false);
}

void table_close(struct table *t) {
    if (t->short_of_memory)
        puts("(memory is short: rows are missing)");
    for (size_t i = 0; i < t->row_count; i++)
        free(t->rows[i]);
    free(t->rows);
    memset(t, 0, sizeof(*t));
}

void table_print(struct table *t) {
    table_print_head(t);
    for (size_t i = 0; i + 1 < t->row_count; i++)
        table_print_row(t, i);
    table_close(t);
}
