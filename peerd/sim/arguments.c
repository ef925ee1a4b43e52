#include "peerd/sim/arguments.h"

#include "topo/city.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PEERD_VERSION
#define PEERD_VERSION "unknown"
#endif

#define SAVE_TO "build/sim"

static const char help[] =
    "Usage: peersim [OPTION]... [SCENARIO]\n"
    "Runs a scenario of clusters and listeners under a virtual clock and network, with the same\n"
    "machines as the real programs, and checks what must always be true. Without SCENARIO the\n"
    "seed draws one: clusters, links, listeners, faults; then everything is healed.\n"
    "\n"
    "Planning: `peersim --kill fra1 conf/*.yaml` asks what happens to policies if a cluster goes;\n"
    "see `peersim --kill A --help`. Ranking on measured round trips: `peersim --bench ranking "
    "--help`.\n"
    "\n"
    "One run:\n"
    "      --seed N          of everything drawn; the same seed gives the same run, line for line\n"
    "      --json            the report as one JSON object, in the last line of output\n"
    "      --html FILE       the report as a page to look at: what went wrong, and when\n"
    "      --rtt-matrix FILE round-trip times between the places, in ms (see test/README.md)\n"
    "      --trace           every line of every machine, with its instant\n"
    "      --scatter         a heap in disorder: what depends on an address differs from run to "
    "run\n"
    "      --print           say in words what was understood of the scenario and stop\n"
    "      --sleep           listeners at whom nothing happens are not simulated meanwhile, which\n"
    "                        changes nothing but the time it takes; by itself above 5000 of them,\n"
    "                        and under every third seed\n"
    "      --no-sleep        all of them, always\n"
    "      --apart           peerds and nodes begin up to a beat apart, as real ones do; else all "
    "in\n"
    "                        one instant, so that whoever beats, beats when all do\n"
    "      --shrink          if it fails: leave out what the failure does not need, and save that\n"
    "\n"
    "Many runs, each in a process of its own:\n"
    "      --runs N          seeds, one after another\n"
    "      --first-seed N    the first of them (1)\n"
    "      --seed A..B       these seeds, all of them; then the curve: how soon clusters act on a\n"
    "                        death and how often on none, beside what detectors of a single path\n"
    "                        make of the same paths (see `curve` in a scenario)\n"
    "      --json            closes with how well clusters watched one another in all of them\n"
    "      --jobs N          at once (as many as there are cores)\n"
    "      --keep-going      further after a failure; else no more begin then\n"
    "      --no-shrink       only say what failed; else the first three are cut down and saved\n"
    "\n"
    "      --shrink-to DIR   where that is saved, as NAME-SEED.yaml (" SAVE_TO ")\n"
    "      --cities          the cities that a `place` may name, and where they are\n"
    "      --help            this text\n"
    "      --version         the version\n"
    "\n"
    "Exit status: 0 as expected; 1 an expectation is not met, or an invariant was violated (the\n"
    "last lines say which, and how to run it again); 2 the scenario cannot be used.\n"
    "Are bad paths told apart from bad accesses: `peersim --bench degradation --help`.\n"
    "The format of scenarios: test/README.md. Samples: test/scenario/*.yaml.\n";

static bool take_number(uint64_t *out, const char *option, const char *text) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno == 0 && *end == '\0' && *text >= '0' && *text <= '9' && *out <= INT64_MAX)
        return true;
    fprintf(stderr, "peersim: --%s %s: expected a whole number below 2^63\n", option, text);
    return false;
}

/* `7` or `1..100`. */
static bool take_seeds(struct arguments *a, const char *text) {
    char first[32];
    uint64_t last;
    const char *dots = strstr(text, "..");
    if (dots == NULL) {
        a->seed_given = true;
        return take_number(&a->seed, "seed", text);
    }
    snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
    if (!take_number(&a->first_seed, "seed", first) || !take_number(&last, "seed", dots + 2))
        return false;
    if (last < a->first_seed) {
        fprintf(stderr, "peersim: --seed %s: expected the lower one first\n", text);
        return false;
    }
    a->runs = last - a->first_seed + 1;
    return a->range = a->keep_going = true;
}

static bool is_some(uint64_t number, const char *option) {
    if (number == 0)
        fprintf(stderr, "peersim: --%s 0: expected at least 1\n", option);
    return number > 0;
}

