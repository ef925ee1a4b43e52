/*
 * The ledger: the record of moves, newest last, in bounded memory.
 *
 * It is the memory of this run only: what a restart finds at its nodes was moved before and is not
 * entered again. Entries are numbered from 1; the oldest goes when it is full.
 */
#ifndef PEERD_CORE_LEDGER_H
#define PEERD_CORE_LEDGER_H

#include "monitor/verdict.h"
#include "peerd/core/move.h"

#define LEDGER_MAX 1024 /* entries */

struct ledger_entry {
    uint64_t number;                         /* from 1 */
    struct move move;                        /* as it was when it was over */
    char evidence[VERDICT_TEXT_LEN_MAX + 1]; /* what we believed of `from` at that time */
};

struct ledger {
    struct ledger_entry entries[LEDGER_MAX]; /* by number modulo the size */
    uint64_t count;                          /* entered since the start */
};

void ledger_init(struct ledger *l);
void ledger_enter(struct ledger *l, const struct move *move, const char *evidence);

/* The entry of that number; NULL if there is none, or none any more. */
const struct ledger_entry *ledger_find(const struct ledger *l, uint64_t number);

/* The number of the oldest entry still held; count + 1 if there is none. */
uint64_t ledger_first(const struct ledger *l);
void ledger_check_invariants(const struct ledger *l);

#endif
