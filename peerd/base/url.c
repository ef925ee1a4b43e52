#include "peerd/base/url.h"

#include <string.h>

/* After "http://" or "https://"; NULL for anything else. */
static const char *after_scheme(const char *text) {
    if (strncmp(text, "https://", 8) == 0)
        return text + 8;
    return strncmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

bool url_is_absolute(const char *text) {
    const char *host = after_scheme(text);
    if (host == NULL)
        return false;
    size_t len = strcspn(host, "/?#");
    if (len == 0 || host[0] == ':' || memchr(host, '@', len) != NULL)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c) != NULL)
            return false;
    return true;
}

bool url_is_file(const char *text) {
    if (!url_is_absolute(text) || strpbrk(text, "?#") != NULL)
        return false;
    const char *path = strchr(after_scheme(text), '/');
    return path != NULL && text[strlen(text) - 1] != '/';
}

size_t url_folder_len(const char *text) {
    return (size_t)(strrchr(text, '/') - text) + 1;
}
