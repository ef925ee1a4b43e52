#include "peerd/sim/plan.h"

#include "peerd/policy/quantity.h"
#include "peerd/sim/report_html.h"
#include "peerd/sim/sim.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define USAGE_STATUS 2

static const char help[] =
    "Usage: peersim [--kill A,B] [--drain A] [--cut A/B] [OPTION]... POLICY...\n"
    "What happens to these policies if a cluster goes? The overlay that they describe is built,\n"
    "filled with listeners and players, and run under virtual time with the same machines as the "
    "real\n"
    "programs. The answer: who goes where, who has nowhere to go, what gap to expect, what helps.\n"
    "\n"
    "      --kill A,B         these clusters die, without a word, addresses and all\n"
    "      --drain A,B        these are taken down for maintenance\n"
    "      --cut A/B,C/D      these pairs lose sight of one another; `clients` is an end, too\n"
    "\n"
    "      --load 70%         so full is every cluster, beyond what it sets aside for peers (70%)\n"
    "      --sessions N       so many listeners at every cluster, instead\n"
    "      --buffer 200ms     playout buffer of listeners (200ms)\n"
    "      --workers N        cores of every machine, a worker process each (8)\n"
    "      --players N        so many players of every stream that a cluster makes itself "
    "(`source`\n"
    "                         of an origin), instead of as many as fit its makers under --load\n"
    "      --player-buffer 30s  what every player holds of media (30s)\n"
    "      --media-cpu 250ms  CPU that a second of media takes: the dearest renditions (250ms)\n"
    "      --makers N         cores of every machine that make segments (as --workers); what\n"
    "                         sessions take of the same ones is not subtracted\n"
    "      --rtt-matrix FILE  round-trip times, a row a policy; otherwise they follow from places\n"
    "      --seed N           of everything drawn (1)\n"
    "      --json             the answer as one JSON object\n"
    "      --html FILE        the run as a page to look at\n"
    "      --help             this text\n"
    "\n"
    "Exit status: 0 all are served, what drains is empty, nobody misses a frame, and no player "
    "stands\n"
    "still, 1 not, 2 the policies or options cannot be used. Keys and tokens that policies name "
    "are not needed.\n";

struct wishes {
    struct plan_request request;
    const char *html;
    bool json;
};

bool plan_is_wanted(int argc, char **argv) {
    static const char *const words[] = {"--kill", "--drain", "--cut"};
    for (int i = 1; i < argc; i++)
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
            size_t len = strlen(words[k]);
            if (strncmp(argv[i], words[k], len) == 0 &&
                (argv[i][len] == '\0' || argv[i][len] == '='))
                return true;
        }
    return false;
}

static bool take_number(uint64_t *out, uint64_t max, const char *option, const char *text) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno == 0 && *end == '\0' && *text >= '0' && *text <= '9' && *out <= max)
        return true;
    fprintf(stderr, "peersim: --%s %s: expected a whole number up to %" PRIu64 "\n", option, text,
            max);
    return false;
}

static bool take_quantity(enum quantity kind, int64_t min, int64_t max, int64_t *out,
                          const char *option, const char *text) {
    char hint[QUANTITY_HINT_LEN_MAX + 1], low[QUANTITY_TEXT_LEN_MAX + 1],
        high[QUANTITY_TEXT_LEN_MAX + 1];
    if (quantity_parse(kind, text, out, hint) && *out >= min && *out <= max)
        return true;
    fprintf(stderr, "peersim: --%s %s: expected %s, from %s to %s\n", option, text,
            quantity_form(kind), quantity_to_text(kind, min, low),
            quantity_to_text(kind, max, high));
    return false;
}

/* `a,b`: no element is empty. */
static bool take_list(int option) {
    size_t len = strlen(optarg);
    if (len > 0 && optarg[0] != ',' && optarg[len - 1] != ',' && strstr(optarg, ",,") == NULL)
        return true;
    fprintf(stderr, "peersim: --%s %s: expected clusters of these policies, found none%s\n",
            option == 'k'   ? "kill"
            : option == 'd' ? "drain"
                            : "cut",
            optarg, len > 0 ? " beside a comma" : "");
    return false;
}

