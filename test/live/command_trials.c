/* trials: sites die again and again, and what that was like is held against what is promised. */
#include "test/live/commands.h"
#include "test/live/deaths.h"
#include "test/live/rerun.h"

#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MAX 60
#define SLOWEST  5
#define SIM_RUNS 40
#define BURST    3 /* [packets] mean length of a loss in the scenarios */

static const char help[] =
    "usage: live-run trials CASE [--trials N] [--seed N] [--sim N] [--json]\n"
    "\n"
    "Real programs across an emulated wide area: the serving site is killed at a random instant,\n"
    "again and again, and comes back. A trial is one listener at one death; what it lost is what\n"
    "its player, which stands outside, did not have in time within a second after it. Peersim "
    "runs\n"
    "the same scenario beside it.\n"
    "\n"
    "  crash-warm       80 ms to backups, 2 % loss in bursts of 3, 250 ms buffer: nothing is lost\n"
    "                   in 99 of 100 trials, and p99.9 of gaps is at most 100 ms\n"
    "  crash-cold       the same, nothing lodged at backups: p99 of gaps is at most 400 ms\n"
    "  crash-hot        two send, 80 ms buffer, paths that lose nothing: nothing is lost\n"
    "  crash-hot-lossy  the same with the loss: no more than what the path that is left loses\n"
    "\n"
    "  --trials N  at least [300]; what a run has more is judged as well\n"
    "  --seed N    of the first run [1]\n"
    "  --sim N     runs in peersim [40]; 0: none. They are shown, and not judged\n"
    "  --json      one JSON object on the last line\n"
    "\n"
    "Exit status: 0 as promised, 1 not, 2 wrong options, 77 this machine does not permit it.\n";

/* What is promised; 0: nothing of that kind. */
struct promise {
    const char *name, *file;
    double whole_min;          /* share of trials in which nothing is lost */
    unsigned gap_of_per_mille; /* so many have … */
    int64_t gap_ms_max;        /* … no longer gap */
    double lost_max;           /* share of frames within a second of a death */
};

static const struct promise promises[] = {
    {"crash-warm", "test/live/crash-warm.yaml", 0.99, 999, 100, 0},
    {"crash-cold", "test/live/crash-cold.yaml", 0, 990, 400, 0},
    {"crash-hot", "test/live/crash-hot.yaml", 1, 1000, 0, 0},
    {"crash-hot-lossy", "test/live/crash-hot-lossy.yaml", 0, 0, 0, 0.02},
};
#define PROMISE_COUNT (sizeof(promises) / sizeof(promises[0]))

struct options {
    const struct promise *promise;
    unsigned trials, sim;
    unsigned long long seed;
    bool json;
};

/* ---- judging ---- */

struct verdict {
    bool met;
    json_t *rows; /* owned by whoever asked */
};

static void hold(struct verdict *v, bool met, const char *what, const char *found) {
    printf("  %s %s: %s\n", met ? "met  " : "FAIL ", what, found);
    v->met = v->met && met;
    json_array_append_new(v->rows,
                          json_pack("{s:s, s:b, s:s}", "what", what, "met", met, "found", found));
}

/* A share of so many frames, and three standard deviations, for losses come in bursts. */
static double with_chance(double share, double frames) {
    return share + 3 * sqrt(share * (2 * BURST - 1) / fmax(1, frames));
}

