#include "peerd/policy/schema_diff.h"

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/policy/quantity.h"
#include "peerd/wire/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct diff {
    schema_diff_tell *tell;
    void *data;
};

/* ---- one value, as it would be written ------------------------------------------------------- */

struct value {
    char text[SCHEMA_DIFF_VALUE_LEN_MAX + 1];
};

static void put_quantity(struct value *v, enum quantity kind, int64_t amount) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    snprintf(v->text, sizeof(v->text), "%s", quantity_to_text(kind, amount, text));
}

static void put_address(struct value *v, const struct schema_row *row, const void *field) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    struct addr addr;
    const struct prefix *prefix = field;
    memcpy(&addr, field, sizeof(addr)); /* a prefix begins with one */
    if (addr.family == 0)
        return;
    addr_to_text(&addr, text);
    if (row->type != SCHEMA_PREFIX) {
        snprintf(v->text, sizeof(v->text), "%s", text);
        return;
    }
    /* Of "192.0.2.0:0" and "[2001:db8::]:0" what stands before the port. */
    bool bare = text[0] != '[';
    size_t len = (size_t)(strrchr(text, bare ? ':' : ']') - text);
    snprintf(v->text, sizeof(v->text), "%.*s/%u", (int)(bare ? len : len - 1),
             bare ? text : text + 1, prefix->bits);
}

static uint32_t number_at(const void *field) {
    uint32_t number;
    memcpy(&number, field, sizeof(number));
    return number;
}

/* Values of kinds that have no text stay empty. */
static struct value value_of(const struct schema_row *row, const void *field) {
    static const struct public_key none;
    struct value v = {""};
    switch (row->type) {
    case SCHEMA_NAME:
        snprintf(v.text, sizeof(v.text), "%s", ((const struct name *)field)->text);
        break;
    case SCHEMA_TEXT:
        snprintf(v.text, sizeof(v.text), "%.*s", (int)sizeof(v.text) - 1, (const char *)field);
        break;
    case SCHEMA_COUNT:
        snprintf(v.text, sizeof(v.text), "%" PRIu32, number_at(field));
        break;
    case SCHEMA_U64:
        snprintf(v.text, sizeof(v.text), "%" PRIu64, *(const uint64_t *)field);
        break;
    case SCHEMA_NUMBER:
        snprintf(v.text, sizeof(v.text), "%.9g", *(const double *)field);
        break;
    case SCHEMA_BOOL:
        snprintf(v.text, sizeof(v.text), "%s", *(const bool *)field ? "true" : "false");
        break;
    case SCHEMA_DURATION:
        put_quantity(&v, QUANTITY_DURATION, ((const struct duration *)field)->us);
        break;
    case SCHEMA_DURATION_MS:
        put_quantity(&v, QUANTITY_DURATION, (int64_t)number_at(field) * 1000);
        break;
    case SCHEMA_PERCENT:
        put_quantity(&v, QUANTITY_PERCENT, number_at(field));
        break;
    case SCHEMA_BITRATE:
        put_quantity(&v, QUANTITY_BITRATE, number_at(field));
        break;
    case SCHEMA_FREQUENCY:
        put_quantity(&v, QUANTITY_FREQUENCY, number_at(field));
        break;
    case SCHEMA_ADDR:
    case SCHEMA_HOST:
    case SCHEMA_PREFIX:
        put_address(&v, row, field);
        break;
    case SCHEMA_KEY:
        if (!public_key_equal(field, &none))
            public_key_to_text(field, v.text);
        break;
    case SCHEMA_ENUM:
        snprintf(v.text, sizeof(v.text), "%s", row->words[*(const int *)field]);
        break;
    case SCHEMA_MAPPING:
    case SCHEMA_LIST:
    case SCHEMA_CUSTOM:
        break;
    }
    return v;
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct list {
    const unsigned char *first;
    uint32_t count;
};

static struct list list_at(const struct schema_row *row, const unsigned char *record) {
    struct list list = {record + row->offset, number_at(record + row->count_offset)};
    if (row->heap)
        memcpy(&list.first, record + row->offset, sizeof(list.first));
    return list;
}

static const void *element(const struct schema_row *row, const struct list *list, uint32_t i) {
    return list->first + i * row->stride;
}

static void diff_mapping(const struct diff *d, const struct schema_table *table, const char *path,
                         const void *before, const void *after);

static struct value element_value(const struct schema_row *row, const struct list *list,
                                  uint32_t i) {
    return value_of(row->item, element(row, list, i));
}

static bool has_value(const struct schema_row *row, const struct list *list,
                      const struct value *value) {
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(element_value(row, list, i).text, value->text) == 0)
            return true;
    return false;
}

