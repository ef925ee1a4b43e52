#include "peerd/base/bytes.h"

#include <string.h>

struct reader reader_over(const void *data, size_t len) {
    const uint8_t *at = data;
    return (struct reader){.at = at, .end = len == 0 ? at : at + len};
}

const uint8_t *read_span(struct reader *r, size_t len) {
    if (r->failed || reader_left(r) < len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *span = r->at;
    if (len != 0)
        r->at += len;
    return span;
}

static uint64_t read_big_endian(struct reader *r, size_t len) {
    const uint8_t *span = read_span(r, len);
    uint64_t v = 0;
    for (size_t i = 0; span != NULL && i < len; i++)
        v = v << 8 | span[i];
    return v;
}

uint8_t read_u8(struct reader *r) {
    return (uint8_t)read_big_endian(r, 1);
}

uint16_t read_u16(struct reader *r) {
    return (uint16_t)read_big_endian(r, 2);
}

uint32_t read_u32(struct reader *r) {
    return (uint32_t)read_big_endian(r, 4);
}

uint64_t read_u64(struct reader *r) {
    return read_big_endian(r, 8);
}

uint64_t read_varint(struct reader *r) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_u8(r);
        bool beyond = shift == 63 && byte > 1, padded = shift > 0 && byte == 0;
        if (r->failed || beyond || padded)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return v;
    }
    r->failed = true;
    return 0;
}

void read_copy(struct reader *r, void *out, size_t len) {
    const uint8_t *span = read_span(r, len);
    if (len == 0)
        return;
    if (span != NULL)
        memcpy(out, span, len);
    else
        memset(out, 0, len);
}

size_t reader_left(const struct reader *r) {
    return (size_t)(r->end - r->at);
}

bool reader_done(const struct reader *r) {
    return !r->failed && r->at == r->end;
}

struct writer writer_over(void *buffer, size_t len) {
    uint8_t *start = buffer;
    return (struct writer){.start = start, .at = start, .end = len == 0 ? start : start + len};
}

/* Room for `len` more bytes, or NULL and failure. */
static uint8_t *claim(struct writer *w, size_t len) {
    if (w->failed || (size_t)(w->end - w->at) < len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *at = w->at;
    if (len != 0)
        w->at += len;
    return at;
}

static void write_big_endian(struct writer *w, uint64_t v, size_t len) {
    uint8_t *at = claim(w, len);
    for (size_t i = 0; at != NULL && i < len; i++)
        at[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
}

void write_u8(struct writer *w, uint8_t v) {
    write_big_endian(w, v, 1);
}

void write_u16(struct writer *w, uint16_t v) {
    write_big_endian(w, v, 2);
}

void write_u32(struct writer *w, uint32_t v) {
    write_big_endian(w, v, 4);
}

void write_u64(struct writer *w, uint64_t v) {
    write_big_endian(w, v, 8);
}

void write_varint(struct writer *w, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        write_u8(w, (uint8_t)(v | 0x80));
    write_u8(w, (uint8_t)v);
}

void write_copy(struct writer *w, const void *data, size_t len) {
    uint8_t *at = claim(w, len);
    if (at != NULL && len != 0)
        memcpy(at, data, len);
}

void write_zeros(struct writer *w, size_t len) {
    uint8_t *at = claim(w, len);
    if (at != NULL && len != 0)
        memset(at, 0, len);
}

size_t writer_len(const struct writer *w) {
    return (size_t)(w->at - w->start);
}
