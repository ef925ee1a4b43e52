/*
 * A list is walked once: key, perhaps "=" and a value, comma. A table says of each known key what
 * its value is and where it goes; the copy that was filled replaces the caller's at the end.
 */
#include "transcoder/hls/cmcd.h"

#include <stddef.h>
#include <string.h>

enum kind {
    KIND_NUMBER, /* an integer, or a list of them, of which the least counts */
    KIND_RATE,   /* a decimal, kept in thousandths */
    KIND_FLAG,   /* there, or with "=?0" not */
    KIND_TEXT,   /* quoted */
    KIND_URL,    /* quoted, percent-encoded; too long is left out */
    KIND_OBJECT, /* a token of the object types */
    KIND_STREAM  /* a token: v or l */
};

struct key {
    const char *name;
    enum kind kind;
    uint32_t max; /* of numbers; of text: characters */
    size_t offset;
};

#define AT(field) offsetof(struct cmcd, field)

static const struct key keys[] = {
    {"br", KIND_NUMBER, CMCD_KBPS_MAX, AT(bitrate_kbps)},
    {"bl", KIND_NUMBER, CMCD_MS_MAX, AT(buffer_ms)},
    {"dl", KIND_NUMBER, CMCD_MS_MAX, AT(deadline_ms)},
    {"d", KIND_NUMBER, CMCD_MS_MAX, AT(duration_ms)},
    {"mtp", KIND_NUMBER, CMCD_KBPS_MAX, AT(throughput_kbps)},
    {"tb", KIND_NUMBER, CMCD_KBPS_MAX, AT(top_kbps)},
    {"pr", KIND_RATE, 1000, AT(rate_permille)},
    {"bs", KIND_FLAG, 0, AT(starved)},
    {"su", KIND_FLAG, 0, AT(startup)},
    {"st", KIND_STREAM, 0, AT(live)},
    {"ot", KIND_OBJECT, 0, AT(object)},
    {"sid", KIND_TEXT, CMCD_ID_MAX, AT(session)},
    {"cid", KIND_TEXT, CMCD_ID_MAX, AT(content)},
    {"nor", KIND_URL, CMCD_URL_MAX, AT(next_object)},
};

/* A piece of the text; it never owns anything. */
struct span {
    const char *at;
    size_t len;
};

