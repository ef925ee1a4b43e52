#include "peerd/base/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void trace_init(struct trace *t) {
    t->first = 0;
    t->count = 0;
    t->lost = 0;
}

static struct trace_line *next_slot(struct trace *t) {
    if (t->count == TRACE_LINES_MAX) {
        t->first = (t->first + 1) % TRACE_LINES_MAX;
        t->count--;
        t->lost++;
    }
    return &t->lines[(t->first + t->count++) % TRACE_LINES_MAX];
}

/* Ends a line that was too long in "…", without leaving half a character before it. */
static void cut(char text[TRACE_LINE_LEN_MAX + 1]) {
    static const char ellipsis[] = "\xe2\x80\xa6";
    size_t at = TRACE_LINE_LEN_MAX + 1 - sizeof(ellipsis);
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    memcpy(text + at, ellipsis, sizeof(ellipsis));
}

void trace_linef(struct trace *t, struct instant at, const char *format, ...) {
    if (t == NULL)
        return;
    struct trace_line *line = next_slot(t);
    line->at = at;
    line->text[0] = '\0';
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line->text, sizeof(line->text), format, args);
    va_end(args);
    if (len > TRACE_LINE_LEN_MAX)
        cut(line->text);
}

const struct trace_line *trace_take(struct trace *t) {
    if (t->count == 0)
        return NULL;
    const struct trace_line *line = &t->lines[t->first];
    t->first = (t->first + 1) % TRACE_LINES_MAX;
    t->count--;
    return line;
}
