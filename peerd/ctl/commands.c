/*
 * What peerctl knows: commands and options, each a row. Parsing, --help, the shells' completion and
 * the lists of the man page all come from these two tables.
 */
#include "peerd/ctl/ctl.h"

#include <string.h>

const struct ctl_command ctl_commands[] = {
    {"genkey", "FILE", "make a key, mode 0600, never over an old one; print its public half",
     CTL_WORD_FILE, ctl_genkey},
    {"pubkey", "FILE", "print the public half of a key file", CTL_WORD_FILE, ctl_pubkey},
    {"check", "POLICY...", "say everything that is wrong with policies, with line and column",
     CTL_WORD_FILE, ctl_check},
    {"check", "--live", "say which of our ports the peers cannot reach", CTL_WORD_FILE, ctl_check},
    {"schema", "[mdoc]", "print every key a policy can have, as Markdown or as a man page",
     CTL_WORD_ANY, ctl_schema},
    {"status", "", "what this cluster is doing, and what is not well", CTL_WORD_NONE, ctl_status},
    {"ping", "[CLUSTER]", "how long its peerd, or a peer's, takes to answer", CTL_WORD_PEER,
     ctl_ping},
    {"peers", "", "what it believes of its peers, and on what evidence", CTL_WORD_NONE, ctl_peers},
    {"peer", "CLUSTER", "all that it knows of one of them", CTL_WORD_PEER, ctl_peer},
    {"why", "CLUSTER", "why it believes that of one of them, and what would change it",
     CTL_WORD_PEER, ctl_why},
    {"why", "SESSION", "who would back a session up, and which rule put each there", CTL_WORD_PEER,
     ctl_why},
    {"rank", "LOCATION", "the same for clients of an address or prefix [and a SERVICE]",
     CTL_WORD_ANY, ctl_rank},
    {"found", "", "clusters that discovery knows, and who of them is a peer or why not",
     CTL_WORD_NONE, ctl_found},
    {"agreements", "", "what is agreed with peers, or why it is not", CTL_WORD_NONE,
     ctl_agreements},
    {"origins", "", "streams that other programs serve, and how they are at each cluster",
     CTL_WORD_NONE, ctl_origins},
    {"sessions", "", "sessions here", CTL_WORD_NONE, ctl_sessions},
    {"locations", "[PREFIX]", "how clients fare, by where they are", CTL_WORD_ANY, ctl_locations},
    {"moves", "", "moves and their causes", CTL_WORD_NONE, ctl_moves},
    {"ledger", "", "each move with its phases, and what it was like for its client", CTL_WORD_NONE,
     ctl_ledger},
    {"events", "", "what has happened, or, with -f, what happens", CTL_WORD_NONE, ctl_events},
    {"drain", "", "move all sessions away, make before break", CTL_WORD_NONE, ctl_drain},
    {"undrain", "", "call a drain off", CTL_WORD_NONE, ctl_undrain},
    {"move", "SESSION CLUSTER", "move one session to that cluster, or not at all", CTL_WORD_PEER,
     ctl_move},
    {"diff", "[FILE]", "what its policy, or that in FILE, would change; nothing is changed",
     CTL_WORD_FILE, ctl_diff},
    {"reload", "", "read the policy again", CTL_WORD_NONE, ctl_reload},
    {"completion", "SHELL", "print what bash or zsh needs to complete all this", CTL_WORD_SHELL,
     ctl_completion},
    {"help", "[mdoc]", "print this, or the same for the man page", CTL_WORD_ANY, ctl_help},
};
const size_t ctl_command_count = sizeof(ctl_commands) / sizeof(ctl_commands[0]);

#define AT(field) offsetof(struct ctl_options, field)
const struct ctl_option ctl_option_list[] = {
    {"policy", 0, "FILE", NULL, "the running peerd's policy: where it listens, and its key",
     AT(policy)},
    {"connect", 0, "IP:PORT", NULL, "connect there in place of peer_listen", AT(connect)},
    {"key", 0, "FILE", NULL, "the cluster's key; with --connect no policy is needed", AT(key)},
    {"deadline", 0, "10min", "drain", "until when (a number with ms, s, min, h or d)",
     AT(deadline)},
    {"to", 0, "CLUSTER", "drain", "to this peer in place of each session's backups", AT(to)},
    {"session", 0, "ID", "ledger", "moves of this session only", AT(session)},
    {"cause", 0, "CAUSE", "ledger", "drain, degraded, crashed, partitioned or return only",
     AT(cause)},
    {"client", 0, "IP", "sessions", "those of this address, or of a prefix, only", AT(client)},
    {"follow", 'f', NULL, "events", "go on, also over a restart of peerd", AT(follow)},
    {"since", 0, "ID", "events", "those after that one", AT(since)},
    {"live", 0, NULL, "check", "ask each peer which of our doors it reaches", AT(live)},
    {"wait", 0, NULL, "drain move", "return when it is over, one way or the other", AT(wait)},
    {"json", 0, NULL, "", "print answers as JSON", AT(json)},
    {"help", 0, NULL, "", "print this", AT(help)},
    {"version", 0, NULL, "", "print which one this is", AT(version)},
};
const size_t ctl_option_count = sizeof(ctl_option_list) / sizeof(ctl_option_list[0]);

