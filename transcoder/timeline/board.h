/*
 * The board: where all workers of a machine see how many sessions of each peer are at the others,
 * so that what is held for a peer is given to whoever is asked first, and nobody refuses while
 * another has room.
 *
 * Every worker writes its own figures and reads everybody's. Who admits one more writes first and
 * adds up then: of two that do so in the same instant at least one sees the other, so never more
 * are let in than may come, and nobody waits for anybody. (Parts for each worker, as were once
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

struct board {
    _Atomic uint32_t slots[BOARD_ROWS];               /* [sessions] of all workers together */
    _Atomic uint32_t here[BOARD_ROWS][BOARD_WORKERS]; /* [sessions] at each: its own to write */
};

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "between processes there is no lock");

/* Nobody is anywhere, and nobody may come. */
void board_init(struct board *b);

/* From now on so many may come. */
void board_limit_set(struct board *b, uint32_t row, uint32_t slots);

/* So many are at that worker. */
void board_tell(struct board *b, uint32_t row, uint32_t worker, uint32_t here);

/* [sessions] at all workers. */
uint64_t board_here(const struct board *b, uint32_t row);

/* One more for that worker, which has `here`, if there is room; then the board says so already.
 * Takes back what it wrote otherwise. */
bool board_take(struct board *b, uint32_t row, uint32_t worker, uint32_t here);

/* Would one more be let in? */
bool board_room(const struct board *b, uint32_t row);

#endif
