#include "peerd/wire/introductions.h"

#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <string.h>

char *introductions_encode(const char *const envelopes[], size_t count,
                           const struct public_key *next, size_t *len) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
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
    if (next != NULL) {
        public_key_to_text(next, text);
        json_write_string(&w, w.root, "next", text);
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
                              size_t *refused, struct public_key *next, const char *text,
                              size_t len, struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct element elements[INTRODUCTIONS_MAX];
    *count = *refused = 0;
    memset(next, 0, sizeof(*next));
    enum err e = json_read_begin(&d, &o, text, len, INTRODUCTIONS_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    size_t given = json_read_list(&o, "descriptions", elements, INTRODUCTIONS_MAX,
                                  sizeof(elements[0]), get_envelope);
    if (json_read_has(&o, "next"))
        *next = json_read_key(&o, "next");
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
