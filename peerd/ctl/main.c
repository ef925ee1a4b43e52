/*
 * peerctl: makes keys, checks policies, asks a running peerd and steers it.
 */
#include "peerd/ctl/ctl.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct ctl_command commands[] = {
    {"genkey", "FILE", "make a key, mode 0600, never over an old one; print its public half",
     ctl_genkey},
    {"pubkey", "FILE", "print the public half of a key file", ctl_pubkey},
    {"check", "POLICY...", "say everything that is wrong with policies, with line and column",
     ctl_check},
    {"schema", "", "print every key a policy can have, as Markdown", ctl_schema},
    {"status", "", "what this cluster is doing", ctl_status},
    {"peers", "", "what it believes of its peers, and on what evidence", ctl_peers},
    {"why", "CLUSTER", "why it believes that of one of them, and what would change it", ctl_why},
    {"why", "SESSION", "who would back a session up, and which rule put each there", ctl_why},
    {"rank", "LOCATION", "the same for clients of an address or prefix [and a SERVICE]", ctl_rank},
    {"found", "", "clusters that discovery knows, and who of them is a peer or why not", ctl_found},
    {"agreements", "", "what is agreed with peers, or why it is not", ctl_agreements},
    {"sessions", "", "sessions here", ctl_sessions},
    {"locations", "", "how clients fare, by where they are", ctl_locations},
    {"moves", "", "moves and their causes", ctl_moves},
    {"ledger", "", "each move with its phases, and what it was like for its client", ctl_ledger},
    {"events", "", "what has happened, or, with -f, what happens", ctl_events},
    {"drain", "", "move all sessions away, make before break", ctl_drain},
    {"undrain", "", "call a drain off", ctl_undrain},
    {"move", "SESSION CLUSTER", "move one session to one of its backups", ctl_move},
    {"diff", "[FILE]", "what its policy, or that in FILE, would change; nothing is changed",
     ctl_diff},
    {"reload", "", "read the policy again", ctl_reload},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out) {
    fputs("usage: peerctl COMMAND [words] [options]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %-15s %s\n", commands[i].name, commands[i].words, commands[i].help);
    fputs(
        "\n"
        "  --policy FILE     the running peerd's policy: where it listens, and its key\n"
        "  --connect IP:PORT connect there in place of peer_listen\n"
        "  --key FILE        the cluster's key; with --connect no policy is needed\n"
        "  --deadline 10min  drain: until when (a number with ms, s, min, h or d)\n"
        "  --to CLUSTER      drain: to this peer in place of each session's backups\n"
        "  --session ID      ledger: moves of this session only\n"
        "  --cause CAUSE     ledger: drain, degraded, crashed, partitioned or return only\n"
        "  -f, --follow      events: go on, also over a restart of peerd\n"
        "  --since ID        events: those after that one\n"
        "  --wait            drain: return when empty, or when the deadline is over; move: when it "
        "has gone, or stays\n"
        "  --json            print answers as JSON\n"
        "  --help, --version\n\n"
        "Exit status: 0 done, 1 refused or not in order, 2 wrong options, 3 peerd not reached; of\n"
        "drain --wait 0 empty, 1 the deadline is over and sessions are left, 4 called off.\n",
        out);
}

enum {
    POLICY = 1,
    CONNECT,
    KEY,
    DEADLINE,
    TO,
    SESSION,
    CAUSE,
    SINCE,
    FOLLOW,
    WAIT,
    JSON,
    HELP,
    VERSION,
    OPTIONS
};

static const struct option option_table[] = {
    {"policy", required_argument, NULL, POLICY}, {"connect", required_argument, NULL, CONNECT},
    {"key", required_argument, NULL, KEY},       {"deadline", required_argument, NULL, DEADLINE},
    {"to", required_argument, NULL, TO},         {"session", required_argument, NULL, SESSION},
    {"cause", required_argument, NULL, CAUSE},   {"since", required_argument, NULL, SINCE},
    {"follow", no_argument, NULL, FOLLOW},       {"wait", no_argument, NULL, WAIT},
    {"json", no_argument, NULL, JSON},           {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},     {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct ctl_options *o) {
    const char **const texts[OPTIONS] = {
        [POLICY] = &o->policy,     [CONNECT] = &o->connect, [KEY] = &o->key,
        [DEADLINE] = &o->deadline, [TO] = &o->to,           [SESSION] = &o->session,
        [CAUSE] = &o->cause,       [SINCE] = &o->since};
    bool *const switches[OPTIONS] = {[FOLLOW] = &o->follow, [WAIT] = &o->wait, [JSON] = &o->json};
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":f", option_table, NULL)) != -1) {
        if (c == 'f')
            c = FOLLOW;
        if (c >= OPTIONS) { /* ':' and '?' are larger */
            fprintf(stderr, "peerctl: %s %s; try --help\n",
                    c == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return CTL_USAGE;
        }
        if (c == HELP)
            print_usage(stdout);
        else if (c == VERSION)
            puts("peerctl " PEERD_VERSION);
        else if (texts[c] != NULL)
            *texts[c] = optarg;
        else
            *switches[c] = true;
        if (c == HELP || c == VERSION)
            return CTL_DONE;
    }
    return -1;
}

static int run(const struct ctl_options *o, const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (o->word_count == 0 || commands[i].words[0] != '\0')
            return commands[i].run(o);
        fprintf(stderr, "peerctl %s: unexpected argument `%s`; try --help\n", name, o->words[0]);
        return CTL_USAGE;
    }
    fprintf(stderr, "peerctl: no command `%s`; try --help\n", name);
    return CTL_USAGE;
}

/* Who reads an answer from a file must not take an empty one for it. */
static int told(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fputs("peerctl: standard output could not be written\n", stderr);
    return status == CTL_DONE ? CTL_REFUSED : status;
}

int main(int argc, char **argv) {
    struct ctl_options o = {0};
    int status = parse(argc, argv, &o);
    if (status >= 0)
        return status;
    if (sodium_init() < 0) {
        fputs("peerctl: libsodium cannot start\n", stderr);
        return CTL_REFUSED;
    }
    if (optind == argc) {
        print_usage(stderr);
        return CTL_USAGE;
    }
    o.words = argv + optind + 1;
    o.word_count = argc - optind - 1;
    return told(run(&o, argv[optind]));
}
