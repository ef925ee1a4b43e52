/*
 * One pass over the tags. What stands between them is copied with them, in two pieces: up to the
 * first child of MPD that is no ProgramInformation, where BaseURLs belong, and up to the first
 * Period, where ContentSteering does.
 */
#include "transcoder/hls/mpd.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reading {
    const struct multivariant *m;
    struct multivariant_fault *fault;
    enum err err; /* the first; it sticks */
    const char *text;
    size_t size, at;
    size_t copied;                   /* of the text, so many characters are written */
    size_t open[MPD_DEPTH_MAX];      /* where the names of open elements begin … */
    size_t open_name[MPD_DEPTH_MAX]; /* … and how long they are */
    size_t depth;
    bool based, steered, ended; /* BaseURLs, ContentSteering are written; MPD is closed */
    char *out;
    size_t out_size, len;
};

/* A tag: where its name is, and where what follows the name ends. */
struct tag {
    size_t begin, end; /* "<" to behind ">" */
    const char *name;
    size_t name_len;
    const char *words; /* attributes */
    size_t words_len;
    bool closes, empty;
};

__attribute__((format(printf, 3, 4))) static void fail(struct reading *r, enum err e,
                                                       const char *format, ...) {
    if (r->err != ERR_OK)
        return;
    va_list args;
    va_start(args, format);
    r->err = e;
    r->fault->line = 1;
    for (size_t i = 0; i < r->at && i < r->size; i++)
        r->fault->line += r->text[i] == '\n';
    (void)vsnprintf(r->fault->why, sizeof(r->fault->why), format, args);
    va_end(args);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put(struct reading *r, const char *text, size_t len) {
    if (r->err != ERR_OK)
        return;
    if (len >= r->out_size - r->len) {
        fail(r, ERR_OVERSIZED, "the MPD does not fit into %zu characters", r->out_size);
        return;
    }
    memcpy(r->out + r->len, text, len);
    r->len += len;
    r->out[r->len] = '\0';
}

static void put_text(struct reading *r, const char *text) {
    put(r, text, strlen(text));
}

/* URIs may have "&" and "'", which mean something in XML. */
static void put_escaped(struct reading *r, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '&')
            put_text(r, "&amp;");
        else if (*text == '<' || *text == '>' || *text == '"')
            fail(r, ERR_BAD_FIELD, "a URI of ours that no URI can be");
        else
            put(r, text, 1);
    }
}

static void copy_until(struct reading *r, size_t at) {
    put(r, r->text + r->copied, at - r->copied);
    r->copied = at;
}

static void put_bases(struct reading *r, size_t before) {
    if (r->based)
        return;
    r->based = true;
    copy_until(r, before);
    for (size_t i = 0; i < r->m->pathway_count; i++) {
        put_text(r, "<BaseURL serviceLocation=\"");
        put_text(r, r->m->pathways[i].id.text);
        put_text(r, "\">");
        put_escaped(r, r->m->pathways[i].base);
        put_text(r, "</BaseURL>\n ");
    }
}

static void put_steering(struct reading *r, size_t before) {
    if (r->steered)
        return;
    r->steered = true;
    copy_until(r, before);
    put_text(r, "<ContentSteering defaultServiceLocation=\"");
    put_text(r, r->m->pathways[0].id.text);
    put_text(r, "\" queryBeforeStart=\"false\">");
    put_escaped(r, r->m->steering_uri);
    put_text(r, "</ContentSteering>\n ");
}

/* ---- tags ------------------------------------------------------------------------------------ */

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is(const struct tag *t, const char *name) {
    return t->name_len == strlen(name) && memcmp(t->name, name, t->name_len) == 0;
}

static bool begins(const struct reading *r, const char *with) {
    return r->size - r->at >= strlen(with) && memcmp(r->text + r->at, with, strlen(with)) == 0;
}

/* Behind the next `end`; false, and failed, if there is none. */
static bool skip_past(struct reading *r, const char *end) {
    for (size_t i = r->at; i + strlen(end) <= r->size; i++)
        if (memcmp(r->text + i, end, strlen(end)) == 0) {
            r->at = i + strlen(end);
            return true;
        }
    fail(r, ERR_BAD_FIELD, "\"%s\" is missing", end);
    return false;
}

