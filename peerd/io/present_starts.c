/*
 * How sessions begin here, by whose tickets they have, as JSON: what nodes tell of their windows of
 * starts (transcoder/timeline/window.h).
 */
#include "peerd/io/daemon.h"

#include <jansson.h>

static json_t *one_json(const struct daemon *d, const struct node_starts *s) {
    const struct name *who = name_is_empty(&s->issuer) ? &d->policy->cluster.name : &s->issuer;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "cluster", who->text, "window",
                     (json_int_t)s->window, "under_way", (json_int_t)s->under_way, "in_time",
                     (json_int_t)s->in_time, "late", (json_int_t)s->late, "refused",
                     (json_int_t)s->refused);
}

json_t *present_starts(const struct daemon *d, const struct core_node_status *n) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < n->start_count; i++)
        json_array_append_new(list, one_json(d, &n->starts[i]));
    return list;
}

static void add(struct node_starts *sum, const struct node_starts *s) {
    sum->window += s->window;
    sum->under_way += s->under_way;
    sum->in_time += s->in_time;
    sum->late += s->late;
    sum->refused += s->refused;
}

json_t *present_starts_of(const struct daemon *d, const struct name *peer) {
    struct node_starts sum = {.issuer = *peer};
    bool any = false;
    for (uint32_t i = 0; i < d->policy->node_count; i++) {
        const struct core_node_status n = core_node_status(d->core, i);
        for (uint32_t k = 0; k < n.start_count; k++)
            if (name_equal(&n.starts[k].issuer, peer)) {
                add(&sum, &n.starts[k]);
                any = true;
            }
    }
    return any ? one_json(d, &sum) : json_null();
}
