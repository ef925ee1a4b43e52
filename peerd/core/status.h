/*
 * What the core believes, for status pages, metrics and tests. Reading changes nothing.
 *
 * Pointers inside lead into the core and hold until the next step. Peers and nodes are counted by
 * their index in the policy; sessions are walked with a cursor that starts at zero, in no order
 * that means anything, and whoever stays in the table meanwhile is shown exactly once.
 */
#ifndef PEERD_CORE_STATUS_H
#define PEERD_CORE_STATUS_H

#include "monitor/detector.h"
#include "monitor/outlook.h"
#include "monitor/perf.h"
#include "monitor/verdict.h"
#include "peerd/core/agreement.h"
#include "peerd/core/core.h"
#include "peerd/core/history.h"
#include "peerd/core/ledger.h"
#include "peerd/core/move.h"
#include "peerd/wire/room.h"
#include "peerd/wire/set_digest.h"
#include "topo/rank.h"

/*  X(field, text): each counts something since the start */
#define CORE_COUNTERS(X)                                                                           \
    X(beats_sent, "beats sent")                                                                    \
    X(beats_received, "authentic beats received")                                                  \
    X(beats_replayed, "beats dropped: seen before, reflected or of a former run")                  \
    X(beats_unconfirmed, "beats that proved no life")                                              \
    X(media_alive_received, "media-alive beats received")                                          \
    X(media_alive_dropped, "media-alive beats dropped: replayed, or too many nodes at once")       \
    X(verdicts_changed, "changes of a verdict")                                                    \
    X(opens_answered, "sessions opened")                                                           \
    X(opens_repeated, "opens answered from memory")                                                \
    X(opens_refused, "opens refused")                                                              \
    X(opens_redirected, "opens answered with a peer as the one that serves")                       \
    X(opens_abandoned, "sessions opened and never started")                                        \
    X(node_reports, "reports of nodes")                                                            \
    X(node_reports_stale, "reports of nodes dropped: older than one seen")                         \
    X(node_fulls_asked, "full reports asked for")                                                  \
    X(nodes_lost, "nodes whose lease ended")                                                       \
    X(sessions_refused, "sessions not taken into the table: it was full")                          \
    X(sessions_denied, "sessions of peers ended: not agreed upon, or more than was")               \
    X(sessions_fenced, "sessions reported under an epoch that is not the newest")                  \
    X(moves_begun, "moves begun")                                                                  \
    X(moves_over, "moves done")                                                                    \
    X(moves_cancelled, "moves called off")                                                         \
    X(sessions_shed, "sessions asked to go since their node made frames late")                     \
    X(sessions_taken_up, "sessions committed here by clients that were served here before")        \
    X(hedges, "hedges seen at our nodes")                                                          \
    X(standbys_refused, "groups lodged with us that got no slots")                                 \
    X(answers_refused, "answers refused: another's signature, key or name")                        \
    X(flaps, "times that a peer which had been given up came back")                                \
    X(locations_told, "summaries of locations put into digests for peers")                         \
    X(locations_heard, "summaries of locations that peers told")                                   \
    X(digests_refused, "digests of peers that cannot be read")                                     \
    X(coordinates_refused, "coordinates of peers that are none")                                   \
    X(trips_heard, "round trips to peers that clients of ours measured and told")                  \
    X(trips_refused, "the same, to clusters that are no peers")                                    \
    X(clients_named, "times that a client was named others to measure while it was served")        \
    X(backups_told, "times that a client was to be told of other backups while it was served")     \
    X(falls, "events of clients of a location: fallen, another cause, over")                       \
    X(degradations, "times that clients of a location fell together")                              \
    X(canaries, "times that a few sessions went first from a bad path")                            \
    X(canaries_followed, "times that they fared better and more followed")                         \
    X(canaries_returned, "times that they fared no better and were asked back")                    \
    X(sessions_returned, "sessions of peers that were sent home")                                  \
    X(rekeys, "times that our own key was changed while running")                                  \
    X(peers_rekeyed, "times that a peer went over to the key that it had announced")               \
    X(own_stalls, "times this process did not run when it should have")

