/*
 * An intrusive list: an element is on it by a link of its own, and leaves it in constant time.
 */
#ifndef PEERD_CORE_LIST_H
#define PEERD_CORE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link {
    struct link *next; /* NULL while on no list */
    struct link *prev;
};

struct list {
    struct link head; /* of the ring */
    uint32_t count;
};

/* The element that holds a link. */
#define LIST_ELEMENT(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *l) {
    l->head.next = l->head.prev = &l->head;
    l->count = 0;
}

static inline bool list_holds_any(const struct list *l) {
    return l->count > 0;
}

static inline bool link_is_on(const struct link *e) {
    return e->next != NULL;
}

static inline void list_append(struct list *l, struct link *e) {
    assert(!link_is_on(e));
    e->prev = l->head.prev;
    e->next = &l->head;
    e->prev->next = e->next->prev = e;
    l->count++;
}

static inline void list_remove(struct list *l, struct link *e) {
    assert(link_is_on(e) && l->count > 0);
    e->prev->next = e->next;
    e->next->prev = e->prev;
    e->next = e->prev = NULL;
    l->count--;
}

/* NULL when empty. */
static inline struct link *list_first(const struct list *l) {
    return l->count == 0 ? NULL : l->head.next;
}

/* NULL after the last. */
static inline struct link *list_after(const struct list *l, const struct link *e) {
    return e->next == &l->head ? NULL : e->next;
}

#endif
