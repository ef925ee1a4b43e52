/*
 * Cursors over byte strings: a reader that never reads past its end, a writer that never writes
 * past its own.
 *
 * Both carry a sticky failure flag, so a decoder reads all its fields in a row and asks once at the
 * end. Integers are in network byte order (RFC 1700, "big endian").
 */
#ifndef PEERD_BASE_BYTES_H
#define PEERD_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data; /* borrowed, never owned */
    size_t len;          /* [bytes] */
};

struct reader {
    const uint8_t *at;  /* next byte to read */
    const uint8_t *end; /* one past the last */
    bool failed;        /* a read went past the end; every value since is zero */
};

struct writer {
    uint8_t *start; /* first byte of the caller's buffer */
    uint8_t *at;    /* next byte to write */
    uint8_t *end;   /* one past the last */
    bool failed;    /* something did not fit; nothing of it was written */
};

struct reader reader_over(const void *data, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);

/* Seven bits a byte, the lowest first, all but the last with the top bit set (LEB128). A number has
 * one encoding: what is longer than it need be fails, as does what is beyond 64 bits. */
uint64_t read_varint(struct reader *r);

/* Copies `len` bytes to `out`, or zeroes it and fails. */
void read_copy(struct reader *r, void *out, size_t len);

/* Borrows `len` bytes in place; NULL and failure if there are fewer. */
const uint8_t *read_span(struct reader *r, size_t len);

size_t reader_left(const struct reader *r);

/* True if every read succeeded and nothing is left over: a message has exactly one length. */
bool reader_done(const struct reader *r);

struct writer writer_over(void *buffer, size_t len);
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_varint(struct writer *w, uint64_t v);
void write_copy(struct writer *w, const void *data, size_t len);
void write_zeros(struct writer *w, size_t len);

/* Bytes written so far. */
size_t writer_len(const struct writer *w);

#endif