static bool is(struct span s, const char *word) {
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Digits, and a fraction that is dropped: version 1 has integers, players in the field divide. */
static bool take_number(struct span *s, uint32_t max, uint32_t *out) {
    uint64_t value = 0;
    size_t i = 0;
    for (; i < s->len && is_digit(s->at[i]); i++) {
        value = value * 10 + (uint64_t)(s->at[i] - '0');
        if (value > max)
            value = (uint64_t)max + 1;
    }
    if (i == 0)
        return false;
    if (i < s->len && s->at[i] == '.')
        for (i++; i < s->len && is_digit(s->at[i]);)
            i++;
    *out = value > max ? max : (uint32_t)value;
    s->at += i;
    s->len -= i;
    return true;
}

/* "(2100;v 900;a)": the least of all, whatever each is of. */
static bool read_numbers(struct span s, uint32_t max, uint32_t *out) {
    if (s.len < 2 || s.at[0] != '(' || s.at[s.len - 1] != ')')
        return false;
    s.at++;
    s.len -= 2;
    uint32_t least = CMCD_UNKNOWN;
    while (s.len > 0) {
        uint32_t one = 0;
        if (!take_number(&s, max, &one))
            return false;
        least = one < least ? one : least;
        while (s.len > 0 && *s.at != ' ') { /* its parameters */
            s.at++;
            s.len--;
        }
        while (s.len > 0 && *s.at == ' ') {
            s.at++;
            s.len--;
        }
    }
    *out = least;
    return least != CMCD_UNKNOWN;
}

static bool read_number(struct span s, uint32_t max, uint32_t *out) {
    if (s.len > 0 && s.at[0] == '(')
        return read_numbers(s, max, out);
    return take_number(&s, max, out) && s.len == 0;
}

/* "1.08" is 1080, and so is "1.0801". */
static bool read_rate(struct span s, uint32_t *out) {
    uint32_t whole = 0;
    struct span rest = s;
    const char *dot = memchr(s.at, '.', s.len);
    if (!take_number(&rest, 1000, &whole) || rest.len > 0)
        return false;
    uint32_t thousandths = 0;
    uint32_t weight = 100;
    for (const char *c = dot; c != NULL && ++c < s.at + s.len && weight > 0; weight /= 10)
        thousandths += (uint32_t)(*c - '0') * weight;
    *out = whole * 1000 + thousandths;
    return true;
}

static int hex(char c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One character of quoted text, escapes undone; -1 at a broken one. */
static int unquoted(struct span *s, bool percent) {
    char c = *s->at;
    size_t used = 1;
    if (c == '\\') {
        if (s->len < 2)
            return -1;
        c = s->at[1];
        used = 2;
    } else if (percent && c == '%') {
        int high = s->len > 2 ? hex(s->at[1]) : -1;
        int low = s->len > 2 ? hex(s->at[2]) : -1;
        if (high < 0 || low < 0 || (high < 2) || (high == 7 && low == 15))
            return -1;
        c = (char)(high * 16 + low);
        used = 3;
    }
    s->at += used;
    s->len -= used;
    return (unsigned char)c;
}

/* What does not fit is no error where `*long_out` can say so; it is empty then. */
static bool read_text(struct span s, bool percent, uint32_t max, char *out, bool *long_out) {
    if (s.len < 2 || s.at[0] != '"' || s.at[s.len - 1] != '"')
        return false;
    s.at++;
    s.len -= 2;
    uint32_t n = 0;
    while (s.len > 0) {
        int c = unquoted(&s, percent);
        if (c < 0)
            return false;
        if (n == max) {
            out[0] = 0;
            *long_out = true;
            return true;
        }
        out[n++] = (char)c;
    }
    out[n] = 0;
    return true;
}

static bool read_object(struct span s, enum cmcd_object *out) {
    static const char *const words[] = {
        [CMCD_OBJECT_MANIFEST] = "m",    [CMCD_OBJECT_AUDIO] = "a", [CMCD_OBJECT_VIDEO] = "v",
        [CMCD_OBJECT_MUXED] = "av",      [CMCD_OBJECT_INIT] = "i",  [CMCD_OBJECT_CAPTION] = "c",
        [CMCD_OBJECT_TIMED_TEXT] = "tt", [CMCD_OBJECT_KEY] = "k",   [CMCD_OBJECT_OTHER] = "o"};
    for (size_t i = CMCD_OBJECT_MANIFEST; i < sizeof(words) / sizeof(words[0]); i++)
        if (is(s, words[i])) {
            *out = (enum cmcd_object)i;
            return true;
        }
    return false;
}

static bool read_flag(struct span s, bool given, bool *out) {
    *out = !given || is(s, "?1") || is(s, "true");
    return !given || *out || is(s, "?0") || is(s, "false");
}

static bool read_stream(struct span s, bool *live) {
    *live = is(s, "l") || is(s, "ll");
    return *live || is(s, "v");
}

static bool read_value(struct cmcd *out, const struct key *k, struct span value, bool given) {
    char *field = (char *)out + k->offset;
    bool too_long = false;
    switch (k->kind) {
    case KIND_NUMBER:
        return given && read_number(value, k->max, (uint32_t *)(void *)field);
    case KIND_RATE:
        return given && read_rate(value, (uint32_t *)(void *)field);
    case KIND_FLAG:
        return read_flag(value, given, (bool *)field);
    case KIND_TEXT:
        return given && read_text(value, false, k->max, field, &too_long) && !too_long;
    case KIND_URL:
        return given && read_text(value, true, k->max, field, &too_long);
    case KIND_OBJECT:
        return given && read_object(value, (enum cmcd_object *)(void *)field);
    case KIND_STREAM:
        return given && read_stream(value, (bool *)field);
    }
    return false;
}

/* Up to the next comma that is in no quotes and in no list. */
static struct span next_item(struct span *rest) {
    bool quoted = false;
    unsigned depth = 0;
    size_t i = 0;
    for (; i < rest->len; i++) {
        char c = rest->at[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '(')
            depth++;
        else if (!quoted && c == ')' && depth > 0)
            depth--;
        else if (!quoted && depth == 0 && c == ',')
            break;
    }
    size_t len = i < rest->len ? i : rest->len;
    struct span item = {rest->at, len};
    size_t used = len < rest->len ? len + 1 : len;
    rest->at += used;
    rest->len -= used;
    return item;
}

static struct span trimmed(struct span s) {
    while (s.len > 0 && *s.at == ' ') {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && s.at[s.len - 1] == ' ')
        s.len--;
    return s;
}

static bool is_key(struct span s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool lower = c >= 'a' && c <= 'z';
        if (!lower && !(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return s.len > 0;
}

static bool read_item(struct cmcd *out, struct span item) {
    const char *equals = memchr(item.at, '=', item.len);
    struct span name = {item.at, equals == NULL ? item.len : (size_t)(equals - item.at)};
    struct span value = {item.at + item.len, 0};
    if (equals != NULL)
        value = (struct span){equals + 1, item.len - name.len - 1};
    if (!is_key(name))
        return false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (is(name, keys[i].name))
            return read_value(out, &keys[i], value, equals != NULL);
    return true;
}

static bool is_printable(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7E)
            return false;
    return true;
}

void cmcd_init(struct cmcd *out) {
    *out = (struct cmcd){.bitrate_kbps = CMCD_UNKNOWN,
                         .buffer_ms = CMCD_UNKNOWN,
                         .deadline_ms = CMCD_UNKNOWN,
                         .duration_ms = CMCD_UNKNOWN,
                         .throughput_kbps = CMCD_UNKNOWN,
                         .top_kbps = CMCD_UNKNOWN,
                         .rate_permille = 1000};
}

enum err cmcd_read(struct cmcd *out, const char *text, size_t len) {
    if (len > CMCD_TEXT_MAX)
        return ERR_OVERSIZED;
    if (!is_printable(text, len))
        return ERR_BAD_FIELD;
    struct cmcd read = *out;
    struct span rest = {text, len};
    while (rest.len > 0) {
        struct span item = trimmed(next_item(&rest));
        if (!read_item(&read, item))
            return ERR_BAD_FIELD;
    }
    *out = read;
    return ERR_OK;
}
