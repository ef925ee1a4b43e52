/* run: one scenario file, facts as they happen, a summary, and the report as JSON if wanted. */
#include "test/live/commands.h"
#include "test/live/render.h"
#include "test/live/runner.h"
#include "test/live/timeline.h"
#include "test/live/wide.h"

#include "peerd/net/clock.h"
#include "peerd/sim/report_html.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: live-run run FILE [options] [-- COMMAND [words]]\n"
    "\n"
    "Runs a scenario with the real programs: peerd, transcoderd, peerclient and peerctl.\n"
    "\n"
    "  --seed N      of everything drawn [the scenario's, or a random one]\n"
    "  --keep DIR    keep logs, policies and keys there [a temporary folder, removed if all is "
    "well]\n"
    "  --record      keep what every listener heard, too: DIR/LISTENER.payload\n"
    "  --json        the report as one JSON object on the last line\n"
    "  --html PAGE   the report as a page to look at: what went wrong, and when\n"
    "  --pretty      colours and a progress bar, as in the demo\n"
    "  --shared      on the machine's own loopback, not in a private network\n"
    "  --quiet       no facts, only trouble and the summary\n"
    "  --check       only say whether it can be run here; exit status 0 or 2\n"
    "  --early       COMMAND comes first, may change policies, and lets the sites start by making\n"
    "                the file $LIVE_DIR/go\n"
    "  --help\n"
    "\n"
    "COMMAND is run once everything is up, inside the same network, with LIVE_DIR (a folder for\n"
    "each cluster in it) and LIVE_BIN in its environment; the run lasts until it has ended and\n"
    "fails if it does.\n"
    "\n"
    "Exit status: 0 as expected, 1 not, 2 wrong options or a scenario that cannot be run here,\n"
    "3 it could not be run at all.\n";

struct options {
    const char *path;
    const char *keep;
    const char *html;
    bool seed_given;
    uint64_t seed;
    bool record, json, pretty, quiet, early, shared, check;
    const char *const *command;
};

const char *command_bin(void) {
    static char path[SITE_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 8);
    if (len <= 0)
        return "build/bin";
    path[len] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    strcat(path, "/bin");
    return path;
}

unsigned long long command_any_seed(void) {
    uint32_t seed;
    net_entropy(&seed, sizeof(seed));
    return seed % 1000000;
}

static bool read_seed(struct options *o, const char *text) {
    char *end;
    o->seed = strtoull(text, &end, 10);
    o->seed_given = *text >= '0' && *text <= '9' && *end == '\0';
    if (!o->seed_given)
        fprintf(stderr, "live-run run: --seed: expected a whole number, found `%s`\n", text);
    return o->seed_given;
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct options *o, int argc, char **argv) {
    static const struct option table[] = {
        {"seed", required_argument, NULL, 's'}, {"keep", required_argument, NULL, 'k'},
        {"record", no_argument, NULL, 'r'},     {"json", no_argument, NULL, 'j'},
        {"pretty", no_argument, NULL, 'p'},     {"quiet", no_argument, NULL, 'q'},
        {"early", no_argument, NULL, 'e'},      {"check", no_argument, NULL, 'c'},
        {"shared", no_argument, NULL, 'l'},     {"help", no_argument, NULL, 'h'},
        {"html", required_argument, NULL, 'H'}, {NULL, 0, NULL, 0},
    };
    int c;
    optind = 1;
    /* "-": the file may stand before the options. */
    while ((c = getopt_long(argc, argv, "-", table, NULL)) != -1) {
        if (c == 1 && o->path == NULL)
            o->path = optarg;
        else if (c == 's' && read_seed(o, optarg))
            continue;
        else if (c == 'k')
            o->keep = optarg;
        else if (c == 'H')
            o->html = optarg;
        else if (c == 'r')
            o->record = true;
        else if (c == 'j')
            o->json = true;
        else if (c == 'p')
            o->pretty = true;
        else if (c == 'q')
            o->quiet = true;
        else if (c == 'e')
            o->early = true;
        else if (c == 'l')
            o->shared = true;
        else if (c == 'c')
            o->check = true;
        else if (c == 'h')
            return fputs(help, stdout) < 0 ? COMMAND_UNMET : COMMAND_DONE;
        else
            return fputs("live-run run: try --help\n", stderr) < 0 ? COMMAND_UNMET : COMMAND_USAGE;
    }
    if (optind < argc)
        o->command = (const char *const *)argv + optind;
    if (o->path != NULL)
        return -1;
    fputs("live-run run: expected a scenario FILE; try --help\n", stderr);
    return COMMAND_USAGE;
}

