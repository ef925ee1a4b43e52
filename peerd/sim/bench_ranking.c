/*
 * Which backup is best for each client, by measuring, by coordinates, and by distance: on a matrix
 * of round trips that were measured.
 */
#include "peerd/sim/bench_ranking.h"

#include "peerd/policy/quantity.h"
#include "peerd/sim/bench.h"
#include "peerd/wire/json_write.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_AIM    0.90 /* share of clients */
#define CLUSTERS    20
#define SECONDS     300
#define SECONDS_MAX 86400
#define SEEDS_MAX   100000
#define SAMPLES_MAX 20000000 /* clients of all seeds, whose excess is kept */
#define PPM         1e6

static const char help[] =
    "Usage: peersim --bench ranking --rtt-matrix FILE [OPTION]...\n"
    "Some nodes of a matrix of measured round trips are clusters, the others clients, who measure\n"
    "some minutes long whom they have been told of. How near is the first backup of each to the\n"
    "best that there is: ranked by what was measured, by coordinates alone, by distance alone?\n"
    "\n"
    "      --rtt-matrix FILE  a line a row; blanks or tabs; 0, -1 or nan where nothing was "
    "measured\n"
    "      --rtt-unit UNIT    ms, s or us (by itself: what makes a wide area of it)\n"
    "      --places FILE      a latitude and a longitude a row, for the distances (by itself: the\n"
    "                         places on the globe that fit the matrix best)\n"
    "      --clusters N       nodes that are clusters, drawn by the seed (20)\n"
    "      --seconds N        of measuring (300)\n"
    "      --seed N, N..M     of everything drawn, or one after the other (1)\n"
    "      --named-once       nobody is named after the first eight: what taking turns is worth\n"
    "      --exact            no jitter, no loss: every sample is as the matrix says\n"
    "      --error-max P      coordinates' median relative error must not be larger, such as 12%\n"
    "      --json             the answer as one JSON object, in the last line\n"
    "      --help             this text\n"
    "\n"
    "Exit status: 0 if, over all seeds, ranking by measuring has at least 90 % of the clients "
    "within\n"
    "10 % or 5 ms of the best, and more than coordinates and distance have (and errors are as "
    "asked);\n"
    "1 if not; 2 if the files or options cannot be used.\n";

struct wishes {
    const char *matrix, *unit, *places;
    uint64_t clusters, seconds;
    struct bench_seeds seeds;
    int64_t error_max_ppm; /* 0: not asked for */
    bool named_once, exact, json;
};

/* One order over all seeds. */
struct pooled {
    uint64_t near, first;
    double excess_sum_ms;
    double worst_near; /* share of clients, of the worst seed */
    double *excess_ms; /* owned */
};

struct sums {
    struct pooled by[RANKING_WAYS];
    uint64_t judged, left_out, packets, seeds, room;
    double error, error_most; /* coordinates': mean of the seeds' medians, and the worst */
};

static const char *const ways[RANKING_WAYS] = {"measured", "coordinates", "distance"};

/* ---- options --------------------------------------------------------------------------------- */

static bool take_error(struct wishes *w) {
    char hint[QUANTITY_HINT_LEN_MAX + 1];
    if (quantity_parse(QUANTITY_PERCENT, optarg, &w->error_max_ppm, hint) && w->error_max_ppm > 0)
        return true;
    fprintf(stderr, "peersim: --error-max %s: expected a share such as 12%%\n", optarg);
    return false;
}

static bool take_unit(struct wishes *w) {
    w->unit = optarg;
    if (strcmp(optarg, "ms") == 0 || strcmp(optarg, "s") == 0 || strcmp(optarg, "us") == 0)
        return true;
    fprintf(stderr, "peersim: --rtt-unit %s: expected ms, s or us\n", optarg);
    return false;
}

/* False: it has said what is wrong. */
static bool take_option(struct wishes *w, int option) {
    switch (option) {
    case 'm':
        w->matrix = optarg;
        return true;
    case 'u':
        return take_unit(w);
    case 'p':
        w->places = optarg;
        return true;
    case 'c':
        return bench_take_number(&w->clusters, 3, RANKING_CLUSTERS, "clusters", optarg);
    case 't':
        return bench_take_number(&w->seconds, 1, SECONDS_MAX, "seconds", optarg);
    case 's':
        return bench_take_seeds(&w->seeds, optarg);
    case 'E':
        return take_error(w);
    case 'o':
        return w->named_once = true;
    case 'x':
        return w->exact = true;
    case 'j':
        return w->json = true;
    default:
        return true; /* --bench */
    }
}