static void judge(const struct options *o, struct deaths *d, struct verdict *v) {
    const struct promise *p = o->promise;
    char what[96], found[96];
    snprintf(found, sizeof(found), "%zu at %u deaths", d->count, d->deaths);
    snprintf(what, sizeof(what), "at least %u trials", o->trials);
    hold(v, d->count >= o->trials, what, found);
    if (p->whole_min > 0) {
        snprintf(what, sizeof(what), "nothing lost in %.0f of 100", 100 * p->whole_min);
        snprintf(found, sizeof(found), "in %zu of %zu (%.2f %%)", deaths_whole(d), d->count,
                 100.0 * (double)deaths_whole(d) / fmax(1, (double)d->count));
        hold(v, (double)deaths_whole(d) >= p->whole_min * (double)d->count, what, found);
    }
    if (p->gap_of_per_mille > 0) {
        snprintf(what, sizeof(what), "no gap longer than %" PRId64 " ms in %.1f of 100",
                 p->gap_ms_max, p->gap_of_per_mille / 10.0);
        snprintf(found, sizeof(found), "%" PRId64 " ms", deaths_gap_ms(d, p->gap_of_per_mille));
        hold(v, deaths_gap_ms(d, p->gap_of_per_mille) <= p->gap_ms_max, what, found);
    }
    if (p->lost_max > 0) {
        double frames = (double)d->count * DEATHS_WITHIN_MS / 20;
        double lost = (double)deaths_lost_ms(d) / 20;
        snprintf(what, sizeof(what), "no more lost than %.0f %%, which the path loses",
                 100 * p->lost_max);
        snprintf(found, sizeof(found), "%.0f of %.0f frames (%.2f %%, by chance up to %.2f %%)",
                 lost, frames, 100 * lost / fmax(1, frames),
                 100 * with_chance(p->lost_max, frames));
        hold(v, lost <= frames * with_chance(p->lost_max, frames), what, found);
    }
    snprintf(found, sizeof(found), "%" PRIu64, d->reordered);
    hold(v, d->reordered == 0, "nothing reordered at a player", found);
    snprintf(found, sizeof(found), "%u of %u", d->failed, d->runs);
    hold(v, d->failed == 0, "no run that failed otherwise", found);
}

/* ---- telling ---- */

static json_t *figures(struct deaths *d, unsigned again) {
    double hours = d->seconds / 3600;
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I}", "runs",
        (int)d->runs, "runs_again", (int)again, "deaths", (int)d->deaths, "trials", (int)d->count,
        "trials_whole", (int)deaths_whole(d), "gap_ms_p50", (json_int_t)deaths_gap_ms(d, 500),
        "gap_ms_p99", (json_int_t)deaths_gap_ms(d, 990), "gap_ms_p999",
        (json_int_t)deaths_gap_ms(d, 999), "gap_ms_max", (json_int_t)deaths_gap_ms(d, 1000),
        "frames_lost", (json_int_t)(deaths_lost_ms(d) / 20), "listened_apart_h", hours,
        "frames_lost_apart_per_h", (double)d->lost_apart_ms / 20 / fmax(hours, 1e-9), "reordered",
        (json_int_t)d->reordered, "duplicates_apart", (json_int_t)d->twice_apart);
}

static void tell(const char *name, struct deaths *d) {
    double hours = d->seconds / 3600;
    printf("  %-7s %5zu  %5u  %6.2f %%  %4" PRId64 "  %4" PRId64 "  %5" PRId64 "  %4" PRId64
           "  %6" PRId64 "   %9.1f  %9" PRIu64 "  %6" PRIu64 "\n",
           name, d->count, d->deaths, 100.0 * (double)deaths_whole(d) / fmax(1, (double)d->count),
           deaths_gap_ms(d, 500), deaths_gap_ms(d, 990), deaths_gap_ms(d, 999),
           deaths_gap_ms(d, 1000), deaths_lost_ms(d) / 20,
           (double)d->lost_apart_ms / 20 / fmax(hours, 1e-9), d->reordered, d->twice_apart);
}

static json_t *tell_slowest(const struct options *o, struct deaths *d) {
    json_t *list = json_array();
    deaths_sort(d);
    for (size_t i = 0; i < d->count && i < SLOWEST; i++) {
        const struct death_trial *t = &d->trials[i];
        printf("  gap %3" PRId64 " ms: seed %llu, %s, death at %.3f s: ", t->gap_ms, t->seed,
               t->client, (double)t->at_ms / 1000);
        if (t->detect_ms < 0)
            puts("it has not moved");
        else
            printf("missed media after %" PRId64 " ms, first frame of another after %" PRId64
                   " ms\n",
                   t->detect_ms, t->first_frame_ms);
        json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:I, s:I, s:I}", "seed",
                                              (json_int_t)t->seed, "client", t->client, "at_ms",
                                              (json_int_t)t->at_ms, "gap_ms", (json_int_t)t->gap_ms,
                                              "detect_ms", (json_int_t)t->detect_ms,
                                              "first_frame_ms", (json_int_t)t->first_frame_ms));
    }
    if (d->count > 0)
        printf("  see one again: test/live/run %s --seed %llu\n", o->promise->file,
               d->trials[0].seed);
    return list;
}

