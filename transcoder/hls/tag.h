/*
 * The lines of a playlist, and the attributes of its tags (RFC 8216bis sections 4.1 and 4.2).
 *
 * Everything is a span of the text that is read: nothing is copied, and nothing is terminated.
 */
#ifndef TRANSCODER_HLS_TAG_H
#define TRANSCODER_HLS_TAG_H

#include "peerd/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define TAG_ATTRS_MAX 48 /* attributes of one tag */

struct tag_span {
    const char *at;
    size_t len; /* [characters] */
};

struct tag_attr {
    struct tag_span name;
    struct tag_span value; /* quotes included */
};

struct tag {
    struct tag_attr attrs[TAG_ATTRS_MAX];
    size_t count;
};

/* For "%.*s". */
#define TAG_SPAN(s) (int)(s).len, (s).at

bool tag_is(struct tag_span s, const char *word);
bool tag_begins(struct tag_span s, const char *word);
struct tag_span tag_after(struct tag_span s, size_t n);

/* Takes a line off `rest`; what ends it, and blanks before that, are left out. */
struct tag_span tag_next_line(struct tag_span *rest);

/* Reads `text`, what stands behind a tag's colon, to its end. ERR_OVERSIZED: more attributes than
 * TAG_ATTRS_MAX; ERR_BAD_FIELD: no list of NAME=VALUE, and `text` is what is left of it. */
enum err tag_read(struct tag *out, struct tag_span *text);

/* NULL: it has none of that name. */
const struct tag_attr *tag_find(const struct tag *t, const char *name);

/* A value without its quotes, if it has some. */
struct tag_span tag_unquoted(struct tag_span value);

#endif
