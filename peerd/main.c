/*
 * peerd: one cluster's peering daemon. Start order: options, log, policy, key, loop, core, doors.
 */
#include "peerd/io/daemon.h"
#include "peerd/io/policy_file.h"
#include "peerd/web/web.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: peerd --policy FILE [options]\n"
    "\n"
    "Watches peer clusters, admits sessions, and moves them when a site fails.\n"
    "\n"
    "  --policy FILE   what this cluster may and should do (YAML; see conf/)\n"
    "  --check         load the policy, print what is wrong with it, and end\n"
    "  --json-log      log JSON lines instead of text\n"
    "  --verbose       log what a developer wants to read, too\n"
    "  --help          print this and end\n"
    "  --version       print the version and end\n"
    "\n"
    "Signals: HUP reads the policy again; TERM and INT end at once, there is nothing to save.\n"
    "Exit status: 0 ended by a signal, 1 could not start, 2 wrong options.\n";

struct options {
    const char *policy;
    bool check;
    bool json_log;
    bool verbose;
};

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct options *o) {
    enum {
        POLICY = 'p',
        CHECK = 'c',
        JSON_LOG = 'j',
        VERBOSE = 'v',
        HELP = 'h',
        VERSION = 'V'
    };
    static const struct option table[] = {
        {"policy", required_argument, NULL, POLICY},
        {"check", no_argument, NULL, CHECK},
        {"json-log", no_argument, NULL, JSON_LOG},
        {"verbose", no_argument, NULL, VERBOSE},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        switch (c) {
        case POLICY:
            o->policy = optarg;
            break;
        case CHECK:
            o->check = true;
            break;
        case JSON_LOG:
            o->json_log = true;
            break;
        case VERBOSE:
            o->verbose = true;
            break;
        case HELP:
            fputs(usage, stdout);
            return 0;
        case VERSION:
            puts("peerd " DAEMON_VERSION);
            return 0;
        default:
            fprintf(stderr, "peerd: %s %s; try --help\n",
                    c == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return 2;
        }
    }
    if (optind < argc || o->policy == NULL) {
        fprintf(stderr, "peerd: %s; try --help\n",
                optind < argc ? "unexpected argument" : "--policy FILE is needed");
        return 2;
    }
    return -1;
}

static int check_only(const char *path) {
    static struct faults faults;
    struct daemon d = {.policy_path = path, .faults = &faults};
    char line[FAULT_LINE_LEN_MAX + 1];
    enum err err = reload_first(&d);
    policy_file_free(d.policy);
    sodium_memzero(&d.key, sizeof(d.key));
    if (err == ERR_OK) {
        printf("%s: in order\n", path);
        return 0;
    }
    for (uint32_t i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
    if (faults.lost > 0)
        fprintf(stderr, "%s: and %u more\n", path, faults.lost);
    return 1;
}

int main(int argc, char **argv) {
    struct options o = {0};
    static struct daemon daemon;
    int status = parse(argc, argv, &o);
    if (status >= 0)
        return status;
    if (sodium_init() < 0) {
        fputs("peerd: libsodium cannot start\n", stderr);
        return 1;
    }
    if (o.check)
        return check_only(o.policy);
    struct net_log *log = net_log_new(&(struct net_log_options){
        .program = "peerd",
        .format = o.json_log ? NET_LOG_JSON : NET_LOG_TEXT,
        .level = o.verbose ? NET_LOG_DEBUG : NET_LOG_INFO,
        .fd = 2,
    });
    enum err err = daemon_open(&daemon, o.policy, log);
    daemon.page = web_serve;
    if (err == ERR_OK)
        daemon_run(&daemon);
    else
        net_log(log, NET_LOG_ERROR, "cannot start", NET_TEXT("error", err_text(err)));
    daemon_close(&daemon);
    net_log_free(log);
    return err == ERR_OK ? 0 : 1;
}
