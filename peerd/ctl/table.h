/*
 * A table for people: columns as wide as their widest cell, numbers to the right.
 *
 * All rows are filled in first, then printed one by one, so that what there is to say about a row
 * can stand below it. Of the head and of each row the cells stand between tabs; in the head a cell
 * begins with `>` if its column is aligned to the right, with `!` if its words are painted. Widths
 * are counted in characters of UTF-8. When memory is short rows are left out, and a last line says
 * so.
 */
#ifndef PEERD_CTL_TABLE_H
#define PEERD_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 16

struct table {
    char **rows; /* owned; cells between tabs; the first one is the head */
    size_t row_count, row_room;
    size_t column_count;
    int width[TABLE_COLUMNS_MAX]; /* [characters] */
    bool right[TABLE_COLUMNS_MAX], painted[TABLE_COLUMNS_MAX];
    bool short_of_memory;
};

void table_open(struct table *t, const char *head);

/* Appends a row: its cells between tabs, at most as many as the head has. */
void table_row(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

void table_print_head(const struct table *t);
/* Row number `index`, from 0; nothing if there is none. */
void table_print_row(const struct table *t, size_t index);

/* Frees it, and says if rows are missing. */
void table_close(struct table *t);

/* Head and all rows; then it is closed. */
void table_print(struct table *t);

#endif
