#include "test/bench/beats.h"

#include "peerd/base/rng.h"
#include "test/bench/sheet.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ----------------------------------------------------------------------------------- */

void beats_put(struct beats *b, struct beats_line line) {
    if (b->count == b->room) {
        b->room = b->room == 0 ? 65536 : b->room * 2;
        b->lines = realloc(b->lines, b->room * sizeof(*b->lines));
        if (b->lines == NULL)
            sheet_die("no memory for a trace");
    }
    b->lines[b->count++] = line;
}

static bool read_line(const char *text, struct beats_line *line) {
    char arrival[32];
    unsigned long long seq;
    long long send;
    if (sscanf(text, "%llu %lld %31s", &seq, &send, arrival) != 3)
        return false;
    *line = (struct beats_line){seq, send, BEATS_LOST};
    char *end = arrival;
    if (strcmp(arrival, "-") != 0)
        line->arrival_us = strtoll(arrival, &end, 10);
    return strcmp(arrival, "-") == 0 || (end != arrival && *end == '\0');
}

static int by_send(const void *a, const void *b) {
    const struct beats_line *x = a, *y = b;
    return (x->send_us > y->send_us) - (x->send_us < y->send_us);
}

void beats_read(struct beats *b, const char *path) {
    char text[256];
    struct beats_line line;
    FILE *f = fopen(path, "r");
    if (f == NULL)
        sheet_die("%s: cannot be read", path);
    *b = (struct beats){0};
    for (size_t number = 1; fgets(text, sizeof(text), f) != NULL; number++) {
        if (text[0] == '#' || text[strspn(text, " \t\r\n")] == '\0')
            continue;
        for (char *p = text; *p != '\0'; p++)
            if (*p == ',' || *p == ';')
                *p = ' ';
        if (!read_line(text, &line))
            sheet_die("%s:%zu: not `sequence send_us arrival_us|-`", path, number);
        beats_put(b, line);
    }
    fclose(f);
    if (b->count < 2)
        sheet_die("%s: a trace has two beats at least", path);
    qsort(b->lines, b->count, sizeof(*b->lines), by_send);
}

void beats_write(const struct beats *b, FILE *f) {
    for (size_t i = 0; i < b->count; i++) {
        const struct beats_line *l = &b->lines[i];
        fprintf(f, "%llu %lld ", (unsigned long long)l->seq, (long long)l->send_us);
        if (l->arrival_us == BEATS_LOST)
            fputs("-\n", f);
        else
            fprintf(f, "%lld\n", (long long)l->arrival_us);
    }
}

void beats_free(struct beats *b) {
    free(b->lines);
    *b = (struct beats){0};
}

/* ---- made up --------------------------------------------------------------------------------- */

#define BASE_MS       40.0 /* one way */
#define JITTER_MS     2.0  /* deviation of ordinary queueing */
#define SENDER_MS     0.5  /* the sender's timer is late by up to this */
#define DIURNAL_S     7200 /* a day is made short, so that a trace of hours has several */
#define HANDOVER_S    15   /* as seen on low-orbit satellites */
#define HANDOVER_BEAT 0.35 /* [s] that one lasts */

static const struct beats_kind kinds[] = {
    {"loss", "independent loss (loss:PERCENT)"},
    {"burst", "Gilbert-Elliott (burst:PERCENT:MEAN_BEATS)"},
    {"diurnal", "delay and jitter swing by 30 ms, with 0.3 % loss at the peak"},
    {"steps", "the route changes every few minutes, by up to 60 ms"},
    {"satellite", "a hand-over every 15 s: 30 to 70 ms more for a third of a second, some loss"},
    {"heavy", "delay with a Pareto tail of index 2.5"},
    {"wander", "delay wanders over seconds, hardly any jitter from beat to beat"},
    {NULL, NULL}};

const struct beats_kind *beats_kinds(void) {
    return kinds;
}

