#include "peerd/wire/json_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_LEN_MAX 40 /* [characters] of an offending value that are shown */
#define PATH_DEPTH    8  /* our documents are three levels deep */

/* ---- faults ---------------------------------------------------------------------------------- */

/* Input must not reach a log or a terminal as it came. */
static void make_printable(char *text) {
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
}

/* Writes `sessions[3].epoch`, or "the document" for the root. */
static void path_to_text(const struct json_place *place, char *out, size_t size) {
    const struct json_place *chain[PATH_DEPTH];
    size_t depth = 0;
    for (; place->parent != NULL && depth < PATH_DEPTH; place = place->parent)
        chain[depth++] = place;
    snprintf(out, size, "%s", depth == 0 ? "the document" : "");
    for (size_t at = 0; depth-- > 0;) {
        const struct json_place *p = chain[depth];
        int n = p->key == NULL ? snprintf(out + at, size - at, "[%zu]", p->index)
                               : snprintf(out + at, size - at, "%s%s", at == 0 ? "" : ".", p->key);
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

static void found_to_text(const json_t *value, char *out, size_t size) {
    if (value == NULL)
        snprintf(out, size, "nothing");
    else if (json_is_string(value))
        snprintf(out, size, "\"%.*s\"%s", FOUND_LEN_MAX, json_string_value(value),
                 json_string_length(value) > FOUND_LEN_MAX ? "..." : "");
    else if (json_is_integer(value))
        snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(out, size, "%.17g", json_real_value(value));
    else if (json_is_array(value))
        snprintf(out, size, "an array of %zu", json_array_size(value));
    else if (json_is_object(value))
        snprintf(out, size, "an object");
    else
        snprintf(out, size, "%s",
                 json_is_true(value)    ? "true"
                 : json_is_false(value) ? "false"
                                        : "null");
}

static void fail(const struct json_place *place, enum err err, const char *expected) {
    struct json_document *d = place->document;
    if (d->err != ERR_OK)
        return;
    d->err = err;
    if (d->fault == NULL)
        return;
    char path[96];
    char found[FOUND_LEN_MAX + 32];
    path_to_text(place, path, sizeof(path));
    found_to_text(place->value, found, sizeof(found));
    snprintf(d->fault->text, sizeof(d->fault->text), "%s: expected %s, found %s", path, expected,
             found);
    make_printable(d->fault->text);
}

void json_read_fail(const struct json_place *place, const char *expected) {
    fail(place, ERR_BAD_FIELD, expected);
}

/* ---- documents ------------------------------------------------------------------------------- */

/* Where jansson itself ran out of memory it may say so, say nothing, or call the token at hand bad;
 * only the last cannot be told from a fault of the text. */
static enum err refuse_text(const json_error_t *e, struct wire_fault *fault) {
    bool no_memory = e->text[0] == '\0' || json_error_code(e) == json_error_out_of_memory;
    if (fault != NULL) {
        snprintf(fault->text, sizeof(fault->text), "line %d, column %d: %s", e->line, e->column,
                 no_memory ? err_text(ERR_NO_MEMORY) : e->text);
        make_printable(fault->text);
    }
    if (no_memory)
        return ERR_NO_MEMORY;
    bool ends_early = json_error_code(e) == json_error_premature_end_of_input;
    return ends_early ? ERR_TRUNCATED : ERR_BAD_FIELD;
}

enum err json_read_begin(struct json_document *d, struct json_place *root, const char *text,
                         size_t len, size_t len_max, struct wire_fault *fault) {
    json_error_t error = {.text = ""};
    *d = (struct json_document){.fault = fault};
    if (fault != NULL)
        fault->text[0] = '\0';
    if (len > len_max) {
        if (fault != NULL)
            snprintf(fault->text, sizeof(fault->text),
                     "the document: expected at most %zu bytes, found %zu", len_max, len);
        return ERR_OVERSIZED;
    }
    d->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (d->root == NULL)
        return refuse_text(&error, fault);
    *root = (struct json_place){.document = d, .value = d->root};
    if (!json_is_object(d->root)) {
        json_read_fail(root, "an object");
        return json_read_end(d);
    }
    return ERR_OK;
}

enum err json_read_end(struct json_document *d) {
    json_decref(d->root);
    d->root = NULL;
    return d->err;
}

void json_read_only(const struct json_place *object, const char *const keys[]) {
    const char *key;
    json_t *value;
    if (object->value == NULL)
        return;
    /* The macro takes a mutable object but only iterates. */
    json_object_foreach((json_t *)(uintptr_t)object->value, key, value) {
        size_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], key) != 0)
            i++;
        if (keys[i] != NULL)
            continue;
        struct json_place member = {
            .document = object->document, .parent = object, .key = key, .value = value};
        json_read_fail(&member, "no member of this name");
        return;
    }
}

