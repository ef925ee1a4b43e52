/*
 * Fetch: what is going to be needed soon is asked of memory now, and nobody waits for it.
 *
 * A hint: it changes no result, and an address that leads nowhere does no harm.
 */
#ifndef PEERD_BASE_FETCH_H
#define PEERD_BASE_FETCH_H

#include <stddef.h>
#include <stdint.h>

#define FETCH_LINE 64 /* [bytes] that come at once */

static inline void fetch(const void *from, size_t bytes) {
    uintptr_t first = (uintptr_t)from / FETCH_LINE * FETCH_LINE;
    for (uintptr_t at = first; at < (uintptr_t)from + bytes; at += FETCH_LINE)
        __builtin_prefetch((const void *)at);
}

#endif