struct core_counters {
#define CORE_COUNTER_FIELD(field, text) uint64_t field;
    CORE_COUNTERS(CORE_COUNTER_FIELD)
#undef CORE_COUNTER_FIELD
};

struct core_status {
    struct name cluster;
    uint64_t boot;
    struct instant started;
    bool recovering;
    bool draining;
    bool drained;                  /* draining, and no session is left */
    struct instant drain_deadline; /* "never" unless draining */
    uint32_t drain_left;           /* sessions that have not left yet … */
    uint32_t drain_waiting;        /* … of which so many have not been asked to */
    uint64_t drain_gone;           /* sessions that have left since it began */
    double drain_rate;             /* [1/s] lately */
    struct duration drain_ends_in; /* at that rate; endless: unknown */
    bool drain_stuck;              /* of those that wait the first has nowhere to go */
    struct name drain_to;          /* empty: nobody was named */
    const char *drain_to_trouble;  /* what speaks against that one; NULL: nothing. Static */
    bool drain_overdue;            /* the deadline has passed with sessions left */
    uint32_t peers;
    uint32_t nodes;
    uint32_t nodes_registered;
    uint32_t capacity; /* [sessions] by policy */
    uint32_t credit;   /* [sessions] of it leased to registered nodes */
    uint32_t reserved; /* [sessions] for peers, not in use by them */
    uint32_t sessions; /* committed here */
    uint32_t standbys; /* here for other clusters' sessions … */
    uint32_t hot;      /* … of which so many are sent, too */
    uint32_t hedging;  /* sending for somebody else just now */
    uint32_t opened;   /* answered, not started yet */
    uint32_t free;     /* credit less all of them */
    uint32_t groups;
    uint32_t peers_damped;
    uint32_t locations;           /* of which it is known how our clients fare … */
    uint32_t locations_bad;       /* … of them those where they have fallen … */
    uint32_t locations_degraded;  /* … and of these those to which our path is bad */
    uint32_t locations_elsewhere; /* others that peers tell of */
};

struct core_status core_status(const struct core *core);
const struct core_counters *core_counters(const struct core *core);

/* The policy in force. */
const struct policy *core_policy(const struct core *core);

struct core_peer_status {
    const struct policy_peer *policy;
    enum verdict verdict;
    uint8_t rule; /* of verdict.h */
    const char *evidence;
    struct instant since; /* when the verdict last changed; the start for none */
    enum detector_opinion opinion;
    struct detector_figures figures;
    struct detector_wish wish;   /* what is asked of it */
    bool damped;                 /* it comes and goes: a backup only for want of another … */
    struct instant damped_until; /* … until then, if it stays now; "never" unless damped */
    uint32_t flap_points;        /* see monitor/damping.h */
    uint64_t flaps;              /* times that it came back */
    uint64_t proofs, suspicions, expiries, mistakes; /* of the detector */
    uint64_t boot;                                   /* 0: not confirmed */
    struct duration rtt;                             /* endless: unknown */
    double loss;                                     /* share of beats lost, 0..1 */
    uint32_t sessions;
    uint32_t free_slots;
    bool draining;
    bool recovering;
    uint32_t media_alive_nodes;            /* nodes heard within VERDICT_HEARING_MAX */
    struct instant described;              /* "never": not yet */
    const struct description *description; /* NULL: none */
    uint32_t refused;     /* answers that were another's, or in another's name … */
    enum err refused_err; /* … and why the newest was; ERR_OK: a good one came since */
    uint32_t here;        /* its sessions here, in any state; more than reserved: it takes more than
                             was agreed */
    uint32_t lodged_groups;  /* of ours, counting on it */
    uint32_t lodged_slots;   /* that it set aside for them */
    bool room_known;         /* it tells … */
    struct room_word room;   /* … of how many of ours it can take, and have, a slot */
    uint32_t standby_groups; /* of its, lodged here */
    uint32_t standby_slots;
};

