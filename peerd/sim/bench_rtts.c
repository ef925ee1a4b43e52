#include "peerd/sim/bench_rtts.h"

#include "peerd/sim/scenario_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDE_AREA_US 2000 /* no matrix of a wide area has its median below */

static const struct {
    const char *name;
    double ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"us", 0.001}};

#define UNITS (sizeof(units) / sizeof(units[0]))

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Of what was measured between different nodes; 0 if nothing was, or there is no memory. */
static uint32_t median_us(const struct scenario_matrix *m) {
    size_t count = 0;
    uint32_t *sorted = malloc((size_t)m->size * m->size * sizeof(*sorted));
    for (uint32_t i = 0; sorted != NULL && i < m->size; i++)
        for (uint32_t k = 0; k < m->size; k++)
            if (i != k && m->rtt_us[(size_t)i * m->size + k] > 0)
                sorted[count++] = m->rtt_us[(size_t)i * m->size + k];
    if (count > 0)
        qsort(sorted, count, sizeof(*sorted), by_size);
    uint32_t median = count > 0 ? sorted[count / 2] : 0;
    free(sorted);
    return median;
}

static void count_pairs(struct bench_rtts *r) {
    for (uint32_t i = 0; i < r->matrix.size; i++)
        for (uint32_t k = 0; k < r->matrix.size; k++)
            if (i != k && r->matrix.rtt_us[(size_t)i * r->matrix.size + k] > 0)
                r->measured++;
            else if (i != k)
                r->missing++;
}

static bool parse(struct bench_rtts *r, const char *text, size_t len, size_t unit,
                  struct faults *faults) {
    r->unit = units[unit].name;
    return scenario_matrix_parse_form(
        text, len, &(struct scenario_matrix_form){.unit_ms = units[unit].ms, .gaps = true},
        &r->matrix, faults);
}

static bool parse_any(struct bench_rtts *r, const char *path, const char *text, size_t len,
                      const char *unit, struct faults *faults) {
    for (size_t u = 0; unit != NULL && u < UNITS; u++)
        if (strcmp(unit, units[u].name) == 0)
            return parse(r, text, len, u, faults);
    if (parse(r, text, len, 0, faults)) {
        uint32_t us = median_us(&r->matrix);
        return us == 0 || us >= WIDE_AREA_US || parse(r, text, len, 1, faults);
    }
    struct faults of_ms = *faults; /* said if it is not in microseconds either */
    faults_init(faults, path);
    if (parse(r, text, len, 2, faults) && median_us(&r->matrix) >= WIDE_AREA_US)
        return true;
    *faults = of_ms;
    return false;
}

bool bench_rtts_load(struct bench_rtts *out, const char *path, const char *unit) {
    static struct faults faults;
    size_t len = 0;
    char line[FAULT_LINE_LEN_MAX + 1];
    *out = (struct bench_rtts){.unit = "ms"};
    faults_init(&faults, path);
    char *text = scenario_matrix_slurp(path, &len, &faults);
    bool good = text != NULL && parse_any(out, path, text, len, unit, &faults);
    free(text);
    if (good) {
        snprintf(out->matrix.file, sizeof(out->matrix.file), "%s", path);
        count_pairs(out);
        return true;
    }
    for (uint32_t i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
    bench_rtts_free(out);
    return false;
}

void bench_rtts_free(struct bench_rtts *r) {
    free(r->matrix.rtt_us);
    r->matrix.rtt_us = NULL;
}

uint32_t bench_rtt_us(const struct bench_rtts *r, uint32_t from, uint32_t to) {
    uint32_t us = r->matrix.rtt_us[(size_t)from * r->matrix.size + to];
    return us > 0 ? us : r->matrix.rtt_us[(size_t)to * r->matrix.size + from];
}