/* ---- members --------------------------------------------------------------------------------- */

struct json_place json_read_member(const struct json_place *object, const char *key) {
    struct json_place p = {.document = object->document, .parent = object, .key = key};
    if (object->value != NULL && !json_is_object(object->value))
        json_read_fail(object, "an object");
    if (object->document->err == ERR_OK)
        p.value = json_object_get(object->value, key);
    return p;
}

bool json_read_has(const struct json_place *object, const char *key) {
    return json_read_member(object, key).value != NULL;
}

static int64_t int_at(const struct json_place *p, int64_t min, int64_t max) {
    json_int_t v = json_integer_value(p->value);
    if (json_is_integer(p->value) && v >= min && v <= max)
        return v;
    char expected[80];
    snprintf(expected, sizeof(expected), "an integer from %" PRId64 " to %" PRId64, min, max);
    json_read_fail(p, expected);
    return 0;
}

int64_t json_read_int(const struct json_place *object, const char *key, int64_t min, int64_t max) {
    struct json_place p = json_read_member(object, key);
    return int_at(&p, min, max);
}

uint64_t json_read_uint(const struct json_place *object, const char *key, uint64_t min,
                        uint64_t max) {
    return (uint64_t)json_read_int(object, key, (int64_t)min,
                                   max > INT64_MAX ? INT64_MAX : (int64_t)max);
}

bool json_read_bool(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    if (!json_is_boolean(p.value))
        json_read_fail(&p, "true or false");
    return json_is_true(p.value);
}

/* The functions below take the place of a string, so that they serve members and elements. */

static struct name name_at(const struct json_place *p) {
    struct name n = {.text = ""};
    if (!json_is_string(p->value) ||
        !name_from_text(&n, json_string_value(p->value), json_string_length(p->value)))
        json_read_fail(p, "a name of 1 to 31 characters a-z 0-9 - _ .");
    return n;
}

static struct addr addr_at(const struct json_place *p) {
    struct addr a = {0};
    if (!json_is_string(p->value) || !addr_from_text(&a, json_string_value(p->value)) ||
        a.port == 0) {
        json_read_fail(p, "an address and port such as 192.0.2.1:7700 or [2001:db8::1]:7700");
        return (struct addr){0};
    }
    return a;
}

static void bytes_at(const struct json_place *p, void *out, size_t len) {
    size_t got = 0;
    if (json_is_string(p->value) &&
        base64url_decode(json_string_value(p->value), json_string_length(p->value), out, len,
                         &got) &&
        got == len)
        return;
    char expected[48];
    snprintf(expected, sizeof(expected), "%zu bytes in base64url", len);
    json_read_fail(p, expected);
    memset(out, 0, len);
}

struct name json_read_name(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    return name_at(&p);
}

struct addr json_read_addr(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    return addr_at(&p);
}

/* One location has one form: what follows the prefix is zero. */
static bool prefix_is_bare(const struct prefix *p) {
    unsigned len = p->addr.family == 4 ? 32 : 128;
    for (unsigned bit = p->bits; bit < len; bit++)
        if ((p->addr.ip[bit / 8] >> (7 - bit % 8) & 1) != 0)
            return false;
    return true;
}

static struct prefix prefix_at(const struct json_place *p) {
    struct prefix prefix;
    if (json_is_string(p->value) && prefix_from_text(&prefix, json_string_value(p->value)) &&
        prefix_is_bare(&prefix))
        return prefix;
    json_read_fail(p, "a prefix such as 192.0.2.0/24 or 2001:db8::/48");
    return (struct prefix){.bits = 0};
}

struct prefix json_read_prefix(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    return prefix_at(&p);
}

struct public_key json_read_key(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    struct public_key k;
    if (json_is_string(p.value) && public_key_from_text(&k, json_string_value(p.value)) == ERR_OK)
        return k;
    json_read_fail(&p, "a public key k4.public....");
    return (struct public_key){.bytes = {0}};
}

void json_read_bytes(const struct json_place *object, const char *key, void *out, size_t len) {
    struct json_place p = json_read_member(object, key);
    bytes_at(&p, out, len);
}

