/*
 * Due: a bounded set of numbered things, each with at most one deadline that may be moved.
 *
 * An indexed binary heap: setting, moving and clearing cost a logarithm, the earliest is at hand.
 * Equal instants come out in rising order of their number. (peerd/base/heap.h has no way to move an
 * entry.) A worker keeps the pace of all its sessions in one, tenure keeps their leases in another.
 */
#ifndef TRANSCODER_TIMELINE_DUE_H
#define TRANSCODER_TIMELINE_DUE_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

/* Two things in one: what is compared lies together, so that the way through a large heap leads
 * through neighbours, and not at each step to somebody's entry far away. */
struct due_entry {
    struct instant at; /* heap: of the thing at this place */
    uint32_t order;    /* heap: its number */
    uint32_t place;    /* where in the heap the thing with this number stands; UINT32_MAX nowhere */
};

struct due {
    struct due_entry *entries; /* caller-owned, `capacity` of them */
    uint32_t capacity;
    uint32_t count; /* things that have a deadline */
};

void due_init(struct due *d, struct due_entry *storage, uint32_t capacity);

/* Goes on in larger storage, whose first entries hold what the old one held; `capacity` does not
 * shrink. */
void due_grow(struct due *d, struct due_entry *storage, uint32_t capacity);

/* Sets, moves or (with "never") clears the deadline of thing `index` < capacity. */
void due_set(struct due *d, uint32_t index, struct instant at);

/* The deadline of thing `index`; "never" if it has none. */
struct instant due_at(const struct due *d, uint32_t index);

/* "never" if nothing is due at all. */
struct instant due_first(const struct due *d);

/* The number of the earliest thing if `now` has reached its deadline; it stays until it is set
 * again. */
bool due_reached(const struct due *d, struct instant now, uint32_t *index);

/* The number of what stands at a place of the heap, UINT32_MAX if nothing does: the first is at
 * place 0, the next two are in any order among places 1 to 6, and so on. For who would prepare. */
uint32_t due_soon(const struct due *d, uint32_t place);

void due_check_invariants(const struct due *d);

#endif
