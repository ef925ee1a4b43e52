#include "peerd/base/rng.h"
#include "peerd/sim/bench.h"
#include "peerd/sim/bench_ranking.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NODES    48
#define CLUSTERS 10

/* A file in the test's own folder; the caller unlinks it. */
static const char *write_file(const char *text) {
    static char path[64];
    snprintf(path, sizeof(path), "/tmp/ranking-test-%d", (int)getpid());
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

/* Points of a square of 150 ms, each with an access link, and ways that are longer than straight.
 */
static struct bench_rtts square(uint64_t seed) {
    struct rng g;
    double x[NODES], y[NODES], access[NODES];
    struct bench_rtts r = {.unit = "ms", .matrix.size = NODES};
    rng_seed(&g, seed);
    for (int i = 0; i < NODES; i++) {
        x[i] = 150 * rng_unit(&g), y[i] = 150 * rng_unit(&g);
        access[i] = 1 + 20 * rng_unit(&g);
    }
    r.matrix.rtt_us = calloc((size_t)NODES * NODES, sizeof(uint32_t));
    cr_assert_not_null(r.matrix.rtt_us);
    for (int i = 0; i < NODES; i++)
        for (int k = 0; k < i; k++) {
            double ms =
                hypot(x[i] - x[k], y[i] - y[k]) * (1 + 0.5 * rng_unit(&g)) + access[i] + access[k];
            r.matrix.rtt_us[i * NODES + k] = r.matrix.rtt_us[k * NODES + i] = (uint32_t)(ms * 1000);
        }
    return r;
}

static struct ranking_result run(struct bench_rtts *rtts, uint32_t seconds, uint64_t seed) {
    struct bench_places places;
    struct ranking_result out;
    cr_assert(bench_places_fit(&places, rtts));
    cr_assert(ranking_run(
        &(struct ranking_request){
            .rtts = rtts, .places = &places, .clusters = CLUSTERS, .seconds = seconds},
        seed, &out));
    bench_places_free(&places);
    return out;
}

/* Over three worlds: of 114 listeners one or two have just met with a spike. */
Test(sim_ranking, measuring_finds_the_best_backup) {
    struct bench_rtts rtts = square(1);
    uint32_t near[RANKING_WAYS] = {0}, judged = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct ranking_result r = run(&rtts, 300, seed);
        cr_expect_eq(r.judged, NODES - CLUSTERS);
        cr_expect(r.packets <= (NODES - CLUSTERS) * 300u && r.packets >= (NODES - CLUSTERS) * 150u,
                  "one in a second or two and client: %u", (unsigned)r.packets);
        for (int by = 0; by < RANKING_WAYS; by++)
            near[by] += r.by[by].near;
        judged += r.judged;
        cr_expect_lt(r.error_median, 0.15, "%g", r.error_median);
        ranking_free(&r);
    }
    cr_expect_geq(near[RANKING_BY_MEASURING] * 100, 95 * judged, "%u of %u",
                  near[RANKING_BY_MEASURING], judged);
    cr_expect_gt(near[RANKING_BY_MEASURING], near[RANKING_BY_COORDINATES]);
    cr_expect_gt(near[RANKING_BY_MEASURING], near[RANKING_BY_DISTANCE]);
    bench_rtts_free(&rtts);
}

/* More clusters than a client is named at once: without turns some are never measured. */
Test(sim_ranking, turns_are_what_finds_them) {
    struct bench_rtts rtts = square(4);
    struct bench_places places;
    uint32_t near[2] = {0};
    cr_assert(bench_places_fit(&places, &rtts));
    for (int once = 0; once < 2; once++) {
        struct ranking_result r;
        cr_assert(ranking_run(&(struct ranking_request){.rtts = &rtts,
                                                        .places = &places,
                                                        .clusters = 24,
                                                        .seconds = 300,
                                                        .no_turns = once == 1},
                              1, &r));
        near[once] = r.by[RANKING_BY_MEASURING].near;
        ranking_free(&r);
    }
    cr_expect_geq(near[0], 22u, "%u of 24", near[0]);
    cr_expect_lt(near[1], near[0], "%u of 24", near[1]);
    bench_places_free(&places);
    bench_rtts_free(&rtts);
}

Test(sim_ranking, the_same_seed_gives_the_same) {
    struct bench_rtts rtts = square(2);
    struct ranking_result a = run(&rtts, 30, 5), b = run(&rtts, 30, 5);
    for (int by = 0; by < RANKING_WAYS; by++)
        for (uint32_t i = 0; i < a.judged; i++)
            cr_expect_eq(a.by[by].excess_ms[i], b.by[by].excess_ms[i]);
    cr_expect_eq(a.error_median, b.error_median);
    ranking_free(&a);
    ranking_free(&b);
    bench_rtts_free(&rtts);
}

