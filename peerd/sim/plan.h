/*
 * Planning: what happens to these policies if a cluster goes?
 *
 * The overlay that the policies of several clusters describe is built as a scenario, filled with
 * listeners and players near each cluster, and run under virtual time; then some clusters die,
 * drain or are cut off. The result says who goes where, who has nowhere to go, what gap to expect,
 * and what would help. Keys are not looked at: an operator has those of one cluster only.
 */
#ifndef PEERD_SIM_PLAN_H
#define PEERD_SIM_PLAN_H

#include "peerd/sim/report_figure.h"
#include "peerd/sim/scenario.h"

#include <stdio.h>

#define PLAN_TEXT_MAX    240
#define PLAN_BUFFERS_MAX 12

struct plan_request {
    const char *const *files; /* policies */
    uint32_t file_count;
    const char *kill;              /* clusters, `a,b`; NULL: none */
    const char *drain;             /* the same */
    const char *cut;               /* pairs, `a/b,c/clients`; NULL: none */
    const char *matrix;            /* round-trip times; NULL: by distance */
    uint32_t workers;              /* of each machine: its cores */
    uint32_t sessions;             /* at each cluster; 0: by load */
    uint32_t load_ppm;             /* of what a cluster has room for beyond what it sets aside */
    struct duration buffer;        /* playout buffer of every listener */
    uint32_t players;              /* of each stream at each cluster; 0: by load */
    struct duration player_buffer; /* what every player holds at most */
    uint32_t makers;               /* of each machine: its cores that make segments */
    struct duration media_cpu;     /* that a second of media takes a maker, for each player */
    uint64_t seed;
};

/* Sentences. */
struct plan_texts {
    char (*list)[PLAN_TEXT_MAX]; /* owned */
    uint32_t count;
};

struct plan {
    struct plan_request request;
    struct policy **policies; /* owned; peerings that are not mutual are left out */
    uint32_t count;
    struct name streams[POLICY_ORIGINS_MAX]; /* made by some of them: plan_streams.h */
    uint32_t stream_count;
    struct scenario scenario;
    int64_t event_ms;          /* when it happens */
    bool *hit;                 /* by cluster: it dies or drains … */
    bool *drains;              /* … and in the second case must be empty at the end */
    uint32_t *standbys_before; /* by cluster: held for others' listeners, just before … */
    uint32_t *standbys_after;  /* … and at the end; the caller fills them in, zero until then */
    struct plan_texts notes;   /* about the policies */
};

/* A playout buffer, and how many listeners would have missed something with it. */
struct plan_buffer {
    int64_t buffer_ms;
    uint32_t listeners;
};

/* See plan_players.h. */
struct plan_players {
    uint32_t *before; /* by cluster: players whose segments it makes, just before it happens … */
    uint32_t *after;  /* … and at the end */
    uint32_t *stood;  /* of the latter: stood still since it happened; at the end of the list: of
                         those who are nowhere */
    uint32_t *flows;  /* as of listeners */
    uint32_t count, moved, nowhere, stuck;
    uint32_t unbegun;      /* had nothing to play when it happened */
    uint32_t stood_before; /* stood still before it happened, and since */
    uint32_t stood_since;
    uint32_t short_before; /* clusters that want more cores than they have */
    uint32_t short_after;
    uint64_t stood_ms; /* since it happened: all of them together, and the longest at a time */
    uint32_t longest_ms;
    uint64_t refused; /* segments that were not there in time (404) */
    bool ok;
};

struct plan_result {
    uint32_t *before; /* by cluster: listeners served, just before it happens … */
    uint32_t *after;  /* … and at the end */
    uint32_t *flows;  /* from × (clusters + 1) + to, of those who moved; to = clusters: nowhere */
    uint32_t *wanted; /* by cluster: listeners that came to it at the start */
    uint32_t listeners, moved, nowhere, unopened;
    uint32_t stuck;    /* at the end served by a cluster that drains */
    uint32_t *gained;  /* by cluster: who moved there */
    uint32_t *asked;   /* by cluster: hedges that it was asked for by then: each is a start */
    uint32_t losers;   /* listeners who lost frames */
    uint64_t lost;     /* [frames] */
    int64_t served_ms; /* [ms] from the event until the last of them was taken over */
    struct report_figure noticed, first_frame, gap; /* of moves that nobody planned */
    struct plan_buffer buffers[PLAN_BUFFERS_MAX];
    uint32_t buffer_count;
    struct plan_players players; /* in all of the above listeners only */
    const char *refusal;         /* what those say who have nowhere to go; of the report */
    struct plan_texts advice;
    bool ok; /* all had a session, all are served, by none that drains, nobody lost a frame, and so
                it is of players */
};

/* True if words of a command line ask for a plan, not for a scenario. */
bool plan_is_wanted(int argc, char **argv);

/* The program: returns the exit status. */
int plan_main(int argc, char **argv);

/* Loads and checks. False after telling why on standard error; plan_free in either case. */
bool plan_load(struct plan *plan, const struct plan_request *request);
void plan_free(struct plan *plan);

/* What follows from the report of its run. False if memory is short; plan_result_free in either
 * case. */
bool plan_judge(const struct plan *plan, const struct report *report, struct plan_result *out);
void plan_result_free(struct plan_result *r);

/* Sentences that help; part of plan_judge. */
void plan_advise(const struct plan *plan, struct plan_result *r);

/* The answer in a sentence. */
const char *plan_verdict(const struct plan_result *r);

/* For people; and one JSON object from malloc (NULL if memory is short). */
void plan_print(FILE *out, const struct plan *plan, const struct plan_result *r);
char *plan_to_json(const struct plan *plan, const struct plan_result *r);

__attribute__((format(printf, 2, 3))) void plan_say(struct plan_texts *t, const char *format, ...);

/* What a cluster sets aside for its peers, all together, and its capacity [sessions]. */
uint32_t plan_reserved(const struct policy *p);
uint32_t plan_capacity(const struct policy *p);

/* Cores of a cluster that make segments; 0: it makes no streams. And what so many players want of
 * them [ms/s]. */
uint32_t plan_makers(const struct plan *plan, uint32_t cluster);
uint64_t plan_wanted_ms(const struct plan *plan, uint32_t players);

/* Index of the policy of a cluster; UINT32_MAX if there is none. */
uint32_t plan_find(const struct plan *plan, const struct name *name);

#endif
