/*
 * One pass over the lines. A tag with attributes is taken apart into spans of the origin's text,
 * and written again for each pathway with some of them replaced.
 */
#include "transcoder/hls/multivariant.h"

#include "transcoder/hls/tag.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

/* ---- attributes ------------------------------------------------------------------------------ */

static bool read_tag(struct writing *w, struct tag_span text, struct tag *out) {
    enum err e = tag_read(out, &text);
    if (e == ERR_OVERSIZED)
        fail(w, e, "more than %d attributes", TAG_ATTRS_MAX);
    else if (e != ERR_OK)
        fail(w, e, "expected NAME=VALUE, comma, …; found \"%.*s\"",
             text.len > 40 ? 40 : (int)text.len, text.at);
    return e == ERR_OK;
}

/* ---- URIs and ids ---------------------------------------------------------------------------- */

/* Relative to where the playlist lies: nothing with a scheme, a host or a path from the root. */
static bool is_relative(struct tag_span uri) {
    const char *colon = memchr(uri.at, ':', uri.len);
    const char *slash = memchr(uri.at, '/', uri.len);
    bool scheme = colon != NULL && (slash == NULL || colon < slash);
    return uri.len > 0 && uri.at[0] != '/' && !scheme;
}

static bool check_uri(struct writing *w, struct tag_span uri) {
    if (is_relative(uri))
        return true;
    fail(w, ERR_UNSUPPORTED, "\"%.*s\" lies elsewhere: only URIs relative to the playlist can move",
         uri.len > 48 ? 48 : (int)uri.len, uri.at);
    return false;
}

