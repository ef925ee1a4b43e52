/*
 * What the files of peerctl share: the options and the commands.
 */
#ifndef PEERD_CTL_CTL_H
#define PEERD_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ctl_exit {
    CTL_DONE = 0,        /* done, and all is well with what was asked about */
    CTL_REFUSED = 1,     /* something is not well (see trouble.h of io), or it was refused; drain:
                            the deadline is over and sessions are left */
    CTL_UNREACHABLE = 2, /* peerd, or the peer, did not answer */
    CTL_CALLED_OFF = 4,  /* drain: somebody else has called it off */
    CTL_USAGE = 64       /* wrong words or options: EX_USAGE of sysexits.h */
};

struct ctl_options {
    const char *policy;   /* file; for commands that talk to a running peerd */
    const char *connect;  /* ip:port in place of the policy's peer_listen */
    const char *key;      /* file; with `connect` it takes the place of a policy */
    const char *deadline; /* drain: a duration such as 10min; NULL as the policy says */
    const char *to;       /* drain: cluster; NULL each session's own backups */
    const char *session;  /* ledger: only of this one */
    const char *cause;    /* ledger: only with this cause */
    const char *client;   /* sessions: only of this address */
    const char *since;    /* events: after the one with this id */
    bool follow;          /* events: as they happen */
    bool live;            /* check: whether peers reach our doors */
    bool wait;            /* drain: until it is empty; move: until it has gone, or stays */
    bool json;
    bool help;
    bool version;
    char **words; /* what follows the command */
    int word_count;
};

/* Of the words of a command: what a shell may offer. */
enum ctl_word {
    CTL_WORD_NONE, /* there are none */
    CTL_WORD_ANY,
    CTL_WORD_FILE,
    CTL_WORD_PEER,
    CTL_WORD_SHELL
};

/* The one table behind --help, completion and the man page. A name may have several rows, one for
 * each kind of words; all of them have the same `run`. */
struct ctl_command {
    const char *name;
    const char *words; /* for the usage */
    const char *help;
    enum ctl_word takes;
    int (*run)(const struct ctl_options *o);
};

struct ctl_option {
    const char *name;
    char letter;          /* its short form; 0 for none */
    const char *argument; /* for the usage; NULL: it is a switch */
    const char *commands; /* that know it, between blanks; NULL: those that ask a peerd; "": all */
    const char *help;
    size_t at; /* in ctl_options: const char *, or bool */
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;
extern const struct ctl_option ctl_option_list[];
extern const size_t ctl_option_count;

/* commands.c */
bool ctl_option_fits(const struct ctl_option *option, const char *command);
void ctl_print_usage(FILE *out);
int ctl_help(const struct ctl_options *o);

/* completion.c */
int ctl_completion(const struct ctl_options *o);

/* keys.c */
int ctl_genkey(const struct ctl_options *o);
int ctl_pubkey(const struct ctl_options *o);

/* local.c */
int ctl_check(const struct ctl_options *o);
int ctl_schema(const struct ctl_options *o);

/* remote.c */
int ctl_status(const struct ctl_options *o);
int ctl_peers(const struct ctl_options *o);
int ctl_peer(const struct ctl_options *o);
int ctl_why(const struct ctl_options *o);
int ctl_rank(const struct ctl_options *o);
int ctl_found(const struct ctl_options *o);
int ctl_agreements(const struct ctl_options *o);
int ctl_origins(const struct ctl_options *o);
int ctl_sessions(const struct ctl_options *o);
int ctl_locations(const struct ctl_options *o);
int ctl_moves(const struct ctl_options *o);
int ctl_ledger(const struct ctl_options *o);
int ctl_events(const struct ctl_options *o);
int ctl_drain(const struct ctl_options *o);
int ctl_undrain(const struct ctl_options *o);
int ctl_move(const struct ctl_options *o);
int ctl_diff(const struct ctl_options *o);
int ctl_reload(const struct ctl_options *o);

/* ping.c */
int ctl_ping(const struct ctl_options *o);

/* live.c: check --live. */
int ctl_check_live(const struct ctl_options *o);

/* tables.c: for people, on standard output. */
void tables_status(const json_t *status);
void tables_undrained(const json_t *status);
void tables_peers(const json_t *answer);
void tables_peer(const json_t *peer);
void tables_why(const json_t *answer);
void tables_why_session(const json_t *answer);
void tables_rank(const json_t *answer);
void tables_sessions(const json_t *answer);
void tables_locations(const json_t *answer);
void tables_moves(const json_t *answer);
void tables_ledger(const json_t *answer);
void tables_moving(const json_t *answer);
void tables_diff(const json_t *answer);
void tables_found(const json_t *found);
void tables_agreements(const json_t *answer);

/* tables_origins.c */
void tables_origins(const json_t *answer);

#endif