static bool save_page(const struct runner *r, const struct options *o) {
    char command[512], violation[96] = "";
    const char *how = getenv("LIVE_COMMAND"); /* the script that hides our name */
    snprintf(command, sizeof(command), "%s%s %s --seed %" PRIu64,
             how != NULL ? how : program_invocation_name, how != NULL ? "" : " run", o->path,
             r->config.seed);
    if (r->command_status != 0)
        snprintf(violation, sizeof(violation), "the command failed with status %d",
                 r->command_status);
    else if (r->troubled)
        snprintf(violation, sizeof(violation), "something happened that should not: see the log");
    return o->html == NULL ||
           report_html_save(o->html, &(struct report_page){
                                         .report = &r->report,
                                         .scenario = r->scenario,
                                         .command = command,
                                         .violation = violation[0] != '\0' ? violation : NULL});
}

static int report(const struct runner *r, const struct options *o) {
    char *text = report_to_text(&r->report, r->scenario);
    char *json = o->json ? report_to_json(&r->report) : NULL;
    if (text != NULL)
        fputs(text, stdout);
    if (r->command_status != 0)
        printf("the command failed with status %d\n", r->command_status);
    if (json != NULL)
        puts(json);
    free(text);
    free(json);
    return save_page(r, o) && report_ok(&r->report) ? COMMAND_DONE : COMMAND_UNMET;
}

static int run(const struct options *o, struct scenario *scenario, struct faults *faults) {
    static struct runner r;
    struct render render;
    uint64_t seed = o->seed_given          ? o->seed
                    : scenario->seed_given ? scenario->seed
                                           : command_any_seed();
    render_init(&render, &r, o->pretty ? RENDER_PRETTY : o->quiet ? RENDER_QUIET : RENDER_PLAIN);
    if (!o->quiet)
        printf("%s, seed %llu\n", scenario->name.text, (unsigned long long)seed);
    struct runner_config config = {.scenario = scenario,
                                   .faults = faults,
                                   .scenario_path = o->path,
                                   .seed = seed,
                                   .keep = o->keep,
                                   .bin = command_bin(),
                                   .record = o->record,
                                   .shared = o->shared,
                                   .command = o->command,
                                   .early = o->early && o->command != NULL,
                                   .narrator = render_narrator(&render)};
    bool ran = runner_run(&r, &config);
    render_end(&render);
    int status = ran ? report(&r, o) : faults_any(faults) ? COMMAND_USAGE : COMMAND_CANNOT;
    runner_close(&r);
    return status;
}

static void print_faults(const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", fault_to_text(faults, &faults->list[i], line));
    if (faults->lost > 0)
        fprintf(stderr, "%s: and %" PRIu32 " more\n", faults->file, faults->lost);
}

/* What takes rights that we may lack is found out by trying. */
static int check(const struct scenario *scenario, struct faults *faults) {
    bool able = scenario_check_abilities(scenario, &timeline_abilities, faults);
    able = wide_permits(scenario, faults) && able;
    print_faults(faults);
    if (able)
        printf("%s can be run with the real programs\n", scenario->name.text);
    return able ? COMMAND_DONE : COMMAND_USAGE;
}

int command_run(int argc, char **argv) {
    static struct faults faults;
    struct scenario scenario;
    struct options o = {0};
    int status = parse(&o, argc, argv);
    if (status >= 0)
        return status;
    if (scenario_load(o.path, &scenario, &faults) != ERR_OK) {
        print_faults(&faults);
        return COMMAND_USAGE;
    }
    status = o.check ? check(&scenario, &faults) : run(&o, &scenario, &faults);
    scenario_free(&scenario);
    return status;
}