/* What was agreed with a peer, or why nothing was. */
struct core_agreement_status {
    const struct agreement *agreement; /* NULL: neither side has said anything */
    bool required;                     /* by our policy, or else sessions move without one */
    uint32_t held;                     /* [sessions] here for it at most … */
    uint32_t here;                     /* … of which so many are used */
    uint32_t relied;                   /* [sessions] there for us … */
    uint32_t counted;                  /* … on which so many of ours count */
};

struct core_agreement_status core_peer_agreement(const struct core *core, uint32_t index);

/* [sessions] held for all peers with whom something has to be agreed, and how many may be. */
struct agreement_room core_agreement_room(const struct core *core);

/* `index` is below policy.peer_count. */
struct core_peer_status core_peer_status(const struct core *core, uint32_t index,
                                         struct instant now);

/* What stands in its status, for those who ask often: the verdict, and its confirmed run, and how
 * many slots it says are free. */
enum verdict core_peer_verdict(const struct core *core, uint32_t index);
bool core_peer_damped(const struct core *core, uint32_t index);
uint32_t core_peer_free_slots(const struct core *core, uint32_t index);
uint64_t core_peer_boot(const struct core *core, uint32_t index);

/* What it would take to change its verdict, and the n-th verdict before the newest (number 0); NULL
 * if that is not known any more. */
struct outlook_text core_peer_outlook(const struct core *core, uint32_t index, struct instant now);
const struct history_entry *core_peer_verdict_before(const struct core *core, uint32_t index,
                                                     uint32_t n);

/* What peer `index` last said of peer `about`; false if nothing. */
bool core_peer_view(const struct core *core, uint32_t index, uint32_t about, struct beat_view *out);

/* What we say of ourselves: everything but clients_url, doors, next_key and past, io's to add. The
 * arrays belong to the core and hold until the next call or step; do not description_free it.
 * ERR_NO_MEMORY leaves `out` untouched. */
enum err core_describe(struct core *core, struct wall wall, struct description *out);

/* Of a stream that another program serves here, by its index in the policy; see origins.h. */
struct core_origin_status {
    const struct policy_origin *policy;
    bool ill;
    uint32_t failed, passed; /* looks in a row */
    enum err err;            /* of the newest that failed */
    struct instant since;    /* ill, or well */
};

struct core_origin_status core_origin_status(const struct core *core, uint32_t index);

/* Of a stream that another program serves at a peer, by its word. */
struct core_peer_origin_status {
    const struct name *name;
    const char *url; /* the core's until the next step */
    bool live;
    bool ill;
};

/* Of peer `index` the n-th; false if it has described no such many. */
bool core_peer_origin_status(const struct core *core, uint32_t index, uint32_t n,
                             struct core_peer_origin_status *out);

struct core_node_status {
    const struct policy_node *policy;
    bool registered;
    bool complete; /* it has told all its sessions */
    uint64_t boot;
    struct instant heard; /* "never": not yet */
    struct instant lease; /* ends then */
    uint32_t workers;
    uint32_t slots;    /* credit of one worker [sessions] */
    uint32_t promised; /* that it may believe to have, all workers together [sessions] */
    uint32_t sessions;
    uint32_t standbys;
    uint32_t opened;
    uint32_t orders;         /* in flight */
    uint64_t frames;         /* of all workers … */
    uint64_t resent;         /* … and RTP packets sent again */
    uint64_t probes;         /* of clients of others, answered by all workers … */
    uint64_t probes_refused; /* … and dropped: too many */
    uint64_t cpu_ms;
    uint32_t restarts;                 /* of workers */
    uint32_t late_ms;                  /* [ms] the most overdue frame, by its newest word */
    bool sheds;                        /* some of its sessions are asked to go for it */
    const struct node_source *sources; /* its catalogue, with what is wrong */
    uint32_t source_count;
    const struct node_profile *profiles;
    uint32_t profile_count;
    const struct addr *media;         /* one a worker */
    const struct node_starts *starts; /* of each cluster's tickets */
    uint32_t start_count;
};

