/*
 * A bounded heap of deadlines: who wants to be woken next.
 *
 * Entries are (instant, key); equal instants come out in the order of their keys, so that the order
 * never depends on a pointer or on history. The caller owns the storage and its size is the
 * configured maximum; a full heap refuses.
 */
#ifndef PEERD_BASE_HEAP_H
#define PEERD_BASE_HEAP_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    struct instant at; /* when */
    uint64_t key;      /* who; ties are served in rising order of it */
};

struct heap {
    struct heap_entry *entries; /* caller-owned */
    size_t count;               /* entries in use */
    size_t capacity;            /* entries there is room for */
};

void heap_init(struct heap *h, struct heap_entry *storage, size_t capacity);

/* False when full: the caller says what that means. */
bool heap_push(struct heap *h, struct instant at, uint64_t key);

/* The earliest entry without removing it; NULL when empty. */
const struct heap_entry *heap_peek(const struct heap *h);

/* Removes the earliest entry; false when empty. */
bool heap_pop(struct heap *h, struct heap_entry *out);

#endif
