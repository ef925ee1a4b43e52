#include "transcoder/hls/tag.h"

#include <string.h>

bool tag_is(struct tag_span s, const char *word) {
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

bool tag_begins(struct tag_span s, const char *word) {
    return s.len >= strlen(word) && memcmp(s.at, word, strlen(word)) == 0;
}

struct tag_span tag_after(struct tag_span s, size_t n) {
    return (struct tag_span){s.at + n, s.len - n};
}

struct tag_span tag_next_line(struct tag_span *rest) {
    const char *end = memchr(rest->at, '\n', rest->len);
    struct tag_span line = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
    *rest = tag_after(*rest, end == NULL ? rest->len : line.len + 1);
    while (line.len > 0 && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' '))
        line.len--;
    return line;
}

static size_t value_length(struct tag_span s) {
    bool quoted = s.len > 0 && s.at[0] == '"';
    for (size_t i = quoted ? 1 : 0; i < s.len; i++) {
        if (quoted && s.at[i] == '"')
            return i + 1;
        if (!quoted && s.at[i] == ',')
            return i;
    }
    return quoted ? 0 : s.len;
}

static bool read_attr(struct tag_span *rest, struct tag_attr *out) {
    const char *equals = memchr(rest->at, '=', rest->len);
    if (equals == NULL || equals == rest->at)
        return false;
    out->name = (struct tag_span){rest->at, (size_t)(equals - rest->at)};
    *rest = tag_after(*rest, out->name.len + 1);
    size_t len = value_length(*rest);
    if (len == 0)
        return false;
    out->value = (struct tag_span){rest->at, len};
    *rest = tag_after(*rest, len);
    if (rest->len > 0 && rest->at[0] != ',')
        return false;
    *rest = tag_after(*rest, rest->len > 0 ? 1 : 0);
    return true;
}

enum err tag_read(struct tag *out, struct tag_span *text) {
    out->count = 0;
    while (text->len > 0) {
        if (out->count == TAG_ATTRS_MAX)
            return ERR_OVERSIZED;
        if (!read_attr(text, &out->attrs[out->count]))
            return ERR_BAD_FIELD;
        out->count++;
    }
    return ERR_OK;
}

const struct tag_attr *tag_find(const struct tag *t, const char *name) {
    for (size_t i = 0; i < t->count; i++)
        if (tag_is(t->attrs[i].name, name))
            return &t->attrs[i];
    return NULL;
}

struct tag_span tag_unquoted(struct tag_span value) {
    bool quoted = value.len >= 2 && value.at[0] == '"';
    return quoted ? (struct tag_span){value.at + 1, value.len - 2} : value;
}
