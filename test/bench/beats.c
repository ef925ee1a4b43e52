#include "test/bench/beats.h"

#include "peerd/base/rng.h"
#include "test/bench/sheet.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ----------------------------------------------------------------------------------- */

#define BACK_MAX       1000    /* numbers that duplicates and strays may be behind */
#define DELAY_MAX_US   3000000 /* no path is slower */
#define STEP_BEATS     1000    /* a queue has drained by then, and a clock stays where it is */
#define SLICES         10      /* of a trace, in which drift shows */
#define DRIFT_LEAST_US 2000.0  /* from slice to slice */

void beats_put(struct beats *b, struct beats_line line) {
    if (b->count == b->room) {
        b->room = b->room == 0 ? 65536 : b->room * 2;
        b->lines = realloc(b->lines, b->room * sizeof(*b->lines));
        if (b->lines == NULL)
            sheet_die("no memory for a trace");
    }
    b->lines[b->count++] = line;
}

/* [µs] with or without decimals. */
static bool read_us(const char *text, int64_t *us) {
    char *end;
    long double value = strtold(text, &end);
    if (end == text || *end != '\0' || !(fabsl(value) < 9e18L))
        return false;
    *us = llroundl(value);
    return true;
}

static bool read_line(const char *text, struct beats_line *line) {
    char seq[32], send[32], arrival[32], *end;
    if (sscanf(text, "%31s %31s %31s", seq, send, arrival) != 3)
        return false;
    *line = (struct beats_line){.seq = strtoull(seq, &end, 10), .arrival_us = BEATS_LOST};
    return seq[0] != '-' && end != seq && *end == '\0' && read_us(send, &line->send_us) &&
           (strcmp(arrival, "-") == 0 || read_us(arrival, &line->arrival_us));
}

static int by_send(const void *a, const void *b) {
    const struct beats_line *x = a, *y = b;
    return (x->send_us > y->send_us) - (x->send_us < y->send_us);
}

/* Numbers from one on, in the order in which they were sent. One that goes back is another run. */
static void number_anew(struct beats *b, const char *path) {
    uint64_t first = UINT64_MAX, last = 0;
    for (size_t i = 0; i < b->count; i++)
        first = b->lines[i].seq < first ? b->lines[i].seq : first;
    for (size_t i = 0; i < b->count; i++) {
        uint64_t seq = b->lines[i].seq -= first - 1;
        if (seq + BACK_MAX < last)
            sheet_die("%s: the sequence goes back from %llu to %llu; a trace is of one run", path,
                      (unsigned long long)(last + first - 1),
                      (unsigned long long)(seq + first - 1));
        last = seq > last ? seq : last;
    }
}

static int64_t delay_us(const struct beats_line *l) {
    return l->arrival_us - l->send_us;
}

/* [µs] how far the least delay of the beats from there on is from that of those before. */
static int64_t step_us(const struct beats *b, size_t at) {
    int64_t before = INT64_MAX, after = INT64_MAX;
    for (size_t i = at, n = 0; i > 0 && n < STEP_BEATS; i--)
        if (b->lines[i - 1].arrival_us != BEATS_LOST) {
            int64_t delay = delay_us(&b->lines[i - 1]);
            before = delay < before ? delay : before;
            n++;
        }
    for (size_t i = at, n = 0; i < b->count && n < STEP_BEATS; i++)
        if (b->lines[i].arrival_us != BEATS_LOST) {
            int64_t delay = delay_us(&b->lines[i]);
            after = delay < after ? delay : after;
            n++;
        }
    return after - before;
}

/* What follows a step of a clock cannot be compared with what was before: a detection time would be
 * hours, or less than none. In the order of the file, since a clock set back would change it. */
