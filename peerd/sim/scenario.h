/*
 * A scenario: clusters, listeners, what happens to them and what must be true afterwards.
 *
 * One format for the simulator (virtual time) and the live runner (real programs). It is read with
 * the same schema engine as a policy, so faults carry line and column. Everything is parsed, also
 * what a runner cannot do: each runner says what it can (struct scenario_abilities), and
 * scenario_check_abilities refuses the rest with a sentence. Names that people type are resolved
 * to indices here, so that a runner never compares strings.
 * The format for people: test/README.md.
 */
#ifndef PEERD_SIM_SCENARIO_H
#define PEERD_SIM_SCENARIO_H

#include "peerd/base/rng.h"
#include "peerd/policy/fault.h"
#include "peerd/policy/policy.h"
#include "peerd/policy/schema.h"
#include "peerd/sim/path.h"

#define SCENARIO_CLUSTERS_MAX     1024
#define SCENARIO_CLIENTS_MAX      1024 /* groups */
#define SCENARIO_CLIENT_COUNT_MAX 1000000
#define SCENARIO_LINKS_MAX        4096
#define SCENARIO_AGREEMENTS_MAX   256
#define SCENARIO_PEER_WISHES_MAX  256
#define SCENARIO_EVENTS_MAX       4096
#define SCENARIO_DESCRIPTION_MAX  1023 /* [bytes] */
#define SCENARIO_OPEN_AT_MAX      16   /* clusters that a client asks, in this order */

/* In place of an index into `clusters`: */
#define SCENARIO_SERVING UINT32_MAX       /* the one that serves most clients at that moment */
#define SCENARIO_ALL     (UINT32_MAX - 1) /* every cluster, or every link */
#define SCENARIO_CLIENTS (UINT32_MAX - 2) /* the listeners, as an end of a link or a partition */
#define SCENARIO_NONE    (UINT32_MAX - 3)
#define SCENARIO_LAST    (UINT32_MAX - 4) /* the one that the latest event with a target hit */

/* An instant after the start; drawn with the seed if `from` is before `to`. */
struct scenario_when {
    struct duration from;
    struct duration to;
};

/* What a cluster says in all its beats of another one, whatever it knows. */
enum scenario_lie_kind {
    SCENARIO_LIE_NONE,  /* the truth */
    SCENARIO_LIE_HEARS, /* it has proof of life of just now */
    SCENARIO_LIE_MISSES /* it has had none for ages */
};

struct scenario_lie {
    enum scenario_lie_kind says;
    struct name name;
    uint32_t of; /* index of the cluster of that name */
};

/* What clients say of the cluster that serves them, by what they ask of others. */
enum scenario_ticket {
    SCENARIO_TICKET_OWN,
    SCENARIO_TICKET_NONE,   /* they come without */
    SCENARIO_TICKET_ANOTHER /* with that of another session */
};

struct scenario_slander {
    struct scenario_lie lie; /* HEARS: they never turn to another; MISSES: they do, although … */
    struct duration from;    /* … they hear it, from this instant on */
    enum scenario_ticket ticket;
};

/* A row of the file may stand for many clusters (`count: 50` makes eu1 to eu50 of eu); after
 * loading there is one record each. */
struct scenario_cluster {
    struct policy_cluster identity; /* name, provider, region, upstream, place; key_file unused */
    struct mark mark;               /* of its row */
    uint32_t row;                   /* of the file */
    uint32_t region_first;          /* index of the first cluster of its region */
    uint32_t count;                 /* of that row; 0: it names a single cluster */
    uint32_t capacity;              /* [sessions] of each service; 0: as the services say */
    uint32_t reserved_slots;        /* [sessions] of them for each peer */
    uint32_t workers;               /* processes a node */
    struct duration frame_cpu;      /* of a worker's core, for a frame; zero: it is not followed */
    uint32_t makers;                /* of segments, of its first node; 0: it makes no streams */
    uint32_t nodes;
    struct scenario_lie lies;
    bool detection_given, limits_given;
    struct policy_detection detection; /* overrides the scenario's */
    struct policy_limits limits;
    uint32_t nearest;   /* with so many of the nearest it peers; 0: as `peers` says */
    uint32_t elsewhere; /* of these so many are outside its region */
    uint32_t chooses;   /* at most so many, whom topo/choose takes; 0: likewise */
    struct name services[POLICY_SERVICES_MAX]; /* empty: all of the scenario */
    uint32_t service_count;
    struct name peers[POLICY_PEERS_MAX]; /* empty: all other clusters; filled from `nearest` */
    uint32_t peer_count;
};

