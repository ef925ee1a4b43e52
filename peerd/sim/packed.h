/*
 * Packed: a record as what it differs in from another one, its pattern.
 *
 * Records of a crowd are alike, but for small differences of instants and counters. Of each word of
 * eight bytes that differs the difference is kept, without bytes that are zero; words that do not
 * cost a bit. Whoever has the pattern gets the record back, byte for byte.
 */
#ifndef PEERD_SIM_PACKED_H
#define PEERD_SIM_PACKED_H

#include <stddef.h>
#include <stdint.h>

/* [bytes] that a record of `len` bytes takes at most; `len` is a multiple of eight. */
#define PACKED_MAX(len) ((len) / 64 + 1 + (len) / 8 * 9)

/* Writes at most PACKED_MAX(len) bytes and returns how many. */
size_t packed_write(uint8_t *out, const void *record, const void *pattern, size_t len);

/* The record; returns how many bytes were read. */
size_t packed_read(const uint8_t *in, const void *pattern, void *record, size_t len);

/* A number, small ones in fewer bytes (LEB128), at most ten. */
size_t packed_write_number(uint8_t *out, uint64_t number);
size_t packed_read_number(const uint8_t *in, uint64_t *number);

#endif
