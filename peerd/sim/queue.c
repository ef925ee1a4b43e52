#include "peerd/sim/queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_BITS   22 /* four million events before the horizon */
#define SLOTS_FIRST 4096
#define BIN_FIRST   16
#define BINS_FIRST  64

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

void *sim_copy(const void *from, size_t count, size_t size) {
    return count == 0 ? NULL : memcpy(sim_alloc(count, size), from, count * size);
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

/* ---- front ----------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct heap_entry *e) {
    return (uint32_t)(e->key & ((1U << SLOT_BITS) - 1));
}

static bool is_earlier(const struct heap_entry *a, const struct heap_entry *b) {
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->key < b->key;
}

/* Its place in front, if it has one: who is last there gives way. */
static void put_in_front(struct sim_queue *q, const struct heap_entry *e) {
    uint32_t i = q->front_count;
    if (i == SIM_FRONT) {
        i--;
        bool pushed = heap_push(&q->heap, q->front[i].at, q->front[i].key);
        assert(pushed);
    }
    q->front_count = i + 1;
    for (; i > 0 && is_earlier(e, &q->front[i - 1]); i--)
        q->front[i] = q->front[i - 1];
    q->front[i] = *e;
}

/* ---- near ------------------------------------------------------------------------------------ */

static void put_near(struct sim_queue *q, struct instant at, uint64_t order,
                     const struct sim_event *event) {
    if (q->free_count == 0)
        grow(q);
    uint32_t slot = q->free_slots[--q->free_count];
    q->events[slot] = *event;
    const struct heap_entry e = {at, order << SLOT_BITS | slot};
    if (q->front_count > 0 && is_earlier(&e, &q->front[q->front_count - 1])) {
        put_in_front(q, &e);
        return;
    }
    bool pushed = heap_push(&q->heap, e.at, e.key);
    assert(pushed);
}

/* ---- far ------------------------------------------------------------------------------------- */

static uint64_t widths_to(struct instant at) {
    return at.us < 0 ? 0 : (uint64_t)at.us / SIM_BIN_US;
}

static uint64_t bin_of(const struct sim_queue *q, struct instant at) {
    uint64_t widths = widths_to(at);
    return widths < q->base ? 0 : widths - q->base;
}

static void more_bins(struct sim_queue *q, uint32_t needed) {
    uint32_t count = needed + needed / 2;
    q->bins = sim_grow(q->bins, count, sizeof(*q->bins));
    for (uint32_t i = q->bin_count; i < count; i++)
        q->bins[i] = (struct sim_bin){0};
    q->bin_count = count;
}

static void put_far(struct sim_queue *q, uint32_t number, const struct sim_far *far) {
    if (number >= q->bin_count)
        more_bins(q, number + 1);
    struct sim_bin *bin = &q->bins[number];
    if (bin->count == bin->room) {
        bin->room = bin->room == 0 ? BIN_FIRST : bin->room * 2;
        bin->events = sim_grow(bin->events, bin->room, sizeof(*bin->events));
    }
    bin->events[bin->count++] = *far;
    q->far_count++;
}

static void empty_bin(struct sim_queue *q, struct sim_bin *bin) {
    for (uint32_t i = 0; i < bin->count; i++)
        put_near(q, bin->events[i].at, bin->events[i].order, &bin->events[i].event);
    q->far_count -= bin->count;
    free(bin->events);
    *bin = (struct sim_bin){0};
}

/* True if a bin may hold what is earlier than some of those in front, or than all others. */
static bool is_behind(const struct sim_queue *q) {
    if (q->far_count == 0)
        return false;
    if (q->front_count > 0 && bin_of(q, q->front[q->front_count - 1].at) >= q->next_bin)
        return true;
    const struct heap_entry *first = heap_peek(&q->heap);
    return q->front_count < SIM_FRONT && (first == NULL || bin_of(q, first->at) >= q->next_bin);
}

/* Moves the horizon until those who come next are before it. */
static void look_ahead(struct sim_queue *q) {
    while (is_behind(q))
        empty_bin(q, &q->bins[q->next_bin++]);
}

static void fill_front(struct sim_queue *q) {
    for (;;) {
        look_ahead(q);
        if (q->front_count == SIM_FRONT || q->heap.count == 0)
            return;
        struct heap_entry *e = &q->front[q->front_count++];
        heap_pop(&q->heap, e);
        __builtin_prefetch(&q->events[slot_of(e)]);
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

void sim_queue_put(struct sim_queue *q, struct instant at, const struct sim_event *event) {
    assert(!instant_is_never(at));
    if (q->bin_count == 0) {
        q->base = widths_to(at);
        more_bins(q, BINS_FIRST);
    }
    uint64_t order = q->order++, bin = bin_of(q, at);
    if (bin < q->next_bin || bin >= SIM_BINS)
        put_near(q, at, order, event);
    else
        put_far(q, (uint32_t)bin, &(struct sim_far){at, order, *event});
    fill_front(q);
}

struct instant sim_queue_first(const struct sim_queue *q) {
    return q->front_count == 0 ? INSTANT_NEVER : q->front[0].at;
}

const struct sim_event *sim_queue_soon(const struct sim_queue *q, uint32_t n) {
    return n < q->front_count ? &q->events[slot_of(&q->front[n])] : NULL;
}

bool sim_queue_take(struct sim_queue *q, struct sim_event *out) {
    if (q->front_count == 0)
        return false;
    uint32_t slot = slot_of(&q->front[0]);
    *out = q->events[slot];
    q->free_slots[q->free_count++] = slot;
    memmove(&q->front[0], &q->front[1], --q->front_count * sizeof(q->front[0]));
    fill_front(q);
    return true;
}

void sim_queue_free(struct sim_queue *q) {
    assert(q->front_count == 0 && q->heap.count == 0 && q->far_count == 0);
    free(q->bins);
    free(q->events);
    free(q->free_slots);
    free(q->heap.entries);
}
