#include "peerd/wire/making.h"

#include "peerd/base/bytes.h"

void making_word_write(uint8_t out[MAKING_WORD_LEN], const struct making_word *w) {
    struct writer writer = writer_over(out, MAKING_WORD_LEN);
    write_u32(&writer, w->way);
    write_u32(&writer, w->spare_ms);
    write_u16(&writer, w->player_ms);
}

bool making_word_read(struct making_word *out, const void *bytes, size_t len) {
    if (len != MAKING_WORD_LEN)
        return false;
    struct reader reader = reader_over(bytes, len);
    out->way = read_u32(&reader);
    out->spare_ms = read_u32(&reader);
    out->player_ms = read_u16(&reader);
    return true;
}