/* −1 to go on, else the exit status. */
static int parse(struct wishes *w, int argc, char **argv) {
    static const struct option options[] = {
        {"bench", required_argument, NULL, 'b'},
        {"rtt-matrix", required_argument, NULL, 'm'},
        {"rtt-unit", required_argument, NULL, 'u'},
        {"places", required_argument, NULL, 'p'},
        {"clusters", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {"error-max", required_argument, NULL, 'E'},
        {"exact", no_argument, NULL, 'x'},
        {"json", no_argument, NULL, 'j'},
        {"named-once", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    *w = (struct wishes){.clusters = CLUSTERS, .seconds = SECONDS, .seeds = {1, 1}};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?') {
            fprintf(stderr,
                    "peersim: %s is no option of this bench, or lacks its value (see peersim "
                    "--bench ranking --help)\n",
                    argv[optind - 1]);
            return BENCH_USAGE_STATUS;
        }
        if (!take_option(w, option))
            return BENCH_USAGE_STATUS;
    }
    if (w->matrix != NULL && optind == argc && w->seeds.last - w->seeds.first < SEEDS_MAX)
        return -1;
    if (optind < argc)
        fprintf(stderr, "peersim: %s is not wanted here\n", argv[optind]);
    else if (w->matrix == NULL)
        fputs("peersim: --bench ranking needs --rtt-matrix FILE\n", stderr);
    else
        fprintf(stderr, "peersim: at most %d seeds\n", SEEDS_MAX);
    return BENCH_USAGE_STATUS;
}

/* ---- sums ------------------------------------------------------------------------------------ */

static bool make_sums(struct sums *s, const struct wishes *w, uint32_t nodes) {
    *s = (struct sums){.room = (w->seeds.last - w->seeds.first + 1) * (nodes - w->clusters)};
    s->room = s->room > SAMPLES_MAX ? SAMPLES_MAX : s->room;
    bool good = true;
    for (int by = 0; by < RANKING_WAYS; by++) {
        s->by[by] = (struct pooled){.worst_near = 1,
                                    .excess_ms = calloc(s->room, sizeof(*s->by[by].excess_ms))};
        good &= s->by[by].excess_ms != NULL;
    }
    return good;
}

static void free_sums(struct sums *s) {
    for (int by = 0; by < RANKING_WAYS; by++)
        free(s->by[by].excess_ms);
}

static double share_of(uint64_t some, uint64_t all) {
    return all > 0 ? (double)some / (double)all : 0;
}

static void add(struct sums *s, const struct ranking_result *r) {
    for (int by = 0; by < RANKING_WAYS; by++) {
        const struct ranking_outcome *o = &r->by[by];
        struct pooled *p = &s->by[by];
        double near = share_of(o->near, r->judged);
        p->near += o->near;
        p->first += o->first;
        p->worst_near = near < p->worst_near ? near : p->worst_near;
        for (uint32_t i = 0; i < r->judged; i++)
            p->excess_sum_ms += o->excess_ms[i];
        for (uint32_t i = 0; i < r->judged && s->judged + i < s->room; i++)
            p->excess_ms[s->judged + i] = o->excess_ms[i];
    }
    s->judged += r->judged;
    s->left_out += r->left_out;
    s->packets += r->packets;
    s->error += r->error_median;
    s->error_most = r->error_median > s->error_most ? r->error_median : s->error_most;
    s->seeds++;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void finish(struct sums *s) {
    uint64_t held = s->judged < s->room ? s->judged : s->room;
    s->error = s->seeds > 0 ? s->error / (double)s->seeds : 0;
    for (int by = 0; by < RANKING_WAYS; by++)
        qsort(s->by[by].excess_ms, held, sizeof(double), by_size);
}

static double excess_at(const struct sums *s, int by, double quantile) {
    uint64_t held = s->judged < s->room ? s->judged : s->room;
    return held == 0 ? 0 : s->by[by].excess_ms[(size_t)(quantile * (double)(held - 1))];
}

/* ---- what is asked --------------------------------------------------------------------------- */

struct verdicts {
    bool near, beats_coordinates, beats_distance, error, all;
};

/* More clients are near; of as many, what they miss is less, or nothing. */
static bool beats(const struct sums *s, enum ranking_by other) {
    const struct pooled *ours = &s->by[RANKING_BY_MEASURING], *theirs = &s->by[other];
    if (ours->near != theirs->near)
        return ours->near > theirs->near;
    return ours->excess_sum_ms < theirs->excess_sum_ms || ours->excess_sum_ms <= 0;
}

static struct verdicts judge(const struct sums *s, const struct wishes *w) {
    struct verdicts v = {
        .near = s->judged > 0 && share_of(s->by[RANKING_BY_MEASURING].near, s->judged) >= NEAR_AIM,
        .beats_coordinates = beats(s, RANKING_BY_COORDINATES),
        .beats_distance = beats(s, RANKING_BY_DISTANCE),
        .error = w->error_max_ppm == 0 || s->error * PPM <= (double)w->error_max_ppm};
    v.all = v.near && v.beats_coordinates && v.beats_distance && v.error;
    return v;
}

static double packets_s(const struct sums *s, const struct wishes *w) {
    uint64_t clients = s->judged + s->left_out;
    return clients > 0 ? (double)s->packets / (double)clients / (double)w->seconds : 0;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void print_text(const struct wishes *w, const struct bench_rtts *r, const struct sums *s,
                       const struct verdicts *v) {
    printf("%s: %" PRIu32 " nodes, in %s, %" PRIu64 " ways measured, %" PRIu64 " not\n", w->matrix,
           r->matrix.size, r->unit, r->measured, r->missing);
    printf("%" PRIu64 " clusters, seeds %" PRIu64 " to %" PRIu64 ", %" PRIu64
           " clients in all, %" PRIu64 " s of measuring, %.2f packets a second and client\n\n",
           w->clusters, w->seeds.first, w->seeds.last, s->judged, w->seconds, packets_s(s, w));
    printf("                within 10 %% or 5 ms          more than the best\n"
           "  first backup  of the best  worst seed   median     90 %%      99 %%   the best "
           "itself\n");
    for (int by = 0; by < RANKING_WAYS; by++)
        printf("  %-12s %10.1f %% %9.1f %% %7.1f ms %6.1f ms %7.1f ms %10.1f %%\n", ways[by],
               100 * share_of(s->by[by].near, s->judged), 100 * s->by[by].worst_near,
               excess_at(s, by, 0.5), excess_at(s, by, 0.9), excess_at(s, by, 0.99),
               100 * share_of(s->by[by].first, s->judged));
    printf("\n  coordinates: median relative error %.1f %%, worst seed %.1f %%\n", 100 * s->error,
           100 * s->error_most);
    if (!v->near)
        printf("  not met: 90 %% of the clients within 10 %% or 5 ms\n");
    if (!v->beats_coordinates)
        printf("  not met: measuring beats coordinates\n");
    if (!v->beats_distance)
        printf("  not met: measuring beats distance\n");
    if (!v->error)
        printf("  not met: median relative error of coordinates\n");
}

static double rounded(double value) {
    return (double)(int64_t)(value * 10000 + 0.5) / 10000;
}

static void put_real(struct json_writing *w, json_t *object, const char *key, double value) {
    w->failed |= json_object_set_new(object, key, json_real(rounded(value))) != 0;
}

static void put_way(struct json_writing *w, const struct sums *s, int by) {
    json_t *o = json_write_object(w, w->root, ways[by]);
    put_real(w, o, "within", share_of(s->by[by].near, s->judged));
    put_real(w, o, "within_worst_seed", s->by[by].worst_near);
    put_real(w, o, "best_itself", share_of(s->by[by].first, s->judged));
    put_real(w, o, "excess_ms_median", excess_at(s, by, 0.5));
    put_real(w, o, "excess_ms_p90", excess_at(s, by, 0.9));
    put_real(w, o, "excess_ms_p99", excess_at(s, by, 0.99));
    if (by != RANKING_BY_COORDINATES)
        return;
    put_real(w, o, "error_median", s->error);
    put_real(w, o, "error_median_worst_seed", s->error_most);
}

static void print_json(const struct wishes *w, const struct bench_rtts *r, const struct sums *s,
                       const struct verdicts *v) {
    struct json_writing out;
    json_write_begin(&out);
    json_write_string(&out, out.root, "bench", "ranking");
    json_write_string(&out, out.root, "matrix", w->matrix);
    json_write_string(&out, out.root, "unit", r->unit);
    json_write_uint(&out, out.root, "nodes", r->matrix.size);
    json_write_uint(&out, out.root, "ways_missing", r->missing);
    json_write_uint(&out, out.root, "clusters", w->clusters);
    json_write_uint(&out, out.root, "seconds", w->seconds);
    json_write_uint(&out, out.root, "first_seed", w->seeds.first);
    json_write_uint(&out, out.root, "last_seed", w->seeds.last);
    json_write_uint(&out, out.root, "clients", s->judged);
    json_write_uint(&out, out.root, "clients_left_out", s->left_out);
    put_real(&out, out.root, "packets_per_s", packets_s(s, w));
    for (int by = 0; by < RANKING_WAYS; by++)
        put_way(&out, s, by);
    json_write_bool(&out, out.root, "within_met", v->near);
    json_write_bool(&out, out.root, "beats_coordinates", v->beats_coordinates);
    json_write_bool(&out, out.root, "beats_distance", v->beats_distance);
    json_write_bool(&out, out.root, "error_met", v->error);
    json_write_bool(&out, out.root, "met", v->all);
    char *text = out.failed ? NULL : json_dumps(out.root, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(out.root);
    puts(text != NULL ? text : "{\"bench\":\"ranking\",\"met\":false}");
    free(text);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int no_memory(void) {
    fputs("peersim: out of memory\n", stderr);
    return BENCH_USAGE_STATUS;
}

static int run(const struct wishes *w, const struct bench_rtts *rtts,
               const struct bench_places *places) {
    struct sums sums;
    const struct ranking_request request = {.rtts = rtts,
                                            .places = places,
                                            .clusters = (uint32_t)w->clusters,
                                            .seconds = (uint32_t)w->seconds,
                                            .no_turns = w->named_once,
                                            .exact = w->exact};
    bool good = make_sums(&sums, w, rtts->matrix.size);
    for (uint64_t seed = w->seeds.first; good && seed <= w->seeds.last; seed++) {
        struct ranking_result result;
        good = ranking_run(&request, seed, &result);
        if (good) {
            add(&sums, &result);
            ranking_free(&result);
        }
    }
    int status = BENCH_USAGE_STATUS;
    if (good) {
        finish(&sums);
        struct verdicts verdicts = judge(&sums, w);
        (w->json ? print_json : print_text)(w, rtts, &sums, &verdicts);
        status = verdicts.all ? 0 : 1;
    } else {
        no_memory();
    }
    free_sums(&sums);
    return status;
}

static int with_places(const struct wishes *w, const struct bench_rtts *rtts) {
    struct bench_places places;
    if (w->places != NULL && !bench_places_load(&places, w->places, rtts->matrix.size))
        return BENCH_USAGE_STATUS;
    if (w->places == NULL && !bench_places_fit(&places, rtts))
        return no_memory();
    int status = run(w, rtts, &places);
    bench_places_free(&places);
    return status;
}

int bench_ranking(int argc, char **argv) {
    struct wishes w;
    struct bench_rtts rtts;
    int status = parse(&w, argc, argv);
    if (status >= 0)
        return status;
    if (!bench_rtts_load(&rtts, w.matrix, w.unit))
        return BENCH_USAGE_STATUS;
    if (w.clusters < rtts.matrix.size) {
        status = with_places(&w, &rtts);
    } else {
        fprintf(stderr,
                "%s: expected more nodes than clusters, found %" PRIu32 " and %" PRIu64
                " (try --clusters %" PRIu32 ")\n",
                w.matrix, rtts.matrix.size, w.clusters, rtts.matrix.size / 4);
        status = BENCH_USAGE_STATUS;
    }
    bench_rtts_free(&rtts);
    return status;
}