/* To the next tag that is an element's; false at the end of the text, or failed. */
static bool find_tag(struct reading *r) {
    while (r->err == ERR_OK) {
        const char *next = memchr(r->text + r->at, '<', r->size - r->at);
        r->at = next != NULL ? (size_t)(next - r->text) : r->size;
        if (next == NULL)
            return false;
        if (begins(r, "<!--")) {
            r->at += 4;
            (void)skip_past(r, "-->");
        } else if (begins(r, "<?")) {
            (void)skip_past(r, "?>");
        } else if (begins(r, "<![CDATA[")) {
            (void)skip_past(r, "]]>");
        } else if (begins(r, "<!")) {
            fail(r, ERR_UNSUPPORTED, "a document type: what it defines is not put in");
        } else {
            return true;
        }
    }
    return false;
}

/* Up to the ">" that is in no quotes. */
static size_t tag_end(struct reading *r) {
    char quote = '\0';
    for (size_t i = r->at + 1; i < r->size; i++) {
        char c = r->text[i];
        if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '<')
            break;
        else if (c == '>')
            return i + 1;
    }
    fail(r, ERR_BAD_FIELD, "a tag that does not end");
    return 0;
}

static bool read_tag(struct reading *r, struct tag *t) {
    if (!find_tag(r))
        return false;
    *t = (struct tag){.begin = r->at, .end = tag_end(r)};
    if (r->err != ERR_OK)
        return false;
    t->closes = r->text[t->begin + 1] == '/';
    t->empty = !t->closes && r->text[t->end - 2] == '/';
    t->name = r->text + t->begin + 1 + t->closes;
    size_t rest = t->end - 1 - t->empty - (t->begin + 1 + t->closes);
    while (t->name_len < rest && !is_space(t->name[t->name_len]))
        t->name_len++;
    t->words = t->name + t->name_len;
    t->words_len = rest - t->name_len;
    if (t->name_len == 0)
        fail(r, ERR_BAD_FIELD, "a tag without a name");
    return r->err == ERR_OK;
}

/* ---- what cannot be moved -------------------------------------------------------------------- */

/* Relative to where the MPD lies: nothing with a scheme, a host or a path from the root. */
static void check_uri(struct reading *r, const char *uri, size_t len) {
    while (len > 0 && is_space(*uri)) {
        uri++;
        len--;
    }
    const char *colon = memchr(uri, ':', len), *slash = memchr(uri, '/', len);
    if (len > 0 && (uri[0] == '/' || (colon != NULL && (slash == NULL || colon < slash))))
        fail(r, ERR_UNSUPPORTED, "\"%.*s\" lies elsewhere: only URIs relative to the MPD can move",
             len > 48 ? 48 : (int)len, uri);
}

