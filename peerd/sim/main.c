/*
 * peersim: what would happen if. Runs a scenario, or one that the seed draws, under virtual time.
 */
#include "peerd/sim/sim.h"
#include "peerd/sim/swarm.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#ifndef PEERD_VERSION
#define PEERD_VERSION "unknown"
#endif

static const char help[] =
    "Usage: peersim [OPTION]... [SCENARIO]\n"
    "Runs a scenario of clusters and listeners under a virtual clock and network, with the same\n"
    "machines as the real programs, and checks what must always be true. Without SCENARIO the\n"
    "seed draws one: clusters, links, listeners, faults; then everything is healed.\n"
    "\n"
    "      --seed N    of everything drawn; the same seed gives the same run, line for line\n"
    "      --json      the report as one JSON object, in the last line of output\n"
    "      --trace     every line of every machine, with its instant\n"
    "      --print     print the scenario in the format's own words and stop\n"
    "      --help      this text\n"
    "      --version   the version\n"
    "\n"
    "Exit status: 0 as expected; 1 an expectation is not met, or an invariant was violated (the\n"
    "last lines say which, and how to run it again); 2 the scenario cannot be used.\n"
    "The format of scenarios: test/README.md. Samples: test/scenario/*.yaml.\n";

struct arguments {
    const char *file; /* NULL: the swarm */
    uint64_t seed;
    bool seed_given, json, trace, print;
};

/* For the handler of failed assertions: which run this is. */
static struct {
    const struct sim *sim;
    const struct arguments *arguments;
} running;

static void say_how_to_rerun(FILE *out) {
    const struct arguments *a = running.arguments;
    fprintf(out, "peersim: seed %" PRIu64 ", scenario %s, at %.6f s\n", a->seed,
            a->file == NULL ? "drawn by the seed" : a->file,
            running.sim == NULL ? 0.0 : (double)sim_time(running.sim).us / 1e6);
    fprintf(out, "run again: build/bin/peersim --seed %" PRIu64 " --trace%s%s\n", a->seed,
            a->file == NULL ? "" : " ", a->file == NULL ? "" : a->file);
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

static bool take_seed(struct arguments *a, const char *text) {
    char *end;
    errno = 0;
    a->seed = strtoull(text, &end, 10);
    a->seed_given = true;
    if (errno == 0 && *end == '\0' && *text >= '0' && *text <= '9' && a->seed <= INT64_MAX)
        return true;
    fprintf(stderr, "peersim: --seed %s: expected a whole number below 2^63\n", text);
    return false;
}

/* −1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct arguments *a) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"trace", no_argument, NULL, 't'},
        {"print", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            if (!take_seed(a, optarg))
                return 2;
            break;
        case 'j':
            a->json = true;
            break;
        case 't':
            a->trace = true;
            break;
        case 'p':
            a->print = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'v':
            printf("peersim %s\n", PEERD_VERSION);
            return 0;
        default:
            fprintf(stderr, "peersim: %s is no option of it, or lacks its value (see --help)\n",
                    argv[optind - 1]);
            return 2;
        }
    }
    if (argc - optind > 1) {
        fprintf(stderr, "peersim: one scenario at a time, not also %s\n", argv[optind + 1]);
        return 2;
    }
    a->file = optind < argc ? argv[optind] : NULL;
    return -1;
}

static void print_faults(const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", fault_to_text(faults, &faults->list[i], line));
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

static int run(const struct arguments *a, const struct scenario *scenario) {
    const struct sim_options options = {
        .scenario = scenario,
        .seed = a->seed,
        .narrative = a->json ? NULL : stdout,
        .trace = a->trace ? stdout : NULL,
        .vanish_permille = a->file == NULL ? SWARM_VANISH_PERMILLE : 0,
    };
    running.arguments = a;
    watch_assertions();
    struct sim *sim = sim_new(&options);
    running.sim = sim;
    sim_run(sim);
    print_report(a, sim, scenario);
    fflush(stdout);
    bool ok = report_ok(sim_report(sim));
    if (sim_violation(sim) != NULL)
        fprintf(stderr, "peersim: invariant violated: %s\n", sim_violation(sim));
    for (uint32_t i = 0; i < sim_report(sim)->expectation_count; i++) {
        const struct report_expectation *e = &sim_report(sim)->expectations[i];
        if (!e->met)
            fprintf(stderr, "peersim: not met: %s: %s\n", e->what, e->found);
    }
    if (!ok)
        say_how_to_rerun(stderr);
    running.sim = NULL;
    sim_free(sim);
    return ok ? 0 : 1;
}

int main(int argc, char **argv) {
    struct arguments arguments = {0};
    struct scenario scenario;
    int status = parse(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (!load(&arguments, &scenario))
        return 2;
    if (!arguments.json && !arguments.print)
        print_description(&scenario);
    status = arguments.print ? 0 : run(&arguments, &scenario);
    scenario_free(&scenario);
    return status;
}
