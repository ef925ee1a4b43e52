/*
 * What one end of a move tells the other: any bytes are read or refused, and refused untouched.
 * What is read is written as the same bytes: one word has one encoding. So with what one cluster
 * tells another of its room, and of what CPU it has to spare.
 */
#include "peerd/wire/counterpart.h"
#include "peerd/wire/making.h"
#include "peerd/wire/room.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_room(const uint8_t *data, size_t size) {
    struct room_word w = {0x55, 0x55};
    uint8_t bytes[ROOM_WORD_LEN];
    if (!room_word_read(&w, data, size)) {
        CHECK(size != ROOM_WORD_LEN && w.room == 0x55 && w.standing == 0x55);
        return;
    }
    room_word_write(bytes, &w);
    CHECK(size == ROOM_WORD_LEN && memcmp(bytes, data, size) == 0);
}

static void read_making(const uint8_t *data, size_t size) {
    struct making_word w = {0x55, 0x55, 0x55};
    uint8_t bytes[MAKING_WORD_LEN];
    if (!making_word_read(&w, data, size)) {
        CHECK(size != MAKING_WORD_LEN && w.way == 0x55 && w.spare_ms == 0x55 &&
              w.player_ms == 0x55);
        return;
    }
    making_word_write(bytes, &w);
    CHECK(size == MAKING_WORD_LEN && memcmp(bytes, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct counterpart_word w, before;
    uint8_t bytes[COUNTERPART_LEN];
    read_room(data, size);
    read_making(data, size);
    memset(&w, 0x55, sizeof(w));
    before = w;
    if (!counterpart_read(&w, data, size)) {
        CHECK(memcmp(&w, &before, sizeof(w)) == 0);
        return 0;
    }
    CHECK(size == COUNTERPART_LEN && w.epoch > 0);
    CHECK(w.told.epoch == 0 || w.told.epoch == w.epoch);
    counterpart_write(bytes, &w);
    CHECK(memcmp(bytes, data, size) == 0);
    return 0;
}