struct path {
    const char *kind;
    double loss;   /* share */
    double run;    /* [beats] mean length of a burst */
    bool bad;      /* in a burst */
    double route;  /* [ms] */
    double next_s; /* of the next route change or hand-over */
    double bump;   /* [ms] of this hand-over */
    double wander; /* [ms] */
    double last;   /* [ms] arrival of the newest: a path keeps order */
    struct rng rng;
};

static double normal(struct rng *g) {
    double u = 1 - rng_unit(g), v = rng_unit(g);
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
}

static double exponential(struct rng *g) {
    return -log(1 - rng_unit(g));
}

static bool is(const struct path *p, const char *kind) {
    return strcmp(p->kind, kind) == 0;
}

static double delay_ms(struct path *p, double now_s) {
    double jitter = fabs(normal(&p->rng)) * JITTER_MS + exponential(&p->rng) * JITTER_MS / 4;
    if (is(p, "diurnal")) {
        double swing = (1 - cos(2 * 3.14159265358979 * now_s / DIURNAL_S)) / 2;
        p->loss = 0.003 * swing;
        return BASE_MS + 30 * swing + jitter * (1 + 3 * swing);
    }
    if (is(p, "heavy"))
        return BASE_MS + pow(1 - rng_unit(&p->rng), -1 / 2.5) + jitter / 4;
    if (is(p, "wander")) {
        p->wander += 0.6 * normal(&p->rng) - 0.002 * p->wander;
        return BASE_MS + 25 + fmax(p->wander, -60) + jitter / 10;
    }
    if (is(p, "steps") && now_s >= p->next_s) {
        p->next_s = now_s + 120 + 480 * rng_unit(&p->rng);
        p->route = 60 * rng_unit(&p->rng);
    }
    if (is(p, "satellite")) {
        double since = fmod(now_s, HANDOVER_S);
        if (now_s >= p->next_s) {
            p->next_s = now_s - since + HANDOVER_S;
            p->bump = 30 + 40 * rng_unit(&p->rng);
        }
        p->route = since < HANDOVER_BEAT ? p->bump : 3 * sin(now_s / 4);
        p->loss = since < HANDOVER_BEAT ? 0.1 : 0.0005;
    }
    return BASE_MS + p->route + jitter;
}

/* Elliott's good state loses nothing here, and the bad one everything. */
static bool is_lost(struct path *p) {
    if (p->run <= 1)
        return rng_unit(&p->rng) < p->loss;
    if (p->bad)
        p->bad = rng_unit(&p->rng) >= 1 / p->run;
    else
        p->bad = rng_unit(&p->rng) < p->loss / (1 - p->loss) / p->run;
    return p->bad;
}

static bool is_known(const char *kind) {
    for (const struct beats_kind *k = kinds; k->name != NULL; k++)
        if (strcmp(k->name, kind) == 0)
            return true;
    return false;
}

int beats_generate(struct beats *b, const char *text, double hours, double interval_ms,
                   uint64_t seed) {
    char kind[16] = "";
    double percent = 0, run = 1;
    *b = (struct beats){0};
    if (sscanf(text, "%15[a-z]:%lf:%lf", kind, &percent, &run) < 1 || !is_known(kind))
        return -1;
    struct path p = {.kind = kind, .loss = percent / 100, .run = run};
    rng_seed(&p.rng, seed);
    size_t count = (size_t)(hours * 3600e3 / interval_ms);
    for (size_t i = 0; i < count; i++) {
        double sent = (double)i * interval_ms + SENDER_MS * rng_unit(&p.rng);
        double arrival = fmax(sent + delay_ms(&p, sent / 1e3), p.last + 0.01);
        bool lost = is_lost(&p);
        beats_put(b, (struct beats_line){i + 1, (int64_t)(sent * 1e3),
                                         lost ? BEATS_LOST : (int64_t)(arrival * 1e3)});
        p.last = lost ? p.last : arrival;
    }
    return 0;
}