/* One end of a link or a partition: a cluster's index, SCENARIO_ALL, SCENARIO_CLIENTS, a group of
 * clients (`group` true: an index into `clients`), or all clusters of a region (`region` true: the
 * index of its first one). Ask scenario_end_holds who is meant. */
struct scenario_end {
    struct name name;
    uint32_t index;
    bool group, region;
};

struct scenario_link {
    struct mark mark;
    struct scenario_end ends[2]; /* both SCENARIO_ALL: every link */
    uint32_t end_count;
    bool rtt_given;      /* else from the matrix, else from places, else 20 ms: scenario_way */
    struct duration rtt; /* there and back, without jitter */
    bool one_way;        /* only from the first end to the second; else both ways are alike */
    struct path_quality quality; /* of each way; its delay is half of `rtt` */
};

/* Round-trip times measured somewhere: ends are rows, in the order of the file, clusters first,
 * then groups of clients; more ends than rows begin again with the first. */
struct scenario_matrix {
    struct mark mark;                   /* where the scenario names it */
    char file[POLICY_TEXT_LEN_MAX + 1]; /* as written; empty: there is none */
    uint32_t size;
    uint32_t *rtt_us; /* [µs] from row × size + to column; 0: not measured; owned */
};

/* Clusters know each other by DNS alone: every one asks a resolver of its own, at its site, for one
 * domain that names them all, and accepts everybody. No policy names a peer. */
#define SCENARIO_DOMAIN "clusters.test"

struct scenario_discovery {
    bool given;
    struct mark mark;
    struct duration ttl;  /* of the records */
    struct duration keep; /* whom nobody names any more is a peer for so long */
};

/* What a resolver does with questions. */
enum scenario_resolver {
    SCENARIO_RESOLVER_ANSWERS, /* names every cluster, with its key */
    SCENARIO_RESOLVER_FAILS,   /* nobody is at its port, and ICMP says so */
    SCENARIO_RESOLVER_SILENT,  /* they wait; from `answers` on it answers them */
    SCENARIO_RESOLVER_FORGETS, /* no such name */
    SCENARIO_RESOLVER_LIES     /* names every cluster, with a key that nobody holds */
};

/* What came of the choice of those who choose their peers by coverage. A location is a group of
 * listeners at a cluster that serves some of them; where there are none, the cluster's own place.
 */
struct scenario_choice {
    uint32_t clusters;             /* that choose; 0: the rest means nothing */
    uint32_t peers_min, peers_max; /* that one of them has */
    uint64_t peers;                /* of all together */
    uint32_t locations;
    uint32_t covered; /* have two good backups, in other failure domains than the cluster and each
                         other … */
    uint32_t weak;    /* … or have them, but some fall together */
};

/* A row of `agreements` of a policy, at one cluster or at all. */
struct scenario_agreement {
    struct name name;
    uint32_t at; /* index of the cluster; SCENARIO_ALL: every one */
    struct policy_agreement terms;
};

/* What a cluster, or every one, wishes of watching another: as of a peer in a policy. */
struct scenario_wish {
    struct name at_name;
    uint32_t at; /* index of the cluster; SCENARIO_ALL: every one */
    struct name of_name;
    uint32_t of;
    struct policy_wish wish;
};

/* A source as in a policy, or a generated tone. */
struct scenario_source {
    struct mark mark;            /* of its location */
    struct policy_source source; /* location empty: a tone */
    struct duration tone;        /* length of the tone; zero: a file or URL */
    struct duration origin; /* round trip to the one server that has it; zero: each cluster does */
};

/* A stream that every cluster makes as players ask for it. */
struct scenario_stream {
    struct name name;
    struct duration media_cpu; /* of a core, for each second of media that a player takes */
};