static bool is_uri_attribute(const char *name, size_t len) {
    static const char *const names[] = {"media", "initialization", "sourceURL", "index"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

static void check_attributes(struct reading *r, const struct tag *t) {
    size_t i = 0;
    while (r->err == ERR_OK && i < t->words_len) {
        while (i < t->words_len && is_space(t->words[i]))
            i++;
        size_t name = i;
        while (i < t->words_len && t->words[i] != '=' && !is_space(t->words[i]))
            i++;
        size_t name_len = i - name;
        while (i < t->words_len && (is_space(t->words[i]) || t->words[i] == '='))
            i++;
        if (name_len == 0 && i == t->words_len)
            return;
        char quote = i < t->words_len ? t->words[i] : '\0';
        size_t value = i + 1, end = value;
        while (end < t->words_len && t->words[end] != quote)
            end++;
        if ((quote != '"' && quote != '\'') || end >= t->words_len)
            fail(r, ERR_BAD_FIELD, "expected NAME=\"VALUE\" in <%.*s>",
                 t->name_len > 32 ? 32 : (int)t->name_len, t->name);
        else if (is_uri_attribute(t->words + name, name_len))
            check_uri(r, t->words + value, end - value);
        i = end + 1;
    }
}

static void check(struct reading *r, const struct tag *t) {
    if (is(t, "ContentSteering"))
        fail(r, ERR_UNSUPPORTED, "this MPD is steered by somebody already");
    else if (is(t, "Location") || is(t, "PatchLocation"))
        fail(r, ERR_UNSUPPORTED, "a %.*s: players would fetch the next one there", (int)t->name_len,
             t->name);
    else if (is(t, "BaseURL") && r->depth == 1)
        fail(r, ERR_UNSUPPORTED, "a BaseURL of the whole: pathways take its place");
    else if (is(t, "BaseURL")) {
        const char *close = memchr(r->text + t->end, '<', r->size - t->end);
        if (close != NULL)
            check_uri(r, r->text + t->end, (size_t)(close - r->text) - t->end);
    } else {
        check_attributes(r, t);
    }
}

/* ---- elements -------------------------------------------------------------------------------- */

static void opens(struct reading *r, const struct tag *t) {
    if (r->depth == 0 && (r->ended || !is(t, "MPD")))
        fail(r, ERR_BAD_FIELD, "expected one element MPD, found %.*s",
             t->name_len > 32 ? 32 : (int)t->name_len, t->name);
    else
        check(r, t);
    if (r->err == ERR_OK && r->depth == 1 && !is(t, "ProgramInformation"))
        put_bases(r, t->begin);
    if (r->err == ERR_OK && r->depth == 1 && is(t, "Period"))
        put_steering(r, t->begin);
    if (r->err != ERR_OK || t->empty)
        return;
    if (r->depth == MPD_DEPTH_MAX) {
        fail(r, ERR_OVERSIZED, "more than %d elements inside one another", MPD_DEPTH_MAX);
        return;
    }
    r->open[r->depth] = (size_t)(t->name - r->text);
    r->open_name[r->depth++] = t->name_len;
}

static void closes(struct reading *r, const struct tag *t) {
    bool fits = r->depth > 0 && r->open_name[r->depth - 1] == t->name_len &&
                memcmp(r->text + r->open[r->depth - 1], t->name, t->name_len) == 0;
    if (!fits) {
        fail(r, ERR_BAD_FIELD, "</%.*s> closes what is not open",
             t->name_len > 32 ? 32 : (int)t->name_len, t->name);
        return;
    }
    r->depth--;
    r->ended = r->depth == 0;
}

static void read_all(struct reading *r) {
    struct tag t;
    while (r->err == ERR_OK && read_tag(r, &t)) {
        if (t.closes)
            closes(r, &t);
        else
            opens(r, &t);
        r->at = t.end;
    }
    if (!r->ended)
        fail(r, ERR_BAD_FIELD, "expected an element MPD, whole");
    else if (!r->steered)
        fail(r, ERR_UNSUPPORTED, "there is no Period");
    copy_until(r, r->size);
}

enum err mpd_write(char *out, size_t out_size, size_t *len, const struct multivariant *m,
                   const char *origin, size_t origin_len, struct multivariant_fault *fault) {
    struct reading r = {.m = m,
                        .fault = fault,
                        .err = ERR_OK,
                        .text = origin,
                        .size = origin_len,
                        .out = out,
                        .out_size = out_size};
    *fault = (struct multivariant_fault){0};
    if (m->pathway_count == 0 || m->pathway_count > MULTIVARIANT_PATHWAYS_MAX)
        fail(&r, ERR_BAD_FIELD, "%zu pathways, where 1 to %d were expected", m->pathway_count,
             MULTIVARIANT_PATHWAYS_MAX);
    else if (origin_len > MULTIVARIANT_IN_MAX || memchr(origin, 0, origin_len) != NULL)
        fail(&r, ERR_OVERSIZED, "%zu characters, where at most %d of text were expected",
             origin_len, MULTIVARIANT_IN_MAX);
    else
        read_all(&r);
    *len = r.len;
    return r.err;
}
