#include "transcoder/timeline/due.h"

#include <assert.h>

#define NOWHERE UINT32_MAX

void due_init(struct due *d, struct due_entry *storage, uint32_t capacity) {
    *d = (struct due){.entries = storage, .capacity = capacity};
    for (uint32_t i = 0; i < capacity; i++)
        storage[i] = (struct due_entry){.at = INSTANT_NEVER, .place = NOWHERE};
}

void due_grow(struct due *d, struct due_entry *storage, uint32_t capacity) {
    assert(capacity >= d->capacity);
    d->entries = storage;
    for (uint32_t i = d->capacity; i < capacity; i++)
        storage[i] = (struct due_entry){.at = INSTANT_NEVER, .place = NOWHERE};
    d->capacity = capacity;
}

/* Numbered order: 1. earlier instant, 2. smaller number. */
static bool precedes(const struct due *d, uint32_t a, uint32_t b) {
    int64_t at_a = d->entries[a].at.us;
    int64_t at_b = d->entries[b].at.us;
    return at_a != at_b ? at_a < at_b : a < b;
}

static void put(struct due *d, uint32_t place, uint32_t index) {
    d->entries[place].order = index;
    d->entries[index].place = place;
}

static void rise(struct due *d, uint32_t place) {
    uint32_t index = d->entries[place].order;
    while (place > 0) {
        uint32_t above = (place - 1) / 2;
        if (!precedes(d, index, d->entries[above].order))
            break;
        put(d, place, d->entries[above].order);
        place = above;
    }
    put(d, place, index);
}

static void sink(struct due *d, uint32_t place) {
    uint32_t index = d->entries[place].order;
    for (;;) {
        uint32_t below = 2 * place + 1;
        if (below >= d->count)
            break;
        if (below + 1 < d->count &&
            precedes(d, d->entries[below + 1].order, d->entries[below].order))
            below++;
        if (!precedes(d, d->entries[below].order, index))
            break;
        put(d, place, d->entries[below].order);
        place = below;
    }
    put(d, place, index);
}

static void remove_at(struct due *d, uint32_t place) {
    d->entries[d->entries[place].order].place = NOWHERE;
    d->count--;
    if (place == d->count)
        return;
    put(d, place, d->entries[d->count].order);
    uint32_t moved = d->entries[place].order;
    rise(d, place);
    sink(d, d->entries[moved].place);
}

void due_set(struct due *d, uint32_t index, struct instant at) {
    assert(index < d->capacity);
    struct due_entry *e = &d->entries[index];
    if (instant_is_never(at)) {
        if (e->place != NOWHERE)
            remove_at(d, e->place);
        e->at = at;
        return;
    }
    e->at = at;
    if (e->place == NOWHERE)
        put(d, d->count++, index);
    rise(d, e->place);
    sink(d, e->place);
}

struct instant due_first(const struct due *d) {
    return d->count == 0 ? INSTANT_NEVER : d->entries[d->entries[0].order].at;
}

bool due_reached(const struct due *d, struct instant now, uint32_t *index) {
    if (!instant_reached(now, due_first(d)))
        return false;
    *index = d->entries[0].order;
    return true;
}

void due_check_invariants(const struct due *d) {
    uint32_t placed = 0;
    for (uint32_t i = 0; i < d->capacity; i++) {
        uint32_t place = d->entries[i].place;
        assert((place == NOWHERE) == instant_is_never(d->entries[i].at));
        if (place == NOWHERE)
            continue;
        placed++;
        assert(place < d->count && d->entries[place].order == i);
        assert(place == 0 || precedes(d, d->entries[(place - 1) / 2].order, i));
    }
    assert(placed == d->count);
}