struct scenario_clients {
    struct name name;
    uint32_t count;
    struct name stream;    /* they are players of it; empty: listeners */
    uint32_t stream_index; /* of it, with `stream` */
    struct name service;
    struct name profile;
    struct name source;
    struct name open_at_names[SCENARIO_OPEN_AT_MAX];
    uint32_t open_at[SCENARIO_OPEN_AT_MAX]; /* indices of clusters, in the order of asking */
    uint32_t open_at_count;                 /* 0: all clusters */
    bool open_at_nearest;                   /* the nearest ones, filled in as peers are */
    bool spread;                            /* the n-th client begins with the n-th of them */
    struct duration buffer;                 /* playout buffer */
    bool waits;                             /* for an `arrive` of the timeline, not for `start` */
    struct scenario_when start;
    bool leaves;
    struct scenario_when leave; /* they close their sessions */
    enum protection protection;
    bool placed;                        /* a place was given */
    double latitude_deg, longitude_deg; /* for delays without a matrix */
    struct scenario_slander lies;
    struct name network; /* of this name, with all others that say so; empty: none of their own */
    bool access_given;
    struct path_quality access; /* of the last mile, each way, on top of every link of theirs */
    struct mark mark;
};

/*  X(symbol, key in the file, takes a target, sentence) */
#define SCENARIO_VERBS(X)                                                                          \
    X(KILL, "kill", true, "SIGKILL, without a word to anybody")                                    \
    X(RESTART, "restart", true, "starts again what was killed; ends a blackhole of a site")        \
    X(STOP, "stop", true, "SIGSTOP: alive, but nothing moves")                                     \
    X(CONTINUE, "continue", true, "SIGCONT, the end of a stop")                                    \
    X(SLOW, "slow", true, "workers are short of CPU: a frame takes them so long")                  \
    X(DRAIN, "drain", true, "planned maintenance: sessions move away")                             \
    X(UNDRAIN, "undrain", true, "the end of a drain")                                              \
    X(BLACKHOLE, "blackhole", true, "packets to and from the site vanish; nothing dies")           \
    X(PARTITION, "partition", false, "packets between two sides vanish")                           \
    X(HEAL, "heal", false, "the end of blackholes and partitions")                                 \
    X(LINK, "link", false, "delay, jitter and loss of links change")                               \
    X(ARRIVE, "arrive", false, "listeners open their sessions")                                    \
    X(LEAVE, "leave", false, "listeners close their sessions, or vanish")                          \
    X(MOVE, "move", false, "an operator moves one session to another cluster")                     \
    X(CLOCK, "clock", true, "wall clocks of a site step, or its clocks run wrong from now on")     \
    X(POLICY, "policy", true, "peerd reads another policy, as by SIGHUP")                          \
    X(REKEY, "rekey", true, "a cluster takes its next key, which its peers have been told")        \
    X(DNS, "dns", true,                                                                            \
      "the resolver of a site fails, is silent, forgets or lies, or answers again")

enum scenario_verb {
#define SCENARIO_VERB_ENUM(symbol, key, target, text) SCENARIO_VERB_##symbol,
    SCENARIO_VERBS(SCENARIO_VERB_ENUM)
#undef SCENARIO_VERB_ENUM
    SCENARIO_VERB_COUNT
};

enum scenario_part {
    SCENARIO_PART_SITE,   /* every process of the cluster */
    SCENARIO_PART_PEERD,  /* peerd alone */
    SCENARIO_PART_NODE,   /* a node supervisor, which takes its workers along */
    SCENARIO_PART_WORKER, /* one worker process */
    SCENARIO_PART_COUNT
};

/* A whole region or provider is hit at one instant: every site of it. */
struct scenario_target {
    struct name name;
    uint32_t
        cluster;   /* index, SCENARIO_SERVING, SCENARIO_LAST, SCENARIO_ALL; SCENARIO_NONE with: */
    bool region;   /* every cluster whose region is `name` */
    bool provider; /* every cluster whose provider is `name` */
    enum scenario_part part;
    uint32_t number; /* which node or worker of the cluster, counted from 0 */
};

struct scenario_cut {
    struct scenario_end from[SCENARIO_OPEN_AT_MAX];
    uint32_t from_count;
    struct scenario_end to[SCENARIO_OPEN_AT_MAX];
    uint32_t to_count;
    bool one_way; /* only packets of `from` vanish */
    bool sweeps;  /* heal: `from` is one of a whole domain, of which some were never cut off */
};

/* Who comes or goes: so many listeners of a group, in their order, that have not yet. */
struct scenario_crowd {
    struct name name;
    uint32_t group;         /* index; SCENARIO_ALL: every group */
    uint32_t count;         /* UINT32_MAX: all of them */
    bool vanish;            /* leave: without a word */
    struct duration spread; /* one after another over this time; zero: at once */
};

/* The session of one listener, wherever it is served at that moment. */
struct scenario_move {
    struct name name;    /* of the group … */
    uint32_t group;      /* … and its index */
    uint32_t number;     /* in the group, from 0 */
    struct name to_name; /* cluster … */
    uint32_t to;         /* … and its index */
};

