/*
 * Conditions: is what somebody has already still what there is here? (RFC 9110 section 13.)
 *
 * Of a body that is named by a strong entity tag and has no date: If-Match and If-None-Match are
 * judged in their order of section 13.2.2, If-Range says whether a part may be sent. Conditions by
 * date are for bodies that have one: the first two kinds are passed over, as the RFC has it, and a
 * date in If-Range is a condition that does not hold. What is written otherwise than the RFC says
 * names no body: it matches nothing.
 */
#ifndef TRANSCODER_HLS_CONDITION_H
#define TRANSCODER_HLS_CONDITION_H

#include <stdbool.h>

enum condition {
    CONDITION_HOLDS,  /* the body is the answer, or its part */
    CONDITION_HAS_IT, /* 304 */
    CONDITION_FAILS   /* 412 */
};

/* Of GET and HEAD. `etag` is ours, quoted; a header that was not sent is NULL. */
enum condition condition_judge(const char *if_match, const char *if_none_match, const char *etag);

/* May a part be sent? If not the whole is the answer. */
bool condition_allows_part(const char *if_range, const char *etag);

#endif
