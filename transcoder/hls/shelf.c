#include "transcoder/hls/shelf.h"

#include <assert.h>
#include <string.h>

void shelf_init(struct shelf *s, uint64_t bytes_max) {
    memset(s, 0, sizeof(*s));
    s->bytes_max = bytes_max;
    for (uint32_t i = 0; i < SHELF_ITEMS; i++)
        s->buckets[i] = SHELF_NONE;
    for (uint32_t i = 0; i < SHELF_MAKERS; i++)
        s->makers[i].item = SHELF_NONE;
}

/* ---- items ----------------------------------------------------------------------------------- */

static bool same(struct shelf_key a, struct shelf_key b) {
    return a.line == b.line && a.number == b.number;
}

static uint32_t *bucket_of(struct shelf *s, struct shelf_key key) {
    uint64_t mixed = ((uint64_t)key.line << 32 | key.number) * UINT64_C(0x9e3779b97f4a7c15);
    return &s->buckets[(mixed >> 32) % SHELF_ITEMS];
}

static uint32_t find(struct shelf *s, struct shelf_key key) {
    uint32_t i = *bucket_of(s, key);
    while (i != SHELF_NONE && !same(s->items[i].key, key))
        i = s->items[i].chain;
    return i;
}

/* The one entry to, and exit from, each state. */
static void set_state(struct shelf *s, uint32_t index, enum shelf_state to) {
    struct shelf_item *item = &s->items[index];
    switch (item->state) {
    case SHELF_FREE:
        assert(to == SHELF_WANTED);
        break;
    case SHELF_WANTED:
        assert(to == SHELF_MAKING || to == SHELF_FREE);
        break;
    case SHELF_MAKING:
        assert(to == SHELF_READY || to == SHELF_FREE);
        break;
    case SHELF_READY:
        assert(to == SHELF_FREE);
        s->bytes -= item->bytes;
        break;
    }
    item->state = to;
    if (to == SHELF_FREE || to == SHELF_READY)
        s->news |= item->waiters > 0;
    if (to != SHELF_FREE)
        return;
    uint32_t *at = bucket_of(s, item->key);
    while (*at != index)
        at = &s->items[*at].chain;
    *at = item->chain;
    item->bytes = 0;
}

/* The oldest of a state that nobody waits for; SHELF_NONE: there is none. */
static uint32_t oldest(const struct shelf *s, enum shelf_state state) {
    uint32_t found = SHELF_NONE;
    for (uint32_t i = 0; i < SHELF_ITEMS; i++)
        if (s->items[i].state == state && s->items[i].waiters == 0 &&
            (found == SHELF_NONE || s->items[i].order < s->items[found].order))
            found = i;
    return found;
}

/* A place without a waiter that still looks at it. */
static uint32_t free_place(const struct shelf *s) {
    return oldest(s, SHELF_FREE);
}

/* SHELF_NONE: no room, until shelf_drop has been called. */
static uint32_t add(struct shelf *s, struct shelf_key key, uint32_t cost_us) {
    uint32_t i = free_place(s);
    if (i == SHELF_NONE)
        return i;
    uint32_t *bucket = bucket_of(s, key);
    s->items[i].key = key;
    s->items[i].cost_us = cost_us;
    s->items[i].order = ++s->clock;
    s->items[i].chain = *bucket;
    *bucket = i;
    set_state(s, i, SHELF_WANTED);
    return i;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static uint32_t makers_here(const struct shelf *s, bool idle) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < SHELF_MAKERS; i++)
        n += s->makers[i].here && (!idle || s->makers[i].item == SHELF_NONE);
    return n;
}

/* [µs] Until it would be ready, by what is known of the work that comes before it. */
static int64_t foreseen_us(const struct shelf *s, uint32_t index, struct instant now) {
    const struct shelf_item *item = &s->items[index];
    uint32_t makers = makers_here(s, false);
    int64_t before = 0, own = item->cost_us;
    for (uint32_t i = 0; i < SHELF_MAKERS; i++) {
        const struct shelf_maker *m = &s->makers[i];
        if (!m->here || m->item == SHELF_NONE)
            continue;
        int64_t left = s->items[m->item].cost_us - instant_since(now, m->since).us;
        if (m->item == index)
            return left;
        before += left > 0 ? left : 0;
    }
    for (uint32_t i = 0; i < SHELF_ITEMS; i++)
        if (s->items[i].state == SHELF_WANTED && s->items[i].waiters > 0 && i != index &&
            s->items[i].order < item->order)
            before += s->items[i].cost_us;
    /* One that is idle takes it now. */
    if (makers == 0 || makers_here(s, true) > 0)
        return own;
    return before / makers + own;
}