struct scenario_clock {
    int64_t step_us;   /* [µs] of the wall clock; monotonic clocks do not step */
    bool drifts;       /* a drift was given, which may be 0 to end an earlier one */
    int32_t drift_ppm; /* [ppm] of the monotonic clock from now on, faster if positive */
};

/* What differs from the policy at the start; UINT32_MAX: it is as it was. */
struct scenario_change {
    uint32_t nodes, peers;   /* the first so many of them; peers may be none */
    uint32_t capacity;       /* [sessions] of every service */
    uint32_t reserved_slots; /* [sessions] for every peer */
    uint32_t opens_per_s, drain_per_s;
};

struct scenario_event {
    struct mark mark;
    uint32_t row; /* of the file: one row may stand for several events */
    struct scenario_when at;
    enum scenario_verb verb;
    struct scenario_target target;   /* the verbs that take one */
    bool blackhole;                  /* kill: its packets vanish at the same instant */
    struct duration deadline;        /* drain */
    struct name drain_to;            /* drain: a cluster; empty: none is named */
    struct duration frame;           /* slow: of the CPU of a worker; zero: as fast as ever */
    struct scenario_cut cut;         /* partition, heal; heal with from_count 0: everything */
    struct scenario_link link;       /* link */
    struct scenario_crowd crowd;     /* arrive, leave */
    struct scenario_move move;       /* move */
    struct scenario_clock clock;     /* clock */
    struct scenario_change change;   /* policy */
    enum scenario_resolver resolver; /* dns */
};

/* Causes of a move, as the ledger names them. */
enum scenario_cause {
    SCENARIO_CAUSE_ANY,
    SCENARIO_CAUSE_DRAIN,
    SCENARIO_CAUSE_DEGRADED,
    SCENARIO_CAUSE_CRASHED,
    SCENARIO_CAUSE_PARTITIONED,
    SCENARIO_CAUSE_RETURN
};
#define SCENARIO_CAUSES (SCENARIO_CAUSE_RETURN + 1)

struct scenario_moves {
    enum scenario_cause cause;
    uint32_t min;      /* moves of all clients together */
    uint32_t max;      /* UINT32_MAX: no limit */
    struct name of;    /* a group of clients; empty: all */
    uint32_t of_index; /* SCENARIO_ALL, or the group's index */
    struct name from;  /* a cluster; empty: any */
    struct name to;
    bool by_given;
    struct duration by; /* only moves that were over by this instant count */
};

/* What somebody must, or must never, have believed of a cluster. */
struct scenario_verdict {
    struct name of;
    uint32_t of_index;
    struct name verdict;    /* as verdict_name() says it */
    struct name location;   /* a group of clients; empty: wherever */
    struct name neighbours; /* the first group in the network of that one; see report_verdict */
    struct name by_names[SCENARIO_OPEN_AT_MAX]; /* each of these; empty: any one */
    uint32_t by[SCENARIO_OPEN_AT_MAX];          /* one SCENARIO_ALL: all peers that live */
    uint32_t by_count;
    bool never;
    bool may;             /* or not: it is only no `other` verdict */
    struct duration from; /* instants between which it counts: the whole run if not given */
    struct duration until;
};

/* What listeners of one group hear. */
struct scenario_hearing {
    struct name of;
    uint32_t of_index;
    bool frames_lost_max_given;
    uint32_t frames_lost_max; /* [frames] of the group together */
    bool gap_max_given;
    struct duration gap_max;
    bool all_served_by_given;
    struct duration all_served_by;
    struct name
        served_at_end[SCENARIO_OPEN_AT_MAX]; /* clusters; each is at one of them; empty: any */
    uint32_t served_at_end_index[SCENARIO_OPEN_AT_MAX];
    uint32_t served_at_end_count;
    struct name loses_at_most; /* a group; empty: not compared with any */
    uint32_t loses_at_most_index;
};

