#include "transcoder/hls/condition.h"

#include "transcoder/hls/range.h"

#include <stddef.h>
#include <string.h>

#define BLANKS " \t"

/* What may stand between the quotes (section 8.8.3). */
static bool is_opaque(char c) {
    unsigned char u = (unsigned char)c;
    return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

/* Takes the next tag off a list. False: there is none, or it is damaged. */
static bool next_tag(const char **list, const char **tag, size_t *len, bool *weak) {
    const char *at = *list + strspn(*list, BLANKS ",");
    *weak = strncmp(at, "W/", 2) == 0;
    at += *weak ? 2 : 0;
    if (*at != '"')
        return false;
    *tag = at++;
    while (is_opaque(*at))
        at++;
    if (*at++ != '"')
        return false;
    *len = (size_t)(at - *tag);
    *list = at + strspn(at, BLANKS);
    return **list == '\0' || **list == ',';
}

/* By the weak comparison a tag that promises less will do (section 8.8.3.2). */
static bool is_listed(const char *list, const char *etag, bool weak_will_do) {
    const char *tag;
    size_t len;
    bool weak;
    list += strspn(list, BLANKS);
    if (*list == '*')
        return list[1 + strspn(list + 1, BLANKS)] == '\0';
    while (next_tag(&list, &tag, &len, &weak))
        if ((!weak || weak_will_do) && strlen(etag) == len && memcmp(tag, etag, len) == 0)
            return true;
    return false;
}

enum condition condition_judge(const char *if_match, const char *if_none_match, const char *etag) {
    if (if_match != NULL && !is_listed(if_match, etag, false))
        return CONDITION_FAILS;
    if (if_none_match != NULL && is_listed(if_none_match, etag, true))
        return CONDITION_HAS_IT;
    return CONDITION_HOLDS;
}

bool condition_allows_part(const char *if_range, const char *etag) {
    return if_range == NULL || (range_tag_is_strong(if_range) && strcmp(if_range, etag) == 0);
}
