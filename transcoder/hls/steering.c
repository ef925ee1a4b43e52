#include "transcoder/hls/steering.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* RFC 3986: what a URI may consist of. None of it has to be escaped in JSON. */
static bool is_uri(const char *uri) {
    static const char others[] = "-._~:/?#[]@!$&'()*+,;=%";
    size_t i = 0;
    for (; uri[i] != 0; i++) {
        char c = uri[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (i == STEERING_URI_MAX || (!plain && strchr(others, c) == NULL))
            return false;
    }
    return i > 0;
}

static bool stands_once(const struct steering *s, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (name_equal(&s->pathways[i], &s->pathways[at]))
            return false;
    return !name_is_empty(&s->pathways[at]);
}

static bool is_sound(const struct steering *s) {
    if (s->ttl_s == 0 || s->ttl_s > STEERING_TTL_S_MAX || s->pathway_count == 0 ||
        s->pathway_count > STEERING_PATHWAYS_MAX || s->reload_uri == NULL || !is_uri(s->reload_uri))
        return false;
    for (size_t i = 0; i < s->pathway_count; i++)
        if (!stands_once(s, i))
            return false;
    return true;
}

/* False, and nothing written, if there is no room. */
static bool put(char *out, size_t out_size, size_t *at, const char *before, const char *text,
                const char *after) {
    int len = snprintf(out + *at, out_size - *at, "%s%s%s", before, text, after);
    if (len < 0 || (size_t)len >= out_size - *at)
        return false;
    *at += (size_t)len;
    return true;
}

size_t steering_write(char *out, size_t out_size, const struct steering *s) {
    if (out_size == 0 || !is_sound(s))
        return 0;
    char ttl[16];
    (void)snprintf(ttl, sizeof(ttl), "%u", s->ttl_s);
    size_t at = 0;
    bool fits = put(out, out_size, &at, "{\"VERSION\":1,\"TTL\":", ttl, "") &&
                put(out, out_size, &at, ",\"RELOAD-URI\":\"", s->reload_uri, "\"") &&
                put(out, out_size, &at, ",\"PATHWAY-PRIORITY\":", "[", "");
    /* A name has no character that JSON would want escaped (peerd/base/id.h). */
    for (size_t i = 0; fits && i < s->pathway_count; i++)
        fits = put(out, out_size, &at, i == 0 ? "\"" : ",\"", s->pathways[i].text, "\"");
    fits = fits && put(out, out_size, &at, "]", "}", "");
    return fits ? at : 0;
}
