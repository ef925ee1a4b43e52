#include "peerd/sim/packed.h"

#include <assert.h>
#include <string.h>

#define WORD  8
#define BLOCK 8 /* words to a byte of bits */

/* Small differences of either sign have few bytes (zigzag). */
static uint64_t difference(uint64_t a, uint64_t b) {
    uint64_t d = a - b;
    return d << 1 ^ (uint64_t) - (int64_t)(d >> 63);
}

static uint64_t sum(uint64_t zigzag, uint64_t b) {
    return (zigzag >> 1 ^ (uint64_t) - (int64_t)(zigzag & 1)) + b;
}

static size_t write_word(uint8_t *out, uint64_t d) {
    size_t n = 1;
    out[0] = 0;
    for (unsigned i = 0; i < WORD; i++) {
        uint8_t byte = (uint8_t)(d >> 8 * i);
        if (byte == 0)
            continue;
        out[0] |= (uint8_t)(1U << i);
        out[n++] = byte;
    }
    return n;
}

static size_t read_word(const uint8_t *in, uint64_t *d) {
    size_t n = 1;
    *d = 0;
    for (unsigned i = 0; i < WORD; i++)
        if ((in[0] >> i & 1) != 0)
            *d |= (uint64_t)in[n++] << 8 * i;
    return n;
}

size_t packed_write(uint8_t *out, const void *record, const void *pattern, size_t len) {
    const uint8_t *r = record, *p = pattern;
    uint8_t *bits = NULL;
    size_t n = 0;
    assert(len % WORD == 0);
    for (size_t i = 0; i < len / WORD; i++) {
        uint64_t a, b;
        if (i % BLOCK == 0) {
            bits = &out[n++];
            *bits = 0;
        }
        memcpy(&a, r + i * WORD, WORD);
        memcpy(&b, p + i * WORD, WORD);
        if (a == b)
            continue;
        *bits |= (uint8_t)(1U << i % BLOCK);
        n += write_word(out + n, difference(a, b));
    }
    return n;
}

size_t packed_read(const uint8_t *in, const void *pattern, void *record, size_t len) {
    const uint8_t *p = pattern;
    uint8_t *r = record, bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < len / WORD; i++) {
        uint64_t d = 0, b;
        if (i % BLOCK == 0)
            bits = in[n++];
        memcpy(&b, p + i * WORD, WORD);
        if ((bits >> i % BLOCK & 1) != 0) {
            n += read_word(in + n, &d);
            b = sum(d, b);
        }
        memcpy(r + i * WORD, &b, WORD);
    }
    return n;
}

size_t packed_write_number(uint8_t *out, uint64_t number) {
    size_t n = 0;
    for (; number > 0x7f; number >>= 7)
        out[n++] = (uint8_t)(number | 0x80);
    out[n++] = (uint8_t)number;
    return n;
}

size_t packed_read_number(const uint8_t *in, uint64_t *number) {
    size_t n = 0;
    *number = 0;
    do
        *number |= (uint64_t)(in[n] & 0x7f) << 7 * n;
    while ((in[n++] & 0x80) != 0);
    return n;
}
