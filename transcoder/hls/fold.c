/*
 * Two passes over the lines: the first finds variants and what they have in common, the second
 * writes those of the first pathway.
 */
#include "transcoder/hls/fold.h"

#include "transcoder/hls/tag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char stream_inf[] = "#EXT-X-STREAM-INF:";
static const char iframe_inf[] = "#EXT-X-I-FRAME-STREAM-INF:";
static const char media_inf[] = "#EXT-X-MEDIA:";
static const char steering_inf[] = "#EXT-X-CONTENT-STEERING:";

#define GROUP_COUNT 4
static const char *const group_names[GROUP_COUNT] = {"AUDIO", "VIDEO", "SUBTITLES",
                                                     "CLOSED-CAPTIONS"};

struct variant {
    struct tag_span pathway; /* empty: none is named */
    struct tag_span stable;  /* empty: none */
    struct tag_span uri;
    struct tag_span groups[GROUP_COUNT]; /* that it refers to */
};

struct folding {
    struct fold *out;
    const struct fold_from *from;
    struct tag_span playlist;
    struct variant list[FOLD_VARIANTS_MAX];
    size_t count;
    struct tag_span home; /* the pathway that is kept; empty: there are none */
    size_t base_len;      /* [characters] of the home's URIs */
    char base[URI_LEN_MAX + 1];
    char *text;
    size_t size, len;
    enum err err;
};

