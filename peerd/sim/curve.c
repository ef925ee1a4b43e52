#include "peerd/sim/curve.h"

#include "peerd/sim/ears.h"
#include "peerd/sim/report_watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARS_HOURS     20.0
#define JSON_LINE_MAX  262144
#define HOURS_OF(days) ((days)*24)

struct point {
    struct duration detect_within;
    struct report_watch watch;
    bool own; /* the scenario's: its expectations were judged */
    bool good;
};

struct curve {
    const struct many_options *many;
    struct scenario scenario;
    struct point points[SCENARIO_WISHES_MAX + 1];
    uint32_t count;
    struct ears ears;
    bool heard; /* there was something for single ears */
};

/* ---- figures --------------------------------------------------------------------------------- */

/* Wilson and Hilferty's approximation to the quantile of chi-square, which bounds a Poisson mean.
 */
double curve_at_most(uint64_t count, double hours) {
    double n = (double)count + 1;
    double root = 1 - 1 / (9 * n) + 1.645 / (3 * sqrt(n));
    return hours > 0 ? n * root * root * root / hours : INFINITY;
}

static double rate(uint64_t count, double hours) {
    return hours > 0 ? (double)count / hours : 0;
}

static double pair_hours(const struct point *p) {
    return HOURS_OF(p->watch.peer_days);
}

static double listener_hours(const struct point *p) {
    return HOURS_OF(p->watch.listener_days);
}

static double suspicions(const struct point *p) {
    return rate(p->watch.suspicions_wrong, pair_hours(p));
}

/* So many times rarer is a wrong move of a listener than a wrong suspicion of a pair, at least. */
static double rarer_at_least(const struct point *p) {
    return suspicions(p) / curve_at_most(p->watch.moves_wrong, listener_hours(p));
}

/* Too few runs prove nothing, either way: what was seen has to contradict it. */
static bool is_rarer(const struct curve *c, const struct point *p) {
    return !p->own || p->watch.moves_wrong == 0 ||
           suspicions(p) >=
               c->scenario.curve.rarer_min * rate(p->watch.moves_wrong, listener_hours(p));
}

/* ---- as a table ------------------------------------------------------------------------------ */

static void print_rate(uint64_t count, double hours) {
    char text[32];
    if (count == 0)
        snprintf(text, sizeof(text), "< %.3g", curve_at_most(0, hours));
    else
        snprintf(text, sizeof(text), "%.3g", rate(count, hours));
    printf(" %11s", text);
}

static void print_points(struct curve *c) {
    printf("\n%-44s %9s %9s %11s %11s %11s\n", "with witnesses and clients", "T_D p50", "T_D p99",
           "suspicions", "verdicts", "moves");
    printf("%-44s %9s %9s %11s %11s %11s\n", "", "ms", "ms", "wrong/h", "wrong/h", "wrong/h");
    for (uint32_t i = 0; i < c->count; i++) {
        struct point *p = &c->points[i];
        struct report_watch *w = &p->watch;
        printf("  detect_within %5" PRId64 " ms, suspected           %9" PRId64 " %9" PRId64,
               duration_in_ms(p->detect_within), report_watch_quantile(w, w->suspected_ms, 500),
               report_watch_quantile(w, w->suspected_ms, 990));
        print_rate(w->suspicions_wrong, pair_hours(p));
        printf("\n%44s %9" PRId64 " %9" PRId64 " %11s", "acted on",
               report_watch_quantile(w, w->ms, 500), report_watch_quantile(w, w->ms, 990), "");
        print_rate(w->crashed_wrong, pair_hours(p));
        print_rate(w->moves_wrong, listener_hours(p));
        printf("%s\n", p->good ? "" : "  FAILED");
    }
}

