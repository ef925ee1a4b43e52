/* compare: the same scenarios through the simulator and through the real programs. */
#include "test/lib/likeness.h"
#include "test/live/commands.h"
#include "test/live/rerun.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MOVES_APART 0.2

static const char help[] =
    "usage: live-run compare FILE... [--live N] [--most N] [--sim N] [--seed N] [--json]\n"
    "\n"
    "Runs each scenario several times in peersim (as --apart: real programs do not begin in one\n"
    "instant) and with the real programs, each run with a seed of its own and in a network that\n"
    "has delays (LIVE_WAN=1), and compares the distributions of what came out, all runs together\n"
    "[ms]:\n"
    "  asked        from the event to the first hedge that a listener asks for\n"
    "  noticed      from the first missing arrival to the hedge or commit, of each move\n"
    "  first frame  from the same instant to the new server's first frame\n"
    "  gap          longest stretch of media missing at a listener's output\n"
    "  verdict      from the event to each cluster's first verdict on one that has failed\n"
    "Each of the quantiles 10, 50 and 90 % must be within 20 % of that of the real programs, or "
    "within\n"
    "15 ms, whichever is more. `too few`: so many runs of peersim, drawn from its own, differ from "
    "all\n"
    "of them by more than that, more often than in 0.1 % of draws; then nothing is judged, unless "
    "the\n"
    "real programs are further off than hardly any draw (0.5 %).\n"
    "\n"
    "  --live N    runs with the real programs, at least [5]; one in which the machine stood "
    "still\n"
    "              for more than 30 ms is made again, twice at most\n"
    "  --most N    so many if fewer could not tell [20]: of as many runs as are needed hardly any\n"
    "              draw of peersim's own (0.1 %) differs from all of them. That is known before "
    "the\n"
    "              first is made, and does not depend on what they say; it is so rare since "
    "dozens\n"
    "              of figures are judged, and one that is apart by chance fails them all\n"
    "  --sim N     runs in peersim [100]\n"
    "  --seed N    of the first run [1]\n"
    "  --json      one JSON object on the last line\n"
    "\n"
    "Exit status: 0 what could be judged agrees, and there was something in every scenario; 1 "
    "not;\n"
    "2 wrong options, 77 this machine does not permit it.\n";

struct options {
    unsigned live, most, sim;
    unsigned long long seed;
    bool json;
};

/* ---- running ---- */

/* Returns how often it was made again. */
static unsigned run(struct samples *s, bool live, const char *file, unsigned long long seed) {
    unsigned again = 0;
    json_t *report = rerun_undisturbed(live, file, seed, &again);
    samples_take(s, report);
    json_decref(report);
    return again;
}

/* ---- judging ---- */

/* What of a scenario, or of all, could be judged. */
struct tally {
    unsigned judged, apart, too_few;
};

static const char *const verdicts[] = {[LIKENESS_NONE] = "nothing",
                                       [LIKENESS_AGREES] = "ok",
                                       [LIKENESS_APART] = "APART",
                                       [LIKENESS_TOO_FEW] = "too few"};

static json_t *figures(const struct sample *s, const double points[LIKENESS_POINTS]) {
    return json_pack("{s:i, s:f, s:f, s:f, s:f}", "count", (int)s->count, "p10_ms", points[0],
                     "p50_ms", points[1], "p90_ms", points[2], "max_ms", sample_max(s));
}

static void judge_kind(enum sample_kind kind, struct samples *sim, struct samples *live,
                       struct tally *tally, json_t *out) {
    struct sample *a = &sim->kinds[kind], *b = &live->kinds[kind];
    struct likeness l = likeness_of(a, sim->runs, b, live->runs);
    if (l.verdict == LIKENESS_NONE)
        return;
    printf("    %-12s %5zu %5.0f %5.0f %5.0f   %5zu %5.0f %5.0f %5.0f   %+5.0f of %-4.0f %s",
           sample_name(kind), a->count, l.model[0], l.model[1], l.model[2], b->count, l.measured[0],
           l.measured[1], l.measured[2], l.shift_ms, l.bound_ms, verdicts[l.verdict]);
    if (l.verdict == LIKENESS_TOO_FEW)
        printf(" (%.0f %%)", 100 * l.chance);
    putchar('\n');
    tally->judged += l.verdict == LIKENESS_AGREES || l.verdict == LIKENESS_APART;
    tally->apart += l.verdict == LIKENESS_APART;
    tally->too_few += l.verdict == LIKENESS_TOO_FEW;
    json_object_set_new(out, sample_name(kind),
                        json_pack("{s:o, s:o, s:f, s:f, s:f, s:s}", "sim", figures(a, l.model),
                                  "live", figures(b, l.measured), "shift_ms", l.shift_ms,
                                  "bound_ms", l.bound_ms, "chance", l.chance, "verdict",
                                  verdicts[l.verdict]));
}

static void judge_moves(struct samples *sim, struct samples *live, struct tally *tally,
                        json_t *out) {
    double a = sim->moves / sim->runs, b = live->moves / live->runs;
    bool agrees = fabs(a - b) <= fmax(0.5, MOVES_APART * b);
    printf("    %-12s %5.1f a run %15s %5.1f a run %26s\n", "moves", a, "", b,
           agrees ? "ok" : "APART");
    printf("    %-12s %5.2f %% %19s %5.2f %%\n", "frames lost",
           100 * sim->frames_lost / fmax(1, sim->frames_expected), "",
           100 * live->frames_lost / fmax(1, live->frames_expected));
    tally->apart += !agrees;
    json_object_set_new(out, "moves",
                        json_pack("{s:f, s:f, s:b}", "sim", a, "live", b, "agrees", agrees));
}

