#include "transcoder/timeline/tenure_inner.h"

#include "peerd/base/fetch.h"

#include <assert.h>
#include <string.h>

#define EMPTY TENURE_SLOT_NONE

uint32_t tenure_index_count(uint32_t capacity) {
    uint32_t count = 8;
    while (count < 2 * capacity)
        count *= 2;
    return count;
}

/* Ids are random, and only a cluster that policy trusts can choose them: mixing is enough. */
static uint32_t home(const struct tenure *t, const struct session_id *id) {
    uint64_t h = 0;
    memcpy(&h, id->bytes, sizeof(h));
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32) & (t->index_count - 1);
}

/* Where the id stands in the index, or the empty place where it would. */
static uint32_t seek(const struct tenure *t, const struct session_id *id) {
    uint32_t place = home(t, id);
    while (t->index[place] != EMPTY && !session_id_equal(&t->sessions[t->index[place]].id, id))
        place = (place + 1) & (t->index_count - 1);
    return place;
}

void tenure_foresee(const struct tenure *t, const struct session_id *id) {
    if (t->index_count > 0)
        fetch(&t->index[home(t, id)], 8);
}

uint32_t tenure_foreseen(const struct tenure *t, const struct session_id *id) {
    uint32_t slot = t->index_count == 0 ? EMPTY : t->index[home(t, id)];
    if (slot != EMPTY)
        fetch(&t->sessions[slot], sizeof(t->sessions[0]));
    return slot;
}

void tenure_table_init(struct tenure *t) {
    for (uint32_t i = 0; i < t->index_count; i++)
        t->index[i] = EMPTY;
    for (uint32_t i = 0; i < t->capacity; i++) {
        bool last = i + 1 == t->capacity;
        t->sessions[i] = (struct tenure_session){.state = TENURE_FREE,
                                                 .next_free = last ? TENURE_SLOT_NONE : i + 1};
    }
    t->first_free = t->capacity == 0 ? TENURE_SLOT_NONE : 0;
    t->counts[TENURE_FREE] = t->capacity;
}

bool tenure_is_full(const struct tenure *t) {
    return t->first_free == TENURE_SLOT_NONE;
}

void tenure_grow(struct tenure *t, struct tenure_session *sessions, struct due_entry *due,
                 uint32_t *index, uint32_t capacity) {
    uint32_t before = t->capacity;
    assert(capacity >= before);
    t->sessions = sessions;
    t->index = index;
    t->index_count = tenure_index_count(capacity);
    t->capacity = capacity;
    due_grow(&t->due, due, capacity);
    for (uint32_t i = capacity; i-- > before;) {
        sessions[i] = (struct tenure_session){.state = TENURE_FREE, .next_free = t->first_free};
        t->first_free = i;
    }
    t->counts[TENURE_FREE] += capacity - before;
    for (uint32_t i = 0; i < t->index_count; i++)
        index[i] = EMPTY;
    for (uint32_t i = 0; i < before; i++)
        if (sessions[i].state != TENURE_FREE)
            index[seek(t, &sessions[i].id)] = i;
}

uint32_t tenure_find(const struct tenure *t, const struct session_id *id) {
    return t->index[seek(t, id)];
}

/* The tombstone that would be forgotten first: only a full table pays for the search. */
static uint32_t oldest_tombstone(const struct tenure *t) {
    uint32_t oldest = TENURE_SLOT_NONE;
    for (uint32_t i = 0; i < t->capacity && t->counts[TENURE_ENDED] > 0; i++) {
        if (t->sessions[i].state != TENURE_ENDED)
            continue;
        if (oldest == TENURE_SLOT_NONE ||
            instant_before(t->sessions[i].lease, t->sessions[oldest].lease))
            oldest = i;
    }
    return oldest;
}

uint32_t tenure_table_add(struct tenure *t, const struct session_id *id) {
    if (t->first_free == TENURE_SLOT_NONE) {
        uint32_t oldest = oldest_tombstone(t);
        if (oldest == TENURE_SLOT_NONE)
            return TENURE_SLOT_NONE;
        tenure_table_remove(t, oldest);
    }
    uint32_t slot = t->first_free;
    struct tenure_session *s = &t->sessions[slot];
    t->first_free = s->next_free;
    s->id = *id;
    uint32_t place = seek(t, id);
    assert(t->index[place] == EMPTY);
    t->index[place] = slot;
    return slot;
}

/* Closes the hole that a removal leaves in a run of the index, so that no run is ever cut. */
static void close_hole(struct tenure *t, uint32_t hole) {
    uint32_t mask = t->index_count - 1;
    for (uint32_t at = (hole + 1) & mask; t->index[at] != EMPTY; at = (at + 1) & mask) {
        uint32_t wanted = home(t, &t->sessions[t->index[at]].id);
        if (((at - wanted) & mask) < ((at - hole) & mask))
            continue; /* it stands between its home and here: the hole is no use to it */
        t->index[hole] = t->index[at];
        t->index[at] = EMPTY;
        hole = at;
    }
}

void tenure_table_remove(struct tenure *t, uint32_t slot) {
    struct tenure_session *s = &t->sessions[slot];
    uint32_t place = seek(t, &s->id);
    assert(t->index[place] == slot);
    t->index[place] = EMPTY;
    close_hole(t, place);
    due_set(&t->due, slot, INSTANT_NEVER);
    t->counts[s->state]--;
    t->counts[TENURE_FREE]++;
    *s = (struct tenure_session){.state = TENURE_FREE, .next_free = t->first_free};
    t->first_free = slot;
}

void tenure_table_check_invariants(const struct tenure *t) {
    uint32_t counts[TENURE_ENDED + 1] = {0};
    for (uint32_t i = 0; i < t->capacity; i++) {
        const struct tenure_session *s = &t->sessions[i];
        counts[s->state]++;
        assert(s->state == TENURE_FREE || tenure_find(t, &s->id) == i);
    }
    uint32_t indexed = 0;
    for (uint32_t i = 0; i < t->index_count; i++)
        indexed += t->index[i] != EMPTY;
    assert(indexed == t->capacity - counts[TENURE_FREE]);
    for (int s = 0; s <= TENURE_ENDED; s++)
        assert(counts[s] == t->counts[s]);
}
