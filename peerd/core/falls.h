/*
 * Falls: what lately became of clients of a location, with what it rests on, for operators and for
 * whoever plans moves. The newest FALLS_MAX are kept; allocated when the first comes.
 */
#ifndef PEERD_CORE_FALLS_H
#define PEERD_CORE_FALLS_H

#include "peerd/core/status.h"

#define FALLS_MAX 32

struct fares;

struct falls {
    uint64_t count; /* ever */
    struct core_fall items[FALLS_MAX];
};

/* Adds one with its evidence. Without memory it is only traced. */
void fall_add(struct fares *f, const struct core_fall *fall, const char *evidence);

#endif
