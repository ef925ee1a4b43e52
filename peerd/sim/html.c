#include "peerd/sim/html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define FORMATTED_MAX 1001 /* [bytes] terminator included */

/* Length of the character at `s` if it is well-formed UTF-8 (RFC 3629, table of section 4), else
 * 0. A terminator ends every sequence that is cut short. */
static size_t sequence(const unsigned char *s) {
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len == 0 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    bool no_character = s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe; /* U+FFFE, U+FFFF: not XML */
    return overlong || beyond || no_character ? 0 : len;
}

void html_text(FILE *out, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        size_t len = sequence(s);
        bool control = (*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f;
        if (len == 0 || control)
            fputs("\xef\xbf\xbd", out);
        else if (*s == '<')
            fputs("&lt;", out);
        else if (*s == '>')
            fputs("&gt;", out);
        else if (*s == '&')
            fputs("&amp;", out);
        else if (*s == '"')
            fputs("&quot;", out);
        else if (*s == '\'')
            fputs("&#39;", out);
        else
            fwrite(s, 1, len, out);
        s += len > 0 ? len : 1;
    }
}

void html_element(FILE *out, const char *tag, const char *c, const char *text) {
    fprintf(out, "<%s", tag);
    if (c != NULL)
        fprintf(out, " class=\"%s\"", c);
    fputc('>', out);
    html_text(out, text);
    fprintf(out, "</%s>", tag);
}

void html_textf(FILE *out, const char *format, ...) {
    char text[FORMATTED_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    html_text(out, text);
}

void html_number(FILE *out, uint64_t n) {
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            fputs("\xe2\x80\xaf", out); /* U+202F */
        fputc(digits[i], out);
    }
}

void html_instant(FILE *out, int64_t ms) {
    fprintf(out, "%s%" PRId64 ".%03d s", ms < 0 ? "-" : "", (ms < 0 ? -ms : ms) / 1000,
            (int)((ms < 0 ? -ms : ms) % 1000));
}

void html_duration(FILE *out, int64_t ms) {
    if (ms < 1000)
        fprintf(out, "%" PRId64 " ms", ms);
    else if (ms < 60000)
        fprintf(out,
                ms % 1000 == 0  ? "%.0f s"
                : ms % 100 == 0 ? "%.1f s"
                                : "%.2f s",
                (double)ms / 1000);
    else
        fprintf(out, "%" PRId64 " min %" PRId64 " s", ms / 60000, ms / 1000 % 60);
}
