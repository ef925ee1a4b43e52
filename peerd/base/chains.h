/*
 * Chains: a hash table of records that carry the sixteen bytes it needs of each.
 *
 * It knows of a record its link and its hash; whoever looks something up goes along those of one
 * hash and compares. There are two records a chain at most, on average, and the table doubles. A
 * cluster has as many records as listeners, so what uthash keeps in each (56 bytes) would be a
 * quarter of them. The order of a chain depends on what was added when and never on an address, but
 * nothing walks over all of a table: records that are walked over stand in a list besides.
 */
#ifndef PEERD_BASE_CHAINS_H
#define PEERD_BASE_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chained {
    struct chained *next; /* in its chain */
    uint32_t hash;
};

struct chains {
    struct chained **heads; /* a power of two of them, or none */
    uint32_t head_count;
    uint32_t count; /* records */
};

/* The record that holds a link. */
#define CHAINED_RECORD(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Of any bytes; equal bytes have equal hashes. */
uint32_t chains_hash(const void *bytes, size_t len);

/* The first record of this hash, and the one after it; NULL: there is none, or none more. */
struct chained *chains_first(const struct chains *t, uint32_t hash);
struct chained *chains_after(const struct chained *record);

/* False without memory; nothing has changed then. */
bool chains_add(struct chains *t, struct chained *record, uint32_t hash);

/* It must be there. */
void chains_remove(struct chains *t, struct chained *record);

/* The table's own memory; the records are the owner's. */
void chains_free(struct chains *t);

#endif
