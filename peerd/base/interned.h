/*
 * Interned: what many records say alike is kept once, and they have its number.
 *
 * A cluster's sessions have few different profiles, sources and backups, and each of those takes
 * more bytes than all else in a record. Equal bytes have equal numbers while anybody has them, so
 * numbers can be compared, and hashed, instead. A number nobody has any more is used again.
 */
#ifndef PEERD_BASE_INTERNED_H
#define PEERD_BASE_INTERNED_H

#include "peerd/base/chains.h"
#include "peerd/base/id.h"

#define INTERNED_NONE UINT32_MAX

struct interned;

struct interns {
    struct chains by_bytes;
    struct interned **by_number; /* NULL where free */
    uint32_t *free_numbers;      /* a stack, as large as `by_number` */
    uint32_t number_count;       /* used or free for reuse */
    uint32_t room;               /* allocated */
    uint32_t free_count;
};

/* One user more of these bytes. INTERNED_NONE without memory. */
uint32_t interned_take(struct interns *t, const void *bytes, size_t len);
uint32_t interned_take_name(struct interns *t, const struct name *name);

/* One user less; INTERNED_NONE is accepted. */
void interned_give(struct interns *t, uint32_t number);

/* The bytes, as aligned as malloc() has them; they stay where they are while anybody has them. */
const void *interned_bytes(const struct interns *t, uint32_t number);

/* What interned_take_name() took. */
struct name interned_name(const struct interns *t, uint32_t number);

/* Once nobody has anything any more. */
void interns_free(struct interns *t);

#endif
