#include "peerd/base/heap.h"

void heap_init(struct heap *h, struct heap_entry *storage, size_t capacity) {
    *h = (struct heap){.entries = storage, .capacity = capacity};
}

static bool earlier(const struct heap_entry *a, const struct heap_entry *b) {
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->key < b->key;
}

static void swap(struct heap_entry *a, struct heap_entry *b) {
    struct heap_entry held = *a;
    *a = *b;
    *b = held;
}

bool heap_push(struct heap *h, struct instant at, uint64_t key) {
    if (h->count == h->capacity)
        return false;
    size_t i = h->count++;
    h->entries[i] = (struct heap_entry){at, key};
    for (; i > 0 && earlier(&h->entries[i], &h->entries[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&h->entries[i], &h->entries[(i - 1) / 2]);
    return true;
}

const struct heap_entry *heap_peek(const struct heap *h) {
    return h->count == 0 ? NULL : &h->entries[0];
}

static void sink(struct heap *h) {
    size_t i = 0;
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->count; child++)
            if (earlier(&h->entries[child], &h->entries[least]))
                least = child;
        if (least == i)
            return;
        swap(&h->entries[i], &h->entries[least]);
        i = least;
    }
}

bool heap_pop(struct heap *h, struct heap_entry *out) {
    if (h->count == 0)
        return false;
    *out = h->entries[0];
    h->entries[0] = h->entries[--h->count];
    sink(h);
    return true;
}