/* Of what nobody waits for the newest are kept. */
static void forget_surplus(struct shelf *s) {
    uint32_t ahead = 0;
    for (uint32_t i = 0; i < SHELF_ITEMS; i++)
        ahead += s->items[i].state == SHELF_WANTED && s->items[i].waiters == 0;
    if (ahead > SHELF_AHEAD)
        set_state(s, oldest(s, SHELF_WANTED), SHELF_FREE);
}

enum shelf_answer shelf_ask(struct shelf *s, struct shelf_key key, uint32_t cost_us, uint64_t token,
                            struct instant now, uint32_t *item) {
    uint32_t i = find(s, key);
    *item = i;
    if (i != SHELF_NONE && s->items[i].state == SHELF_READY) {
        s->items[i].order = ++s->clock;
        s->counters.hits++;
        return SHELF_HAVE;
    }
    if (i == SHELF_NONE)
        i = add(s, key, cost_us);
    else if (s->items[i].state == SHELF_WANTED && s->items[i].waiters == 0)
        s->items[i].order = ++s->clock; /* until now it was only expected */
    if (i == SHELF_NONE || s->waiter_count == SHELF_WAITERS ||
        foreseen_us(s, i, now) > INT64_C(1000) * SHELF_WAIT_MS) {
        s->counters.refused++;
        forget_surplus(s);
        return SHELF_NO;
    }
    s->waiters[s->waiter_count++] = (struct shelf_waiter){
        .token = token, .item = i, .until = instant_add(now, duration_ms(SHELF_WAIT_MS))};
    s->items[i].waiters++;
    return SHELF_WAIT;
}

bool shelf_knows(struct shelf *s, struct shelf_key key) {
    return find(s, key) != SHELF_NONE;
}

bool shelf_expect(struct shelf *s, struct shelf_key key, uint32_t cost_us) {
    if (find(s, key) != SHELF_NONE)
        return false;
    add(s, key, cost_us);
    forget_surplus(s);
    return true;
}

void shelf_forget(struct shelf *s, struct shelf_key key) {
    uint32_t i = find(s, key);
    if (i != SHELF_NONE && s->items[i].state == SHELF_WANTED && s->items[i].waiters == 0)
        set_state(s, i, SHELF_FREE);
}

static void remove_waiter(struct shelf *s, uint32_t index) {
    s->items[s->waiters[index].item].waiters--;
    s->waiter_count--;
    memmove(&s->waiters[index], &s->waiters[index + 1],
            (s->waiter_count - index) * sizeof(s->waiters[0]));
}

void shelf_leave(struct shelf *s, uint64_t token) {
    for (uint32_t i = 0; i < s->waiter_count; i++)
        if (s->waiters[i].token == token) {
            remove_waiter(s, i);
            return;
        }
}

/* ---- making ---------------------------------------------------------------------------------- */

void shelf_maker_here(struct shelf *s, uint32_t maker) {
    assert(maker < SHELF_MAKERS && s->makers[maker].item == SHELF_NONE);
    s->makers[maker].here = true;
}

void shelf_maker_gone(struct shelf *s, uint32_t maker) {
    assert(maker < SHELF_MAKERS);
    if (s->makers[maker].item != SHELF_NONE)
        shelf_made(s, maker, false, 0);
    s->makers[maker].here = false;
}

uint32_t shelf_idle(const struct shelf *s) {
    for (uint32_t i = 0; i < SHELF_MAKERS; i++)
        if (s->makers[i].here && s->makers[i].item == SHELF_NONE)
            return i;
    return SHELF_NONE;
}

uint32_t shelf_busy(const struct shelf *s) {
    uint32_t busy = 0;
    for (uint32_t i = 0; i < SHELF_MAKERS; i++)
        busy += s->makers[i].here && s->makers[i].item != SHELF_NONE;
    return busy;
}

static uint32_t most_urgent(const struct shelf *s) {
    uint32_t best = SHELF_NONE;
    for (uint32_t i = 0; i < SHELF_ITEMS; i++) {
        const struct shelf_item *item = &s->items[i];
        if (item->state != SHELF_WANTED)
            continue;
        bool asked = item->waiters > 0, other = best != SHELF_NONE && s->items[best].waiters > 0;
        if (best == SHELF_NONE || asked > other ||
            (asked == other && item->order < s->items[best].order))
            best = i;
    }
    return best;
}

