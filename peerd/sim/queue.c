#include "peerd/sim/queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOT_BITS   22 /* four million events under way at once */
#define SLOTS_FIRST 4096

static void *must(void *p) {
    if (p == NULL) {
        fprintf(stderr, "peersim: out of memory\n");
        exit(1);
    }
    return p;
}

void *sim_alloc(size_t count, size_t size) {
    return must(calloc(count == 0 ? 1 : count, size));
}

void *sim_grow(void *old, size_t count, size_t size) {
    return must(realloc(old, (count == 0 ? 1 : count) * size));
}

static void grow(struct sim_queue *q) {
    uint32_t count = q->slot_count == 0 ? SLOTS_FIRST : q->slot_count * 2;
    if (count > 1U << SLOT_BITS) {
        fprintf(stderr, "peersim: more than %u events under way\n", 1U << SLOT_BITS);
        exit(1);
    }
    q->events = sim_grow(q->events, count, sizeof(*q->events));
    q->free_slots = sim_grow(q->free_slots, count, sizeof(*q->free_slots));
    q->heap.entries = sim_grow(q->heap.entries, count, sizeof(*q->heap.entries));
    q->heap.capacity = count;
    for (uint32_t slot = count; slot-- > q->slot_count;)
        q->free_slots[q->free_count++] = slot;
    q->slot_count = count;
}

void sim_queue_init(struct sim_queue *q) {
    *q = (struct sim_queue){.order = 1};
    grow(q);
}

void sim_queue_put(struct sim_queue *q, struct instant at, const struct sim_event *event) {
    if (q->free_count == 0)
        grow(q);
    uint32_t slot = q->free_slots[--q->free_count];
    q->events[slot] = *event;
    bool pushed = heap_push(&q->heap, at, q->order++ << SLOT_BITS | slot);
    assert(pushed && !instant_is_never(at));
}

struct instant sim_queue_first(const struct sim_queue *q) {
    const struct heap_entry *first = heap_peek(&q->heap);
    return first == NULL ? INSTANT_NEVER : first->at;
}

bool sim_queue_take(struct sim_queue *q, struct sim_event *out) {
    struct heap_entry entry;
    if (!heap_pop(&q->heap, &entry))
        return false;
    uint32_t slot = (uint32_t)(entry.key & ((1U << SLOT_BITS) - 1));
    *out = q->events[slot];
    q->free_slots[q->free_count++] = slot;
    return true;
}

void sim_queue_free(struct sim_queue *q) {
    assert(q->heap.count == 0);
    free(q->events);
    free(q->free_slots);
    free(q->heap.entries);
}