/* ---- running ---- */

static void run_sim(const struct options *o, const struct scenario *s, struct deaths *d) {
    for (unsigned i = 0; i < o->sim; i++) {
        int status;
        json_t *report = rerun_report(false, o->promise->file, o->seed + i, &status);
        deaths_take(d, s, o->seed + i, report);
        json_decref(report);
    }
}

static unsigned run_live(const struct options *o, const struct scenario *s, struct deaths *d) {
    unsigned again = 0;
    for (unsigned i = 0; d->count < o->trials && i < RUNS_MAX; i++) {
        size_t before = d->count;
        json_t *report = rerun_undisturbed(true, o->promise->file, o->seed + i, &again);
        deaths_take(d, s, o->seed + i, report);
        fprintf(stderr, "  run with seed %llu: %zu trials, %zu so far\n", o->seed + i,
                d->count - before, d->count);
        if (report == NULL)
            break;
        json_decref(report);
    }
    return again;
}

static int run(const struct options *o, const struct scenario *s) {
    struct deaths live = {0}, sim = {0};
    struct verdict v = {.met = true, .rows = json_array()};
    unsigned again = run_live(o, s, &live);
    run_sim(o, s, &sim);
    printf("%s: %s\n", o->promise->name, s->description);
    printf("  %-7s %5s  %5s  %8s  %4s  %4s  %5s  %4s  %6s   %9s  %9s  %6s\n", "", "n", "deaths",
           "whole", "p50", "p99", "p99.9", "max", "frames", "apart an h", "reordered", "twice");
    tell("live", &live);
    if (o->sim > 0)
        tell("peersim", &sim);
    json_t *slowest = tell_slowest(o, &live);
    judge(o, &live, &v);
    if (o->json) {
        json_t *out = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "trials", o->promise->name, "met",
                                v.met, "live", figures(&live, again), "sim", figures(&sim, 0),
                                "slowest", slowest, "expectations", v.rows);
        json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(out);
    }
    deaths_free(&live);
    deaths_free(&sim);
    return v.met ? COMMAND_DONE : COMMAND_UNMET;
}

static const struct promise *find(const char *name) {
    for (size_t i = 0; i < PROMISE_COUNT; i++)
        if (strcmp(promises[i].name, name) == 0)
            return &promises[i];
    return NULL;
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct options *o, int argc, char **argv) {
    static const struct option table[] = {
        {"trials", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
        {"sim", required_argument, NULL, 'm'},    {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "-", table, NULL)) != -1) {
        if (c == 1 && o->promise == NULL && find(optarg) != NULL)
            o->promise = find(optarg);
        else if (c == 't')
            o->trials = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 's')
            o->seed = strtoull(optarg, NULL, 10);
        else if (c == 'm')
            o->sim = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'j')
            o->json = true;
        else if (c == 'h')
            return fputs(help, stdout) < 0 ? COMMAND_UNMET : COMMAND_DONE;
        else
            return fputs("live-run trials: try --help\n", stderr) < 0 ? COMMAND_UNMET
                                                                      : COMMAND_USAGE;
    }
    if (o->promise != NULL && o->trials > 0)
        return -1;
    fputs("live-run trials: expected crash-warm, crash-cold, crash-hot or crash-hot-lossy, and "
          "--trials of at least 1\n",
          stderr);
    return COMMAND_USAGE;
}

int command_trials(int argc, char **argv) {
    static struct faults faults;
    struct scenario s;
    struct options o = {.trials = 300, .sim = SIM_RUNS, .seed = 1};
    char line[FAULT_LINE_LEN_MAX + 1];
    int status = parse(&o, argc, argv);
    if (status >= 0)
        return status;
    if (geteuid() != 0) {
        puts("links between the real programs need root");
        return COMMAND_SKIPPED;
    }
    if (scenario_load(o.promise->file, &s, &faults) != ERR_OK) {
        for (uint32_t i = 0; i < faults.count; i++)
            fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
        return COMMAND_CANNOT;
    }
    status = run(&o, &s);
    scenario_free(&s);
    return status;
}
