#include "test/lib/exposition.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN   127
#define FAMILIES_MAX   256
#define LINE_LEN_LIMIT 1023

struct family {
    char name[NAME_MAX_LEN + 1];
    bool counter;
    bool histogram;
};

struct reading {
    struct family families[FAMILIES_MAX];
    size_t count;
    bool typed;            /* the last family has its TYPE */
    bool sampled;          /* it has a sample, so no HELP or TYPE may follow */
    bool bounded;          /* of a histogram: the bucket before had a bound … */
    double bound, below;   /* … which was this, and held so many */
    double whole;          /* what its newest bucket held */
    const char *page, *at; /* from its beginning, and from that of this line */
    size_t line;
    char *why;
    size_t why_size;
};

static bool wrong(struct reading *r, const char *what, const char *text) {
    snprintf(r->why, r->why_size, "line %zu: %s: %.200s", r->line, what, text);
    return false;
}

/* The length of a metric or label name at `text`, 0 if there is none. */
static size_t name_len(const char *text, bool colons) {
    size_t len = 0;
    while (isalpha((unsigned char)text[len]) || text[len] == '_' || (colons && text[len] == ':') ||
           (len > 0 && isdigit((unsigned char)text[len])))
        len++;
    return len;
}

static bool ends_in_total(const char *name) {
    size_t len = strlen(name);
    return len > 6 && strcmp(name + len - 6, "_total") == 0;
}

static bool take_help(struct reading *r, const char *text) {
    size_t len = name_len(text, true);
    if (len == 0 || len > NAME_MAX_LEN || text[len] != ' ' || text[len + 1] == '\0')
        return wrong(r, "HELP without name or text", text);
    if (r->count > 0 && !r->typed)
        return wrong(r, "the family before has no TYPE", text);
    if (r->count == FAMILIES_MAX)
        return wrong(r, "too many families", text);
    struct family *f = &r->families[r->count];
    *f = (struct family){.counter = false};
    memcpy(f->name, text, len);
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->families[i].name, f->name) == 0)
            return wrong(r, "a family twice, or in two pieces", text);
    r->count++;
    r->typed = r->sampled = false;
    return true;
}

static bool take_type(struct reading *r, const char *text) {
    size_t len = name_len(text, true);
    if (r->count == 0 || r->typed || r->sampled)
        return wrong(r, "TYPE must follow its HELP", text);
    struct family *f = &r->families[r->count - 1];
    if (strncmp(text, f->name, len) != 0 || f->name[len] != '\0' || text[len] != ' ')
        return wrong(r, "TYPE of another family than HELP", text);
    f->counter = strcmp(text + len + 1, "counter") == 0;
    f->histogram = strcmp(text + len + 1, "histogram") == 0;
    if (!f->counter && !f->histogram && strcmp(text + len + 1, "gauge") != 0)
        return wrong(r, "neither counter, gauge nor histogram", text);
    if (f->counter != ends_in_total(f->name))
        return wrong(r, "_total belongs to counters, and to all of them", text);
    r->typed = true;
    return true;
}

/* Skips `{name="value",…}`; NULL if it is not well-formed. */
static const char *skip_labels(const char *at) {
    if (*at != '{')
        return at;
    do {
        at++;
        size_t len = name_len(at, false);
        if (len == 0 || at[len] != '=' || at[len + 1] != '"')
            return NULL;
        for (at += len + 2; *at != '"'; at++)
            if (*at == '\0' || (*at == '\\' && strchr("\\\"n", *++at) == NULL))
                return NULL;
        at++;
    } while (*at == ',');
    return *at == '}' ? at + 1 : NULL;
}

/* The line after that at `at`, `end` if there is none. Of what lies before `end` alone, as in all
 * that goes through a page line by line: strchr and strncmp, which end with a text, have the
 * sanitizer read all the rest of the page each time. */
static const char *next_line(const char *at, const char *end) {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    return feed != NULL ? feed + 1 : end;
}

static bool begins_with(const char *at, const char *end, const char *sample, size_t len) {
    return (size_t)(end - at) > len && memcmp(at, sample, len) == 0 && at[len] == ' ';
}