/* The URI without its query, with what an id may not have replaced (RFC 8216bis, 4.4.6.2). */
static void put_id(struct writing *w, struct tag_span uri) {
    for (size_t i = 0; i < uri.len && uri.at[i] != '?' && uri.at[i] != '#'; i++) {
        char c = uri.at[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    strchr("+/=.-_", c) != NULL;
        put(w, "%c", kept ? c : '_');
    }
}

/* ---- tags ------------------------------------------------------------------------------------ */

static bool names_group(const struct tag_attr *a) {
    bool refers = tag_is(a->name, "GROUP-ID") || tag_is(a->name, "AUDIO") ||
                  tag_is(a->name, "VIDEO") || tag_is(a->name, "SUBTITLES") ||
                  tag_is(a->name, "CLOSED-CAPTIONS");
    return refers && a->value.at[0] == '"';
}

static void put_attr(struct writing *w, const struct tag_attr *a,
                     const struct multivariant_pathway *to) {
    struct tag_span value = tag_unquoted(a->value);
    if (names_group(a))
        put(w, "%.*s=\"%.*s@%s\"", TAG_SPAN(a->name), TAG_SPAN(value), to->id.text);
    else if (tag_is(a->name, "URI"))
        put(w, "URI=\"%s%.*s\"", to->base, TAG_SPAN(value));
    else
        put(w, "%.*s=%.*s", TAG_SPAN(a->name), TAG_SPAN(a->value));
}

/* The tag for one pathway, with the id under which a player knows it again. */
static void put_tag(struct writing *w, const char *name, const char *stable, const struct tag *t,
                    struct tag_span uri, const struct multivariant_pathway *to) {
    put(w, "%s", name);
    for (size_t i = 0; i < t->count; i++) {
        put(w, "%s", i == 0 ? "" : ",");
        put_attr(w, &t->attrs[i], to);
    }
    if (tag_find(t, stable) == NULL && uri.len > 0) {
        put(w, ",%s=\"", stable);
        put_id(w, uri);
        put(w, "\"");
    }
    if (strcmp(stable, "STABLE-VARIANT-ID") == 0)
        put(w, ",PATHWAY-ID=\"%s\"", to->id.text);
}

/* `line` is the URI of an EXT-X-STREAM-INF; the other two have it among their attributes. */
static void repeat(struct writing *w, const char *name, const char *stable, struct tag_span attrs,
                   struct tag_span line) {
    struct tag t;
    if (!read_tag(w, attrs, &t))
        return;
    const struct tag_attr *inside = tag_find(&t, "URI");
    struct tag_span uri = inside != NULL ? tag_unquoted(inside->value) : line;
    if (tag_find(&t, "PATHWAY-ID") != NULL)
        fail(w, ERR_UNSUPPORTED, "this playlist has pathways of its own");
    if (uri.len > 0 && !check_uri(w, uri))
        return;
    for (size_t i = 0; i < w->m->pathway_count; i++) {
        const struct multivariant_pathway *to = &w->m->pathways[i];
        put_tag(w, name, stable, &t, uri, to);
        put(w, "\n");
        if (line.len > 0)
            put(w, "%s%.*s\n", to->base, TAG_SPAN(line));
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

static bool is_clean(struct writing *w, struct tag_span line) {
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.at[i] < 0x20 && line.at[i] != '\t') {
            fail(w, ERR_BAD_FIELD, "a control character (0x%02x)", (unsigned)line.at[i]);
            return false;
        }
    return true;
}

/* Whatever stands between a tag and its URI is a comment (RFC 8216bis section 4.1). */
static struct tag_span next_uri(struct writing *w, struct tag_span *rest) {
    while (rest->len > 0 && w->err == ERR_OK) {
        struct tag_span line = tag_next_line(rest);
        w->line++;
        if (!is_clean(w, line) || tag_begins(line, "#EXT"))
            break;
        if (line.len > 0 && line.at[0] != '#')
            return line;
    }
    fail(w, ERR_BAD_FIELD, "expected the URI of the variant");
    return (struct tag_span){rest->at, 0};
}

static bool whole_elsewhere(struct tag_span line) {
    return tag_begins(line, "#EXT-X-SESSION-KEY:") || tag_begins(line, "#EXT-X-SESSION-DATA:");
}

static void take_line(struct writing *w, struct tag_span line, struct tag_span *rest) {
    static const char variant[] = "#EXT-X-STREAM-INF:";
    static const char frames[] = "#EXT-X-I-FRAME-STREAM-INF:";
    static const char media[] = "#EXT-X-MEDIA:";
    struct tag_span none = {line.at, 0};
    if (tag_begins(line, variant)) {
        put_steering(w);
        struct tag_span uri = next_uri(w, rest);
        if (w->err == ERR_OK)
            repeat(w, variant, "STABLE-VARIANT-ID", tag_after(line, sizeof(variant) - 1), uri);
        w->variants = true;
    } else if (tag_begins(line, frames)) {
        put_steering(w);
        repeat(w, frames, "STABLE-VARIANT-ID", tag_after(line, sizeof(frames) - 1), none);
    } else if (tag_begins(line, media)) {
        put_steering(w);
        repeat(w, media, "STABLE-RENDITION-ID", tag_after(line, sizeof(media) - 1), none);
    } else if (tag_begins(line, "#EXTINF") || tag_begins(line, "#EXT-X-TARGETDURATION")) {
        fail(w, ERR_UNSUPPORTED, "a media playlist, where one that names variants was expected");
    } else if (tag_begins(line, "#EXT-X-CONTENT-STEERING")) {
        fail(w, ERR_UNSUPPORTED, "this playlist is steered by somebody already");
    } else if (tag_begins(line, "#EXT-X-DEFINE")) {
        fail(w, ERR_UNSUPPORTED, "variables (EXT-X-DEFINE) are not put in");
    } else if (whole_elsewhere(line)) {
        struct tag t;
        const char *colon = memchr(line.at, ':', line.len);
        if (read_tag(w, tag_after(line, (size_t)(colon + 1 - line.at)), &t) &&
            tag_find(&t, "URI") != NULL && is_relative(tag_unquoted(tag_find(&t, "URI")->value)))
            fail(w, ERR_UNSUPPORTED, "its URI is relative to one cluster, and stands for all");
        put(w, "%.*s\n", TAG_SPAN(line));
    } else if (line.len > 0 && line.at[0] != '#') {
        fail(w, ERR_BAD_FIELD, "a URI that no EXT-X-STREAM-INF stands before");
    } else if (line.len > 0) {
        put(w, "%.*s\n", TAG_SPAN(line));
    }
}

enum err multivariant_write(char *out, size_t out_size, size_t *len, const struct multivariant *m,
                            const char *origin, size_t origin_len,
                            struct multivariant_fault *fault) {
    struct writing w = {.m = m, .fault = fault, .err = ERR_OK, .out = out, .size = out_size};
    *fault = (struct multivariant_fault){0};
    struct tag_span rest = {origin, origin_len};
    if (m->pathway_count == 0 || m->pathway_count > MULTIVARIANT_PATHWAYS_MAX)
        fail(&w, ERR_BAD_FIELD, "%zu pathways, where 1 to %d were expected", m->pathway_count,
             MULTIVARIANT_PATHWAYS_MAX);
    else if (origin_len > MULTIVARIANT_IN_MAX || memchr(origin, 0, origin_len) != NULL)
        fail(&w, ERR_OVERSIZED, "%zu characters, where at most %d of text were expected",
             origin_len, MULTIVARIANT_IN_MAX);
    else if (!tag_begins(rest, "#EXTM3U"))
        fail(&w, ERR_BAD_FIELD, "expected #EXTM3U at the beginning");
    while (w.err == ERR_OK && rest.len > 0) {
        struct tag_span line = tag_next_line(&rest);
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
    const struct tag_attr *a = tag_find(t, "AVERAGE-BANDWIDTH");
    uint64_t rate = 0;
    if (a == NULL)
        a = tag_find(t, "BANDWIDTH");
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
    struct tag_span rest = {origin, origin_len};
    uint64_t poorest = 0;
    while (rest.len > 0) {
        struct writing w = {.fault = &unheard};
        struct tag_span line = tag_next_line(&rest);
        struct tag t;
        if (!tag_begins(line, variant) || !read_tag(&w, tag_after(line, sizeof(variant) - 1), &t))
            continue;
        uint64_t rate = rate_of(&t);
        if (rate > 0 && (poorest == 0 || rate < poorest))
            poorest = rate;
    }
    return (uint32_t)(poorest / 1000 < UINT32_MAX ? poorest / 1000 : UINT32_MAX);
}
