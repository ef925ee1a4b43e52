/*
 * One pass over the lines. A tag with attributes is taken apart into spans of the origin's text,
 * and written again for each pathway with some of them replaced.
 */
#include "transcoder/hls/multivariant.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

struct attr {
    struct span name;
    struct span value; /* quotes included */
};

struct tag {
    struct attr attrs[MULTIVARIANT_ATTRS_MAX];
    size_t count;
};

struct writing {
    const struct multivariant *m;
    struct multivariant_fault *fault;
    enum err err; /* the first; it sticks */
    char *out;
    size_t size;
    size_t len;
    uint32_t line; /* of the origin's text */
    bool steered;  /* EXT-X-CONTENT-STEERING is written */
    bool variants; /* there was one */
};

__attribute__((format(printf, 3, 4))) static void fail(struct writing *w, enum err e,
                                                       const char *format, ...) {
    if (w->err != ERR_OK)
        return;
    va_list args;
    va_start(args, format);
    w->err = e;
    w->fault->line = w->line;
    (void)vsnprintf(w->fault->why, sizeof(w->fault->why), format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void put(struct writing *w, const char *format, ...) {
    if (w->err != ERR_OK)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->out + w->len, w->size - w->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= w->size - w->len)
        fail(w, ERR_OVERSIZED, "the playlist does not fit into %zu characters", w->size);
    else
        w->len += (size_t)n;
}

#define SPAN(s) (int)(s).len, (s).at

static bool is(struct span s, const char *word) {
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static bool begins(struct span s, const char *word) {
    return s.len >= strlen(word) && memcmp(s.at, word, strlen(word)) == 0;
}

static struct span after(struct span s, size_t n) {
    return (struct span){s.at + n, s.len - n};
}

/* ---- attributes ------------------------------------------------------------------------------ */

static size_t value_length(struct span s) {
    bool quoted = s.len > 0 && s.at[0] == '"';
    for (size_t i = quoted ? 1 : 0; i < s.len; i++) {
        if (quoted && s.at[i] == '"')
            return i + 1;
        if (!quoted && s.at[i] == ',')
            return i;
    }
    return quoted ? 0 : s.len;
}

static bool read_attr(struct span *rest, struct attr *out) {
    const char *equals = memchr(rest->at, '=', rest->len);
    if (equals == NULL || equals == rest->at)
        return false;
    out->name = (struct span){rest->at, (size_t)(equals - rest->at)};
    *rest = after(*rest, out->name.len + 1);
    size_t len = value_length(*rest);
    if (len == 0)
        return false;
    out->value = (struct span){rest->at, len};
    *rest = after(*rest, len);
    if (rest->len > 0 && rest->at[0] != ',')
        return false;
    *rest = after(*rest, rest->len > 0 ? 1 : 0);
    return true;
}

static bool read_tag(struct writing *w, struct span text, struct tag *out) {
    out->count = 0;
    while (text.len > 0) {
        if (out->count == MULTIVARIANT_ATTRS_MAX) {
            fail(w, ERR_OVERSIZED, "more than %d attributes", MULTIVARIANT_ATTRS_MAX);
            return false;
        }
        if (!read_attr(&text, &out->attrs[out->count++])) {
            fail(w, ERR_BAD_FIELD, "expected NAME=VALUE, comma, …; found \"%.*s\"",
                 text.len > 40 ? 40 : (int)text.len, text.at);
            return false;
        }
    }
    return true;
}

static const struct attr *find(const struct tag *t, const char *name) {
    for (size_t i = 0; i < t->count; i++)
        if (is(t->attrs[i].name, name))
            return &t->attrs[i];
    return NULL;
}

static struct span unquoted(struct span value) {
    bool quoted = value.len >= 2 && value.at[0] == '"';
    return quoted ? (struct span){value.at + 1, value.len - 2} : value;
}

/* ---- URIs and ids ---------------------------------------------------------------------------- */

/* Relative to where the playlist lies: nothing with a scheme, a host or a path from the root. */
static bool is_relative(struct span uri) {
    const char *colon = memchr(uri.at, ':', uri.len);
    const char *slash = memchr(uri.at, '/', uri.len);
    bool scheme = colon != NULL && (slash == NULL || colon < slash);
    return uri.len > 0 && uri.at[0] != '/' && !scheme;
}

static bool check_uri(struct writing *w, struct span uri) {
    if (is_relative(uri))
        return true;
    fail(w, ERR_UNSUPPORTED, "\"%.*s\" lies elsewhere: only URIs relative to the playlist can move",
         uri.len > 48 ? 48 : (int)uri.len, uri.at);
    return false;
}

/* The URI without its query, with what an id may not have replaced (RFC 8216bis, 4.4.6.2). */
static void put_id(struct writing *w, struct span uri) {
    for (size_t i = 0; i < uri.len && uri.at[i] != '?' && uri.at[i] != '#'; i++) {
        char c = uri.at[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    strchr("+/=.-_", c) != NULL;
        put(w, "%c", kept ? c : '_');
    }
}

/* ---- tags ------------------------------------------------------------------------------------ */

static bool names_group(const struct attr *a) {
    bool refers = is(a->name, "GROUP-ID") || is(a->name, "AUDIO") || is(a->name, "VIDEO") ||
                  is(a->name, "SUBTITLES") || is(a->name, "CLOSED-CAPTIONS");
    return refers && a->value.at[0] == '"';
}

static void put_attr(struct writing *w, const struct attr *a,
                     const struct multivariant_pathway *to) {
    struct span value = unquoted(a->value);
    if (names_group(a))
        put(w, "%.*s=\"%.*s@%s\"", SPAN(a->name), SPAN(value), to->id.text);
    else if (is(a->name, "URI"))
        put(w, "URI=\"%s%.*s\"", to->base, SPAN(value));
    else
        put(w, "%.*s=%.*s", SPAN(a->name), SPAN(a->value));
}

/* The tag for one pathway, with the id under which a player knows it again. */
static void put_tag(struct writing *w, const char *name, const char *stable, const struct tag *t,
                    struct span uri, const struct multivariant_pathway *to) {
    put(w, "%s", name);
    for (size_t i = 0; i < t->count; i++) {
        put(w, "%s", i == 0 ? "" : ",");
        put_attr(w, &t->attrs[i], to);
    }
    if (find(t, stable) == NULL && uri.len > 0) {
        put(w, ",%s=\"", stable);
        put_id(w, uri);
        put(w, "\"");
    }
    if (strcmp(stable, "STABLE-VARIANT-ID") == 0)
        put(w, ",PATHWAY-ID=\"%s\"", to->id.text);
}

/* `line` is the URI of an EXT-X-STREAM-INF; the other two have it among their attributes. */
static void repeat(struct writing *w, const char *name, const char *stable, struct span attrs,
                   struct span line) {
    struct tag t;
    if (!read_tag(w, attrs, &t))
        return;
    const struct attr *inside = find(&t, "URI");
    struct span uri = inside != NULL ? unquoted(inside->value) : line;
    if (find(&t, "PATHWAY-ID") != NULL)
        fail(w, ERR_UNSUPPORTED, "this playlist has pathways of its own");
    if (uri.len > 0 && !check_uri(w, uri))
        return;
    for (size_t i = 0; i < w->m->pathway_count; i++) {
        const struct multivariant_pathway *to = &w->m->pathways[i];
        put_tag(w, name, stable, &t, uri, to);
        put(w, "\n");
        if (line.len > 0)
            put(w, "%s%.*s\n", to->base, SPAN(line));
    }
}

/* Behind the tags that speak of the whole, and before the first that names a pathway. */
static void put_steering(struct writing *w) {
    if (w->steered)
        return;
    w->steered = true;
    put(w, "#EXT-X-CONTENT-STEERING:SERVER-URI=\"%s\",PATHWAY-ID=\"%s\"\n", w->m->steering_uri,
        w->m->pathways[0].id.text);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct span next_line(struct span *rest) {
    const char *end = memchr(rest->at, '\n', rest->len);
    struct span line = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
    *rest = after(*rest, end == NULL ? rest->len : line.len + 1);
    while (line.len > 0 && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' '))
        line.len--;
    return line;
}

static bool is_clean(struct writing *w, struct span line) {
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.at[i] < 0x20 && line.at[i] != '\t') {
            fail(w, ERR_BAD_FIELD, "a control character (0x%02x)", (unsigned)line.at[i]);
            return false;
        }
    return true;
}

/* Whatever stands between a tag and its URI is a comment (RFC 8216bis section 4.1). */
static struct span next_uri(struct writing *w, struct span *rest) {
    while (rest->len > 0 && w->err == ERR_OK) {
        struct span line = next_line(rest);
        w->line++;
        if (!is_clean(w, line) || begins(line, "#EXT"))
            break;
        if (line.len > 0 && line.at[0] != '#')
            return line;
    }
    fail(w, ERR_BAD_FIELD, "expected the URI of the variant");
    return (struct span){rest->at, 0};
}

static bool whole_elsewhere(struct span line) {
    return begins(line, "#EXT-X-SESSION-KEY:") || begins(line, "#EXT-X-SESSION-DATA:");
}

static void take_line(struct writing *w, struct span line, struct span *rest) {
    static const char variant[] = "#EXT-X-STREAM-INF:";
    static const char frames[] = "#EXT-X-I-FRAME-STREAM-INF:";
    static const char media[] = "#EXT-X-MEDIA:";
    struct span none = {line.at, 0};
    if (begins(line, variant)) {
        put_steering(w);
        struct span uri = next_uri(w, rest);
        if (w->err == ERR_OK)
            repeat(w, variant, "STABLE-VARIANT-ID", after(line, sizeof(variant) - 1), uri);
        w->variants = true;
    } else if (begins(line, frames)) {
        put_steering(w);
        repeat(w, frames, "STABLE-VARIANT-ID", after(line, sizeof(frames) - 1), none);
    } else if (begins(line, media)) {
        put_steering(w);
        repeat(w, media, "STABLE-RENDITION-ID", after(line, sizeof(media) - 1), none);
    } else if (begins(line, "#EXTINF") || begins(line, "#EXT-X-TARGETDURATION")) {
        fail(w, ERR_UNSUPPORTED, "a media playlist, where one that names variants was expected");
    } else if (begins(line, "#EXT-X-CONTENT-STEERING")) {
        fail(w, ERR_UNSUPPORTED, "this playlist is steered by somebody already");
    } else if (begins(line, "#EXT-X-DEFINE")) {
        fail(w, ERR_UNSUPPORTED, "variables (EXT-X-DEFINE) are not put in");
    } else if (whole_elsewhere(line)) {
        struct tag t;
        const char *colon = memchr(line.at, ':', line.len);
        if (read_tag(w, after(line, (size_t)(colon + 1 - line.at)), &t) &&
            find(&t, "URI") != NULL && is_relative(unquoted(find(&t, "URI")->value)))
            fail(w, ERR_UNSUPPORTED, "its URI is relative to one cluster, and stands for all");
        put(w, "%.*s\n", SPAN(line));
    } else if (line.len > 0 && line.at[0] != '#') {
        fail(w, ERR_BAD_FIELD, "a URI that no EXT-X-STREAM-INF stands before");
    } else if (line.len > 0) {
        put(w, "%.*s\n", SPAN(line));
    }
}

enum err multivariant_write(char *out, size_t out_size, size_t *len, const struct multivariant *m,
                            const char *origin, size_t origin_len,
                            struct multivariant_fault *fault) {
    struct writing w = {.m = m, .fault = fault, .err = ERR_OK, .out = out, .size = out_size};
    *fault = (struct multivariant_fault){0};
    struct span rest = {origin, origin_len};
    if (m->pathway_count == 0 || m->pathway_count > MULTIVARIANT_PATHWAYS_MAX)
        fail(&w, ERR_BAD_FIELD, "%zu pathways, where 1 to %d were expected", m->pathway_count,
             MULTIVARIANT_PATHWAYS_MAX);
    else if (origin_len > MULTIVARIANT_IN_MAX || memchr(origin, 0, origin_len) != NULL)
        fail(&w, ERR_OVERSIZED, "%zu characters, where at most %d of text were expected",
             origin_len, MULTIVARIANT_IN_MAX);
    else if (!begins(rest, "#EXTM3U"))
        fail(&w, ERR_BAD_FIELD, "expected #EXTM3U at the beginning");
    while (w.err == ERR_OK && rest.len > 0) {
        struct span line = next_line(&rest);
        w.line++;
        if (is_clean(&w, line))
            take_line(&w, line, &rest);
    }
    if (w.err == ERR_OK && !w.variants)
        fail(&w, ERR_UNSUPPORTED, "there is no variant (EXT-X-STREAM-INF)");
    *len = w.len;
    return w.err;
}

/* ---- rates ----------------------------------------------------------------------------------- */

/* [bit/s] of a variant; 0: not said, or no number. */
static uint64_t rate_of(const struct tag *t) {
    const struct attr *a = find(t, "AVERAGE-BANDWIDTH");
    uint64_t rate = 0;
    if (a == NULL)
        a = find(t, "BANDWIDTH");
    for (size_t i = 0; a != NULL && i < a->value.len; i++) {
        unsigned digit = (unsigned)(a->value.at[i] - '0');
        if (digit > 9 || rate > UINT32_MAX)
            return 0;
        rate = rate * 10 + digit;
    }
    return rate;
}

uint32_t multivariant_poorest_kbps(const char *origin, size_t origin_len) {
    static const char variant[] = "#EXT-X-STREAM-INF:";
    struct multivariant_fault unheard;
    struct span rest = {origin, origin_len};
    uint64_t poorest = 0;
    while (rest.len > 0) {
        struct writing w = {.fault = &unheard};
        struct span line = next_line(&rest);
        struct tag t;
        if (!begins(line, variant) || !read_tag(&w, after(line, sizeof(variant) - 1), &t))
            continue;
        uint64_t rate = rate_of(&t);
        if (rate > 0 && (poorest == 0 || rate < poorest))
            poorest = rate;
    }
    return (uint32_t)(poorest / 1000 < UINT32_MAX ? poorest / 1000 : UINT32_MAX);
}