/* Those that need no running peerd. */
static bool is_local(const char *command) {
    static const char *const names[] = {"genkey", "pubkey", "schema", "completion", "help"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], command) == 0)
            return true;
    return false;
}

bool ctl_option_fits(const struct ctl_option *option, const char *command) {
    size_t len = strlen(command);
    if (option->commands == NULL)
        return !is_local(command);
    if (option->commands[0] == '\0')
        return true;
    for (const char *at = option->commands; (at = strstr(at, command)) != NULL; at += len)
        if ((at == option->commands || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

/* "-f, --follow", "--to CLUSTER" */
static void spell(const struct ctl_option *o, char *out, size_t size) {
    snprintf(out, size, "%s%.1s%s--%s%s%s", o->letter != 0 ? "-" : "",
             o->letter != 0 ? &o->letter : "", o->letter != 0 ? ", " : "", o->name,
             o->argument != NULL ? " " : "", o->argument != NULL ? o->argument : "");
}

static bool is_of_some(const struct ctl_option *o) {
    return o->commands != NULL && o->commands[0] != '\0';
}

void ctl_print_usage(FILE *out) {
    char spelt[40];
    fputs("usage: peerctl COMMAND [words] [options]\n\n", out);
    for (size_t i = 0; i < ctl_command_count; i++)
        fprintf(out, "  %-10s %-15s %s\n", ctl_commands[i].name, ctl_commands[i].words,
                ctl_commands[i].help);
    fputc('\n', out);
    for (size_t i = 0; i < ctl_option_count; i++) {
        const struct ctl_option *o = &ctl_option_list[i];
        spell(o, spelt, sizeof(spelt));
        fprintf(out, "  %-17s %s%s%s\n", spelt, is_of_some(o) ? o->commands : "",
                is_of_some(o) ? ": " : "", o->help);
    }
    fputs(
        "\n"
        "Without --policy it is the file that $PEERD_POLICY names, else /etc/peerd/policy.yaml.\n"
        "Exit status: 0 good, 1 something is not well or it was refused, 2 peerd not reached, 64\n"
        "wrong words or options; of drain --wait 0 empty, 1 the deadline is over and sessions "
        "are\nleft, 4 called off.\n",
        out);
}

/* The same as the two lists of the man page. */
static void print_mdoc(void) {
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < ctl_command_count; i++) {
        const struct ctl_command *c = &ctl_commands[i];
        bool dashed = strncmp(c->words, "--", 2) == 0;
        printf(".It Cm %s", c->name);
        if (dashed)
            printf(" Fl -%s", c->words + 2);
        else if (c->words[0] != '\0')
            printf(" Ar %s", c->words);
        printf("\n%s.\n", c->help);
    }
    puts(".El\n.Pp\nOptions may stand anywhere:\n.Bl -tag -width Ds");
    for (size_t i = 0; i < ctl_option_count; i++) {
        const struct ctl_option *o = &ctl_option_list[i];
        if (o->letter != 0)
            printf(".It Fl %c , Fl -%s", o->letter, o->name);
        else
            printf(".It Fl -%s", o->name);
        if (o->argument != NULL)
            printf(" Ar %s", o->argument);
        printf("\n%s%s%s.\n", is_of_some(o) ? o->commands : "", is_of_some(o) ? ": " : "", o->help);
    }
    puts(".El");
}

int ctl_help(const struct ctl_options *o) {
    if (o->word_count == 1 && strcmp(o->words[0], "mdoc") == 0)
        print_mdoc();
    else if (o->word_count == 0)
        ctl_print_usage(stdout);
    else
        fputs("peerctl help: expected nothing, or `mdoc`\n", stderr);
    return o->word_count == 0 || strcmp(o->words[0], "mdoc") == 0 ? CTL_DONE : CTL_USAGE;
}