__attribute__((format(printf, 3, 4))) static void fail(struct folding *f, enum err e,
                                                       const char *format, ...) {
    if (f->err != ERR_OK)
        return;
    va_list args;
    va_start(args, format);
    f->err = e;
    (void)vsnprintf(f->out->why, sizeof(f->out->why), format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void put(struct folding *f, const char *format, ...) {
    if (f->err != ERR_OK)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(f->text + f->len, f->size - f->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= f->size - f->len)
        fail(f, ERR_OVERSIZED, "the playlist does not fit into %zu characters", f->size);
    else
        f->len += (size_t)n;
}

static bool same(struct tag_span a, struct tag_span b) {
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* A value without quotes; empty: there is none. */
static struct tag_span value_of(const struct tag *t, const char *name) {
    const struct tag_attr *a = tag_find(t, name);
    return a != NULL ? tag_unquoted(a->value) : (struct tag_span){"", 0};
}

static bool absolute(const struct folding *f, struct tag_span uri, char out[URI_LEN_MAX + 1]) {
    return uri_resolve(out, f->from->urls[f->from->at], uri.at, uri.len);
}

/* ---- what there is --------------------------------------------------------------------------- */

static struct tag_span next_uri(struct tag_span *rest) {
    while (rest->len > 0) {
        struct tag_span line = tag_next_line(rest);
        if (line.len > 0 && line.at[0] != '#')
            return line;
        if (tag_begins(line, "#EXT"))
            break;
    }
    return (struct tag_span){rest->at, 0};
}

static void read_attrs(struct folding *f, struct tag_span line, size_t name_len, struct tag *out) {
    struct tag_span attrs = tag_after(line, name_len);
    if (tag_read(out, &attrs) != ERR_OK)
        fail(f, ERR_BAD_FIELD, "expected NAME=VALUE, comma, …; found \"%.*s\"",
             attrs.len > 40 ? 40 : (int)attrs.len, attrs.at);
}

static void take_variant(struct folding *f, struct tag_span line, struct tag_span *rest) {
    struct variant *v = &f->list[f->count];
    struct tag t;
    if (f->count == FOLD_VARIANTS_MAX) {
        fail(f, ERR_OVERSIZED, "more than %d variants", FOLD_VARIANTS_MAX);
        return;
    }
    read_attrs(f, line, sizeof(stream_inf) - 1, &t);
    v->uri = next_uri(rest);
    if (f->err == ERR_OK && v->uri.len == 0)
        fail(f, ERR_BAD_FIELD, "expected the URI of a variant");
    v->pathway = value_of(&t, "PATHWAY-ID");
    v->stable = value_of(&t, "STABLE-VARIANT-ID");
    for (size_t i = 0; i < GROUP_COUNT; i++)
        v->groups[i] = value_of(&t, group_names[i]);
    f->count++;
}

static void take_steering(struct folding *f, struct tag_span line) {
    struct tag t;
    read_attrs(f, line, sizeof(steering_inf) - 1, &t);
    if (f->err != ERR_OK)
        return;
    f->home = value_of(&t, "PATHWAY-ID");
    if (!absolute(f, value_of(&t, "SERVER-URI"), f->out->steering))
        f->out->steering[0] = '\0';
}

static void survey(struct folding *f) {
    struct tag_span rest = f->playlist;
    if (!tag_begins(rest, "#EXTM3U"))
        fail(f, ERR_BAD_FIELD, "no playlist: expected #EXTM3U at the beginning");
    while (f->err == ERR_OK && rest.len > 0) {
        struct tag_span line = tag_next_line(&rest);
        if (tag_begins(line, stream_inf))
            take_variant(f, line, &rest);
        else if (tag_begins(line, steering_inf))
            take_steering(f, line);
        else if (tag_begins(line, "#EXTINF") || tag_begins(line, "#EXT-X-TARGETDURATION"))
            f->out->media = true;
    }
    if (f->err == ERR_OK && f->count == 0 && !f->out->media)
        fail(f, ERR_BAD_FIELD, "a playlist without a variant and without a segment");
    bool known = false;
    for (size_t i = 0; i < f->count; i++)
        known = known || same(f->list[i].pathway, f->home);
    if (!known && f->count > 0)
        f->home = f->list[0].pathway;
}

/* ---- what sites have in common --------------------------------------------------------------- */

/* [characters] Of `one` before what it shares with `other`, which begins behind a slash. */
static size_t unshared(const char *one, const char *other) {
    size_t a = strlen(one), b = strlen(other);
    size_t least = uri_host_len(one, a) + 1, other_least = uri_host_len(other, b) + 1;
    size_t best = a;
    while (a > least && b > other_least && one[a - 1] == other[b - 1]) {
        a--;
        b--;
        if (one[a - 1] == '/' && other[b - 1] == '/')
            best = a;
    }
    return best;
}

/* The copy of a variant of the home at another pathway; NULL: there is none. */
static const struct variant *copy_of(const struct folding *f, const struct variant *v,
                                     struct tag_span pathway) {
    size_t before = 0;
    for (const struct variant *o = f->list; o < v; o++)
        before += same(o->pathway, v->pathway);
    for (size_t i = 0; i < f->count; i++) {
        const struct variant *o = &f->list[i];
        if (!same(o->pathway, pathway))
            continue;
        if (v->stable.len > 0 ? same(o->stable, v->stable) : before-- == 0)
            return o;
    }
    return NULL;
}

static void widen(struct folding *f, const char *home, const char *other) {
    size_t len = unshared(home, other);
    if (len < strlen(home) && len > f->base_len)
        f->base_len = len;
}

/* Its URLs as the home's, from the base on: adds it, else leaves it out. */
static void add_site(struct folding *f, struct tag_span id, const char *home, const char *other) {
    char name[SITES_ID_MAX + 1], base[URI_LEN_MAX + 1];
    size_t rest = strlen(home) > f->base_len ? strlen(home) - f->base_len : 0;
    size_t len = strlen(other);
    bool copies = rest > 0 && len > rest && strcmp(other + len - rest, home + f->base_len) == 0 &&
                  other[len - rest - 1] == '/' && len - rest > uri_host_len(other, len);
    if (copies && id.len <= SITES_ID_MAX) {
        snprintf(name, sizeof(name), "%.*s", TAG_SPAN(id));
        snprintf(base, sizeof(base), "%.*s", (int)(len - rest), other);
        copies = sites_add(&f->out->sites, name, base) != SITES_NONE;
    }
    f->out->left_out += !copies;
}

static bool is_first_of_pathway(const struct folding *f, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (same(f->list[i].pathway, f->list[index].pathway))
            return false;
    return true;
}

/* Twice: how much is common to all, then who has it. */
static void find_pathways(struct folding *f, bool adding) {
    char home[URI_LEN_MAX + 1], other[URI_LEN_MAX + 1];
    for (size_t i = 0; i < f->count; i++) {
        struct tag_span pathway = f->list[i].pathway;
        if (same(pathway, f->home) || !is_first_of_pathway(f, i))
            continue;
        for (size_t k = 0; k < f->count; k++) {
            const struct variant *v = &f->list[k];
            const struct variant *o = same(v->pathway, f->home) ? copy_of(f, v, pathway) : NULL;
            if (o == NULL || !absolute(f, v->uri, home) || !absolute(f, o->uri, other))
                continue;
            if (!adding) {
                widen(f, home, other);
                continue;
            }
            add_site(f, pathway, home, other);
            break;
        }
    }
}

static struct tag_span host_of(const char *url) {
    size_t len = uri_host_len(url, strlen(url));
    const char *from = strstr(url, "//");
    return from == NULL ? (struct tag_span){url, 0}
                        : (struct tag_span){from + 2, len - (size_t)(from + 2 - url)};
}

/* Sites are named by their hosts: two of one host are told apart by their folders. */
static struct tag_span name_of_url(const struct folding *f, size_t index) {
    const char *url = f->from->urls[index];
    struct tag_span host = host_of(url);
    for (size_t i = 0; i < f->from->count; i++)
        if (i != index && same(host_of(f->from->urls[i]), host))
            host.len = uri_folder_len(url, strlen(url)) - (size_t)(host.at - url);
    return host;
}

static void find_urls(struct folding *f, const char *home, bool adding) {
    for (size_t i = 0; i < f->from->count; i++) {
        if (i == f->from->at)
            continue;
        if (adding)
            add_site(f, name_of_url(f, i), home, f->from->urls[i]);
        else
            widen(f, home, f->from->urls[i]);
    }
}

static void find_sites(struct folding *f) {
    const char *url = f->from->urls[f->from->at];
    bool pathways = f->home.len > 0;
    char home[URI_LEN_MAX + 1];
    if (!pathways)
        snprintf(home, sizeof(home), "%s", url);
    for (size_t i = 0; pathways && i < f->count; i++)
        if (same(f->list[i].pathway, f->home) && absolute(f, f->list[i].uri, home))
            break;
    f->base_len = uri_host_len(home, strlen(home)) + 1;
    if (f->base_len < 2 || strlen(home) < f->base_len) {
        fail(f, ERR_UNSUPPORTED, "\"%.60s\" is no URL of a file", home);
        return;
    }
    if (pathways)
        find_pathways(f, false);
    else
        find_urls(f, home, false);
    memcpy(f->base, home, f->base_len);
    f->base[f->base_len] = '\0';
    add_site(f, pathways ? f->home : name_of_url(f, f->from->at), home, home);
    if (pathways)
        find_pathways(f, true);
    else
        find_urls(f, home, true);
    if (f->out->sites.count == 0)
        fail(f, ERR_UNSUPPORTED, "\"%.60s\" cannot be had from a site", home);
    snprintf(f->out->path, sizeof(f->out->path), "/%s", home + f->base_len);
}

/* ---- what is written ------------------------------------------------------------------------- */

/* Relative to where the playlist lies here, or as it is if it lies elsewhere. */
static void put_uri(struct folding *f, struct tag_span uri) {
    char whole[URI_LEN_MAX + 1];
    if (!absolute(f, uri, whole))
        fail(f, ERR_OVERSIZED, "a URI of more than %d characters", URI_LEN_MAX);
    else if (strncmp(whole, f->base, f->base_len) == 0)
        put(f, "%s", whole + f->base_len);
    else
        put(f, "%s", whole);
}

static void put_tag(struct folding *f, const char *name, const struct tag *t) {
    bool first = true;
    put(f, "%s", name);
    for (size_t i = 0; i < t->count; i++) {
        const struct tag_attr *a = &t->attrs[i];
        if (tag_is(a->name, "PATHWAY-ID"))
            continue;
        put(f, "%s%.*s=", first ? "" : ",", TAG_SPAN(a->name));
        first = false;
        if (tag_is(a->name, "URI")) {
            put(f, "\"");
            put_uri(f, tag_unquoted(a->value));
            put(f, "\"");
        } else {
            put(f, "%.*s", TAG_SPAN(a->value));
        }
    }
    put(f, "\n");
}

/* Does a variant that is kept refer to that group? */
static bool is_referred_to(const struct folding *f, struct tag_span group) {
    for (size_t i = 0; i < f->count; i++)
        for (size_t k = 0; same(f->list[i].pathway, f->home) && k < GROUP_COUNT; k++)
            if (same(f->list[i].groups[k], group))
                return true;
    return false;
}

static void write_line(struct folding *f, struct tag_span line, struct tag_span *rest) {
    struct tag t;
    const char *name = tag_begins(line, stream_inf)   ? stream_inf
                       : tag_begins(line, iframe_inf) ? iframe_inf
                       : tag_begins(line, media_inf)  ? media_inf
                                                      : NULL;
    if (name == NULL) {
        if (!tag_begins(line, steering_inf) && line.len > 0 && line.at[0] == '#')
            put(f, "%.*s\n", TAG_SPAN(line));
        return;
    }
    read_attrs(f, line, strlen(name), &t);
    struct tag_span uri = name == stream_inf ? next_uri(rest) : (struct tag_span){"", 0};
    struct tag_span pathway = value_of(&t, "PATHWAY-ID");
    bool kept = name == media_inf
                    ? f->home.len == 0 || is_referred_to(f, value_of(&t, "GROUP-ID"))
                    : same(pathway, f->home) || (name == iframe_inf && pathway.len == 0);
    if (!kept)
        return;
    put_tag(f, name, &t);
    if (uri.len == 0)
        return;
    put_uri(f, uri);
    put(f, "\n");
}

enum err fold_read(struct fold *out, char *text, size_t size, size_t *len,
                   const struct fold_from *from, const char *playlist, size_t playlist_len) {
    struct folding f = {.out = out,
                        .from = from,
                        .playlist = {playlist, playlist_len},
                        .home = {"", 0},
                        .text = text,
                        .size = size};
    memset(out, 0, sizeof(*out));
    if (playlist_len > FOLD_IN_MAX || memchr(playlist, 0, playlist_len) != NULL)
        fail(&f, ERR_OVERSIZED, "%zu characters, where at most %d of text were expected",
             playlist_len, FOLD_IN_MAX);
    if (f.err == ERR_OK)
        survey(&f);
    if (f.err == ERR_OK)
        find_sites(&f);
    struct tag_span rest = f.playlist;
    while (f.err == ERR_OK && !out->media && rest.len > 0) {
        struct tag_span line = tag_next_line(&rest);
        write_line(&f, line, &rest);
    }
    *len = f.len;
    return f.err;
}

/* ---- media playlists ------------------------------------------------------------------------- */

static bool stands_for_itself(struct tag_span uri) {
    return uri.len > 0 && (uri.at[0] == '/' || uri_is_absolute(uri.at, uri.len));
}

static void put_local(struct folding *f, struct tag_span uri) {
    char whole[URI_LEN_MAX + 1];
    if (!absolute(f, uri, whole))
        fail(f, ERR_OVERSIZED, "a URI of more than %d characters", URI_LEN_MAX);
    else if (strncmp(whole, f->base, f->base_len) == 0)
        put(f, "/%s", whole + f->base_len);
    else
        put(f, "%s", whole);
}

/* The URI in a line: the line itself, or an attribute of that name. False: there is none. */
static bool find_uri(struct tag_span line, struct tag_span *out) {
    static const char attribute[] = "URI=\"";
    const size_t len = sizeof(attribute) - 1;
    *out = line;
    if (line.len == 0 || line.at[0] != '#')
        return line.len > 0;
    for (size_t i = 0; tag_begins(line, "#EXT") && i + len < line.len; i++) {
        if (memcmp(line.at + i, attribute, len) != 0)
            continue;
        const char *from = line.at + i + len;
        const char *end = memchr(from, '"', line.len - i - len);
        *out = (struct tag_span){from, end != NULL ? (size_t)(end - from) : 0};
        return end != NULL;
    }
    return false;
}

enum err fold_media(char *text, size_t size, size_t *len, const struct site *site, const char *path,
                    const char *playlist, size_t playlist_len) {
    char url[URI_LEN_MAX + 1];
    const char *urls[] = {url};
    struct fold out;
    const struct fold_from from = {urls, 1, 0};
    struct folding f = {.out = &out, .from = &from, .text = text, .size = size};
    struct tag_span rest = {playlist, playlist_len}, uri;
    f.base_len = strlen(site->base);
    memcpy(f.base, site->base, f.base_len + 1);
    int n = snprintf(url, sizeof(url), "%s%s", site->base, path[0] == '/' ? path + 1 : path);
    if (n < 0 || (size_t)n >= sizeof(url))
        return ERR_OVERSIZED;
    while (f.err == ERR_OK && rest.len > 0) {
        struct tag_span line = tag_next_line(&rest);
        if (!find_uri(line, &uri) || !stands_for_itself(uri)) {
            put(&f, "%.*s\n", TAG_SPAN(line));
            continue;
        }
        put(&f, "%.*s", (int)(uri.at - line.at), line.at);
        put_local(&f, uri);
        put(&f, "%.*s\n", (int)(line.at + line.len - uri.at - uri.len), uri.at + uri.len);
    }
    *len = f.len;
    return f.err;
}