/* `total` takes in what could be judged; true if nothing is apart, and something was judged. */
static bool judge(const char *file, struct samples *sim, struct samples *live, unsigned again,
                  struct tally *total, json_t *out) {
    struct tally t = {0};
    bool failed = sim->failed > 0 || live->failed > 0;
    printf("  %s\n", file);
    if (failed)
        printf("    runs that failed: sim %u of %u, live %u of %u\n", sim->failed, sim->runs,
               live->failed, live->runs);
    printf("    runs with the real programs: %u\n", live->runs);
    if (again > 0)
        printf("    runs made again, since this machine had stood still: %u\n", again);
    for (enum sample_kind kind = 0; kind < SAMPLE_COUNT; kind++)
        judge_kind(kind, sim, live, &t, out);
    judge_moves(sim, live, &t, out);
    if (t.judged == 0)
        puts("    nothing could be judged");
    total->judged += t.judged;
    total->apart += t.apart;
    total->too_few += t.too_few;
    bool ok = !failed && t.apart == 0 && t.judged > 0;
    json_object_set_new(out, "runs",
                        json_pack("{s:i, s:i, s:i, s:i, s:i}", "sim", (int)sim->runs, "sim_failed",
                                  (int)sim->failed, "live", (int)live->runs, "live_failed",
                                  (int)live->failed, "live_again", (int)again));
    json_object_set_new(out, "agrees", json_boolean(ok));
    return ok;
}

/* What no number of runs can tell asks for none. */
static unsigned runs_needed(const struct options *o, struct samples *sim) {
    unsigned needed = o->live;
    for (enum sample_kind kind = 0; kind < SAMPLE_COUNT; kind++) {
        unsigned runs = likeness_runs(&sim->kinds[kind], sim->runs, o->live, o->most);
        needed = runs > needed ? runs : needed;
    }
    return needed;
}

static bool compare(const struct options *o, const char *file, struct tally *total, json_t *out) {
    struct samples sim = {0}, live = {0};
    unsigned again = 0;
    for (unsigned i = 0; i < o->sim; i++)
        run(&sim, false, file, o->seed + i);
    unsigned needed = runs_needed(o, &sim);
    for (unsigned i = 0; i < needed; i++)
        again += run(&live, true, file, o->seed + i);
    json_t *row = json_object();
    bool ok = judge(file, &sim, &live, again, total, row);
    json_object_set_new(out, file, row);
    fflush(stdout);
    samples_free(&sim);
    samples_free(&live);
    return ok;
}

static int compare_all(const struct options *o, char **files, int count) {
    json_t *out = json_object(), *rows = json_object();
    struct tally total = {0};
    int failed = 0;
    printf(
        "  %u runs in peersim, %u to %u with the real programs; quantiles and worst shift [ms]\n",
        o->sim, o->live, o->most);
    printf("    %-12s %5s %5s %5s %5s   %5s %5s %5s %5s   %s\n", "", "sim n", "p10", "p50", "p90",
           "live n", "p10", "p50", "p90", "live-sim");
    for (int i = 0; i < count; i++)
        failed += !compare(o, files[i], &total, rows);
    printf("%d scenarios, %d that do not agree; %u distributions judged, %u figures apart, %u too "
           "few to judge\n",
           count, failed, total.judged, total.apart, total.too_few);
    if (o->json) {
        json_object_set(out, "scenarios", rows);
        json_object_set_new(out, "judged", json_integer(total.judged));
        json_object_set_new(out, "apart", json_integer(total.apart));
        json_object_set_new(out, "too_few", json_integer(total.too_few));
        json_object_set_new(out, "ok", json_boolean(failed == 0));
        json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(rows);
    json_decref(out);
    return failed == 0 ? COMMAND_DONE : COMMAND_UNMET;
}

int command_compare(int argc, char **argv) {
    static const struct option table[] = {
        {"live", required_argument, NULL, 'l'},
        {"most", required_argument, NULL, 'm'},
        {"sim", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.live = 5, .most = 20, .sim = 100, .seed = 1};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 'l')
            o.live = (unsigned)atoi(optarg);
        else if (c == 'm')
            o.most = (unsigned)atoi(optarg);
        else if (c == 's')
            o.sim = (unsigned)atoi(optarg);
        else if (c == 'n')
            o.seed = strtoull(optarg, NULL, 10);
        else if (c == 'j')
            o.json = true;
        else if (c == 'h')
            return fputs(help, stdout) < 0 ? COMMAND_UNMET : COMMAND_DONE;
        else
            return fputs("live-run compare: try --help\n", stderr) < 0 ? COMMAND_UNMET
                                                                       : COMMAND_USAGE;
    }
    o.most = o.most > o.live ? o.most : o.live;
    setenv("LIVE_WAN", "1", 1); /* who says nothing of links has 20 ms in peersim */
    if (optind == argc || o.live == 0 || o.sim == 0) {
        fputs("live-run compare: expected scenario FILEs; try --help\n", stderr);
        return COMMAND_USAGE;
    }
    if (geteuid() != 0) {
        puts("links between the real programs need root");
        return COMMAND_SKIPPED;
    }
    return compare_all(&o, argv + optind, argc - optind);
}
