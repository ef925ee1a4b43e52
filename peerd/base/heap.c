#include "peerd/base/heap.h"

#define CHILDREN                                                                                   \
    4 /* they share a cache line: half as deep as with two, and little more to compare */

void heap_init(struct heap *h, struct heap_entry *storage, size_t capacity) {
    *h = (struct heap){.entries = storage, .capacity = capacity};
}

static bool earlier(const struct heap_entry *a, const struct heap_entry *b) {
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->key < b->key;
}

bool heap_push(struct heap *h, struct instant at, uint64_t key) {
    if (h->count == h->capacity)
        return false;
    const struct heap_entry e = {at, key};
    size_t i = h->count++;
    for (; i > 0 && earlier(&e, &h->entries[(i - 1) / CHILDREN]); i = (i - 1) / CHILDREN)
        h->entries[i] = h->entries[(i - 1) / CHILDREN];
    h->entries[i] = e;
    return true;
}

const struct heap_entry *heap_peek(const struct heap *h) {
    return h->count == 0 ? NULL : &h->entries[0];
}

static size_t earliest_child(const struct heap *h, size_t first) {
    size_t end = first + CHILDREN < h->count ? first + CHILDREN : h->count, least = first;
    for (size_t child = first + 1; child < end; child++)
        if (earlier(&h->entries[child], &h->entries[least]))
            least = child;
    return least;
}

/* Finds the place of an entry from the top down, where there is a hole. */
static void sink(struct heap *h, struct heap_entry e) {
    size_t i = 0;
    for (size_t first = 1; first < h->count; first = CHILDREN * i + 1) {
        size_t child = earliest_child(h, first);
        if (!earlier(&h->entries[child], &e))
            break;
        h->entries[i] = h->entries[child];
        i = child;
    }
    h->entries[i] = e;
}

bool heap_pop(struct heap *h, struct heap_entry *out) {
    if (h->count == 0)
        return false;
    *out = h->entries[0];
    if (--h->count > 0)
        sink(h, h->entries[h->count]);
    return true;
}
