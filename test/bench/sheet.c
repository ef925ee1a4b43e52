#include "test/bench/sheet.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 64

void sheet_die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(SHEET_BROKEN);
}

/* ---- command line ---------------------------------------------------------------------------- */

static void help(const char *name, const char *what) {
    printf("usage: %s [--json] [--quick]\n\n%s\n\n"
           "  --json   nothing but one JSON object, on the last line\n"
           "  --quick  at most five seconds: to see that it works, the figures are rough\n",
           name, what);
    exit(0);
}

void sheet_open(struct sheet *s, const char *name, const char *what, int argc, char **argv) {
    *s = (struct sheet){.name = name, .root = json_object()};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            s->json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            s->quick = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            help(name, what);
        } else {
            fprintf(stderr, "%s: unknown option %s, see --help\n", name, argv[i]);
            exit(SHEET_BROKEN);
        }
    }
    /* A table that stops growing for seconds should at least show what it has. */
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* ---- figures --------------------------------------------------------------------------------- */

void sheet_group(struct sheet *s, const char *key, const char *title) {
    s->group = json_object();
    s->group_key = key;
    json_object_set_new(s->root, key, s->group);
    if (!s->json)
        printf("  %s\n", title);
}

/* Three figures that count, whatever the size. */
static double rounded(double v) {
    if (v == 0 || !isfinite(v))
        return 0;
    double scale = pow(10, 3 - floor(log10(fabs(v))));
    return scale > 1 ? round(v * scale) / scale : round(v);
}

static void print_row(const char *what, double value, const char *unit, const char *verdict) {
    int decimals = fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : 2;
    printf("    %-52s %12.*f %s%s\n", what, decimals, value, unit, verdict);
}

static void put(struct sheet *s, const char *key, const char *what, double value, const char *unit,
                const char *verdict) {
    assert(s->group != NULL);
    json_object_set_new(s->group, key, json_real(rounded(value)));
    if (!s->json)
        print_row(what, value, unit, verdict);
}

void sheet_put(struct sheet *s, const char *key, const char *what, double value, const char *unit) {
    put(s, key, what, value, unit, "");
}

static void note_missed(struct sheet *s, const char *key) {
    json_t *missed = json_object_get(s->root, "missed");
    char path[128];
    if (missed == NULL) {
        missed = json_array();
        json_object_set_new(s->root, "missed", missed);
    }
    snprintf(path, sizeof(path), "%s.%s", s->group_key, key);
    json_array_append_new(missed, json_string(path));
    s->missed++;
}

void sheet_put_aimed(struct sheet *s, const char *key, const char *what, double value,
                     const char *unit, double aim) {
    char verdict[64];
    bool met = aim >= 0 ? value >= aim : value <= -aim;
    snprintf(verdict, sizeof(verdict), "  %s (aim: %s %g)", met ? "met" : "missed",
             aim >= 0 ? "at least" : "at most", fabs(aim));
    put(s, key, what, value, unit, verdict);
    if (!met) {
        note_missed(s, key);
        fprintf(stderr, "%s%s: missed: %s: %g %s, aim: %s %g\n", s->quick ? "" : "  FAIL  ",
                s->name, what, value, unit, aim >= 0 ? "at least" : "at most", fabs(aim));
    }
}

void sheet_note(const struct sheet *s, const char *format, ...) {
    va_list args;
    if (s->json)
        return;
    va_start(args, format);
    fputs("    ", stdout);
    vprintf(format, args);
    fputc('\n', stdout);
    va_end(args);
}

int sheet_close(struct sheet *s) {
    if (s->json) {
        json_dumpf(s->root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        fputc('\n', stdout);
    } else if (s->missed > 0) {
        printf("  %u missed\n", s->missed);
    }
    json_decref(s->root);
    return fflush(stdout) != 0 ? SHEET_BROKEN : s->missed > 0 && !s->quick ? SHEET_MISSED : 0;
}

/* ---- measuring ------------------------------------------------------------------------------- */

double sheet_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int rising(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double sheet_quantile(double *values, size_t count, unsigned permille) {
    assert(count > 0 && permille <= 1000);
    qsort(values, count, sizeof(values[0]), rising);
    return values[(count - 1) * permille / 1000];
}

double sheet_median(double *values, size_t count) {
    return sheet_quantile(values, count, 500);
}

unsigned sheet_rounds(const struct sheet *s) {
    return s->quick ? SHEET_ROUNDS_QUICK : SHEET_ROUNDS;
}

double sheet_rate(const struct sheet *s, void (*work)(void *data, uint32_t times), void *data) {
    double rates[ROUNDS_MAX];
    double enough_s = s->quick ? SHEET_ROUND_S_QUICK : SHEET_ROUND_S;
    uint32_t times = 1;
    work(data, 1); /* fills caches and tables */
    for (unsigned i = 0; i < sheet_rounds(s);) {
        double begun_s = sheet_cpu_s();
        work(data, times);
        double took_s = sheet_cpu_s() - begun_s;
        if (took_s < enough_s / 2 && times < UINT32_MAX / 4) {
            times *= took_s < enough_s / 20 ? 4 : 2;
            continue; /* too short to be believed */
        }
        rates[i++] = times / took_s;
    }
    return sheet_median(rates, sheet_rounds(s));
}

void sheet_program(char *out, size_t size, const char *name) {
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n < 0)
        sheet_die("who am I: %s", strerror(errno));
    out[n] = '\0';
    for (int i = 0; i < 2 && strrchr(out, '/') != NULL; i++)
        *strrchr(out, '/') = '\0';
    size_t used = strlen(out);
    snprintf(out + used, size - used, "/bin/%s", name);
    if (access(out, X_OK) != 0)
        sheet_die("%s is not there: build it first", out);
}
