/*
 * What the files of peerctl share: the options and the commands.
 */
#ifndef PEERD_CTL_CTL_H
#define PEERD_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

enum ctl_exit {
    CTL_DONE = 0,
    CTL_REFUSED = 1,     /* asked and refused, or not in order; drain: the deadline is over and
                            sessions are left */
    CTL_USAGE = 2,       /* wrong options */
    CTL_UNREACHABLE = 3, /* peerd did not answer */
    CTL_CALLED_OFF = 4   /* drain: somebody else has called it off */
};

struct ctl_options {
    const char *policy;   /* file; for commands that talk to a running peerd */
    const char *connect;  /* ip:port in place of the policy's peer_listen */
    const char *key;      /* file; with `connect` it takes the place of a policy */
    const char *deadline; /* drain: a duration such as 10min; NULL as the policy says */
    const char *to;       /* drain: cluster; NULL each session's own backups */
    const char *session;  /* ledger: only of this one */
    const char *cause;    /* ledger: only with this cause */
    const char *since;    /* events: after the one with this id */
    bool follow;          /* events: as they happen */
    bool wait;            /* drain: until it is empty; move: until it has gone, or stays */
    bool json;
    char **words; /* what follows the command */
    int word_count;
};

struct ctl_command {
    const char *name;
    const char *words; /* for the usage */
    const char *help;
    int (*run)(const struct ctl_options *o);
};

/* keys.c */
int ctl_genkey(const struct ctl_options *o);
int ctl_pubkey(const struct ctl_options *o);

/* local.c */
int ctl_check(const struct ctl_options *o);
int ctl_schema(const struct ctl_options *o);

/* remote.c */
int ctl_status(const struct ctl_options *o);
int ctl_peers(const struct ctl_options *o);
int ctl_why(const struct ctl_options *o);
int ctl_rank(const struct ctl_options *o);
int ctl_found(const struct ctl_options *o);
int ctl_agreements(const struct ctl_options *o);
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

/* tables.c: for people, on standard output. */
void tables_status(const json_t *status);
void tables_peers(const json_t *answer);
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

#endif
