#include "transcoder/hls/incoming.h"

#include "transcoder/hls/live.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SINCE_MS_MAX INT64_C(253402300799000) /* [ms] the year 9999, as utc.h has it */

/* ---- writing --------------------------------------------------------------------------------- */

static void put_hex(char out[2 * INCOMING_HASH_BYTES + 1], const uint8_t *bytes) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < INCOMING_HASH_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * INCOMING_HASH_BYTES] = '\0';
}

enum err incoming_write(char *out, size_t size, size_t *len, const struct incoming *in) {
    char hex[2 * INCOMING_HASH_BYTES + 1];
    put_hex(hex, in->feed);
    int n = snprintf(out, size,
                     "peerd incoming 1\nfeed %s\nsince %" PRId64 "\nlate %u\npictures %u %u\n", hex,
                     in->since_ms, in->late_ms, in->width, in->height);
    *len = 0;
    for (uint32_t i = 0; i < in->count && n > 0 && (size_t)n < size; i++) {
        const struct incoming_chunk *c = &in->chunks[i];
        put_hex(hex, c->hash);
        int more =
            snprintf(out + n, size - (size_t)n, "chunk %u %u %s\n", c->number, c->bytes, hex);
        n = more < 0 ? more : n + more;
    }
    if (n < 0 || (size_t)n >= size)
        return ERR_OVERSIZED;
    *len = (size_t)n;
    return ERR_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    const char *at, *end;
    bool wrong;
};

static void take_word(struct reading *r, const char *word) {
    size_t len = strlen(word);
    if (r->wrong || (size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        r->wrong = true;
    else
        r->at += len;
}

/* One way to write each: none has a needless zero. */
static int64_t take_number(struct reading *r, int64_t least, int64_t most) {
    const char *from = r->at;
    int64_t n = 0;
    while (!r->wrong && r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        n = n * 10 + (*r->at++ - '0');
        r->wrong = n > most;
    }
    r->wrong |= r->at == from || (*from == '0' && r->at > from + 1) || n < least;
    return n;
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take_hex(struct reading *r, uint8_t *out) {
    if (r->wrong || r->end - r->at < 2 * INCOMING_HASH_BYTES) {
        r->wrong = true;
        return;
    }
    for (size_t i = 0; i < INCOMING_HASH_BYTES; i++, r->at += 2) {
        int high = digit(r->at[0]), low = digit(r->at[1]);
        r->wrong |= high < 0 || low < 0;
        out[i] = (uint8_t)(r->wrong ? 0 : high << 4 | low);
    }
}

static void take_head(struct reading *r, struct incoming *in) {
    take_word(r, "peerd incoming 1\nfeed ");
    take_hex(r, in->feed);
    take_word(r, "\nsince ");
    in->since_ms = take_number(r, 1, SINCE_MS_MAX);
    take_word(r, "\nlate ");
    in->late_ms = (uint32_t)take_number(r, INCOMING_LATE_MS_MIN, INCOMING_LATE_MS_MAX);
    take_word(r, "\npictures ");
    in->width = (uint32_t)take_number(r, 0, INCOMING_SIDE_MAX);
    take_word(r, " ");
    in->height = (uint32_t)take_number(r, 0, INCOMING_SIDE_MAX);
    take_word(r, "\n");
    r->wrong |= (in->width == 0) != (in->height == 0);
}

static void take_chunk(struct reading *r, struct incoming *in) {
    if (in->count == INCOMING_CHUNKS_MAX) {
        r->wrong = true;
        return;
    }
    struct incoming_chunk *c = &in->chunks[in->count];
    take_word(r, "chunk ");
    c->number = (uint32_t)take_number(r, 0, LIVE_NUMBER_MAX);
    take_word(r, " ");
    c->bytes = (uint32_t)take_number(r, 1, (int64_t)INCOMING_CHUNK_BYTES_MAX);
    take_word(r, " ");
    take_hex(r, c->hash);
    take_word(r, "\n");
    r->wrong |= in->count > 0 && c->number <= c[-1].number;
    in->count++;
}

enum err incoming_read(struct incoming *out, const char *text, size_t len) {
    struct reading r = {text, text + len, len > INCOMING_TEXT_MAX};
    struct incoming in;
    memset(&in, 0, sizeof(in));
    take_head(&r, &in);
    while (!r.wrong && r.at < r.end)
        take_chunk(&r, &in);
    if (r.wrong)
        return ERR_BAD_FIELD;
    *out = in;
    return ERR_OK;
}

/* ---- what is there --------------------------------------------------------------------------- */

const struct incoming_chunk *incoming_find(const struct incoming *in, uint32_t number) {
    for (uint32_t i = in->count; i-- > 0;)
        if (in->chunks[i].number <= number)
            return in->chunks[i].number == number ? &in->chunks[i] : NULL;
    return NULL;
}

bool incoming_add(struct incoming *in, const struct incoming_chunk *chunk, uint32_t *gone) {
    assert(in->count == 0 || chunk->number > in->chunks[in->count - 1].number);
    bool full = in->count == INCOMING_CHUNKS_MAX;
    if (full) {
        *gone = in->chunks[0].number;
        memmove(in->chunks, in->chunks + 1, (INCOMING_CHUNKS_MAX - 1) * sizeof(in->chunks[0]));
        in->count--;
    }
    in->chunks[in->count++] = *chunk;
    return full;
}
