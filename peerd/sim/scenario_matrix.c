#include "peerd/sim/scenario_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Matrices of measured round-trip times: plain text, a line a row, milliseconds. */

#define SIZE_MAX_ROWS  4096                  /* rows and columns */
#define BYTES_MAX      (256u * 1024u * 1024) /* of a file; 4096² values of 15 characters */
#define RTT_MS_MAX     60000.0               /* [ms] longer ones are no round trips */
#define VALUE_LEN_MAX  31                    /* [characters] */
#define GZIP_MAGIC     "\x1f\x8b"
#define GZIP_MAGIC_LEN 2

struct reader {
    const char *at, *end;
    const char *line; /* where it begins */
    struct mark mark; /* of `at` */
    struct faults *faults;
    const struct scenario_matrix_form *form;
};

static const struct scenario_matrix_form own_form = {.unit_ms = 1};

static struct fault *refuse(struct reader *r, const char *expected) {
    r->mark.column = (uint32_t)(r->at - r->line) + 1;
    struct fault *x = fault_add_at(r->faults, r->mark, "");
    fault_expected(x, "%s", expected);
    return x;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct reader *r) {
    while (r->at < r->end && is_blank(*r->at))
        r->at++;
}

static bool at_line_end(const struct reader *r) {
    return r->at == r->end || *r->at == '\n';
}

/* What others write where nothing was measured. */
static bool is_gap(const char *text) {
    static const char *const gaps[] = {"-", "-1", "-1.0", "nan", "-nan", "na", "n/a", "inf", "*"};
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++)
        if (strcasecmp(text, gaps[i]) == 0)
            return true;
    return false;
}

