/*
 * peersim: what would happen if. Runs a scenario, or one that the seed draws, under virtual time.
 */
#include "peerd/sim/arguments.h"
#include "peerd/sim/bench.h"
#include "peerd/sim/curve.h"
#include "peerd/sim/many.h"
#include "peerd/sim/pages.h"
#include "peerd/sim/plan.h"
#include "peerd/sim/report_html.h"
#include "peerd/sim/scatter.h"
#include "peerd/sim/shrunk.h"
#include "peerd/sim/sim.h"
#include "peerd/sim/swarm.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define SHRINK_LIMIT_S 600

/* For the handler of failed assertions: which run this is. */
static struct {
    const struct sim *sim;
    const struct arguments *arguments;
} running;

static void say_how_to_rerun(FILE *out) {
    const struct arguments *a = running.arguments;
    fprintf(out, "peersim: seed %" PRIu64 ", scenario %s", a->seed,
            a->file == NULL ? "drawn by the seed" : a->file);
    if (running.sim != NULL) /* what was expected is judged at the end, wherever it went wrong */
        fprintf(out, ", at %.6f s", (double)sim_time(running.sim).us / 1e6);
    fputs("\n", out);
    char same[2 * PATH_MAX + 64]; /* what else made this run what it was */
    const char *me = program_invocation_name;
    snprintf(same, sizeof(same), "%s%s%s%s%s", a->apart ? " --apart" : "",
             a->matrix == NULL ? "" : " --rtt-matrix ", a->matrix == NULL ? "" : a->matrix,
             a->file == NULL ? "" : " ", a->file == NULL ? "" : a->file);
    fprintf(out, "run again: %s --seed %" PRIu64 " --trace%s\n", me, a->seed, same);
    fprintf(out, "look at it: %s --seed %" PRIu64 " --html %" PRIu64 ".html%s\n", me, a->seed,
            a->seed, same);
    if (!a->apart && a->matrix == NULL) /* --shrink knows neither */
        fprintf(out, "cut it down: %s --seed %" PRIu64 " --shrink%s\n", me, a->seed, same);
}

/* An assertion of a machine has failed. The process is lost; what matters is to say where. */
static void aborted(int number) {
    (void)number;
    fflush(stdout);
    fprintf(stderr, "peersim: a machine's own assertion failed (above)\n");
    say_how_to_rerun(stderr);
    _exit(1);
}

static void watch_assertions(void) {
    struct sigaction action = {.sa_handler = aborted};
    sigemptyset(&action.sa_mask);
    sigaction(SIGABRT, &action, NULL);
}

static void print_faults(const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", fault_to_text(faults, &faults->list[i], line));
    if (faults->lost > 0)
        fprintf(stderr, "%s: and %" PRIu32 " more\n", faults->file, faults->lost);
}

static uint64_t draw_seed(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint64_t)getpid();
    return seed % 1000000; /* short enough to be typed */
}

/* Loads the scenario and settles the seed, which the swarm needs first. */
static bool load(struct arguments *a, struct scenario *scenario) {
    static struct faults faults;
    static char swarm[SWARM_TEXT_MAX];
    enum err err;
    if (a->file == NULL) {
        if (!a->seed_given)
            a->seed = draw_seed();
        size_t len = swarm_draw(a->seed, swarm);
        if (a->print)
            fputs(swarm, stdout);
        err = scenario_parse(swarm, len, "swarm", scenario, &faults);
    } else {
        err = scenario_load(a->file, scenario, &faults);
        if (err == ERR_OK && !a->seed_given)
            a->seed = scenario->seed_given ? scenario->seed : draw_seed();
    }
    if (err == ERR_OK && a->matrix != NULL && !scenario_take_matrix(scenario, a->matrix, &faults)) {
        scenario_free(scenario);
        err = ERR_BAD_POLICY;
    }
    if (err == ERR_OK && !scenario_check_abilities(scenario, &sim_abilities, &faults)) {
        scenario_free(scenario);
        err = ERR_UNSUPPORTED;
    }
    if (err != ERR_OK)
        print_faults(&faults);
    return err == ERR_OK;
}

static void print_description(const struct scenario *scenario) {
    size_t size = scenario_describe(scenario, NULL, 0) + 1;
    char *text = malloc(size);
    if (text == NULL)
        return;
    scenario_describe(scenario, text, size);
    fputs(text, stdout);
    free(text);
}

static void print_report(const struct arguments *a, const struct sim *sim,
                         const struct scenario *scenario) {
    char *text =
        a->json ? report_to_json(sim_report(sim)) : report_to_text(sim_report(sim), scenario);
    if (text == NULL)
        fprintf(stderr, "peersim: out of memory\n");
    else if (a->json)
        printf("%s\n", text);
    else
        printf("%s  seed %" PRIu64 ", %" PRIu64 " steps, %" PRIu64 " lines, digest %016" PRIx64
               "\n",
               text, a->seed, sim_steps(sim), sim_lines(sim), sim_digest(sim));
    free(text);
}

