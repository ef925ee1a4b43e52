#include "peerd/core/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void ledger_init(struct ledger *l) {
    l->count = 0;
    memset(l->newest, 0, sizeof(l->newest));
    l->figures = (struct move_figures){0};
}

static uint32_t bucket_of(const struct session_id *session) {
    return (session->bytes[0] | (uint32_t)session->bytes[1] << 8) % LEDGER_BUCKETS;
}

void ledger_enter(struct ledger *l, const struct move *move, const char *evidence) {
    struct ledger_entry *e = &l->entries[++l->count % LEDGER_MAX];
    uint64_t *newest = &l->newest[bucket_of(&move->session)];
    e->number = l->count;
    e->before = *newest;
    *newest = e->number;
    e->move = *move;
    e->told = (struct message_moved){0};
    move_figures_entered(&l->figures, move);
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

bool ledger_has_arrival(const struct ledger *l, const struct session_id *session, uint32_t epoch,
                        struct instant since) {
    uint64_t number = l->newest[bucket_of(session)];
    const struct ledger_entry *e;
    for (; (e = ledger_find(l, number)) != NULL; number = e->before)
        if (!e->move.out && e->move.epoch_to >= epoch && !instant_before(e->move.released, since) &&
            session_id_equal(&e->move.session, session))
            return true;
    return false;
}

bool ledger_told(struct ledger *l, const struct session_id *session,
                 const struct message_moved *told) {
    uint64_t number = l->newest[bucket_of(session)];
    for (; ledger_find(l, number) != NULL; number = l->entries[number % LEDGER_MAX].before) {
        struct ledger_entry *e = &l->entries[number % LEDGER_MAX];
        if (e->move.out || e->move.epoch_to != told->epoch || e->told.epoch != 0 ||
            !session_id_equal(&e->move.session, session))
            continue;
        e->told = *told;
        move_figures_told(&l->figures, e->move.cause, told);
        return true;
    }
    return false;
}

void ledger_check_invariants(const struct ledger *l) {
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct ledger_entry *e = ledger_find(l, n);
        assert(e != NULL && e->number == n && e->before < n);
        assert(l->newest[bucket_of(&e->move.session)] >= n);
        assert(e->move.state == MOVE_STATE_OVER);
        assert(e->told.epoch == 0 || (!e->move.out && e->told.epoch == e->move.epoch_to));
        assert(!e->move.out || e->move.epoch_from > 0); /* whoever is asked to go was served */
        assert(e->move.epoch_from == 0 || e->move.epoch_to == 0 ||
               e->move.epoch_from < e->move.epoch_to);
    }
    move_figures_check_invariants(&l->figures);
}
