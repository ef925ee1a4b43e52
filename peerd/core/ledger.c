#include "peerd/core/ledger.h"

#include <assert.h>
#include <stdio.h>

void ledger_init(struct ledger *l) {
    l->count = 0;
}

void ledger_enter(struct ledger *l, const struct move *move, const char *evidence) {
    struct ledger_entry *e = &l->entries[++l->count % LEDGER_MAX];
    e->number = l->count;
    e->move = *move;
    snprintf(e->evidence, sizeof(e->evidence), "%s", evidence);
}

uint64_t ledger_first(const struct ledger *l) {
    return l->count <= LEDGER_MAX ? 1 : l->count - LEDGER_MAX + 1;
}

const struct ledger_entry *ledger_find(const struct ledger *l, uint64_t number) {
    if (number < ledger_first(l) || number > l->count)
        return NULL;
    return &l->entries[number % LEDGER_MAX];
}

void ledger_check_invariants(const struct ledger *l) {
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct ledger_entry *e = ledger_find(l, n);
        assert(e != NULL && e->number == n);
        assert(e->move.state == MOVE_STATE_OVER);
        assert(e->move.epoch_from == 0 || e->move.epoch_to == 0 ||
               e->move.epoch_from < e->move.epoch_to);
    }
}
