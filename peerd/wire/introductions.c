#include "peerd/wire/introductions.h"

#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <string.h>

char *introductions_encode(const char *const envelopes[], size_t count, size_t *len) {
    struct json_writing w;
    size_t put = 0;
    json_write_begin(&w);
    json_t *list = json_write_array(&w, w.root, "descriptions");
    for (size_t i = 0; i < count && put < INTRODUCTIONS_MAX; i++) {
        if (envelopes[i] == NULL || strlen(envelopes[i]) > INTRODUCTION_LEN_MAX)
            continue;
        if (json_array_append_new(list, json_string(envelopes[i])) != 0)
            w.failed = true;
        put++;
    }
    return json_write_end(&w, INTRODUCTIONS_LEN_MAX, len);
}

/* An element; borrowed from the document. */
struct element {
    const char *text;
    size_t len;
};

static void get_envelope(const struct json_place *o, void *out) {
    struct element *e = out;
    if (!json_is_string(o->value)) {
        json_read_fail(o, "a description as text");
        return;
    }
    e->text = json_string_value(o->value);
    e->len = json_string_length(o->value);
}

enum err introductions_decode(struct description out[INTRODUCTIONS_MAX], size_t *count,
                              size_t *refused, const char *text, size_t len,
                              struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct element elements[INTRODUCTIONS_MAX];
    *count = *refused = 0;
    enum err e = json_read_begin(&d, &o, text, len, INTRODUCTIONS_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    size_t given = json_read_list(&o, "descriptions", elements, INTRODUCTIONS_MAX,
                                  sizeof(elements[0]), get_envelope);
    for (size_t i = 0; i < given && d.err == ERR_OK; i++) {
        bool fits = elements[i].len <= INTRODUCTION_LEN_MAX;
        if (fits && description_open_foreign(&out[*count], elements[i].text, elements[i].len,
                                             NULL) == ERR_OK)
            ++*count;
        else
            ++*refused;
    }
    return json_read_end(&d);
}
