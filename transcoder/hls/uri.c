#include "transcoder/hls/uri.h"

#include <string.h>

bool uri_is_absolute(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (c == ':')
            return i > 0;
        if (!letter && (i == 0 || !other))
            return false;
    }
    return false;
}

size_t uri_host_len(const char *text, size_t len) {
    const char *colon = memchr(text, ':', len);
    size_t at = colon != NULL ? (size_t)(colon - text) + 1 : len;
    if (len < at + 3 || text[at] != '/' || text[at + 1] != '/')
        return 0;
    for (at += 2; at < len && strchr("/?#", text[at]) == NULL;)
        at++;
    return at;
}

/* [characters] Without query and fragment. */
static size_t path_end(const char *text, size_t len) {
    size_t end = 0;
    while (end < len && text[end] != '?' && text[end] != '#')
        end++;
    return end;
}

size_t uri_folder_len(const char *text, size_t len) {
    size_t end = path_end(text, len), host = uri_host_len(text, len);
    while (end > host && text[end - 1] != '/')
        end--;
    return end;
}

struct writing {
    char *out;
    size_t len, host; /* [characters] */
    bool fits;
};

static void put(struct writing *w, const char *text, size_t len) {
    w->fits = w->fits && len <= URI_LEN_MAX - w->len;
    if (!w->fits)
        return;
    memcpy(w->out + w->len, text, len);
    w->len += len;
}

/* Back to the slash before the last one, but not before the path (section 5.2.4). */
static void up(struct writing *w) {
    if (w->len > w->host + 1)
        w->len--;
    while (w->len > w->host + 1 && w->out[w->len - 1] != '/')
        w->len--;
}

/* A path behind what is written, which ends in a slash or with the host. */
static void put_path(struct writing *w, const char *text, size_t len) {
    while (len > 0) {
        const char *slash = memchr(text, '/', len);
        size_t part = slash != NULL ? (size_t)(slash - text) : len;
        size_t whole = part + (slash != NULL ? 1 : 0);
        bool one = part == 1 && text[0] == '.';
        bool two = part == 2 && memcmp(text, "..", 2) == 0;
        if (two)
            up(w);
        else if (!one)
            put(w, text, whole);
        text += whole;
        len -= whole;
    }
}

bool uri_resolve(char out[URI_LEN_MAX + 1], const char *base, const char *reference, size_t len) {
    size_t base_len = strlen(base), host = uri_host_len(base, base_len);
    size_t end = path_end(reference, len), query = end;
    struct writing w = {.out = out, .host = host, .fits = true};
    while (query < len && reference[query] != '#')
        query++;
    if (host == 0)
        return false;
    if (uri_is_absolute(reference, len)) {
        put(&w, reference, query);
    } else if (end >= 2 && memcmp(reference, "//", 2) == 0) {
        put(&w, base, (size_t)(strchr(base, ':') - base) + 1);
        put(&w, reference, query);
    } else {
        size_t folder = uri_folder_len(base, base_len);
        bool rooted = end > 0 && reference[0] == '/';
        put(&w, base, rooted ? host : end > 0 ? folder : path_end(base, base_len));
        if (!rooted && w.len == host)
            put(&w, "/", 1);
        if (rooted)
            put(&w, "/", 1);
        put_path(&w, reference + rooted, end - rooted);
        put(&w, reference + end, query - end);
    }
    if (w.fits)
        out[w.len] = '\0';
    return w.fits;
}