/* Clients that were measured to no cluster but one cannot be judged, and nobody falls over them. */
Test(sim_ranking, goes_without_what_was_not_measured) {
    struct bench_rtts rtts = square(3);
    struct rng g;
    rng_seed(&g, 4);
    for (int i = 0; i < NODES; i++)
        for (int k = 0; k < NODES; k++)
            if (i == 7 || k == 7 || rng_below(&g, 3) == 0)
                rtts.matrix.rtt_us[i * NODES + k] = 0;
    uint32_t left_out = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct ranking_result r = run(&rtts, 300, seed);
        left_out += r.left_out;
        cr_expect_eq(r.judged + r.left_out, NODES - CLUSTERS);
        cr_expect_geq(r.by[RANKING_BY_MEASURING].near * 100, 90 * r.judged);
        ranking_free(&r);
    }
    cr_expect_gt(left_out, 0u);
    bench_rtts_free(&rtts);
}

Test(sim_ranking, reads_matrices_as_others_write_them) {
    static const struct {
        const char *what, *text, *unit, *found;
        uint32_t us; /* from the first to the second */
        uint64_t missing;
    } rows[] = {
        {"milliseconds", "0 12.5 9\n12.5 0 9\n9 9 0\n", NULL, "ms", 12500, 0},
        {"seconds", "0 0.125 0.2\n0.125 0 0.2\n0.2 0.2 0\n", NULL, "s", 125000, 0},
        {"seconds, more than a minute as ms", "0\t2\n2\t0\n", "s", "s", 2000000, 0},
        {"microseconds", "0 125000\n125000 0\n", NULL, "us", 125000, 0},
        {"gaps", "0 nan 9\n-1 0 9\n- NaN 0\n", NULL, "ms", 0, 4},
        {"the other direction", "0 0 9\n7 0 9\n9 9 0\n", NULL, "ms", 7000, 1},
        {"as told", "0 1\n1 0\n", "ms", "ms", 1000, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench_rtts r;
        const char *path = write_file(rows[i].text);
        cr_assert(bench_rtts_load(&r, path, rows[i].unit), "%s", rows[i].what);
        cr_expect_str_eq(r.unit, rows[i].found, "%s", rows[i].what);
        cr_expect_eq(bench_rtt_us(&r, 0, 1), rows[i].us, "%s", rows[i].what);
        cr_expect_eq(r.missing, rows[i].missing, "%s", rows[i].what);
        bench_rtts_free(&r);
        unlink(path);
    }
}

static void hear_no_complaints(void) {
    cr_assert_not_null(freopen("/dev/null", "w", stderr));
}

/* Each says what is wrong and ends with 2, never with a crash. */
Test(sim_ranking, refuses_what_it_cannot_do, .init = hear_no_complaints) {
    static const char *const texts[] = {
        "", "0 1\n1\n", "0 x\n1 0\n", "0 70000000000\n1 0\n", "0 9\n9 0\n", "\x1f\x8b"};
    static const char *const options[][2] = {
        {"--clusters", "2"},   {"--clusters", "65"}, {"--clusters", "all"}, {"--seed", "5..1"},
        {"--seed", "1.."},     {"--seconds", "0"},   {"--rtt-unit", "h"},   {"--error-max", "12"},
        {"--places", "/none"}, {"--colour", "red"}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *path = (char *)write_file(texts[i]);
        char *argv[] = {"peersim", "--bench", "ranking", "--rtt-matrix", path, NULL};
        optind = 0;
        cr_expect_eq(bench_main(5, argv), BENCH_USAGE_STATUS, "text %zu", i);
        unlink(path);
    }
    char *path = (char *)write_file("0 9 9 9\n9 0 9 9\n9 9 0 9\n9 9 9 0\n");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char *argv[] = {"peersim",
                        "--bench=ranking",
                        "--rtt-matrix",
                        path,
                        "--clusters",
                        "3",
                        "--seconds",
                        "5",
                        (char *)options[i][0],
                        (char *)options[i][1],
                        NULL};
        optind = 0;
        cr_expect_eq(bench_main(10, argv), BENCH_USAGE_STATUS, "%s %s", options[i][0],
                     options[i][1]);
    }
    unlink(path);
    char *unknown[] = {"peersim", "--bench", "colours", NULL},
         *none[] = {"peersim", "--bench", NULL};
    cr_expect_eq(bench_main(3, unknown), BENCH_USAGE_STATUS);
    cr_expect_eq(bench_main(2, none), BENCH_USAGE_STATUS);
    cr_expect(bench_is_wanted(2, none));
    cr_expect_not(bench_is_wanted(1, none));
}
