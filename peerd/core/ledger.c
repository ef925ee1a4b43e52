#include "peerd/core/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void ledger_init(struct ledger *l) {
    l->count = l->settled = 0;
    memset(l->newest, 0, sizeof(l->newest));
    l->figures = (struct move_figures){0};
}

static uint32_t bucket_of(const struct session_id *session) {
    return (session->bytes[0] | (uint32_t)session->bytes[1] << 8) % LEDGER_BUCKETS;
}

static struct ledger_entry *at(struct ledger *l, uint64_t number) {
    return &l->entries[number % LEDGER_MAX];
}

static bool is_open(const struct ledger_entry *e) {
    return !instant_is_never(e->open_until);
}

static void count(struct ledger *l, const struct ledger_entry *e) {
    move_figures_entered(&l->figures, &e->move, e->cause);
    if (e->told.epoch != 0)
        move_figures_told(&l->figures, e->cause, &e->told);
}

void ledger_settle(struct ledger *l, uint64_t number, enum move_cause cause, const char *evidence) {
    struct ledger_entry *e = at(l, number);
    assert(e->number == number && is_open(e));
    e->cause = cause;
    e->open_until = INSTANT_NEVER;
    if (evidence != NULL)
        snprintf(e->evidence, sizeof(e->evidence), "%s", evidence);
    count(l, e);
}

const struct ledger_entry *ledger_next_open(struct ledger *l, uint64_t after) {
    uint64_t oldest = ledger_first(l) - 1;
    l->settled = l->settled < oldest ? oldest : l->settled;
    while (l->settled < l->count && !is_open(at(l, l->settled + 1)))
        l->settled++;
    for (uint64_t n = (after > l->settled ? after : l->settled) + 1; n <= l->count; n++)
        if (is_open(at(l, n)))
            return at(l, n);
    return NULL;
}

/* The newest of its session, if that is a hedge from there that was taken back as this one was. */
static struct ledger_entry *same_again(struct ledger *l, const struct move *move) {
    uint64_t number = l->newest[bucket_of(&move->session)];
    if (move->out || move->state != MOVE_STATE_CANCELLED)
        return NULL;
    for (; ledger_find(l, number) != NULL; number = at(l, number)->before) {
        struct ledger_entry *e = at(l, number);
        if (!session_id_equal(&e->move.session, &move->session))
            continue;
        return !e->move.out && e->move.state == MOVE_STATE_CANCELLED &&
                       name_equal(&e->move.from, &move->from)
                   ? e
                   : NULL;
    }
    return NULL;
}

/* The place of the next one; whoever was there is settled as far as is known. */
static struct ledger_entry *next_place(struct ledger *l, const struct move *move) {
    uint64_t *newest = &l->newest[bucket_of(&move->session)];
    if (l->count >= LEDGER_MAX && is_open(at(l, l->count + 1)))
        ledger_settle(l, l->count + 1 - LEDGER_MAX, at(l, l->count + 1)->cause, NULL);
    struct ledger_entry *e = at(l, ++l->count);
    *e = (struct ledger_entry){.number = l->count, .before = *newest};
    *newest = e->number;
    return e;
}

void ledger_enter(struct ledger *l, const struct move *move, const char *evidence,
                  struct instant open_until) {
    struct ledger_entry *again = same_again(l, move);
    struct ledger_entry *e = again != NULL ? again : next_place(l, move);
    e->move = *move;
    e->cause = move->cause;
    e->open_until = open_until;
    e->times++;
    snprintf(e->evidence, sizeof(e->evidence), "%s", evidence);
    if (!is_open(e))
        count(l, e);
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
        if (!e->move.out && e->move.state == MOVE_STATE_OVER && e->move.epoch_to >= epoch &&
            !instant_before(e->move.released, since) && session_id_equal(&e->move.session, session))
            return true;
    return false;
}

const struct ledger_entry *ledger_departure(const struct ledger *l,
                                            const struct session_id *session) {
    uint64_t number = l->newest[bucket_of(session)];
    const struct ledger_entry *e;
    for (; (e = ledger_find(l, number)) != NULL; number = e->before)
        if (e->move.out && e->move.state == MOVE_STATE_OVER &&
            session_id_equal(&e->move.session, session))
            return e;
    return NULL;
}