/* `index` is below policy.node_count. */
struct core_node_status core_node_status(const struct core *core, uint32_t index);

enum session_state {
    SESSION_STATE_OPENED,   /* answered, not started yet */
    SESSION_STATE_STANDBY,  /* ready to serve another cluster's client */
    SESSION_STATE_HEDGING,  /* sending for another cluster, no epoch changed */
    SESSION_STATE_COMMITTED /* served here */
};

struct core_session_status {
    struct session_id id;
    enum session_state state;
    uint32_t epoch;
    struct name issuer;
    struct name service;
    struct name profile;
    struct name source;
    struct name backups[TICKET_BACKUPS_MAX];
    uint8_t backup_count;
    struct name node;
    uint32_t worker;
    struct addr client;
    struct instant since;   /* known here since */
    struct instant renewed; /* newest report of it */
    uint64_t last_frame;
    uint32_t lost_before, lost_after, expected; /* [frames] */
    uint32_t rtt_us, jitter_us;                 /* [µs] */
    const struct move *move;                    /* NULL: not moving */
};

/* Copies the session at `*cursor` out and advances it; false at the end. */
bool core_session_next(const struct core *core, uint32_t *cursor, struct core_session_status *out);
bool core_session_find(const struct core *core, const struct session_id *id,
                       struct core_session_status *out);

/* Why a session that loses frames of ours, or fares worse than is usual where it is, is still here.
 * False: it is not served here, or nothing is wrong with it; `out` is as it was. */
#define CORE_STAY_TEXT_MAX 160
struct core_stay {
    const char *word; /* leaving, off, new, budget, watched, in_vain, no_room, as_bad, unsure,
                       * too_few, soon */
    char text[CORE_STAY_TEXT_MAX + 1]; /* for people */
};
bool core_session_stays(const struct core *core, const struct session_id *id,
                        struct core_stay *out);

/* ERR_OK, or why CORE_DRAIN should not be given: whom it names is nobody's peer, drains itself, is
 * not alive, may have none of our sessions, or has no room. `why` is static. If it is given all the
 * same, sessions go to their own backups for as long as that is so. */
enum err core_drain_refusal(const struct core *core, const struct core_drain *d, const char **why);

/* What speaks against the operator's wish that a session go to that cluster (CORE_MOVE). ERR_OK:
 * nothing; NOT_FOUND: it is not served here; DRAINING: all are leaving; BAD_FIELD: its client does
 * not know the way there and cannot be told; DENIED: not fit to take it; FULL: no room there, or
 * too much is wanted at once; BUSY: it is moving already. `why` is a sentence. */
enum err core_move_refusal(const struct core *core, const struct session_id *id,
                           const struct name *to, const char **why);

/* The operator's wish is not an order yet: its client is being told of that cluster first. */
bool core_move_telling(const struct core *core, const struct session_id *id, struct name *to);

struct core_group_status {
    struct name issuer;
    struct name service;
    struct prefix location;
    struct name backups[TICKET_BACKUPS_MAX];
    uint8_t backup_count;
    uint32_t sessions;        /* committed */
    uint32_t standbys;        /* anything else */
    struct set_digest digest; /* of the committed ones */
};

/* Groups are walked within one step, in the order of their making. */
/* How our own clients fare at a location, as monitor/perf knows it. */
struct core_location_status {
    struct prefix location;
    const char *state;       /* learning, usual, falling, path, access, unknown (the cause), or
                                elsewhere: peers' clients alone */
    uint32_t usual_centi;    /* [R/100] */
    uint32_t recent_centi;   /* [R/100] of the last second or so; 0: nobody has reported */
    uint32_t worst_centi;    /* [R/100] a tenth of all reports are rated below */
    uint32_t clients;        /* at least so many have reported in the last 10 to 20 s */
    uint64_t reports;        /* since it is known … */
    uint64_t expected, lost; /* … and frames */
    uint32_t rtt_us_p50, rtt_us_p95, jitter_us_p95; /* [µs] 0: unknown */
};