bool shelf_assign(struct shelf *s, struct instant now, uint32_t *maker, uint32_t *item) {
    uint32_t idle = makers_here(s, true), i = idle > 0 ? most_urgent(s) : SHELF_NONE;
    if (i == SHELF_NONE || (s->items[i].waiters == 0 && idle == 1 && makers_here(s, false) > 1))
        return false;
    *maker = shelf_idle(s);
    set_state(s, i, SHELF_MAKING);
    s->makers[*maker].item = *item = i;
    s->makers[*maker].since = now;
    return true;
}

uint32_t shelf_made(struct shelf *s, uint32_t maker, bool ok, uint64_t bytes) {
    uint32_t i = s->makers[maker].item;
    assert(i != SHELF_NONE);
    s->makers[maker].item = SHELF_NONE;
    if (!ok) {
        s->counters.failed++;
        set_state(s, i, SHELF_FREE);
        return i;
    }
    s->counters.made++;
    s->counters.ahead += s->items[i].waiters == 0;
    set_state(s, i, SHELF_READY);
    s->items[i].bytes = bytes;
    s->items[i].order = ++s->clock;
    s->bytes += bytes;
    return i;
}

/* ---- what follows ---------------------------------------------------------------------------- */

bool shelf_drop(struct shelf *s, uint32_t *item) {
    if (s->bytes <= s->bytes_max && free_place(s) != SHELF_NONE)
        return false;
    *item = oldest(s, SHELF_READY);
    if (*item == SHELF_NONE)
        return false;
    s->counters.dropped++;
    set_state(s, *item, SHELF_FREE);
    return true;
}

bool shelf_answered(struct shelf *s, struct instant now, uint64_t *token, uint32_t *item) {
    for (uint32_t i = 0; i < s->waiter_count; i++) {
        struct shelf_waiter w = s->waiters[i];
        enum shelf_state state = s->items[w.item].state;
        bool over = instant_reached(now, w.until);
        if (!over && !s->news)
            return false; /* they wait in the order of asking */
        if (!over && state != SHELF_READY && state != SHELF_FREE)
            continue;
        *token = w.token;
        *item = state == SHELF_READY ? w.item : SHELF_NONE;
        s->counters.waited += state == SHELF_READY;
        s->counters.refused += state != SHELF_READY;
        remove_waiter(s, i);
        return true;
    }
    s->news = false;
    return false;
}

bool shelf_overdue(const struct shelf *s, struct instant now, uint32_t *maker) {
    for (*maker = 0; *maker < SHELF_MAKERS; ++*maker) {
        const struct shelf_maker *m = &s->makers[*maker];
        if (m->here && m->item != SHELF_NONE &&
            instant_reached(now, instant_add(m->since, duration_ms(SHELF_MAKE_MS))))
            return true;
    }
    return false;
}

struct instant shelf_deadline(const struct shelf *s) {
    struct instant due = s->waiter_count > 0 ? s->waiters[0].until : INSTANT_NEVER;
    for (uint32_t i = 0; i < SHELF_MAKERS; i++)
        if (s->makers[i].here && s->makers[i].item != SHELF_NONE)
            due = instant_min(due, instant_add(s->makers[i].since, duration_ms(SHELF_MAKE_MS)));
    return due;
}

void shelf_check_invariants(const struct shelf *s) {
    uint64_t bytes = 0, waiters = 0, making = 0;
    for (uint32_t i = 0; i < SHELF_ITEMS; i++) {
        bytes += s->items[i].bytes;
        waiters += s->items[i].waiters;
        making += s->items[i].state == SHELF_MAKING;
        assert(s->items[i].state == SHELF_READY || s->items[i].bytes == 0);
    }
    assert(bytes == s->bytes && waiters == s->waiter_count);
    for (uint32_t i = 0; i < SHELF_MAKERS; i++) {
        if (s->makers[i].item == SHELF_NONE)
            continue;
        assert(s->makers[i].here && s->items[s->makers[i].item].state == SHELF_MAKING);
        making--;
        for (uint32_t j = 0; j < i; j++)
            assert(s->makers[j].item != s->makers[i].item);
    }
    assert(making == 0);
}