static void diff_values(const struct diff *d, const struct schema_row *row, const char *path,
                        const struct list *before, const struct list *after) {
    for (uint32_t i = 0; i < before->count; i++) {
        struct value v = element_value(row, before, i);
        if (!has_value(row, after, &v))
            d->tell(d->data, path, v.text, NULL);
    }
    for (uint32_t i = 0; i < after->count; i++) {
        struct value v = element_value(row, after, i);
        if (!has_value(row, before, &v))
            d->tell(d->data, path, NULL, v.text);
    }
}

/* The row whose value makes an element what it is; NULL: its place does. */
static const struct schema_row *unique_row(const struct schema_row *list) {
    for (size_t i = 0; list->unique != NULL && i < list->table->row_count; i++)
        if (strcmp(list->table->rows[i].key, list->unique) == 0)
            return &list->table->rows[i];
    return NULL;
}

static struct value identity(const struct schema_row *row, const struct list *list, uint32_t i) {
    const struct schema_row *unique = unique_row(row);
    struct value v;
    if (unique != NULL)
        return value_of(unique, (const unsigned char *)element(row, list, i) + unique->offset);
    snprintf(v.text, sizeof(v.text), "%" PRIu32, i);
    return v;
}

static const void *same_in(const struct schema_row *row, const struct list *list,
                           const struct value *is) {
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(identity(row, list, i).text, is->text) == 0)
            return element(row, list, i);
    return NULL;
}

static void diff_mappings(const struct diff *d, const struct schema_row *row, const char *path,
                          const struct list *before, const struct list *after) {
    char at[SCHEMA_DIFF_PATH_LEN_MAX + 1];
    for (uint32_t i = 0; i < before->count; i++) {
        struct value is = identity(row, before, i);
        const void *other = same_in(row, after, &is);
        snprintf(at, sizeof(at), "%.100s[%.80s]", path, is.text);
        if (other == NULL)
            d->tell(d->data, at, "there", NULL);
        else
            diff_mapping(d, row->table, at, element(row, before, i), other);
    }
    for (uint32_t i = 0; i < after->count; i++) {
        struct value is = identity(row, after, i);
        snprintf(at, sizeof(at), "%.100s[%.80s]", path, is.text);
        if (same_in(row, before, &is) == NULL)
            d->tell(d->data, at, NULL, "there");
    }
}

/* ---- mappings -------------------------------------------------------------------------------- */

static void diff_scalar(const struct diff *d, const struct schema_row *row, const char *path,
                        const void *before, const void *after) {
    struct value a = value_of(row, before), b = value_of(row, after);
    if (strcmp(a.text, b.text) != 0)
        d->tell(d->data, path, a.text[0] == '\0' ? NULL : a.text,
                b.text[0] == '\0' ? NULL : b.text);
}

static void diff_row(const struct diff *d, const struct schema_row *row, const char *path,
                     const unsigned char *before, const unsigned char *after) {
    const unsigned char *a = before + row->offset, *b = after + row->offset;
    if (row->type == SCHEMA_MAPPING) {
        diff_mapping(d, row->table, path, a, b);
    } else if (row->type == SCHEMA_LIST) {
        const struct list was = list_at(row, before), is = list_at(row, after);
        if (row->table != NULL)
            diff_mappings(d, row, path, &was, &is);
        else
            diff_values(d, row, path, &was, &is);
    } else if (row->type == SCHEMA_CUSTOM) {
        if (row->size > 0 && memcmp(a, b, row->size) != 0)
            d->tell(d->data, path, "one", "another");
    } else {
        diff_scalar(d, row, path, a, b);
    }
}

static void diff_mapping(const struct diff *d, const struct schema_table *table, const char *path,
                         const void *before, const void *after) {
    char at[SCHEMA_DIFF_PATH_LEN_MAX + 1];
    for (size_t i = 0; i < table->row_count; i++) {
        snprintf(at, sizeof(at), "%.140s%s%.48s", path, path[0] == '\0' ? "" : ".",
                 table->rows[i].key);
        diff_row(d, &table->rows[i], at, before, after);
    }
}

void schema_diff(const struct schema_table *table, const void *before, const void *after,
                 schema_diff_tell *tell, void *data) {
    const struct diff d = {tell, data};
    diff_mapping(&d, table, "", before, after);
}
