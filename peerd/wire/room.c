#include "peerd/wire/room.h"

#include "peerd/base/bytes.h"

void room_word_write(uint8_t out[ROOM_WORD_LEN], const struct room_word *w) {
    struct writer writer = writer_over(out, ROOM_WORD_LEN);
    write_u32(&writer, w->room);
    write_u32(&writer, w->standing);
}

bool room_word_read(struct room_word *out, const void *bytes, size_t len) {
    if (len != ROOM_WORD_LEN)
        return false;
    struct reader reader = reader_over(bytes, len);
    out->room = read_u32(&reader);
    out->standing = read_u32(&reader);
    return true;
}
