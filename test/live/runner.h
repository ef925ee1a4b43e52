/*
 * The runner: a scenario made real, from its first process to its report.
 *
 * It starts every site, waits until they know each other, lets listeners come and things happen at
 * their instants, and counts from outside what was heard. All that it starts ends with it, however
 * it ends. What happens is told to a narrator as facts; nobody else prints.
 */
#ifndef TEST_LIVE_RUNNER_H
#define TEST_LIVE_RUNNER_H

#include "peerd/base/rng.h"
#include "peerd/sim/report.h"
#include "test/live/copies.h"
#include "test/live/episode.h"
#include "test/live/inquiry.h"
#include "test/live/listener.h"
#include "test/live/opinions.h"
#include "test/live/origin.h"
#include "test/live/resolver.h"
#include "test/live/site.h"
#include "test/live/space.h"
#include "test/live/tap.h"

#define RUNNER_TEXT_MAX 320

enum fact_kind {
    FACT_RUN,      /* of the run itself: it begins, it ends */
    FACT_ACTION,   /* what the timeline did */
    FACT_OVERLAY,  /* what a single peerd believes, in its own words */
    FACT_VERDICT,  /* what all peerds that live agree on */
    FACT_LISTENER, /* what listeners did, as seen from outside */
    FACT_TROUBLE   /* what should not happen */
};

/* `at` counts from the start of the scenario; negative before it. */
struct narrator {
    void (*fact)(void *data, enum fact_kind kind, struct duration at, const char *text);
    void (*tick)(void *data); /* ten times a second while it runs; may be NULL */
    void *data;
};

struct runner_config {
    struct scenario *scenario; /* the runner places its recordings; the caller frees it */
    struct faults *faults;     /* named after the scenario's file; for what cannot be done */
    const char *scenario_path; /* for people */
    uint64_t seed;
    const char *keep;           /* folder for logs that stays; NULL: a temporary one */
    const char *bin;            /* where the programs are */
    bool shared;                /* on the machine's own loopback, whatever our rights */
    bool record;                /* payloads of every listener, into the folder */
    const char *const *command; /* run inside once everything is up; NULL for none */
    bool early; /* it is run before the sites start, and lets them start with the file `go` */
    struct narrator narrator;
};

enum runner_state {
    RUNNER_STARTING, /* sites come up */
    RUNNER_RUNNING,
    RUNNER_ENDING, /* listeners report */
    RUNNER_ENDED
};

#define RUNNER_SIGNALS 4 /* SIGCHLD and three that interrupt */

struct runner {
    struct runner_config config;
    const struct scenario *scenario;
    enum runner_state state;
    struct net_loop *loop;
    struct rng draws; /* of instants */
    struct space space;
    char dir[SITE_PATH_MAX];
    int claim; /* of the folder while this process lives (setup.h); 0: none */
    struct inquirer *inquirer;
    uint32_t ledgers_asked; /* in the end, and not answered yet */
    struct site sites[SPACE_SITES_MAX];
    uint32_t site_count;
    struct resolver resolvers[SPACE_SITES_MAX]; /* one a site, with `discovery` */
    uint32_t resolver_count;
    struct origin origins[WIDE_ORIGINS_MAX];
    uint32_t origin_count;
    struct listener *listeners; /* owned */
    uint32_t listener_count;
    struct listener_config listener_config;
    struct timeline *timeline;
    struct episodes episodes;
    struct copies *copies; /* one a listener; owned */
    struct opinions opinions;
    struct tap *tap;
    struct net_timer next;   /* what the present state waits for */
    struct net_timer ticks;  /* ten a second */
    struct net_timer tables; /* a peerd that came back is asked again */
    struct net_signal *signals[RUNNER_SIGNALS];
    struct instant started; /* of the scenario; "never" before */
    struct instant ended;   /* when counting ended */
    uint32_t ready;         /* sites that have answered well in this round of asking */
    uint32_t asked;         /* answers that are still to come */
    pid_t command;
    int command_status;
    bool interrupted;
    bool failed;   /* it could not be run: there is no report */
    bool troubled; /* something died, or a player heard what it should not */
    bool resolvers_started;
    bool sites_started;
    bool command_started;
    bool playing_told;
    struct report report;
    /* For its chronicle: sites as noted last, those that drain, parts that are stopped. */
    enum report_state states[SPACE_SITES_MAX];
    bool draining[SPACE_SITES_MAX];
    bool stopped[SPACE_SITES_MAX][SCENARIO_PART_COUNT];
    uint64_t out_of_order; /* at all players together; likewise */
    uint64_t duplicated;
    uint64_t foreign;
    double recoveries_ms[64]; /* of peerds, restart to whole table */
    uint32_t recovery_count;
    struct duration stood_still; /* the machine, longest */
    struct instant ticked;       /* "never" before the first tick */
};

/* Runs it to its end. False if it could not be run, which has been told; otherwise `r->report` is
 * complete. runner_close in either case. */
bool runner_run(struct runner *r, const struct runner_config *config);
void runner_close(struct runner *r);

/* For the files of the runner. */
struct duration runner_at(const struct runner *r, struct instant now);
__attribute__((format(printf, 3, 4))) void runner_fact(struct runner *r, enum fact_kind kind,
                                                       const char *format, ...);

/* Tells what stands in the way, and why; returns false. */
bool runner_fail(struct runner *r, const char *what, const char *why);

/* The site that serves most listeners now; SCENARIO_NONE if none serves any. */
uint32_t runner_serving(const struct runner *r);
uint32_t runner_served_by(const struct runner *r, uint32_t site);

/* evaluate.c: fills the report from players, listeners and the scenario's expectations. */
void evaluate(struct runner *r);

#endif
