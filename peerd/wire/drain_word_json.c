#include "peerd/wire/drain_word_json.h"

void drain_word_put(struct json_writing *w, const struct drain_word *d) {
    if (d->number == 0)
        return;
    json_t *o = json_write_object(w, w->root, "drain");
    json_write_uint(w, o, "number", d->number);
    json_write_bool(w, o, "active", d->active);
    if (!d->active)
        return;
    if (!name_is_empty(&d->to))
        json_write_name(w, o, "to", &d->to);
    json_write_uint(w, o, "age_ms", d->age_ms);
    json_write_uint(w, o, "within_ms", d->within_ms);
    json_write_uint(w, o, "gone", d->gone);
}

void drain_word_get(const struct json_place *root, struct drain_word *d) {
    *d = (struct drain_word){0};
    if (!json_read_has(root, "drain"))
        return;
    struct json_place o = json_read_object(root, "drain");
    d->number = json_read_uint(&o, "number", 1, DRAIN_WORD_NUMBER_MAX);
    d->active = json_read_bool(&o, "active");
    if (!d->active)
        return;
    if (json_read_has(&o, "to"))
        d->to = json_read_name(&o, "to");
    d->age_ms = json_read_uint(&o, "age_ms", 0, DRAIN_WORD_MS_MAX);
    d->within_ms = json_read_uint(&o, "within_ms", 0, DRAIN_WORD_MS_MAX);
    d->gone = json_read_uint(&o, "gone", 0, INT64_MAX);
}