static void print_ears(const struct curve *c) {
    printf("\nsingle paths: %" PRIu32 " that differ, beats every %" PRId64 " ms, %.0f hours\n",
           c->ears.paths, duration_in_ms(c->scenario.detection.interval), c->ears.hours);
    printf("%-44s %9s %9s %11s\n", "", "T_D p50", "T_D p99", "mistakes/h");
    for (uint32_t i = 0; i < c->ears.count; i++) {
        const struct ears_row *row = &c->ears.rows[i];
        char what[48];
        if (!row->customary)
            continue;
        snprintf(what, sizeof(what), "  %-8s %g %s", row->name, row->param, row->what);
        printf("%-44.44s %9" PRId64 " %9" PRId64, what, row->ms_p50, row->ms_p99);
        print_rate(row->mistakes, c->ears.hours);
        puts("");
    }
}

/* What a single pair of ears pays for acting as soon. */
static const struct ears_row *as_soon(const struct curve *c, struct report_watch *w) {
    const struct ears_row *best = NULL;
    for (uint32_t i = 0; i < c->ears.count; i++) {
        const struct ears_row *row = &c->ears.rows[i];
        if (row->ms_p99 <= report_watch_quantile(w, w->ms, 990) &&
            (best == NULL || row->mistakes < best->mistakes))
            best = row;
    }
    return best;
}

static void print_sum(struct curve *c, struct point *p) {
    const struct ears_row *row = as_soon(c, &p->watch);
    printf("\ndetect_within %" PRId64 " ms: %" PRIu32 " deaths noticed, %" PRIu32 " not; %" PRIu64
           " wrong suspicions and %" PRIu64 " wrong verdicts\n",
           duration_in_ms(p->detect_within), p->watch.detected, p->watch.undetected,
           p->watch.suspicions_wrong, p->watch.crashed_wrong);
    printf("  in %.1f pair-hours, %" PRIu64 " wrong moves in %.1f listener-hours: these are at "
           "least %.0f times rarer (95 %%)\n",
           pair_hours(p), p->watch.moves_wrong, listener_hours(p), rarer_at_least(p));
    if (row != NULL)
        printf("  best single path's detector that is as soon (p99), in hindsight: %s %g, %.3g "
               "mistakes/h\n",
               row->name, row->param, row->per_hour);
}