/* What a crowd has cost; not part of the report, which is the same each time. */
static void print_cost(const struct sim *sim) {
    struct rusage usage;
    if (sim_report(sim)->client_count <= SCENARIO_CROWD || getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    fprintf(stderr, "peersim: %.1f s of CPU, at most %ld MiB, %" PRIu64 " steps\n",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
            usage.ru_maxrss / 1024, sim_steps(sim));
}

static bool save_page(const struct arguments *a, const struct sim *sim,
                      const struct scenario *scenario) {
    char command[512];
    snprintf(command, sizeof(command), "%s --seed %" PRIu64 "%s%s", program_invocation_name,
             a->seed, a->file == NULL ? "" : " ", a->file == NULL ? "" : a->file);
    const struct report_page page = {
        .report = sim_report(sim),
        .scenario = scenario,
        .command = command,
        .violation = sim_violation(sim),
        .violated_ms = sim_violation(sim) == NULL ? 0 : duration_in_ms(sim_time(sim))};
    return a->html == NULL || report_html_save(a->html, &page);
}

static bool is_crowd(const struct scenario *s) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->client_group_count; i++)
        count += s->clients[i].count;
    return count > SCENARIO_CROWD;
}

static int run(const struct arguments *a, const struct scenario *scenario) {
    const struct sim_options options = {
        .scenario = scenario,
        .seed = a->seed,
        .narrative = a->json ? NULL : stdout,
        .trace = a->trace ? stdout : NULL,
        .sleep = a->sleep,
        .apart = a->apart,
    };
    running.arguments = a;
    watch_assertions();
    if (is_crowd(scenario))
        sim_pages_prepare();
    struct sim *sim = sim_new(&options);
    running.sim = sim;
    sim_run(sim);
    print_report(a, sim, scenario);
    print_cost(sim);
    fflush(stdout);
    bool saved = save_page(a, sim, scenario);
    bool ok = report_ok(sim_report(sim));
    if (sim_violation(sim) != NULL)
        fprintf(stderr, "peersim: invariant violated: %s\n", sim_violation(sim));
    for (uint32_t i = 0; i < sim_report(sim)->expectation_count; i++) {
        const struct report_expectation *e = &sim_report(sim)->expectations[i];
        if (!e->met)
            fprintf(stderr, "peersim: not met: %s: %s\n", e->what, e->found);
    }
    if (sim_violation(sim) == NULL)
        running.sim = NULL;
    if (!ok)
        say_how_to_rerun(stderr);
    running.sim = NULL;
    sim_free(sim);
    return ok && saved ? 0 : 1;
}

/* ---- many, and cutting one down --- */

static char *read_all(const char *path) {
    char *text = NULL;
    size_t size = 0;
    const char *why = scenario_file_fault(path);
    FILE *file = why == NULL ? fopen(path, "r") : NULL;
    if (file == NULL || getdelim(&text, &size, '\0', file) < 0) {
        fprintf(stderr, "peersim: %s: %s\n", path, why != NULL ? why : strerror(errno));
        free(text);
        text = NULL;
    }
    if (file != NULL)
        fclose(file);
    return text;
}

/* Where the files lie that a scenario names; from malloc. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
}

static int run_many(const struct arguments *a, const char *text, const char *folder) {
    const struct many_options options = {.path = a->file,
                                         .text = text,
                                         .folder = folder,
                                         .save_to = a->no_shrink || a->range ? NULL : a->save_to,
                                         .first_seed = a->first_seed,
                                         .runs = a->runs,
                                         .jobs = (uint32_t)a->jobs,
                                         .json = a->json,
                                         .keep_going = a->keep_going};
    return (a->range ? curve_run(&options) : many_run(&options)) ? 0 : 1;
}

static int shrink(const struct arguments *a, const char *text, const char *folder) {
    static struct shrunk shrunk;
    char name[MANY_NAME_MAX + 1];
    many_name(a->file, a->seed, name);
    if (!shrunk_save(&(struct shrunk_request){.text = text,
                                              .folder = folder,
                                              .name = name,
                                              .save_to = a->save_to,
                                              .seed = a->seed,
                                              .limit_s = SHRINK_LIMIT_S},
                     &shrunk)) {
        fprintf(stderr, "peersim: nothing to shrink: %s\n", shrunk.failure);
        return 1;
    }
    shrunk_tell(&shrunk, a->seed, stdout);
    return 1;
}

/* Both work on text, in processes of their own. */
static int campaign(struct arguments *a) {
    static char drawn[SWARM_TEXT_MAX];
    char *read = a->file == NULL ? NULL : read_all(a->file);
    char *folder = a->file == NULL ? NULL : folder_of(a->file);
    const char *text = read;
    int status = 2;
    if (a->file == NULL && a->runs == 0) {
        swarm_draw(a->seed, drawn);
        text = drawn;
    }
    if (a->file == NULL || (read != NULL && folder != NULL))
        status = a->runs > 0 ? run_many(a, text, folder) : shrink(a, text, folder);
    free(read);
    free(folder);
    return status;
}

static int do_all(int argc, char **argv) {
    struct arguments arguments;
    struct scenario scenario;
    if (bench_is_wanted(argc, argv))
        return bench_main(argc, argv);
    if (plan_is_wanted(argc, argv))
        return plan_main(argc, argv);
    int status = arguments_parse(&arguments, argc, argv);
    if (status >= 0)
        return status;
    if (arguments.runs > 0)
        return campaign(&arguments);
    if (arguments.scatter)
        sim_scatter_heap();
    if (!load(&arguments, &scenario))
        return 2;
    if (arguments.shrink && !arguments.print) {
        scenario_free(&scenario);
        return campaign(&arguments);
    }
    if (arguments.print ? arguments.file != NULL : !arguments.json)
        print_description(&scenario);
    status = arguments.print ? 0 : run(&arguments, &scenario);
    scenario_free(&scenario);
    return status;
}

int main(int argc, char **argv) {
    int status = do_all(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fputs("peersim: standard output could not be written\n", stderr);
    return status == 0 ? 1 : status;
}
