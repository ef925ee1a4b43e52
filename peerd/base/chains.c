#include "peerd/base/chains.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEADS_FIRST 64

/* FNV-1a, eight bytes at a time, and the finish of MurmurHash3 (Appleby 2011) so that the low bits,
 * which choose the chain, depend on all of them. Ids are random and digests keyed; a hash that
 * nobody can foretell is not needed to keep them apart. */
uint32_t chains_hash(const void *bytes, size_t len) {
    const uint8_t *p = bytes;
    uint64_t h = 0xcbf29ce484222325ULL ^ len;
    while (len > 0) {
        uint64_t word = 0;
        size_t n = len < sizeof(word) ? len : sizeof(word);
        memcpy(&word, p, n);
        h = (h ^ word) * 0x100000001b3ULL;
        h ^= h >> 29;
        p += n;
        len -= n;
    }
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    return (uint32_t)h;
}

static struct chained *look_from(struct chained *record, uint32_t hash) {
    while (record != NULL && record->hash != hash)
        record = record->next;
    return record;
}

struct chained *chains_first(const struct chains *t, uint32_t hash) {
    return t->head_count == 0 ? NULL : look_from(t->heads[hash & (t->head_count - 1)], hash);
}

struct chained *chains_after(const struct chained *record) {
    return look_from(record->next, record->hash);
}

static void put(struct chains *t, struct chained *record) {
    struct chained **head = &t->heads[record->hash & (t->head_count - 1)];
    record->next = *head;
    *head = record;
}

/* To twice as many chains; the old ones are emptied one after the other. */
static bool grow(struct chains *t) {
    struct chains next = {.head_count = t->head_count == 0 ? HEADS_FIRST : t->head_count * 2};
    next.heads = calloc(next.head_count, sizeof(struct chained *));
    if (next.heads == NULL)
        return false;
    for (uint32_t i = 0; i < t->head_count; i++)
        for (struct chained *r = t->heads[i], *after; r != NULL; r = after) {
            after = r->next;
            put(&next, r);
        }
    free(t->heads);
    t->heads = next.heads;
    t->head_count = next.head_count;
    return true;
}

bool chains_add(struct chains *t, struct chained *record, uint32_t hash) {
    if (t->count >= t->head_count && !grow(t))
        return false;
    record->hash = hash;
    put(t, record);
    t->count++;
    return true;
}

void chains_remove(struct chains *t, struct chained *record) {
    struct chained **at = &t->heads[record->hash & (t->head_count - 1)];
    while (*at != record) {
        assert(*at != NULL && "it is in the table");
        at = &(*at)->next;
    }
    *at = record->next;
    record->next = NULL;
    t->count--;
}

void chains_free(struct chains *t) {
    free(t->heads);
    *t = (struct chains){0};
}
