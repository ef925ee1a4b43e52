#include "peerd/policy/schema.h"

#include "peerd/policy/schema_value.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Whether a table itself is in order: that is a bug of ours, and found by a test. */

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