/* One value; the reader stands at its first character. */
static bool read_value(struct reader *r, uint32_t *rtt_us) {
    char text[VALUE_LEN_MAX + 1], *end;
    size_t len = 0;
    while (r->at + len < r->end && !is_blank(r->at[len]) && r->at[len] != '\n')
        len++;
    size_t kept = len <= VALUE_LEN_MAX ? len : VALUE_LEN_MAX;
    memcpy(text, r->at, kept);
    text[kept] = '\0';
    if (r->form->gaps && is_gap(text)) {
        *rtt_us = 0;
        r->at += len;
        return true;
    }
    double ms = strtod(text, &end) * r->form->unit_ms;
    if (len <= VALUE_LEN_MAX && *end == '\0' && strspn(text, "0123456789.eE+-") == len && ms >= 0 &&
        ms <= RTT_MS_MAX) {
        *rtt_us = (uint32_t)(ms * 1000 + 0.5);
        *rtt_us += ms > 0 && *rtt_us == 0; /* 0 would mean that it was not measured */
        r->at += len;
        return true;
    }
    struct fault *x =
        refuse(r, r->form->unit_ms != 1 ? "a round-trip time of at most a minute"
                                        : "a round-trip time in milliseconds, at most 60000");
    for (size_t i = 0; i < kept; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
            text[i] = '?';
    fault_found(x, "`%s`", text);
    return false;
}

static uint32_t count_columns(const struct reader *r) {
    struct reader probe = *r;
    uint32_t count = 0;
    for (skip_blanks(&probe); !at_line_end(&probe); skip_blanks(&probe), count++)
        while (!at_line_end(&probe) && !is_blank(*probe.at))
            probe.at++;
    return count;
}

static bool read_row(struct reader *r, uint32_t size, uint32_t *row) {
    for (uint32_t i = 0; i < size; i++) {
        skip_blanks(r);
        if (at_line_end(r)) {
            struct fault *x = refuse(r, "as many values as in the first line");
            fault_found(x, "%u of %u", (unsigned)i, (unsigned)size);
            return false;
        }
        if (!read_value(r, &row[i]))
            return false;
    }
    skip_blanks(r);
    if (at_line_end(r))
        return true;
    fault_found(refuse(r, "as many values as in the first line"), "more than %u", (unsigned)size);
    return false;
}

static void next_line(struct reader *r) {
    r->at += r->at < r->end;
    r->line = r->at;
    r->mark.line++;
}

static bool read_rows(struct reader *r, uint32_t size, uint32_t *rtt_us) {
    for (uint32_t i = 0; i < size; i++) {
        if (r->at == r->end) {
            struct fault *x = refuse(r, "as many lines as columns");
            fault_found(x, "%u lines and %u columns", (unsigned)i, (unsigned)size);
            return false;
        }
        if (!read_row(r, size, &rtt_us[(size_t)i * size]))
            return false;
        next_line(r);
    }
    for (skip_blanks(r); r->at < r->end && *r->at == '\n'; skip_blanks(r))
        next_line(r);
    if (r->at == r->end)
        return true;
    fault_found(refuse(r, "as many lines as columns"), "more than %u lines", (unsigned)size);
    return false;
}

bool scenario_matrix_parse(const char *text, size_t len, struct scenario_matrix *out,
                           struct faults *faults) {
    return scenario_matrix_parse_form(text, len, &own_form, out, faults);
}

bool scenario_matrix_parse_form(const char *text, size_t len,
                                const struct scenario_matrix_form *form,
                                struct scenario_matrix *out, struct faults *faults) {
    struct reader r = {text, text + len, text, {1, 1}, faults, form};
    if (len >= GZIP_MAGIC_LEN && memcmp(text, GZIP_MAGIC, GZIP_MAGIC_LEN) == 0) {
        struct fault *x = refuse(&r, "a matrix in plain text");
        fault_found(x, "a gzip file");
        fault_hint(x, "unpack it first: gunzip --keep FILE.gz");
        return false;
    }
    uint32_t size = count_columns(&r);
    if (size == 0 || size > SIZE_MAX_ROWS) {
        struct fault *x = refuse(&r, "a matrix of 1 to 4096 round-trip times a line");
        fault_found(x, size == 0 ? "an empty line" : "more");
        return false;
    }
    uint32_t *rtt_us = calloc((size_t)size * size, sizeof(*rtt_us));
    if (rtt_us == NULL) {
        fault_found(refuse(&r, "a matrix that fits into memory"), "one that does not");
        return false;
    }
    if (!read_rows(&r, size, rtt_us)) {
        free(rtt_us);
        return false;
    }
    free(out->rtt_us);
    out->rtt_us = rtt_us;
    out->size = size;
    return true;
}

/* ---- files ---- */

char *scenario_matrix_slurp(const char *path, size_t *len, struct faults *faults) {
    struct fault *x;
    char *text = NULL;
    long size = -1;
    const char *why = scenario_file_fault(path);
    FILE *f = why == NULL ? fopen(path, "re") : NULL;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 &&
        (unsigned long)size <= BYTES_MAX && fseek(f, 0, SEEK_SET) == 0)
        text = malloc((size_t)size + 1);
    if (text != NULL && (*len = fread(text, 1, (size_t)size, f)) == (size_t)size) {
        fclose(f);
        return text;
    }
    why = why != NULL ? why : strerror(errno);
    x = fault_add_at(faults, (struct mark){0, 0}, "");
    fault_expected(x, "a readable file of round-trip times");
    fault_found(x, "%s", size > (long)BYTES_MAX ? "one that is too large" : why);
    free(text);
    if (f != NULL)
        fclose(f);
    return NULL;
}

bool scenario_take_matrix(struct scenario *s, const char *path, struct faults *faults) {
    size_t len = 0;
    char before[FAULT_FILE_LEN_MAX + 1];
    memcpy(before, faults->file, sizeof(before));
    faults_init(faults, path);
    char *text = scenario_matrix_slurp(path, &len, faults);
    if (text == NULL)
        return false;
    bool good = scenario_matrix_parse(text, len, &s->matrix, faults);
    free(text);
    if (!good)
        return false;
    snprintf(s->matrix.file, sizeof(s->matrix.file), "%s", path);
    if (!scenario_choose_nearest(s)) {
        struct fault *x = fault_add_at(faults, (struct mark){0, 0}, "");
        fault_expected(x, "a scenario that fits into memory");
        fault_found(x, "one that does not");
        return false;
    }
    faults_init(faults, before); /* what else is wrong is not about the matrix */
    return true;
}
