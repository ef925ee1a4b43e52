#include "test/lib/wan/held.h"

#include <stdlib.h>
#include <string.h>

bool held_init(struct held *h) {
    *h = (struct held){.packets = calloc(HELD_MAX, sizeof(*h->packets)),
                       .heap = calloc(HELD_MAX, sizeof(*h->heap)),
                       .spare = calloc(HELD_MAX, sizeof(*h->spare))};
    if (h->packets != NULL && h->heap != NULL && h->spare != NULL)
        return true;
    held_free(h);
    return false;
}

void held_free(struct held *h) {
    free(h->packets);
    free(h->heap);
    free(h->spare);
    *h = (struct held){0};
}

static bool sooner(const struct held *h, uint32_t a, uint32_t b) {
    const struct held_packet *x = &h->packets[a], *y = &h->packets[b];
    return instant_before(x->due, y->due) || (x->due.us == y->due.us && x->order < y->order);
}

static void swap(struct held *h, uint32_t i, uint32_t k) {
    uint32_t x = h->heap[i];
    h->heap[i] = h->heap[k];
    h->heap[k] = x;
}

static void rise(struct held *h, uint32_t i) {
    for (; i > 0 && sooner(h, h->heap[i], h->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(h, i, (i - 1) / 2);
}

static void sink(struct held *h, uint32_t i) {
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= h->count)
            return;
        if (child + 1 < h->count && sooner(h, h->heap[child + 1], h->heap[child]))
            child++;
        if (!sooner(h, h->heap[child], h->heap[i]))
            return;
        swap(h, i, child);
        i = child;
    }
}

bool held_put(struct held *h, uint16_t from, uint16_t to, const void *data, size_t bytes,
              struct instant due) {
    if (bytes > HELD_BYTES_MAX || (h->spare_count == 0 && h->used == HELD_MAX))
        return false;
    uint32_t index = h->spare_count > 0 ? h->spare[--h->spare_count] : h->used++;
    struct held_packet *p = &h->packets[index];
    p->due = due;
    p->order = h->order++;
    p->from = from;
    p->to = to;
    p->bytes = (uint16_t)bytes;
    memcpy(p->data, data, bytes);
    h->heap[h->count] = index;
    rise(h, h->count++);
    return true;
}

struct instant held_next(const struct held *h) {
    return h->count > 0 ? h->packets[h->heap[0]].due : INSTANT_NEVER;
}

const struct held_packet *held_take(struct held *h, struct instant now) {
    if (!instant_reached(now, held_next(h)))
        return NULL;
    uint32_t index = h->heap[0];
    h->heap[0] = h->heap[--h->count];
    sink(h, 0);
    h->spare[h->spare_count++] = index;
    return &h->packets[index];
}
