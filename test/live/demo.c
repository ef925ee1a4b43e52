#include "test/live/demo.h"

#include "test/live/commands.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUSIC "/usr/share/asterisk/moh/"

/* The beat of the demo. A site dies at a random instant of its window and is back before the next
 * one; a planned drain closes the programme. */
#define ROUND_MS     6000
#define KILL_FROM_MS 4500
#define KILL_TO_MS   7500
#define RESTART_MS   8500
#define DRAIN_MS     12500 /* after the last round's restart */
#define END_MS       16500
#define SCENARIO_MAX 16384
#define LISTENERS    10

static const char head[] =
    "name: demo\n"
    "description: A site dies in mid-song, and nobody hears it.\n"
    "clusters:\n"
    "  - {name: fra1, region: frankfurt}\n"
    "  - {name: ams1, region: amsterdam}\n"
    "  - {name: lon1, region: london}\n"
    "sources:\n"
    "  - {name: robot-dity, location: " MUSIC "macroform-robot_dity.wav, loop: true}\n"
    "  - {name: morning-coffee, location: " MUSIC "manolo_camp-morning_coffee.wav, loop: true}\n"
    "  - {name: cold-day, location: " MUSIC "macroform-cold_day.gsm, loop: true}\n"
    "clients:\n"
    "  - {name: robot, count: 4, profile: opus, source: robot-dity, start: {between: [0s, 1s]}}\n"
    "  - {name: coffee, count: 4, profile: opus, source: morning-coffee,\n"
    "     start: {between: [0s, 1s]}}\n"
    "  - {name: phone, count: 2, profile: pcmu, source: cold-day, start: {between: [0s, 1s]}}\n"
    "expectations:\n"
    "  frames_lost_max: 0\n"
    "  all_served_by: 4s\n"
    "  moves:\n"
    "    - {cause: crashed, min: 1}\n"
    "    - {cause: drain, min: 1}\n";

const char *demo_scenario(unsigned kills) {
    static char text[SCENARIO_MAX];
    unsigned last_ms = (kills - 1) * ROUND_MS;
    size_t len = (size_t)snprintf(text, sizeof(text), "%sduration: %ums\ntimeline:\n", head,
                                  END_MS + last_ms);
    for (unsigned i = 0; i < kills; i++)
        len += (size_t)snprintf(
            text + len, sizeof(text) - len,
            "  - {at: {between: [%ums, %ums]}, kill: serving, blackhole: true}\n"
            "  - {at: %ums, restart: last}\n",
            KILL_FROM_MS + i * ROUND_MS, KILL_TO_MS + i * ROUND_MS, RESTART_MS + i * ROUND_MS);
    snprintf(text + len, sizeof(text) - len, "  - {at: %ums, drain: serving, deadline: 3s}\n",
             DRAIN_MS + last_ms);
    return text;
}

struct options {
    unsigned kills;
    bool seed_given;
    unsigned long long seed;
    bool json;
    const char *keep;
};

static const char help[] =
    "usage: live-run demo [options]\n"
    "\n"
    "Three clusters on this machine, ten listeners on real music, and a site that dies.\n"
    "\n"
    "  --kills N    so many sites die, one after another [1]\n"
    "  --seed N     of the instants [a random one, which is printed]\n"
    "  --json       end with the report as one JSON object\n"
    "  --keep DIR   keep logs, policies and keys there\n"
    "  --help\n"
    "\n"
    "Exit status: 0 not a frame was lost, 1 otherwise, 2 wrong options, 3 it could not be run.\n";

static bool read_number(const char *option, const char *text, unsigned long long max,
                        unsigned long long *out) {
    char *end;
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && *out <= max)
        return true;
    fprintf(stderr, "live-run demo: --%s: expected a whole number up to %llu, found `%s`\n", option,
            max, text);
    return false;
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct options *o, int argc, char **argv) {
    static const struct option table[] = {
        {"kills", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},        {"keep", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    unsigned long long n = 1;
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 'n' && read_number("kills", optarg, DEMO_KILLS_MAX, &n) && n > 0)
            o->kills = (unsigned)n;
        else if (c == 's' && read_number("seed", optarg, UINT64_MAX, &o->seed))
            o->seed_given = true;
        else if (c == 'j')
            o->json = true;
        else if (c == 'k')
            o->keep = optarg;
        else if (c == 'h')
            return fputs(help, stdout) < 0 ? COMMAND_UNMET : COMMAND_DONE;
        else
            return fputs("live-run demo: try --help\n", stderr) < 0 ? COMMAND_UNMET : COMMAND_USAGE;
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "live-run demo: unexpected argument `%s`; try --help\n", argv[optind]);
    return COMMAND_USAGE;
}

static int run(const struct options *o, struct scenario *s, struct faults *faults) {
    static struct runner r;
    struct render render;
    struct runner_config config = {.scenario = s,
                                   .faults = faults,
                                   .seed = o->seed_given ? o->seed : command_any_seed(),
                                   .keep = o->keep,
                                   .bin = command_bin()};
    render_init(&render, &r, RENDER_PRETTY);
    config.narrator = render_narrator(&render);
    demo_print_opening(&render, s, o->kills, config.seed);
    bool ran = runner_run(&r, &config);
    int status = !ran ? COMMAND_CANNOT : report_ok(&r.report) ? COMMAND_DONE : COMMAND_UNMET;
    render_end(&render);
    if (ran)
        demo_print_summary(&render, &r);
    char *json = ran && o->json ? demo_json(&r) : NULL;
    runner_close(&r);
    if (json != NULL)
        puts(json);
    free(json);
    return status;
}

int command_demo(int argc, char **argv) {
    static struct faults faults;
    struct scenario s;
    struct options o = {.kills = 1};
    char line[FAULT_LINE_LEN_MAX + 1];
    int status = parse(&o, argc, argv);
    if (status >= 0)
        return status;
    const char *text = demo_scenario(o.kills);
    if (scenario_parse(text, strlen(text), "demo", &s, &faults) != ERR_OK) {
        for (uint32_t i = 0; i < faults.count; i++)
            fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
        return COMMAND_CANNOT;
    }
    status = run(&o, &s, &faults);
    scenario_free(&s);
    return status;
}