static bool take_some(uint64_t *out, uint64_t max, const char *option, const char *text) {
    if (!take_number(out, max, option, text))
        return false;
    if (*out == 0)
        fprintf(stderr, "peersim: --%s %s: expected at least 1\n", option, text);
    return *out > 0;
}

/* False: it has said what is wrong. */
static bool take_option(struct wishes *w, int option) {
    struct plan_request *q = &w->request;
    uint64_t number = 0;
    int64_t quantity = 0;
    bool ok = true;
    if (strchr("kdc", option) != NULL && !take_list(option))
        return false;
    switch (option) {
    case 'k':
        q->kill = optarg;
        break;
    case 'd':
        q->drain = optarg;
        break;
    case 'c':
        q->cut = optarg;
        break;
    case 'm':
        q->matrix = optarg;
        break;
    case 'l':
        ok = take_quantity(QUANTITY_PERCENT, 10000, 1000000, &quantity, "load", optarg);
        q->load_ppm = (uint32_t)quantity;
        break;
    case 'n':
        ok = take_some(&number, 1000000, "sessions", optarg);
        q->sessions = (uint32_t)number;
        break;
    case 'b':
        ok = take_quantity(QUANTITY_DURATION, 20000, 10000000, &quantity, "buffer", optarg);
        q->buffer = duration_us(quantity);
        break;
    case 'w':
        ok = take_some(&number, 64, "workers", optarg);
        q->workers = (uint32_t)number;
        break;
    case 'p':
        ok = take_some(&number, 100000, "players", optarg);
        q->players = (uint32_t)number;
        break;
    case 'P':
        ok = take_quantity(QUANTITY_DURATION, 6400000, 600000000, &quantity, "player-buffer",
                           optarg);
        q->player_buffer = duration_us(quantity);
        break;
    case 'M':
        ok = take_some(&number, 128, "makers", optarg);
        q->makers = (uint32_t)number;
        break;
    case 'C':
        ok = take_quantity(QUANTITY_DURATION, 1000, 4000000, &quantity, "media-cpu", optarg);
        q->media_cpu = duration_us(quantity);
        break;
    case 's':
        return take_number(&q->seed, INT64_MAX, "seed", optarg);
    case 'H':
        w->html = optarg;
        break;
    case 'j':
        w->json = true;
        break;
    default:
        return false;
    }
    return ok;
}

/* −1 to go on, else the exit status. */
static int parse(struct wishes *w, int argc, char **argv) {
    static const struct option options[] = {
        {"kill", required_argument, NULL, 'k'},
        {"drain", required_argument, NULL, 'd'},
        {"cut", required_argument, NULL, 'c'},
        {"load", required_argument, NULL, 'l'},
        {"sessions", required_argument, NULL, 'n'},
        {"buffer", required_argument, NULL, 'b'},
        {"rtt-matrix", required_argument, NULL, 'm'},
        {"seed", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},
        {"players", required_argument, NULL, 'p'},
        {"player-buffer", required_argument, NULL, 'P'},
        {"media-cpu", required_argument, NULL, 'C'},
        {"makers", required_argument, NULL, 'M'},
        {"html", required_argument, NULL, 'H'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    *w = (struct wishes){.request = {.workers = 8,
                                     .load_ppm = 700000,
                                     .buffer = duration_ms(200),
                                     .player_buffer = duration_s(30),
                                     .media_cpu = duration_ms(250),
                                     .seed = 1}};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?') {
            fprintf(stderr,
                    "peersim: %s is no option of a plan, or lacks its value (see peersim "
                    "--kill A --help)\n",
                    argv[optind - 1]);
            return USAGE_STATUS;
        }
        if (!take_option(w, option))
            return USAGE_STATUS;
    }
    if (w->request.makers == 0)
        w->request.makers = w->request.workers;
    w->request.files = (const char *const *)argv + optind;
    w->request.file_count = (uint32_t)(argc - optind);
    if (w->request.file_count > 0)
        return -1;
    fputs("peersim: a plan needs the policies of the clusters, such as conf/*.yaml\n", stderr);
    return USAGE_STATUS;
}

