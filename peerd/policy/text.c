#include "peerd/policy/text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_over(char *out, size_t size) {
    if (size > 0)
        out[0] = '\0';
    return (struct text){.out = out, .size = size};
}

void text_putf(struct text *t, const char *format, ...) {
    size_t used = t->len < t->size ? t->len : t->size;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->size > 0 ? t->out + used : NULL, t->size - used, format, args);
    va_end(args);
    if (n > 0)
        t->len += (size_t)n;
}