/* In the order of their prefixes, those that only peers tell of among them; false at the end. */
bool core_location_next(const struct core *core, uint32_t *cursor, struct instant now,
                        struct core_location_status *out);

/* How a peer's clients fare there, as it told last. */
struct core_location_peer {
    struct name cluster;
    uint32_t usual_centi, recent_centi; /* [R/100] */
    uint32_t clients;                   /* at least */
    struct instant told_at;
};

#define CORE_LOCATION_PEERS_MAX PERF_PEERS_MAX

/* In the order of the policy; returns how many. */
uint32_t core_location_peers(const struct core *core, const struct prefix *location,
                             struct instant now,
                             struct core_location_peer out[CORE_LOCATION_PEERS_MAX]);

/* Clients of a location have fallen together, it is known better why, or it is over. The verdict on
 * this cluster is `degraded` for that location from a change with cause path until the next. */
struct core_fall {
    struct instant at;
    struct prefix location;
    enum degrade_change change;
    enum degrade_cause cause;
    struct name peer; /* whose word weighed most; empty: nobody's */
    char evidence[DEGRADE_TEXT_LEN_MAX + 1];
};

/* The n-th before the newest (number 0); NULL: no such, or not known any more. As many have come as
 * core_counters() says. */
const struct core_fall *core_fall(const struct core *core, uint32_t n);

struct core_group_cursor {
    const struct core *core;
    const void *next;
};

void core_groups_begin(const struct core *core, struct core_group_cursor *cursor);
bool core_group_next(struct core_group_cursor *cursor, struct core_group_status *out);

/* Where our clients are and what there is between us and our peers: all of `out` but who wants us.
 */
struct find_clients;
void core_clientele(const struct core *core, struct find_clients *out);

/* How our own clients of a location fare, or those around it, and how far away they are. */
struct core_fare {
    uint32_t rating_centi; /* [R/100] */
    uint32_t within_centi; /* [R/100] half-width of 95 % of it */
    uint32_t reports;
    struct duration rtt; /* median; zero: unknown */
    struct prefix from;  /* whose they are: of the location, or of a wider prefix */
};

/* False: none has told. */
bool core_fare(const struct core *core, const struct prefix *location, struct core_fare *out);

/* A peer as a backup, and which rule of topo/rank.h put it there. */
struct core_ranked {
    struct rank_candidate candidate;
    uint32_t peer; /* index in the policy */
    uint8_t place; /* 1 for the first, 0 for one that is kept out */
    enum rank_rule rule;
};

struct core_ranking {
    struct name service, profile, source; /* in: empty for any; out: those that were taken */
    struct prefix location;               /* in: of the clients; none: anywhere */
    bool damped_too;                      /* for want of others */
    struct name begins_at;        /* a new session of that kind; empty: it would be refused … */
    enum core_redirect redirect;  /* … why not here … */
    enum rank_rule redirect_rule; /* … and what tells that peer from us, if it is better */
    uint32_t count;
    struct core_ranked rows[POLICY_PEERS_MAX];
};

/* Who would back such a session up as of now, and why; with NULL for the session equals come by
 * name and are not dealt. An error says what of ours is not there; ERR_SOURCE_FAILED: no node of
 * ours that makes it is registered. */
enum err core_rank(const struct core *core, const struct session_id *session,
                   struct core_ranking *out);

/* draining, full or better; empty for CORE_REDIRECT_NOT. */
const char *core_redirect_name(enum core_redirect why);

const struct ledger *core_ledger(const struct core *core);
const char *session_state_name(enum session_state s);

#endif
