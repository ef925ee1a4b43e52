/*
 * Parts of a body: what a player asks for (Range, RFC 9110 section 14.2) and what it gets
 * (Content-Range, 14.4). One part at a time: of several the whole is sent, which is allowed.
 */
#ifndef TRANSCODER_HLS_RANGE_H
#define TRANSCODER_HLS_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGE_UNKNOWN  UINT64_MAX
#define RANGE_TEXT_MAX 80 /* [characters] of either header, written here */

enum range_asked {
    RANGE_WHOLE, /* nothing that is understood: the whole body is the answer (200) */
    RANGE_PART,  /* 206 */
    RANGE_BEYOND /* nothing of it is there: 416 */
};

/* A part: first byte, and the one behind the last. */
struct range {
    uint64_t from, end; /* [bytes] */
};

/* Of a body that has `total` bytes. */
enum range_asked range_read(struct range *out, const char *text, uint64_t total);

/* Is it one part, whatever the body is? Then it may be passed on. */
bool range_is_one(const char *text);

/* "bytes=5-9"; "bytes=5-" if the end is not known. */
void range_write(char out[RANGE_TEXT_MAX + 1], const struct range *part);

/* "bytes 5-9/100". `total` may be unknown, as may it be in what is read. */
void range_content_write(char out[RANGE_TEXT_MAX + 1], const struct range *part, uint64_t total);
bool range_content_read(struct range *out, uint64_t *total, const char *text);

/* The same for an answer that has no part (416): an asterisk in place of one. */
void range_beyond_write(char out[RANGE_TEXT_MAX + 1], uint64_t total);

/* A tag that promises the same bytes (RFC 9110 section 8.8.3): quoted, and not a weak one. */
bool range_tag_is_strong(const char *etag);

#endif