/* False: it has said what is wrong. A flat switch. */
static bool take_option(struct arguments *a, int option) {
    switch (option) {
    case 's':
        return take_seeds(a, optarg);
    case 'r':
        return take_number(&a->runs, "runs", optarg) && is_some(a->runs, "runs");
    case 'f':
        return take_number(&a->first_seed, "first-seed", optarg);
    case 'J':
        return take_number(&a->jobs, "jobs", optarg);
    case 'S':
        a->shrink = true;
        a->save_to = optarg;
        return true;
    case 'm':
        a->matrix = optarg;
        return true;
    case 'H':
        a->html = optarg;
        return true;
    case 'j':
        return a->json = true;
    case 't':
        return a->trace = true;
    case 'x':
        return a->scatter = true;
    case 'p':
        return a->print = true;
    case 'k':
        return a->keep_going = true;
    case 'c':
        return a->shrink = true;
    case 'n':
        return a->no_shrink = true;
    case 'z':
        a->sleep = SIM_SLEEP_ALWAYS;
        return true;
    case 'Z':
        a->sleep = SIM_SLEEP_NEVER;
        return true;
    case 'a':
        return a->apart = true;
    default:
        return false;
    }
}

static void print_cities(void) {
    size_t count;
    const char *const *names = city_names(&count);
    for (size_t i = 0; i < count; i++) {
        const struct city *c = city_find(names[i]);
        printf("%-16s %7.2f %8.2f\n", c->name, c->latitude_deg, c->longitude_deg);
    }
}

/* What is asked for one run, for many, of a file. False: it has said what does not. */
static bool go_together(const struct arguments *a, int argc, char **argv) {
    if (a->matrix != NULL && (a->runs > 0 || a->shrink)) {
        fprintf(stderr, "peersim: --rtt-matrix is for one run; name the file in the scenario\n");
        return false;
    }
    if (a->runs > 0 && (a->html != NULL || a->trace || a->print || a->seed_given || a->apart)) {
        fprintf(stderr, "peersim: --%s is for one run, not beside --runs%s\n",
                a->seed_given ? "seed"
                : a->trace    ? "trace"
                : a->print    ? "print"
                : a->apart    ? "apart"
                              : "html",
                a->seed_given ? " (which begins with --first-seed)" : "");
        return false;
    }
    if (a->shrink && a->apart) {
        fprintf(stderr, "peersim: --apart is not beside --shrink\n");
        return false;
    }
    if (a->range && optind == argc) {
        fprintf(stderr, "peersim: --seed A..B is of a scenario; of drawn ones --runs N\n");
        return false;
    }
    if (argc - optind > 1) {
        fprintf(stderr, "peersim: one scenario at a time, not also %s\n", argv[optind + 1]);
        return false;
    }
    return true;
}

int arguments_parse(struct arguments *a, int argc, char **argv) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"html", required_argument, NULL, 'H'},
        {"rtt-matrix", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 't'},
        {"scatter", no_argument, NULL, 'x'},
        {"print", no_argument, NULL, 'p'},
        {"shrink", no_argument, NULL, 'c'},
        {"runs", required_argument, NULL, 'r'},
        {"first-seed", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'J'},
        {"keep-going", no_argument, NULL, 'k'},
        {"no-shrink", no_argument, NULL, 'n'},
        {"shrink-to", required_argument, NULL, 'S'},
        {"sleep", no_argument, NULL, 'z'},
        {"no-sleep", no_argument, NULL, 'Z'},
        {"cities", no_argument, NULL, 'C'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {"apart", no_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    int option;
    *a = (struct arguments){.save_to = SAVE_TO, .first_seed = 1};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == 'C') {
            print_cities();
            return 0;
        }
        if (option == 'v') {
            printf("peersim %s\n", PEERD_VERSION);
            return 0;
        }
        if (option == '?') {
            fprintf(stderr, "peersim: %s is no option of it, or lacks its value (see --help)\n",
                    argv[optind - 1]);
            return 2;
        }
        if (!take_option(a, option))
            return 2;
    }
    if (!go_together(a, argc, argv))
        return 2;
    a->file = optind < argc ? argv[optind] : NULL;
    return -1;
}
