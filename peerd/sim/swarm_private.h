/*
 * Between the files of the swarm: what is drawn so far.
 *
 * Each number is drawn in a statement of its own: in which order a compiler works out the arguments
 * of a call is left to it, and a seed must draw the same everywhere.
 */
#ifndef PEERD_SIM_SWARM_PRIVATE_H
#define PEERD_SIM_SWARM_PRIVATE_H

#include "peerd/base/rng.h"
#include "peerd/policy/text.h"

#include <inttypes.h>
#include <stdbool.h>

#define SWARM_CLUSTERS_MAX 6
#define SWARM_GROUPS_MAX   3
#define SWARM_FAULTS_FROM  2000 /* [ms] most listeners have begun by then */

/* What a run has, or has not. */
enum swarm_option {
    SWARM_CUT_CAPACITY, /* places are scarce */
    SWARM_SHORT_LEASES, /* of sessions, credit and nodes */
    SWARM_SLOW_OPENS,   /* few are accepted a second */
    SWARM_OVERRIDES,    /* clusters differ in detection and limits */
    SWARM_TALK,         /* a second service */
    SWARM_ROUGH,        /* sources or profiles whose bytes are no function of position */
    SWARM_ENDS,         /* the source does */
    SWARM_SPARSE,       /* not everybody peers with everybody */
    SWARM_COLD,         /* some listeners are unprotected */
    SWARM_LOSS,         /* of links: packets, each for itself … */
    SWARM_BURSTS,       /* … many at a time … */
    SWARM_OUTAGES,      /* … all for a while */
    SWARM_DISORDER,     /* packets overtake */
    SWARM_DUPLICATES,   /* … come twice … */
    SWARM_REPLAYS,      /* … and again much later */
    SWARM_ASYMMETRY,    /* one way is longer */
    SWARM_RATES,        /* links are narrow */
    SWARM_ACCESS,       /* last miles are bad */
    SWARM_JITTER,
    SWARM_OPTION_COUNT
};

enum swarm_fault {
    SWARM_SITE, /* dies, all of it */
    SWARM_PEERD,
    SWARM_NODE,
    SWARM_WORKER,
    SWARM_DRAIN,
    SWARM_STOP,      /* hangs, and goes on */
    SWARM_PARTITION, /* between clusters, or from listeners; both ways or one */
    SWARM_BLACKHOLE,
    SWARM_LINK,       /* gets worse */
    SWARM_REGION,     /* every site of it, or of a provider, at once */
    SWARM_FLAP,       /* dies and comes back, again and again */
    SWARM_STORM,      /* every peerd starts anew, one after another */
    SWARM_AGAIN,      /* what just started dies before it has recovered */
    SWARM_KILL_DRAIN, /* what drains dies, or who takes over */
    SWARM_ARRIVE,     /* many at once */
    SWARM_LEAVE,      /* with a word, or without */
    SWARM_CLOCK,      /* steps, or runs wrong */
    SWARM_FAULT_COUNT
};

struct swarm {
    struct rng rng;
    struct rng later;     /* for what older seeds did not draw: the rest stays as it was … */
    struct rng latest;    /* … and so for what was added to that … */
    struct rng newest;    /* … and to that; */
    struct rng deals;     /* for agreements … */
    struct rng asking;    /* … and discovery */
    struct rng redirects; /* for where new sessions begin, and whom operators move */
    struct rng hot;       /* and for hot protection */
    struct text text;
    bool options[SWARM_OPTION_COUNT];
    bool faults[SWARM_FAULT_COUNT];
    uint32_t clusters;
    uint32_t nodes[SWARM_CLUSTERS_MAX], workers[SWARM_CLUSTERS_MAX]; /* workers of each node */
    uint32_t groups;
    uint32_t listeners[SWARM_GROUPS_MAX];
    uint32_t heal_at; /* [ms] */
    bool agrees;      /* peers hold slots for each other by agreement only */
    bool discovers;   /* no policy names a peer */
    bool reshaped;    /* some policy is changed */
    bool hots;        /* some listeners have hot protection, as far as there is room */
};

uint32_t swarm_below(struct swarm *s, uint32_t bound);
uint32_t swarm_between(struct swarm *s, uint32_t from, uint32_t to); /* both included */
bool swarm_one_in(struct swarm *s, uint32_t n);

const char *swarm_cluster(uint32_t index);
const char *swarm_group(uint32_t index);
const char *swarm_region(uint32_t cluster);
const char *swarm_provider(uint32_t cluster);

/* Appends what a link is like, `, jitter: 3ms, loss: 2%`, as far as the run has such things;
 * `worst` is for a while, else it is for the whole time of faults. */
void swarm_quality(struct swarm *s, bool worst);

/* The timeline: faults, then the healing at `heal_at`. */
void swarm_draw_timeline(struct swarm *s);

/* Under every second seed, in the timeline: several faults that go together. */
void swarm_draw_more(struct swarm *s);

/* Whether there are agreements, and discovery; to be drawn before all that asks for it. Then what
 * each cluster has of them, and their own parts of the scenario. */
void swarm_draw_peerings(struct swarm *s, uint64_t seed);
void swarm_put_reserved(struct swarm *s, uint32_t capacity);
void swarm_draw_agreements(struct swarm *s, uint32_t listeners);
void swarm_put_discovery(struct swarm *s);
void swarm_draw_resolvers(struct swarm *s); /* in the timeline */

/* An entry of the timeline at `at` [ms], in the words of a printf. */
#define SWARM_PUT(s, at, ...)                                                                      \
    do {                                                                                           \
        text_putf(&(s)->text, "  - {at: %" PRIu32 "ms, ", at);                                     \
        text_putf(&(s)->text, __VA_ARGS__);                                                        \
        text_putf(&(s)->text, "}\n");                                                              \
    } while (0)

/* Nothing but the healing begins then or later. */
static inline uint32_t swarm_within(const struct swarm *s, uint32_t at) {
    return at < s->heal_at ? at : s->heal_at - 1;
}

#endif
