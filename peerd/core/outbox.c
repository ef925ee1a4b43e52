#include "peerd/core/outbox.h"

#include <stddef.h>
#include <string.h>

void outbox_clear(struct core_outbox *o) {
    o->count = 0;
}

struct core_intention *outbox_put(struct core_outbox *o, enum core_intention_kind kind) {
    if (o->count == CORE_OUTBOX_MAX)
        return NULL;
    struct core_intention *i = &o->items[o->count++];
    memset(i, 0,
           kind == CORE_SEND_BEAT ? offsetof(struct core_intention, u.beat.beat.views)
                                  : sizeof(*i));
    i->kind = kind;
    return i;
}
