/* compare: the same scenarios through the simulator and through the real programs. */
#include "test/lib/sample.h"
#include "test/live/commands.h"
#include "test/live/process.h"
#include "test/live/site.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOVES_APART 0.2

static const char help[] =
    "usage: live-run compare FILE... [--live N] [--sim N] [--seed N] [--json]\n"
    "\n"
    "Runs each scenario N times with the real programs and N times in peersim, each run with a "
    "seed\n"
    "of its own, and compares what came out: [ms] until listeners noticed, until they heard the\n"
    "first frame of another site, the gap at their outputs, until the other clusters had a "
    "verdict.\n"
    "Medians must be within 20 % or 15 ms of one another, whichever is more.\n"
    "\n"
    "  --live N    runs with the real programs [2]\n"
    "  --sim N     runs in peersim [10]\n"
    "  --seed N    of the first run [1]\n"
    "  --json      one JSON object on the last line\n"
    "\n"
    "Exit status: 0 they agree, 1 not, 2 wrong options, 77 this machine does not permit it.\n";

struct options {
    unsigned live, sim;
    unsigned long long seed;
    bool json;
};

/* ---- running ---- */

/* The last line of what a program says, as JSON; NULL if it is none. */
static json_t *last_line(const char *const *argv, int *status) {
    char *text = NULL;
    size_t len = 0, room = 0;
    ssize_t n = 1;
    int ends[2];
    *status = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pid_t pid =
        process_start(&(struct process_spec){.argv = argv, .in = -1, .out = ends[1], .err = -1});
    close(ends[1]);
    while (pid > 0 && n > 0) {
        if (len + 65536 > room) {
            room = 2 * room + 131072;
            char *grown = realloc(text, room);
            if (grown == NULL)
                break;
            text = grown;
        }
        n = read(ends[0], text + len, room - len - 1);
        if (n < 0 && errno == EINTR)
            n = 1;
        else
            len += n > 0 ? (size_t)n : 0;
    }
    close(ends[0]);
    while (pid > 0 && waitpid(pid, status, 0) < 0 && errno == EINTR)
        continue;
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    if (text == NULL)
        return NULL;
    for (text[len] = '\0'; len > 0 && text[len - 1] == '\n';)
        text[--len] = '\0';
    const char *line = strrchr(text, '\n') != NULL ? strrchr(text, '\n') + 1 : text;
    json_t *report = json_loads(line, 0, NULL);
    free(text);
    return report;
}

static void run(struct samples *s, bool live, const char *file, unsigned long long seed) {
    char program[SITE_PATH_MAX + 16], number[24];
    int status;
    snprintf(number, sizeof(number), "%llu", seed);
    snprintf(program, sizeof(program), "%s/peersim", command_bin());
    const char *const there[] = {"/proc/self/exe", "run",    file,      "--seed",
                                 number,           "--json", "--quiet", NULL};
    const char *const here[] = {program, file, "--seed", number, "--json", NULL};
    json_t *report = last_line(live ? there : here, &status);
    samples_take(s, report);
    json_decref(report);
}

/* ---- judging ---- */

static json_t *figures(struct sample *s) {
    return json_pack("{s:i, s:f, s:f}", "count", (int)s->count, "median_ms", sample_median(s),
                     "max_ms", sample_max(s));
}

/* The first frame is shown and not judged: it has the machine's own pre-roll in it. Nor is what was
 * seen a few times only. */
static bool judge_kind(enum sample_kind kind, struct samples *sim, struct samples *live,
                       json_t *out) {
    struct sample *a = &sim->kinds[kind], *b = &live->kinds[kind];
    bool agrees = sample_agrees(a, b);
    bool judged =
        kind != SAMPLE_FIRST && (b->count >= SAMPLE_FEW || a->count == 0 || b->count == 0);
    if (a->count == 0 && b->count == 0)
        return true;
    printf("    %-12s %8.0f %6.0f   %8.0f %6.0f   %+8.0f ms  %s\n", sample_name(kind),
           sample_median(a), sample_max(a), sample_median(b), sample_max(b),
           sample_median(b) - sample_median(a),
           agrees   ? "ok"
           : judged ? "APART"
                    : "apart (not judged)");
    json_object_set_new(
        out, sample_name(kind),
        json_pack("{s:o, s:o, s:b}", "sim", figures(a), "live", figures(b), "agrees", agrees));
    return agrees || !judged;
}

static bool judge(const char *file, struct samples *sim, struct samples *live, json_t *out) {
    double a = sim->moves / sim->runs, b = live->moves / live->runs;
    bool ok = sim->failed == 0 && live->failed == 0;
    printf("  %s\n", file);
    if (!ok)
        printf("    runs that failed: sim %u of %u, live %u of %u\n", sim->failed, sim->runs,
               live->failed, live->runs);
    for (enum sample_kind kind = 0; kind < SAMPLE_COUNT; kind++)
        ok = judge_kind(kind, sim, live, out) && ok;
    bool moves = fabs(a - b) <= fmax(0.5, MOVES_APART * fmax(a, b));
    printf("    %-12s %8.1f a run      %8.1f a run                %s\n", "moves", a, b,
           moves ? "ok" : "APART");
    printf("    %-12s %8.2f %%          %8.2f %%\n", "frames lost",
           100 * sim->frames_lost / fmax(1, sim->frames_expected),
           100 * live->frames_lost / fmax(1, live->frames_expected));
    json_object_set_new(out, "moves",
                        json_pack("{s:f, s:f, s:b}", "sim", a, "live", b, "agrees", moves));
    json_object_set_new(out, "agrees", json_boolean(ok && moves));
    return ok && moves;
}

static bool compare(const struct options *o, const char *file, json_t *out) {
    struct samples sim = {0}, live = {0};
    for (unsigned i = 0; i < o->sim; i++)
        run(&sim, false, file, o->seed + i);
    for (unsigned i = 0; i < o->live; i++)
        run(&live, true, file, o->seed + i);
    json_t *row = json_object();
    bool ok = judge(file, &sim, &live, row);
    json_object_set_new(out, file, row);
    fflush(stdout);
    samples_free(&sim);
    samples_free(&live);
    return ok;
}

static int compare_all(const struct options *o, char **files, int count) {
    json_t *out = json_object();
    int apart = 0;
    printf("  %-14s %15s   %15s   %11s\n", "", "sim median  max", "live median max", "difference");
    for (int i = 0; i < count; i++)
        apart += !compare(o, files[i], out);
    printf("%d scenarios, %d apart\n", count, apart);
    if (o->json)
        json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (o->json)
        putchar('\n');
    json_decref(out);
    return apart == 0 ? COMMAND_DONE : COMMAND_UNMET;
}

int command_compare(int argc, char **argv) {
    static const struct option table[] = {
        {"live", required_argument, NULL, 'l'}, {"sim", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    struct options o = {.live = 2, .sim = 10, .seed = 1};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 'l')
            o.live = (unsigned)atoi(optarg);
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
