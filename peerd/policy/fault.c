#include "peerd/policy/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void faults_init(struct faults *f, const char *file) {
    memset(f, 0, sizeof(*f));
    snprintf(f->file, sizeof(f->file), "%s", file);
}

bool faults_full(const struct faults *f) {
    return f->count == FAULTS_MAX;
}

bool faults_any(const struct faults *f) {
    return f->count > 0;
}

/* [bytes] of a character that is not seen but steers those around it, 0 if it is none: U+0080 to
 * U+009F (control characters, too), marks and overrides of direction, separators of lines, joiners
 * and other characters without a width, tags. */
static size_t steers(const unsigned char *c) {
    if (c[0] == 0xc2)
        return c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
    if (c[0] == 0xd8)
        return c[1] == 0x9c ? 2 : 0;  /* U+061C */
    if (c[0] == 0xe2 && c[1] == 0x80) /* U+200B to U+200F, U+2028 to U+202E */
        return (c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae) ? 3 : 0;
    if (c[0] == 0xe2 && c[1] == 0x81) /* U+2060 to U+206F */
        return c[2] >= 0xa0 && c[2] <= 0xaf ? 3 : 0;
    if (c[0] == 0xef && c[1] == 0xbb)
        return c[2] == 0xbf ? 3 : 0;  /* U+FEFF */
    if (c[0] == 0xf3 && c[1] == 0xa0) /* U+E0000 to U+E007F */
        return (c[2] == 0x80 || c[2] == 0x81) && c[3] >= 0x80 ? 4 : 0;
    return 0;
}

/* Faults end up on terminals and in logs: what a file holds must not steer either. Also drops the
 * torn character that a cut may have left at the end. */
static void make_printable(char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            text[i] = '?';
        else
            memset(text + i, '?', steers((unsigned char *)text + i));
    }
    size_t at = len;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at == 0)
        return;
    unsigned char lead = (unsigned char)text[at - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (wanted > len - at + 1)
        text[at - 1] = '\0';
}

struct fault *fault_add_at(struct faults *f, struct mark mark, const char *path) {
    struct fault *x = &f->spare;
    if (f->count < FAULTS_MAX)
        x = &f->list[f->count++];
    else
        f->lost++;
    *x = (struct fault){.mark = mark};
    snprintf(x->path, sizeof(x->path), "%s", path);
    make_printable(x->path);
    return x;
}

struct fault *fault_add(struct faults *f, struct tree_node *node, const char *key) {
    char path[TREE_PATH_LEN_MAX + 1];
    struct mark mark = {1, 1};
    tree_path(node, key, path);
    if (node != NULL)
        mark = node->mark;
    for (; node != NULL; node = node->parent)
        node->faulty = true;
    return fault_add_at(f, mark, path);
}

static void put(char *field, const char *format, va_list args) {
    vsnprintf(field, FAULT_TEXT_LEN_MAX + 1, format, args);
    make_printable(field);
}

void fault_expected(struct fault *x, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(x->expected, format, args);
    va_end(args);
}

void fault_found(struct fault *x, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(x->found, format, args);
    va_end(args);
}

void fault_hint(struct fault *x, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(x->hint, format, args);
    va_end(args);
}

static int by_place(const void *a, const void *b) {
    const struct fault *x = a, *y = b;
    if (x->mark.line != y->mark.line)
        return x->mark.line < y->mark.line ? -1 : 1;
    if (x->mark.column != y->mark.column)
        return x->mark.column < y->mark.column ? -1 : 1;
    int order = strcmp(x->path, y->path);
    return order != 0 ? order : strcmp(x->found, y->found);
}

void faults_sort(struct faults *f) {
    qsort(f->list, f->count, sizeof(f->list[0]), by_place);
}

const char *fault_to_text(const struct faults *f, const struct fault *x,
                          char out[FAULT_LINE_LEN_MAX + 1]) {
    char place[32] = "";
    if (x->mark.line > 0)
        snprintf(place, sizeof(place), ":%u:%u", (unsigned)x->mark.line, (unsigned)x->mark.column);
    snprintf(out, FAULT_LINE_LEN_MAX + 1, "%s%s: %s%sexpected %s, found %s%s%s%s", f->file, place,
             x->path, x->path[0] != '\0' ? ": " : "", x->expected, x->found,
             x->hint[0] != '\0' ? " (" : "", x->hint, x->hint[0] != '\0' ? ")" : "");
    return out;
}

#define WORD_LEN_MAX 48 /* longer words are not compared: nobody mistypes those */

static size_t least(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits that make one word the other: insert, delete, replace, swap two neighbours (Damerau's
 * optimal string alignment, 1964). */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len) {
    size_t rows[3][WORD_LEN_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        before[j] = above[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(above[j] + 1, row[j - 1] + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

const char *fault_nearest(const char *text, const char *const *words, size_t count) {
    const char *best = NULL;
    size_t len = strlen(text);
    size_t best_edits = 2 + len / 4; /* one more than may be wrong: a quarter of the letters */
    if (len == 0 || len > WORD_LEN_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t word_len = strlen(words[i]);
        if (word_len > WORD_LEN_MAX)
            continue;
        size_t n = edits(text, len, words[i], word_len);
        if (n < best_edits && n < word_len && n < len) {
            best = words[i];
            best_edits = n;
        }
    }
    return best;
}
