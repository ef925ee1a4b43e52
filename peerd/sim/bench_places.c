#include "peerd/sim/bench_places.h"

#include "peerd/base/rng.h"
#include "topo/city.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RTT_US_KM      14.0   /* there and back at 200 km/ms, 1.4 times as far */
#define RTT_US_LEAST   1000.0 /* routers */
#define SWEEPS         60     /* over all pairs … */
#define STEPS_MAX      2e7    /* … but no more steps than that */
#define STEP_FIRST     0.3    /* share of a pair's misfit that one step takes away … */
#define STEP_LAST      0.01   /* … in the first sweep, and in the last */
#define ANGLE_TOO_NEAR 1e-9

static void normalise(double v[3]) {
    double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (int i = 0; i < 3; i++)
        v[i] /= length;
}

static double angle_between(const double a[3], const double b[3]) {
    double dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    return acos(dot > 1 ? 1 : dot < -1 ? -1 : dot);
}

/* Moves `p` by `angle` away from `other`, along the great circle through both. */
static void move_away(double p[3], const double other[3], double angle) {
    double dot = p[0] * other[0] + p[1] * other[1] + p[2] * other[2], away[3], length = 0;
    for (int i = 0; i < 3; i++) {
        away[i] = dot * p[i] - other[i];
        length += away[i] * away[i];
    }
    length = sqrt(length);
    if (length < ANGLE_TOO_NEAR)
        return;
    for (int i = 0; i < 3; i++)
        p[i] = p[i] * cos(angle) + away[i] / length * sin(angle);
    normalise(p);
}

static double angle_of_rtt(uint32_t us) {
    double km = (us - RTT_US_LEAST) / RTT_US_KM, angle = km / CITY_EARTH_RADIUS_KM;
    return angle < 0 ? 0 : angle > acos(-1) ? acos(-1) : angle;
}

static void random_point(struct rng *g, double out[3]) {
    double length;
    do {
        length = 0;
        for (int i = 0; i < 3; i++) {
            out[i] = 2 * rng_unit(g) - 1;
            length += out[i] * out[i];
        }
    } while (length > 1 || length < 0.01);
    normalise(out);
}

static void sweep(struct bench_places *p, const struct bench_rtts *rtts, struct rng *g,
                  double share, uint64_t steps) {
    for (uint64_t s = 0; s < steps; s++) {
        uint32_t a = (uint32_t)rng_below(g, p->count), b = (uint32_t)rng_below(g, p->count);
        uint32_t us = a == b ? 0 : bench_rtt_us(rtts, a, b);
        if (us == 0)
            continue;
        double misfit = angle_of_rtt(us) - angle_between(p->at[a], p->at[b]);
        move_away(p->at[a], p->at[b], share * misfit / 2);
        move_away(p->at[b], p->at[a], share * misfit / 2);
    }
}

static bool make(struct bench_places *out, uint32_t count) {
    *out = (struct bench_places){.at = calloc(count, sizeof(*out->at)), .count = count};
    return out->at != NULL;
}

bool bench_places_fit(struct bench_places *out, const struct bench_rtts *rtts) {
    struct rng g;
    uint32_t count = rtts->matrix.size;
    if (!make(out, count))
        return false;
    rng_seed(&g, 1);
    for (uint32_t i = 0; i < count; i++)
        random_point(&g, out->at[i]);
    double steps = fmin((double)count * count / 2, STEPS_MAX / SWEEPS);
    for (int i = 0; i < SWEEPS; i++)
        sweep(out, rtts, &g, STEP_FIRST * pow(STEP_LAST / STEP_FIRST, (double)i / (SWEEPS - 1)),
              (uint64_t)steps);
    return true;
}

static bool read_place(FILE *f, double at[3]) {
    double latitude, longitude, rad = acos(-1) / 180;
    if (fscanf(f, "%lf %lf", &latitude, &longitude) != 2 || !(fabs(latitude) <= 90) ||
        !(fabs(longitude) <= 360))
        return false;
    at[0] = cos(latitude * rad) * cos(longitude * rad);
    at[1] = cos(latitude * rad) * sin(longitude * rad);
    at[2] = sin(latitude * rad);
    return true;
}

bool bench_places_load(struct bench_places *out, const char *path, uint32_t count) {
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        fprintf(stderr, "%s: expected places, a latitude and a longitude a line, found %s\n", path,
                strerror(errno));
        return false;
    }
    bool good = make(out, count);
    for (uint32_t i = 0; good && i < count; i++)
        if (!read_place(f, out->at[i])) {
            fprintf(stderr,
                    "%s:%u: expected a latitude and a longitude in degrees, as many lines as the "
                    "matrix (%u)\n",
                    path, (unsigned)i + 1, (unsigned)count);
            good = false;
        }
    fclose(f);
    if (!good)
        bench_places_free(out);
    return good;
}

void bench_places_free(struct bench_places *p) {
    free(p->at);
    p->at = NULL;
}

struct duration bench_places_rtt(const struct bench_places *p, uint32_t a, uint32_t b) {
    double km = angle_between(p->at[a], p->at[b]) * CITY_EARTH_RADIUS_KM;
    return duration_us((int64_t)(RTT_US_LEAST + RTT_US_KM * km));
}
