#include "peerd/base/interned.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

struct interned {
    struct chained chained;
    uint32_t users;
    uint32_t number;
    uint32_t len;
    _Alignas(max_align_t) uint8_t bytes[];
};

static struct interned *find(const struct interns *t, const void *bytes, size_t len,
                             uint32_t hash) {
    for (struct chained *c = chains_first(&t->by_bytes, hash); c != NULL; c = chains_after(c)) {
        struct interned *one = CHAINED_RECORD(c, struct interned, chained);
        if (one->len == len && memcmp(one->bytes, bytes, len) == 0)
            return one;
    }
    return NULL;
}

static bool grow(struct interns *t) {
    uint32_t room = t->room == 0 ? ROOM_FIRST : t->room * 2;
    struct interned **by_number = realloc(t->by_number, room * sizeof(struct interned *));
    if (by_number == NULL)
        return false;
    t->by_number = by_number;
    uint32_t *free_numbers = realloc(t->free_numbers, room * sizeof(*free_numbers));
    if (free_numbers == NULL)
        return false;
    t->free_numbers = free_numbers;
    t->room = room;
    return true;
}

static bool number_it(struct interns *t, struct interned *one) {
    if (t->free_count > 0) {
        one->number = t->free_numbers[--t->free_count];
    } else {
        if (t->number_count == t->room && !grow(t))
            return false;
        one->number = t->number_count++;
    }
    t->by_number[one->number] = one;
    return true;
}

static void unnumber(struct interns *t, const struct interned *one) {
    t->by_number[one->number] = NULL;
    t->free_numbers[t->free_count++] = one->number;
}

static struct interned *make(struct interns *t, const void *bytes, size_t len, uint32_t hash) {
    struct interned *one = calloc(1, sizeof(*one) + len);
    if (one == NULL || !number_it(t, one)) {
        free(one);
        return NULL;
    }
    if (!chains_add(&t->by_bytes, &one->chained, hash)) {
        unnumber(t, one);
        free(one);
        return NULL;
    }
    one->len = (uint32_t)len;
    memcpy(one->bytes, bytes, len);
    return one;
}

uint32_t interned_take(struct interns *t, const void *bytes, size_t len) {
    uint32_t hash = chains_hash(bytes, len);
    struct interned *one = find(t, bytes, len, hash);
    if (one == NULL)
        one = make(t, bytes, len, hash);
    if (one == NULL)
        return INTERNED_NONE;
    one->users++;
    return one->number;
}

uint32_t interned_take_name(struct interns *t, const struct name *name) {
    return interned_take(t, name->text, strlen(name->text) + 1);
}

static struct interned *at(const struct interns *t, uint32_t number) {
    assert(number < t->number_count && t->by_number[number] != NULL);
    return t->by_number[number];
}

void interned_give(struct interns *t, uint32_t number) {
    if (number == INTERNED_NONE)
        return;
    struct interned *one = at(t, number);
    assert(one->users > 0);
    if (--one->users > 0)
        return;
    chains_remove(&t->by_bytes, &one->chained);
    unnumber(t, one);
    free(one);
}

const void *interned_bytes(const struct interns *t, uint32_t number) {
    return at(t, number)->bytes;
}

struct name interned_name(const struct interns *t, uint32_t number) {
    const struct interned *one = at(t, number);
    struct name name = {{0}};
    assert(one->len <= sizeof(name.text));
    memcpy(name.text, one->bytes, one->len);
    return name;
}

void interns_free(struct interns *t) {
    assert(t->by_bytes.count == 0);
    chains_free(&t->by_bytes);
    free(t->by_number);
    free(t->free_numbers);
    *t = (struct interns){0};
}