static void print_table(struct curve *c) {
    const struct many_options *m = c->many;
    printf("%s: seeds %" PRIu64 " to %" PRIu64 "\n", c->scenario.name.text, m->first_seed,
           m->first_seed + m->runs - 1);
    print_points(c);
    if (c->heard)
        print_ears(c);
    for (uint32_t i = 0; i < c->count; i++)
        print_sum(c, &c->points[i]);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void put_real(struct json_writing *w, json_t *object, const char *key, double value) {
    if (object != NULL && isfinite(value) &&
        json_object_set_new(object, key, json_real(value)) != 0)
        w->failed = true;
}

static void put_point(struct json_writing *out, json_t *list, struct point *p) {
    struct report_watch *w = &p->watch;
    json_t *object = json_write_element(out, list);
    if (object == NULL)
        return;
    json_write_int(out, object, "detect_within_ms", duration_in_ms(p->detect_within));
    json_write_bool(out, object, "ok", p->good);
    json_write_int(out, object, "td_ms_p50", report_watch_quantile(w, w->ms, 500));
    json_write_int(out, object, "td_ms_p99", report_watch_quantile(w, w->ms, 990));
    put_real(out, object, "pair_hours", pair_hours(p));
    put_real(out, object, "listener_hours", listener_hours(p));
    put_real(out, object, "suspicions_wrong_per_hour", suspicions(p));
    put_real(out, object, "crashed_wrong_per_hour", rate(w->crashed_wrong, pair_hours(p)));
    put_real(out, object, "crashed_wrong_per_hour_at_most",
             curve_at_most(w->crashed_wrong, pair_hours(p)));
    put_real(out, object, "moves_wrong_per_hour", rate(w->moves_wrong, listener_hours(p)));
    put_real(out, object, "moves_wrong_per_hour_at_most",
             curve_at_most(w->moves_wrong, listener_hours(p)));
    put_real(out, object, "rarer_at_least", rarer_at_least(p));
    report_watch_write(out, json_write_object(out, object, "watch"), w);
}

/* The same shape as that of build/bench/detector. */
static void put_ears(struct json_writing *out, const struct curve *c) {
    json_t *single = json_write_object(out, out->root, "single_paths"), *list = NULL;
    if (single == NULL)
        return;
    put_real(out, single, "hours", c->ears.hours);
    json_write_uint(out, single, "paths", c->ears.paths);
    json_t *detectors = json_write_object(out, single, "detectors");
    for (uint32_t i = 0; i < c->ears.count; i++) {
        const struct ears_row *row = &c->ears.rows[i];
        if (i == 0 || strcmp(row->name, row[-1].name) != 0)
            list = json_write_array(out, detectors, row->name);
        json_t *object = json_write_element(out, list);
        put_real(out, object, "param", row->param);
        json_write_bool(out, object, "customary", row->customary);
        json_write_int(out, object, "td_ms_p50", row->ms_p50);
        json_write_int(out, object, "td_ms_p99", row->ms_p99);
        put_real(out, object, "mistakes_per_hour", row->per_hour);
        put_real(out, object, "mistakes_per_hour_at_most",
                 curve_at_most(row->mistakes, c->ears.hours));
    }
}

static void print_json(struct curve *c, bool good) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_name(&w, w.root, "scenario", &c->scenario.name);
    json_write_uint(&w, w.root, "first_seed", c->many->first_seed);
    json_write_uint(&w, w.root, "runs", c->many->runs);
    json_t *list = json_write_array(&w, w.root, "acting");
    for (uint32_t i = 0; i < c->count; i++)
        put_point(&w, list, &c->points[i]);
    if (c->heard)
        put_ears(&w, c);
    json_write_bool(&w, w.root, "ok", good);
    char *text = json_write_end(&w, JSON_LINE_MAX, NULL);
    printf("%s\n", text != NULL ? text : "{\"ok\":false}");
    free(text);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void add_point(struct curve *c, struct duration detect_within) {
    bool own = detect_within.us == c->scenario.detection.detect_within.us;
    c->points[c->count++] = (struct point){.detect_within = detect_within, .own = own};
}

static bool load(struct curve *c) {
    static struct faults faults;
    char line[FAULT_LINE_LEN_MAX + 1];
    const struct many_options *m = c->many;
    if (scenario_load(m->path, &c->scenario, &faults) == ERR_OK) {
        for (uint32_t i = 0; i < c->scenario.curve.count; i++)
            add_point(c, c->scenario.curve.detect_within[i]);
        if (c->count == 0)
            add_point(c, c->scenario.detection.detect_within);
        return true;
    }
    for (uint32_t i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
    return false;
}

static bool run_points(struct curve *c) {
    bool good = true;
    for (uint32_t i = 0; i < c->count; i++) {
        struct point *p = &c->points[i];
        struct many_options m = *c->many;
        m.detect_within = p->detect_within;
        m.sum = &p->watch;
        p->good = many_run(&m);
        good &= p->good;
        if (is_rarer(c, p))
            continue;
        printf("  FAIL  wrong moves are not %" PRIu32 " times rarer than wrong suspicions\n",
               c->scenario.curve.rarer_min);
        good = p->good = false;
    }
    return good;
}

bool curve_run(const struct many_options *many) {
    struct curve *c = calloc(1, sizeof(*c));
    struct duration wishes[SCENARIO_WISHES_MAX + 1];
    bool good = false;
    if (c == NULL)
        return false;
    c->many = many;
    if (load(c)) {
        good = run_points(c);
        for (uint32_t i = 0; i < c->count; i++)
            wishes[i] = c->points[i].detect_within;
        c->heard =
            c->scenario.cluster_count > 1 &&
            ears_listen(&c->ears, &c->scenario, wishes, c->count, EARS_HOURS, many->first_seed);
        if (many->json)
            print_json(c, good);
        else
            print_table(c);
        scenario_free(&c->scenario);
    }
    free(c);
    return good;
}
