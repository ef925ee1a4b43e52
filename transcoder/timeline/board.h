/*
 * The board: where all workers of a machine see how many sessions of each peer are at the others,
 * so that what is held for a peer is given to whoever is asked first, and nobody refuses while
 * another has room.
 *
 * What is held for a peer is a bound (`slots`: no more of its sessions come), or it is *kept* for
 * it
 * (`kept`: nobody else gets these), or both, as between those who have agreed upon it. A newcomer
 * for whom nothing is kept, or who is more than that, finds what all workers together have credit
 * for less what is in use and less what is kept for others and not in use; and its worker's part of
 * the credit. A peer's first `kept` find a slot as long as there is one at the machine: also at a
 * worker that has its part full, since which worker they are sent to they do not choose.
 *
 * Every worker writes its own figures and reads everybody's. Who admits one more writes first and
 * adds up then: of two that do so in the same instant at least one sees the other, so never more
 * are let in than may come, and nobody waits for anybody. Whoever comes is counted as in use before
 * it is counted as its peer's, and goes the other way round, so that what is kept never looks like
 * more in use than it is. (Parts for each worker, as were once
 * given, cannot be had without somebody who hands them out, and then the refused waits for that
 * one.) What a dead worker has written stands until its replacement has adopted its sessions and
 * writes anew.
 *
 * Rows are given to peers by the supervisor (guests.h); what a row is about workers are told, as
 * only figures can be read while they are written. The board is memory that the processes of one
 * machine share; it does not outlive the supervisor.
 */
#ifndef TRANSCODER_TIMELINE_BOARD_H
#define TRANSCODER_TIMELINE_BOARD_H

#include "peerd/wire/guest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BOARD_ROWS    (2 * NODE_GUESTS_MAX) /* so that a row which is free stays so for a while */
#define BOARD_WORKERS 128                   /* as many as a node may have */

#define BOARD_SLOTS_ALL UINT32_MAX /* a row without a bound */
#define BOARD_ROW_NONE  UINT32_MAX /* of whom nothing was said, and of ourselves */

struct board {
    _Atomic uint32_t slots[BOARD_ROWS];               /* [sessions] of all workers together */
    _Atomic uint32_t kept[BOARD_ROWS];                /* [sessions] of these nobody else gets */
    _Atomic uint32_t here[BOARD_ROWS][BOARD_WORKERS]; /* [sessions] at each: its own to write … */
    _Atomic uint32_t credit[BOARD_WORKERS]; /* [sessions] that each may have, its part … */
    _Atomic uint32_t used[BOARD_WORKERS];   /* … and has, whosever they are: likewise */
};

/* Who would be one more. */
struct board_newcomer {
    uint32_t row;    /* of its peer; BOARD_ROW_NONE */
    uint32_t worker; /* that is asked, … */
    uint32_t here;   /* … and has so many of that peer, … */
    uint32_t used;   /* … so many in all … */
    uint32_t credit; /* … and may have so many */
    bool after_one;  /* of nobody in particular, there, that goes first */
};

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "between processes there is no lock");

/* Nobody is anywhere, and nobody may come. */
void board_init(struct board *b);

/* From now on so many may come, and so many slots are kept for them. */
void board_limit_set(struct board *b, uint32_t row, uint32_t slots, uint32_t kept);

/* So many are at that worker. */
void board_tell(struct board *b, uint32_t row, uint32_t worker, uint32_t here);

/* That worker has so many of so many. */
void board_tell_credit(struct board *b, uint32_t worker, uint32_t credit);
void board_tell_used(struct board *b, uint32_t worker, uint32_t used);

/* [sessions] at all workers. */
uint64_t board_here(const struct board *b, uint32_t row);

/* [sessions] that would still be let in although nothing is kept for them. */
uint32_t board_free(const struct board *b);

/* One more, if there is room; then the board says so already. Takes back what it wrote otherwise.
 */
bool board_take(struct board *b, const struct board_newcomer *n);

/* Is there a slot for it, as far as credit goes and what is kept? */
bool board_slot(const struct board *b, const struct board_newcomer *n);

/* Its peer's bound: BOARD_SLOTS_ALL if there is none. */
uint32_t board_slots(const struct board *b, uint32_t row);

/* Is it reached, whatever else there is? */
bool board_bounds(const struct board *b, uint32_t row);

/* Would one more of that peer be among those for whom slots are kept? */
bool board_keeps(const struct board *b, uint32_t row);

/* Does it have more than are kept for it? */
bool board_exceeds(const struct board *b, uint32_t row);

/* Is anything kept for anybody, in use or not? */
bool board_keeps_any(const struct board *b);

#endif