/* How to run it again. */
static void fill_command(const struct wishes *w, char *out, size_t size) {
    const struct plan_request *q = &w->request;
    size_t len = (size_t)snprintf(out, size, "peersim --seed %" PRIu64, q->seed);
    const char *const lists[][2] = {{"kill", q->kill}, {"drain", q->drain}, {"cut", q->cut}};
    for (size_t i = 0; i < 3 && len < size; i++)
        if (lists[i][1] != NULL)
            len += (size_t)snprintf(out + len, size - len, " --%s %s", lists[i][0], lists[i][1]);
    if (q->sessions > 0 && len < size)
        len += (size_t)snprintf(out + len, size - len, " --sessions %" PRIu32, q->sessions);
    for (uint32_t i = 0; i < q->file_count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, " %s", q->files[i]);
}

static int answer(const struct wishes *w, const struct plan *plan, const struct sim *sim) {
    struct plan_result result;
    char command[1024];
    bool ok = plan_judge(plan, sim_report(sim), &result) && result.ok && sim_violation(sim) == NULL;
    char *json = w->json ? plan_to_json(plan, &result) : NULL;
    if (json != NULL)
        puts(json);
    else
        plan_print(stdout, plan, &result);
    free(json);
    if (sim_violation(sim) != NULL)
        fprintf(stderr, "peersim: invariant violated: %s\n", sim_violation(sim));
    fill_command(w, command, sizeof(command));
    const char *wrong = sim_violation(sim) != NULL ? sim_violation(sim)
                        : result.ok                ? NULL
                                                   : plan_verdict(&result);
    if (w->html != NULL)
        ok = report_html_save(w->html, &(struct report_page){.report = sim_report(sim),
                                                             .scenario = &plan->scenario,
                                                             .command = command,
                                                             .violation = wrong}) &&
             ok;
    plan_result_free(&result);
    return ok ? 0 : 1;
}

/* Where the policies are looked at, recordings need not be. */
static bool is_possible(const struct plan *plan) {
    static struct faults faults;
    struct scenario_abilities can = sim_abilities;
    can.recordings = false;
    char line[FAULT_LINE_LEN_MAX + 1];
    faults_init(&faults, "plan");
    if (scenario_check_abilities(&plan->scenario, &can, &faults))
        return true;
    for (uint32_t i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
    return false;
}

static void count_standbys(const struct plan *plan, const struct sim *sim, uint32_t *out) {
    struct core_status status;
    for (uint32_t i = 0; i < plan->count; i++)
        out[i] = sim_cluster_status(sim, i, &status) ? status.standbys : 0;
}

static void run(const struct plan *plan, struct sim *sim) {
    sim_run_until(sim, duration_ms(plan->event_ms - 1));
    count_standbys(plan, sim, plan->standbys_before);
    sim_run_until(sim, plan->scenario.duration);
    count_standbys(plan, sim, plan->standbys_after);
    sim_run(sim);
}

int plan_main(int argc, char **argv) {
    struct wishes w;
    struct plan plan;
    int status = parse(&w, argc, argv);
    if (status >= 0)
        return status;
    status = USAGE_STATUS;
    if (plan_load(&plan, &w.request) && is_possible(&plan)) {
        struct sim *sim = sim_new(&(struct sim_options){
            .scenario = &plan.scenario,
            .policies = (const struct policy *const *)plan.policies,
            .sleep = plan.stream_count > 0 ? SIM_SLEEP_ALWAYS : SIM_SLEEP_DRAWN,
            .seed = w.request.seed});
        run(&plan, sim);
        status = answer(&w, &plan, sim);
        sim_free(sim);
    }
    plan_free(&plan);
    return status;
}