/* What must be true at the end. A limit that is not given is not checked (`…_given` false). */
struct scenario_expectations {
    bool frames_lost_max_given;
    uint32_t frames_lost_max; /* [frames] all clients together */
    bool gap_max_given;
    struct duration gap_max; /* longest at any client's output */
    bool detect_max_given;
    struct duration detect_max; /* longest time to notice, of any move */
    bool all_served_by_given;
    struct duration all_served_by; /* from this instant to the end every client has media */
    bool hedges_max_given;
    uint32_t hedges_max;
    bool reordered_max_given;
    uint32_t reordered_max; /* [frames] at the outputs of all clients together */
    bool duplicates_apart_max_given;
    uint32_t duplicates_apart_max; /* [frames] likewise, that came twice outside of any overlap */
    bool whole; /* at the end everybody knows, hears and serves as if nothing had happened */
    struct mark whole_mark;
    struct scenario_moves moves[16];
    uint32_t move_count;
    struct scenario_moves entered[8]; /* arrivals in ledgers; of these only cause, min and max */
    uint32_t entered_count;
    struct scenario_verdict verdicts[16];
    uint32_t verdict_count;
    bool verdicts_only; /* and nobody comes to any other, suspicions apart */
    struct scenario_hearing clients[16];
    uint32_t hearing_count;
    struct name must_not_move_names[64]; /* groups of clients */
    uint32_t must_not_move[64];          /* their indices; SCENARIO_ALL: every group */
    uint32_t must_not_move_count;
};

#define SCENARIO_WISHES_MAX 8

/* What `--seed A..B` makes of many runs. */
struct scenario_curve {
    struct duration detect_within[SCENARIO_WISHES_MAX]; /* each in turn; none: there is no curve */
    uint32_t count;
    uint32_t rarer_min; /* wrong moves must be so many times rarer than suspicions; 0: not asked */
};

/* More listeners than these are a crowd: it is not followed how they fare unless that is asked for.
 */
#define SCENARIO_CROWD 5000

struct scenario {
    struct name name;
    char description[SCENARIO_DESCRIPTION_MAX + 1];
    bool seed_given;
    uint64_t seed;
    struct duration duration;
    struct policy_detection detection; /* the same at every cluster */
    struct policy_limits limits;
    struct policy_performance performance; /* likewise; locations_max 0 in a crowd without it */
    struct scenario_discovery discovery;
    struct scenario_agreement *agreements; /* in the order of the policies' */
    uint32_t agreement_count;
    struct scenario_wish *wishes; /* the last one about a peering counts */
    uint32_t wish_count;
    struct policy_profile *profiles; /* at least one after loading */
    uint32_t profile_count;
    struct policy_service *services; /* at least one after loading */
    uint32_t service_count;
    struct scenario_source *sources; /* at least one after loading */
    uint32_t source_count;
    struct mark streams_mark;
    struct scenario_stream *streams;
    uint32_t stream_count;
    struct mark clusters_mark; /* of the list */
    struct scenario_cluster *clusters;
    uint32_t cluster_count;
    struct scenario_choice choice;
    struct scenario_matrix matrix;
    struct scenario_link *links; /* a later one wins over an earlier one */
    uint32_t link_count;
    struct scenario_ways *ways; /* finds those of loading quickly; NULL does as well */
    struct scenario_clients *clients;
    uint32_t client_group_count;
    struct scenario_event *events; /* in the order of the file, not of time; one for each `at` */
    uint32_t event_count;
    struct scenario_expectations expectations;
    struct scenario_curve curve;
};

/* What a runner can do. */
struct scenario_abilities {
    const char *runner; /* "the live runner", for the sentence */
    bool verbs[SCENARIO_VERB_COUNT];
    bool recordings;                 /* files that `sources` name must be there */
    bool parts[SCENARIO_PART_COUNT]; /* of targets */
    bool links;                      /* delay, jitter, loss … other than the default */
    bool clock_step, clock_drift;
    bool lies;               /* clusters that say what is not true */
    bool discovery;          /* peers that DNS names */
    bool chooses;            /* some of those whom DNS names as peers, by whom each serves */
    bool whole;              /* the expectation of that name */
    bool regions;            /* a whole region or provider as target */
    bool players;            /* groups of clients that watch a stream */
    uint32_t clusters_max;   /* 0: no limit */
    uint32_t clients_max;    /* all groups together; 0: no limit */
    uint32_t workers_max;    /* of all clusters together; 0: no limit */
    struct duration rtt_max; /* between clusters, jitter included, at the start; 0: no limit */
};

/* Loads a scenario. ERR_OK: give it back with scenario_free. ERR_BAD_POLICY with at least one
 * fault, or ERR_NO_MEMORY: `out` is empty and needs no freeing. `faults` is initialised here. */
enum err scenario_load(const char *path, struct scenario *out, struct faults *faults);

