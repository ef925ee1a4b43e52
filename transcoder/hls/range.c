#include "transcoder/hls/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Digits alone, which fit. */
static bool read_number(uint64_t *out, const char **text) {
    const char *at = *text;
    uint64_t n = 0;
    while (*at >= '0' && *at <= '9') {
        if (n > (RANGE_UNKNOWN - 10) / 10)
            return false;
        n = n * 10 + (uint64_t)(*at++ - '0');
    }
    if (at == *text)
        return false;
    *text = at;
    *out = n;
    return true;
}

static bool skip(const char **text, const char *word) {
    size_t len = strlen(word);
    if (strncasecmp(*text, word, len) != 0)
        return false;
    *text += len;
    return true;
}

/* The last so many bytes. */
static enum range_asked read_tail(struct range *out, const char *at, uint64_t total) {
    uint64_t count;
    if (!read_number(&count, &at) || *at != '\0')
        return RANGE_WHOLE;
    *out = (struct range){count < total ? total - count : 0, total};
    return count > 0 && total > 0 ? RANGE_PART : RANGE_BEYOND;
}

enum range_asked range_read(struct range *out, const char *text, uint64_t total) {
    uint64_t from, last = RANGE_UNKNOWN - 1;
    if (text == NULL || !skip(&text, "bytes="))
        return RANGE_WHOLE;
    if (skip(&text, "-"))
        return read_tail(out, text, total);
    if (!read_number(&from, &text) || !skip(&text, "-"))
        return RANGE_WHOLE;
    if (*text != '\0' && (!read_number(&last, &text) || *text != '\0' || last < from))
        return RANGE_WHOLE;
    *out = (struct range){from, last < total ? last + 1 : total};
    return from < total ? RANGE_PART : RANGE_BEYOND;
}

bool range_is_one(const char *text) {
    struct range ignored;
    return range_read(&ignored, text, RANGE_UNKNOWN) == RANGE_PART;
}

void range_write(char out[RANGE_TEXT_MAX + 1], const struct range *part) {
    if (part->end == RANGE_UNKNOWN)
        snprintf(out, RANGE_TEXT_MAX + 1, "bytes=%" PRIu64 "-", part->from);
    else
        snprintf(out, RANGE_TEXT_MAX + 1, "bytes=%" PRIu64 "-%" PRIu64, part->from, part->end - 1);
}

void range_content_write(char out[RANGE_TEXT_MAX + 1], const struct range *part, uint64_t total) {
    int n = snprintf(out, RANGE_TEXT_MAX + 1, "bytes %" PRIu64 "-%" PRIu64 "/", part->from,
                     part->end - 1);
    if (total == RANGE_UNKNOWN)
        snprintf(out + n, RANGE_TEXT_MAX + 1 - (size_t)n, "*");
    else
        snprintf(out + n, RANGE_TEXT_MAX + 1 - (size_t)n, "%" PRIu64, total);
}

void range_beyond_write(char out[RANGE_TEXT_MAX + 1], uint64_t total) {
    snprintf(out, RANGE_TEXT_MAX + 1, "bytes */%" PRIu64, total);
}

bool range_content_read(struct range *out, uint64_t *total, const char *text) {
    uint64_t from, last;
    if (text == NULL || !skip(&text, "bytes ") || !read_number(&from, &text) || !skip(&text, "-") ||
        !read_number(&last, &text) || !skip(&text, "/") || last < from)
        return false;
    *total = RANGE_UNKNOWN;
    if (!skip(&text, "*") && !read_number(total, &text))
        return false;
    *out = (struct range){from, last + 1};
    return *text == '\0' && last < *total;
}

bool range_tag_is_strong(const char *etag) {
    size_t len = etag != NULL ? strlen(etag) : 0;
    return len >= 2 && etag[0] == '"' && etag[len - 1] == '"';
}
