#include "peerd/wire/nearness.h"

#include "peerd/base/bytes.h"

void nearness_write_coordinate(uint8_t out[NEARNESS_COORDINATE_LEN],
                               const struct nearness_coordinate *c) {
    struct writer w = writer_over(out, NEARNESS_COORDINATE_LEN);
    for (int i = 0; i < NEARNESS_DIMENSIONS; i++)
        write_u16(&w, (uint16_t)c->at_tenths[i]);
    write_u16(&w, c->height_tenths);
    write_u8(&w, c->error_percent);
}

bool nearness_read_coordinate(struct nearness_coordinate *out, const void *bytes, size_t len) {
    struct nearness_coordinate c;
    struct reader r = reader_over(bytes, len);
    for (int i = 0; i < NEARNESS_DIMENSIONS; i++)
        c.at_tenths[i] = (int16_t)read_u16(&r);
    c.height_tenths = read_u16(&r);
    c.error_percent = read_u8(&r);
    if (!reader_done(&r) || c.height_tenths == 0 || c.error_percent == 0 ||
        c.error_percent > NEARNESS_ERROR_PERCENT_MAX)
        return false;
    *out = c;
    return true;
}