/* The same from memory; `file` is what faults call it. No other file is looked at before
 * scenario_bring_files or scenario_take_matrix. */
enum err scenario_parse(const char *text, size_t len, const char *file, struct scenario *out,
                        struct faults *faults);
void scenario_free(struct scenario *s);

/* Brings what a scenario from memory names as if it stood in the file `path`: recordings get whole
 * names, a matrix is read. False with a fault. scenario_load has done so. */
bool scenario_bring_files(struct scenario *s, const char *path, struct faults *faults);

/* Takes the round-trip times of the file at `path` in place of those that `s` has, and chooses the
 * nearest peers anew. `faults` has been initialised. The file: plain text, as many lines as
 * columns, in each line the times from that row's place to all others in milliseconds, separated by
 * blanks or tabs; 0 where nothing was measured. False with a fault, and `s` as before, if it cannot
 * be used: then `faults` names the matrix, with its own lines and columns, else the file that it
 * named before. */
bool scenario_take_matrix(struct scenario *s, const char *path, struct faults *faults);

/* Adds a fault for everything in `s` that the runner cannot do; true if there is none. */
bool scenario_check_abilities(const struct scenario *s, const struct scenario_abilities *can,
                              struct faults *faults);

/* A few lines for people: who, what happens when, what is expected. Like snprintf. */
size_t scenario_describe(const struct scenario *s, char *out, size_t size);

/* One event in one line, such as `kill site serving, blackholed`. Returns `out`. */
const char *scenario_event_text(const struct scenario *s, const struct scenario_event *e, char *out,
                                size_t size);

/* The generator of a run's instants: the same for a seed whoever runs the scenario, so that both
 * runners do the same at the same time. Draw for the timeline's entries first, in their order, then
 * for the listeners, start and (if they leave) leave. */
void scenario_draws(struct rng *out, uint64_t seed);

/* The instant of `when` for this run: `draw` is the next of scenario_draws. */
struct duration scenario_instant(const struct scenario_when *when, uint64_t draw);

/* The clusters that the n-th client of a group asks, in order, into `out`; returns how many. */
uint32_t scenario_client_order(const struct scenario *s, uint32_t group, uint32_t n,
                               uint32_t out[SCENARIO_OPEN_AT_MAX]);

/* The way from one end to another, each an index of a cluster or, with `group`, of a client group.
 * Its delay is, in this order: half the RTT of the last row of `links` that fits; half of what the
 * matrix has measured (the other direction's if only that was measured); from the great circle
 * between two places, at 200 km a millisecond in glass, 1.4 times as long since cables do not run
 * straight, and half a millisecond in routers; 10 ms. All else is as that row of `links` says. On
 * top comes the access of a group: delays and jitters add, losses compose, of two rates the
 * smaller counts with its queue, and its bursts and outages are in place of the link's. */
struct path_quality scenario_way(const struct scenario *s, uint32_t from, bool from_group,
                                 uint32_t to, bool to_group);

/* The same as if `link` were the row that counts, as when the timeline changes it; NULL: no row. */
struct path_quality scenario_link_way(const struct scenario *s, const struct scenario_link *link,
                                      uint32_t from, bool from_group, uint32_t to, bool to_group);

/* What of its ways a group has in common, in each direction: bursts or outages of its access. */
struct way_mile scenario_mile(const struct scenario_clients *g);

/* NULL if there is a file of that name that can be read; else why not, for people. */
const char *scenario_file_fault(const char *path);

/* True if packets from one end to the other are what `link` speaks of. */
bool scenario_link_fits(const struct scenario *s, const struct scenario_link *link, uint32_t from,
                        bool from_group, uint32_t to, bool to_group);

/* True if a cluster, or with `group` a client group, is among those that `end` names. */
bool scenario_end_holds(const struct scenario *s, const struct scenario_end *end, uint32_t index,
                        bool group);

/* True if two clusters have a peering: neither's list leaves the other out. */
bool scenario_are_peers(const struct scenario *s, uint32_t a, uint32_t b);

/* Fills a policy for one cluster from the scenario: everything but keys, addresses and listeners,
 * which are the runner's (peers have name and switches only). Grants are empty. */
void scenario_policy(const struct scenario *s, uint32_t cluster, struct policy *out);

const char *scenario_verb_name(enum scenario_verb v);
const char *scenario_part_name(enum scenario_part p);
const char *scenario_cause_name(enum scenario_cause c);

extern const struct schema_table scenario_table; /* for the reference */

#endif