static void refuse_steps(const struct beats *b, const size_t *numbers, const char *path) {
    const struct beats_line *last = NULL;
    for (size_t i = 0; i < b->count; i++) {
        const struct beats_line *l = &b->lines[i];
        if (l->arrival_us == BEATS_LOST)
            continue;
        if (last != NULL && llabs(delay_us(l) - delay_us(last)) > DELAY_MAX_US &&
            llabs(step_us(b, i)) > DELAY_MAX_US)
            sheet_die(
                "%s:%zu: a clock has stepped: beat %llu took %lld us and this one %lld, as do "
                "all that follow; expected within %d us of that, cut the trace there",
                path, numbers[i], (unsigned long long)last->seq, (long long)delay_us(last),
                (long long)delay_us(l), DELAY_MAX_US);
        last = l;
    }
}

/* Least delay of a slice of the trace; BEATS_LOST if nothing of it arrived. */
static int64_t least_delay_us(const struct beats *b, size_t from, size_t until) {
    int64_t least = BEATS_LOST;
    for (size_t i = from; i < until; i++) {
        const struct beats_line *l = &b->lines[i];
        if (l->arrival_us != BEATS_LOST && l->arrival_us - l->send_us < least)
            least = l->arrival_us - l->send_us;
    }
    return least;
}

static void shift_arrivals(struct beats *b, int64_t by_us, double per_us) {
    int64_t begin_us = b->lines[0].send_us;
    for (size_t i = 0; i < b->count; i++) {
        struct beats_line *l = &b->lines[i];
        if (l->arrival_us != BEATS_LOST)
            l->arrival_us += by_us + llround(per_us * (double)(l->send_us - begin_us));
    }
}

/* One of the clocks is faster where the least delay of each slice is more than that of the one
 * before, by as much every time; a path whose delay grows does so less evenly. */
static void take_drift_out(struct beats *b, const char *path) {
    int64_t least[SLICES];
    for (size_t i = 0; i < SLICES; i++) {
        least[i] = least_delay_us(b, b->count * i / SLICES, b->count * (i + 1) / SLICES);
        if (least[i] == BEATS_LOST)
            return;
    }
    double step_us = (double)(least[SLICES - 1] - least[0]) / (SLICES - 1);
    if (fabs(step_us) < DRIFT_LEAST_US)
        return;
    for (size_t i = 0; i < SLICES; i++)
        if (fabs((double)(least[i] - least[0]) - step_us * (double)i) > fabs(step_us) / 2)
            return;
    double slice_us = (double)(b->lines[b->count - 1].send_us - b->lines[0].send_us) / SLICES;
    shift_arrivals(b, 0, -step_us / slice_us);
    fprintf(stderr, "%s: the clocks drift by %.1f ppm, which is taken out\n", path,
            step_us / slice_us * 1e6);
}

/* Between two machines only the change of a delay is known. Where no path could have such delays,
 * the least of them is taken for none: detection times lack it then, of all detectors alike. */
static void take_offset_out(struct beats *b, const char *path) {
    int64_t least = least_delay_us(b, 0, b->count);
    if (least == BEATS_LOST || (least >= 0 && least < DELAY_MAX_US))
        return;
    shift_arrivals(b, -least, 0);
    fprintf(stderr, "%s: the clocks differ; the least delay, %lld us, is taken for none\n", path,
            (long long)least);
}

void beats_read(struct beats *b, const char *path) {
    char text[256];
    struct beats_line line;
    size_t *numbers = NULL, room = 0;
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
        if (!read_line(text, &line)) {
            if (number > 1 || strchr("-0123456789", text[0]) != NULL) /* it may be a heading */
                sheet_die("%s:%zu: not `sequence send_us arrival_us|-`, numbers from zero on", path,
                          number);
            continue;
        }
        beats_put(b, line);
        if (room < b->room) {
            room = b->room;
            numbers = realloc(numbers, room * sizeof(*numbers));
            if (numbers == NULL)
                sheet_die("no memory for a trace");
        }
        numbers[b->count - 1] = number;
    }
    fclose(f);
    if (b->count < 2)
        sheet_die("%s: a trace has two beats at least", path);
    refuse_steps(b, numbers, path);
    free(numbers);
    qsort(b->lines, b->count, sizeof(*b->lines), by_send);
    number_anew(b, path);
    take_drift_out(b, path);
    take_offset_out(b, path);
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