const struct ledger_entry *ledger_called_off(const struct ledger *l,
                                             const struct session_id *session, uint32_t epoch,
                                             enum move_cause cause) {
    uint64_t number = l->newest[bucket_of(session)];
    const struct ledger_entry *e;
    for (; (e = ledger_find(l, number)) != NULL; number = e->before)
        if (e->move.out && session_id_equal(&e->move.session, session))
            return e->move.state == MOVE_STATE_CANCELLED && e->move.epoch_from == epoch &&
                           e->cause == cause
                       ? e
                       : NULL;
    return NULL;
}

void ledger_went(struct ledger *l, uint64_t number, const struct move *move, const char *evidence) {
    struct ledger_entry *e = at(l, number);
    assert(e->number == number && e->move.out && e->move.state == MOVE_STATE_CANCELLED);
    assert(move->out && move->state == MOVE_STATE_OVER);
    e->move = *move;
    e->late = true;
    snprintf(e->evidence, sizeof(e->evidence), "%s", evidence);
    count(l, e);
}

bool ledger_told(struct ledger *l, const struct session_id *session,
                 const struct message_moved *told) {
    uint64_t number = l->newest[bucket_of(session)];
    for (; ledger_find(l, number) != NULL; number = at(l, number)->before) {
        struct ledger_entry *e = at(l, number);
        if (e->move.out || e->move.state != MOVE_STATE_OVER || e->move.epoch_to != told->epoch ||
            e->told.epoch != 0 || !session_id_equal(&e->move.session, session))
            continue;
        e->told = *told;
        if (!is_open(e))
            move_figures_told(&l->figures, e->cause, told);
        return true;
    }
    return false;
}

static struct ledger_entry *newest_of(struct ledger *l, const struct session_id *session, bool out,
                                      uint32_t epoch) {
    uint64_t number = l->newest[bucket_of(session)];
    for (; ledger_find(l, number) != NULL; number = at(l, number)->before) {
        struct ledger_entry *e = at(l, number);
        const struct move *m = &e->move;
        if (m->out != out || m->state != MOVE_STATE_OVER || !session_id_equal(&m->session, session))
            continue;
        if (out ? m->epoch_from < epoch && (m->epoch_to == 0 || m->epoch_to == epoch)
                : m->epoch_to > epoch)
            return e;
    }
    return NULL;
}

bool ledger_heard_arrival(struct ledger *l, const struct session_id *session, const struct name *to,
                          uint32_t epoch, const struct message_moved *told) {
    struct ledger_entry *e = newest_of(l, session, true, epoch);
    if (e == NULL)
        return false;
    e->move.to = *to;
    e->move.epoch_to = epoch;
    if (told->epoch != 0)
        e->told = *told;
    return true;
}

bool ledger_heard_departure(struct ledger *l, const struct session_id *session,
                            const struct name *from, uint32_t epoch, uint16_t prepare_ms,
                            uint16_t overlap_ms) {
    struct ledger_entry *e = newest_of(l, session, false, epoch);
    if (e == NULL || !name_equal(&e->move.from, from))
        return false;
    e->move.epoch_from = epoch;
    e->left = (struct ledger_left){true, prepare_ms, overlap_ms};
    return true;
}

void ledger_check_invariants(const struct ledger *l) {
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct ledger_entry *e = ledger_find(l, n);
        assert(e != NULL && e->number == n && e->before < n);
        assert(l->newest[bucket_of(&e->move.session)] >= n);
        assert(move_is_over(&e->move) && e->times > 0);
        assert(e->times == 1 || e->move.state == MOVE_STATE_CANCELLED);
        assert(!is_open(e) || (!e->move.out && e->move.state == MOVE_STATE_OVER));
        assert(!is_open(e) || (e->cause == e->move.cause && n > l->settled));
        assert(e->told.epoch == 0 || e->told.epoch == e->move.epoch_to);
        assert(!e->late || (e->move.out && e->move.state == MOVE_STATE_OVER));
        assert(!e->left.told || (!e->move.out && e->move.epoch_from > 0));
        assert(!e->move.out || e->move.epoch_from > 0); /* whoever is asked to go was served */
        assert(e->move.epoch_from == 0 || e->move.epoch_to == 0 ||
               e->move.epoch_from < e->move.epoch_to);
    }
    move_figures_check_invariants(&l->figures);
}
