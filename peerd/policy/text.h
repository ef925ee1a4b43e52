/*
 * Bounded text: appends formatted pieces to a caller's buffer and knows how long all would be.
 *
 * Like snprintf over several calls: whatever fits is written and terminated, `len` counts on.
 */
#ifndef PEERD_POLICY_TEXT_H
#define PEERD_POLICY_TEXT_H

#include <stddef.h>

struct text {
    char *out;   /* caller-owned; NULL if `size` is 0 */
    size_t size; /* [bytes] terminator included */
    size_t len;  /* [bytes] of everything put so far, written or not */
};

struct text text_over(char *out, size_t size);
__attribute__((format(printf, 2, 3))) void text_putf(struct text *t, const char *format, ...);

#endif
