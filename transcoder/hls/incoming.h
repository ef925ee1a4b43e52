/*
 * Incoming: what there is of a source that comes in live, as text.
 *
 * Somebody (`transcoderd ingest --live`) cuts what comes in into chunks and lays them into a folder
 * that every cluster reads, over HTTP or as files. Chunk n is a file of its own, `n.mp4`: it holds
 * what segment n (segments.h) is made of, the 3.2 s that begin n·3.2 s after an anchor, a date in
 * UTC, and of the sound also the 3.2 s before and 60 ms after, since encoders remember and look
 * ahead. So a segment follows from one chunk and its number, whoever makes it. A number means one
 * chunk for ever; those that are missing, where the source had stopped, never come.
 *
 *     0 s                3.2 s                6.4 s  6.46 s
 *     |     before       |     the segment    | after |     sound, without loss
 *     |     one picture  |P P P P P  ...  P P |             pictures, each chunk's own group
 *
 * The index beside them, INCOMING_INDEX, says which feed this is, when it began, by how much later
 * than its date each segment is listed (for the chunk to be cut, carried and encoded everywhere by
 * then), and which chunks are there, the newest last, with the digest of each. It has one form
 * only:
 *
 *     peerd incoming 1
 *     feed 00112233445566778899aabbccddeeff
 *     since 1795305600000
 *     late 6400
 *     pictures 1280 720
 *     chunk 41 812345 0123456789abcdef0123456789abcdef
 */
#ifndef TRANSCODER_HLS_INCOMING_H
#define TRANSCODER_HLS_INCOMING_H

#include "peerd/base/err.h"
#include "transcoder/hls/segments.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INCOMING_INDEX           "incoming.txt"
#define INCOMING_CHUNKS_MAX      64                   /* told of; older ones are removed: 205 s */
#define INCOMING_HASH_BYTES      16                   /* BLAKE2b-128, as of any source */
#define INCOMING_TEXT_MAX        8192                 /* [characters] of an index */
#define INCOMING_CHUNK_BYTES_MAX (UINT64_C(32) << 20) /* [bytes] 80 Mbit/s: more is no chunk */
#define INCOMING_LATE_MS_MIN     1600                 /* [ms] nobody has anything sooner */
#define INCOMING_LATE_MS         6400                 /* [ms] unless an operator says so */
#define INCOMING_LATE_MS_MAX     60000                /* [ms] */
#define INCOMING_SIDE_MAX        8192                 /* [pixels] */
#define INCOMING_BEFORE          1  /* segments of sound before the one that is meant */
#define INCOMING_AFTER_MS        60 /* [ms] of sound after it */
#define INCOMING_CHUNK_MS        ((INCOMING_BEFORE + 1) * SEGMENT_MS + INCOMING_AFTER_MS)

struct incoming_chunk {
    uint32_t number;
    uint32_t bytes; /* [bytes] of the file; at least 1 */
    uint8_t hash[INCOMING_HASH_BYTES];
};

struct incoming {
    uint8_t feed[INCOMING_HASH_BYTES]; /* drawn by who began it; another one: other bytes */
    int64_t since_ms;                  /* [ms] since 1970, UTC */
    uint32_t late_ms;                  /* [ms] */
    uint32_t width, height;            /* [square pixels] 0: sound alone */
    uint32_t count;
    struct incoming_chunk chunks[INCOMING_CHUNKS_MAX]; /* by number */
};

/* Writes the text, terminated. ERR_OVERSIZED: it does not fit. */
enum err incoming_write(char *out, size_t size, size_t *len, const struct incoming *in);

/* Reads that form and no other. ERR_BAD_FIELD: it is none; `out` is untouched then. */
enum err incoming_read(struct incoming *out, const char *text, size_t len);

/* NULL: there is no such chunk (any more). */
const struct incoming_chunk *incoming_find(const struct incoming *in, uint32_t number);

/* One more, newer than all. The oldest gives way; true: that one is told in *gone. */
bool incoming_add(struct incoming *in, const struct incoming_chunk *chunk, uint32_t *gone);

#endif