static bool has_control(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

void json_read_text(const struct json_place *object, const char *key, char *out, size_t len_min,
                    size_t size) {
    struct json_place p = json_read_member(object, key);
    size_t len = json_string_length(p.value);
    if (json_is_string(p.value) && len >= len_min && len < size &&
        !has_control(json_string_value(p.value))) {
        memcpy(out, json_string_value(p.value), len + 1);
        return;
    }
    char expected[80];
    snprintf(expected, sizeof(expected), "text of %zu to %zu bytes without control characters",
             len_min, size - 1);
    json_read_fail(&p, expected);
    out[0] = '\0';
}

unsigned json_read_word(const struct json_place *object, const char *key,
                        const char *(*word)(unsigned value), unsigned first, unsigned last) {
    struct json_place p = json_read_member(object, key);
    char expected[128] = "one of";
    size_t at = strlen(expected);
    for (unsigned value = first; value <= last; value++) {
        if (json_is_string(p.value) && strcmp(word(value), json_string_value(p.value)) == 0)
            return value;
        int n = snprintf(expected + at, sizeof(expected) - at, " %s", word(value));
        if (n > 0 && (size_t)n < sizeof(expected) - at)
            at += (size_t)n;
    }
    json_read_fail(&p, expected);
    return first;
}

enum err json_read_err(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    enum err e = json_is_string(p.value) ? err_by_name(json_string_value(p.value)) : ERR_COUNT;
    if (e != ERR_COUNT)
        return e;
    json_read_fail(&p, "the symbol of an error, or \"ok\"");
    return ERR_OK;
}

/* ---- objects and arrays ---------------------------------------------------------------------- */

struct json_place json_read_object(const struct json_place *object, const char *key) {
    struct json_place p = json_read_member(object, key);
    if (!json_is_object(p.value)) {
        json_read_fail(&p, "an object");
        p.value = NULL;
    }
    return p;
}

/* Checks kind and size; the number of elements, 0 on failure. */
static size_t array_size(const struct json_place *p, size_t max) {
    size_t count = json_array_size(p->value);
    if (json_is_array(p->value) && count <= max)
        return count;
    char expected[64];
    snprintf(expected, sizeof(expected), "an array of at most %zu", max);
    fail(p, json_is_array(p->value) ? ERR_OVERSIZED : ERR_BAD_FIELD, expected);
    return 0;
}

static void read_elements(const struct json_place *array, void *out, size_t count, size_t size,
                          void (*read)(const struct json_place *element, void *out)) {
    for (size_t i = 0; i < count && array->document->err == ERR_OK; i++) {
        struct json_place element = {.document = array->document,
                                     .parent = array,
                                     .index = i,
                                     .value = json_array_get(array->value, i)};
        read(&element, (char *)out + i * size);
    }
}

void *json_read_array(const struct json_place *object, const char *key, size_t max, size_t size,
                      void (*read)(const struct json_place *element, void *out), size_t *count) {
    struct json_place p = json_read_member(object, key);
    *count = array_size(&p, max);
    if (*count == 0)
        return NULL;
    void *out = calloc(*count, size);
    if (out == NULL) {
        fail(&p, ERR_NO_MEMORY, "enough memory");
        *count = 0;
        return NULL;
    }
    read_elements(&p, out, *count, size, read);
    if (p.document->err == ERR_OK)
        return out;
    free(out);
    *count = 0;
    return NULL;
}

size_t json_read_list(const struct json_place *object, const char *key, void *out, size_t max,
                      size_t size, void (*read)(const struct json_place *element, void *out)) {
    struct json_place p = json_read_member(object, key);
    size_t count = array_size(&p, max);
    read_elements(&p, out, count, size, read);
    return p.document->err == ERR_OK ? count : 0;
}

void json_read_each_name(const struct json_place *element, void *out) {
    *(struct name *)out = name_at(element);
}

void json_read_each_addr(const struct json_place *element, void *out) {
    *(struct addr *)out = addr_at(element);
}

void json_read_each_prefix(const struct json_place *element, void *out) {
    *(struct prefix *)out = prefix_at(element);
}

void json_read_each_session_id(const struct json_place *element, void *out) {
    bytes_at(element, ((struct session_id *)out)->bytes, SESSION_ID_BYTES);
}

void json_read_each_u32(const struct json_place *element, void *out) {
    *(uint32_t *)out = (uint32_t)int_at(element, 0, UINT32_MAX);
}
