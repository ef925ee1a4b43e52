#include "transcoder/timeline/due.h"

#include "peerd/base/fetch.h"

#include <assert.h>

#define NOWHERE UINT32_MAX

void due_init(struct due *d, struct due_entry *storage, uint32_t capacity) {
    *d = (struct due){.entries = storage};
    due_grow(d, storage, capacity);
}

void due_grow(struct due *d, struct due_entry *storage, uint32_t capacity) {
    assert(capacity >= d->capacity);
    d->entries = storage;
    for (uint32_t i = d->capacity; i < capacity; i++)
        storage[i] = (struct due_entry){.at = INSTANT_NEVER, .place = NOWHERE};
    d->capacity = capacity;
}

/* What stands at a place of the heap. */
struct standing {
    int64_t at_us;
    uint32_t index;
};

static struct standing standing_at(const struct due *d, uint32_t place) {
    return (struct standing){d->entries[place].at.us, d->entries[place].order};
}

/* Numbered order: 1. earlier instant, 2. smaller number. */
static bool precedes(struct standing a, struct standing b) {
    return a.at_us != b.at_us ? a.at_us < b.at_us : a.index < b.index;
}

static void put(struct due *d, uint32_t place, struct standing s) {
    d->entries[place].at.us = s.at_us;
    d->entries[place].order = s.index;
    d->entries[s.index].place = place;
}

/* Finds the place of what is not standing anywhere, upwards from a place that is free. */
static uint32_t rise(struct due *d, uint32_t place, struct standing s) {
    while (place > 0) {
        uint32_t above = (place - 1) / 2;
        struct standing other = standing_at(d, above);
        if (!precedes(s, other))
            break;
        put(d, place, other);
        place = above;
    }
    return place;
}

/* And downwards. */
static uint32_t sink(struct due *d, uint32_t place, struct standing s) {
    for (uint32_t below = 2 * place + 1; below < d->count; below = 2 * place + 1) {
        struct standing other = standing_at(d, below);
        if (2 * below + 1 < d->count) /* the next two steps' places lie together, mostly */
            fetch(&d->entries[2 * below + 1], 4 * sizeof(d->entries[0]));
        if (below + 1 < d->count && precedes(standing_at(d, below + 1), other))
            other = standing_at(d, ++below);
        if (!precedes(other, s))
            break;
        put(d, place, other);
        place = below;
    }
    return place;
}

static void settle(struct due *d, uint32_t place, struct standing s) {
    place = rise(d, place, s);
    put(d, sink(d, place, s), s);
}

static void remove_at(struct due *d, uint32_t place) {
    d->entries[d->entries[place].order].place = NOWHERE;
    struct standing last = standing_at(d, --d->count);
    d->entries[d->count].at = INSTANT_NEVER;
    if (place < d->count)
        settle(d, place, last);
}

void due_set(struct due *d, uint32_t index, struct instant at) {
    assert(index < d->capacity);
    uint32_t place = d->entries[index].place;
    if (!instant_is_never(at))
        settle(d, place == NOWHERE ? d->count++ : place, (struct standing){at.us, index});
    else if (place != NOWHERE)
        remove_at(d, place);
}

struct instant due_at(const struct due *d, uint32_t index) {
    uint32_t place = d->entries[index].place;
    return place == NOWHERE ? INSTANT_NEVER : d->entries[place].at;
}

struct instant due_first(const struct due *d) {
    return d->count == 0 ? INSTANT_NEVER : d->entries[0].at;
}

bool due_reached(const struct due *d, struct instant now, uint32_t *index) {
    if (!instant_reached(now, due_first(d)))
        return false;
    *index = d->entries[0].order;
    return true;
}

uint32_t due_soon(const struct due *d, uint32_t place) {
    return place < d->count ? d->entries[place].order : NOWHERE;
}

void due_check_invariants(const struct due *d) {
    uint32_t placed = 0;
    for (uint32_t i = 0; i < d->capacity; i++) {
        uint32_t place = d->entries[i].place;
        if (place == NOWHERE)
            continue;
        placed++;
        assert(place < d->count && d->entries[place].order == i);
        assert(!instant_is_never(d->entries[place].at));
        assert(place == 0 || !precedes(standing_at(d, place), standing_at(d, (place - 1) / 2)));
    }
    assert(placed == d->count);
}
