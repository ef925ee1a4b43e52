/*
 * Room: what a cluster says to a peer of how many of that one's sessions it can take.
 *
 * BEAT_BLOCK_ROOM, 8 bytes, network byte order: room 4, how many more sessions of the receiver's
 * tickets would find a slot at the sender now; standing 4, how many of them stand by there and have
 * one already. `free_slots` of the beat is what is free for anybody and for nobody: what is kept
 * for other peers is part of it, and what an agreement leaves is not seen in it. It does not say
 * its version: another layout is another kind of block.
 */
#ifndef PEERD_WIRE_ROOM_H
#define PEERD_WIRE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROOM_WORD_LEN 8 /* [bytes] */

struct room_word {
    uint32_t room;     /* [sessions] */
    uint32_t standing; /* [sessions] */
};

void room_word_write(uint8_t out[ROOM_WORD_LEN], const struct room_word *w);

/* False, and nothing is touched, if that is none. */
bool room_word_read(struct room_word *out, const void *bytes, size_t len);

#endif
