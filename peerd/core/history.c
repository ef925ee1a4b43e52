#include "peerd/core/history.h"

#include <string.h>

void history_add(struct history *h, const struct verdict_result *v, struct instant now) {
    struct history_entry *e = &h->entries[h->count++ % HISTORY_MAX];
    *e = (struct history_entry){.at = now, .verdict = v->verdict, .rule = v->rule};
    memcpy(e->evidence, v->evidence, sizeof(e->evidence));
}

const struct history_entry *history_before(const struct history *h, uint32_t n) {
    if (n >= HISTORY_MAX || n >= h->count)
        return NULL;
    return &h->entries[(h->count - 1 - n) % HISTORY_MAX];
}
