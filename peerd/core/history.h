/*
 * History: the last verdicts on one peer, each with the evidence that it was given on.
 *
 * A ring of HISTORY_MAX; the oldest goes. What it holds is for people (`peerctl why`) and decides
 * nothing.
 */
#ifndef PEERD_CORE_HISTORY_H
#define PEERD_CORE_HISTORY_H

#include "monitor/verdict.h"

#define HISTORY_MAX 8 /* changes of verdict, of each peer: a flap or two, told in full */

struct history_entry {
    struct instant at;
    enum verdict verdict;
    uint8_t rule;                            /* of verdict.h */
    char evidence[VERDICT_TEXT_LEN_MAX + 1]; /* as it was then */
};

struct history {
    struct history_entry entries[HISTORY_MAX];
    uint64_t count; /* of all that ever came */
};

void history_add(struct history *h, const struct verdict_result *v, struct instant now);

/* The n-th before the newest, which is number 0; NULL if there is none, or no longer. */
const struct history_entry *history_before(const struct history *h, uint32_t n);

#endif