/* True if the same name and labels stood on an earlier line. */
static bool is_twice(const struct reading *r, const char *sample, size_t len) {
    for (const char *at = r->page; at < r->at; at = next_line(at, r->at))
        if (begins_with(at, r->at, sample, len))
            return true;
    return false;
}

/* True if a sample of that name belongs to the family. */
static bool is_of(const struct family *f, const char *text, size_t len) {
    static const char *const ends[] = {"_bucket", "_sum", "_count"};
    size_t own = strlen(f->name);
    if (!f->histogram)
        return len == own && strncmp(text, f->name, len) == 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (len == own + strlen(ends[i]) && strncmp(text, f->name, own) == 0 &&
            strncmp(text + own, ends[i], strlen(ends[i])) == 0)
            return true;
    return false;
}

/* Buckets rise in bound and in count up to the one without a bound, whose count is the whole. */
static bool take_bucket(struct reading *r, const char *text, double number) {
    const char *le = strstr(text, "le=\"");
    const char *name = r->families[r->count - 1].name;
    bool bucket = strncmp(text + strlen(name), "_bucket", 7) == 0;
    if (bucket && le == NULL)
        return wrong(r, "a bucket without a bound", text);
    if (!bucket) {
        bool count = strncmp(text + strlen(name), "_count", 6) == 0;
        return !count || number == r->whole ? true : wrong(r, "not what its buckets say", text);
    }
    double bound = strtod(le + 4, NULL);
    if (r->bounded && (bound <= r->bound || number < r->below))
        return wrong(r, "buckets out of order", text);
    r->bounded = bound < INFINITY;
    r->bound = bound;
    r->below = number;
    r->whole = number;
    return true;
}

static bool take_sample(struct reading *r, const char *text) {
    size_t len = name_len(text, true);
    char *end;
    if (!r->typed || !is_of(&r->families[r->count - 1], text, len))
        return wrong(r, "a sample without HELP and TYPE right before it", text);
    const char *value = skip_labels(text + len);
    if (value == NULL || *value != ' ')
        return wrong(r, "labels are not well-formed", text);
    double number = strtod(value + 1, &end);
    if (end == value + 1 || *end != '\0' || isspace((unsigned char)value[1]))
        return wrong(r, "no number, or something after it", text);
    if (r->families[r->count - 1].counter && !(number >= 0))
        return wrong(r, "a counter below zero", text);
    if (r->families[r->count - 1].histogram && !take_bucket(r, text, number))
        return false;
    if (is_twice(r, text, (size_t)(value - text)))
        return wrong(r, "a sample twice", text);
    r->sampled = true;
    return true;
}

static bool take_line(struct reading *r, const char *text) {
    if (strncmp(text, "# HELP ", 7) == 0)
        return take_help(r, text + 7);
    if (strncmp(text, "# TYPE ", 7) == 0)
        return take_type(r, text + 7);
    return take_sample(r, text);
}

bool exposition_check(const char *page, char *why, size_t why_size) {
    struct reading r = {.page = page, .why = why, .why_size = why_size};
    const char *after = page + strlen(page);
    char text[LINE_LEN_LIMIT + 1];
    while (page < after) {
        const char *end = memchr(page, '\n', (size_t)(after - page));
        r.line++;
        r.at = page;
        if (end == NULL || end - page > LINE_LEN_LIMIT)
            return wrong(&r, end == NULL ? "no line feed at the end" : "too long", "");
        memcpy(text, page, (size_t)(end - page));
        text[end - page] = '\0';
        if (!take_line(&r, text))
            return false;
        page = end + 1;
    }
    return r.count > 0 && r.typed ? true : wrong(&r, "no family, or the last one has no TYPE", "");
}

double exposition_value(const char *page, const char *sample) {
    size_t len = strlen(sample);
    const char *end = page == NULL ? NULL : page + strlen(page);
    for (; page < end; page = next_line(page, end))
        if (begins_with(page, end, sample, len))
            return strtod(page + len, NULL);
    return -1;
}
