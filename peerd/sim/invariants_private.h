/*
 * What the files of invariants_*.c share: what they remember from step to step. Private to them.
 *
 * All of it is told from outside the machines, from what goes in and comes out, and holds only as
 * much as a check needs; memory is taken when there is something to remember. What is compared with
 * a machine's own instants is kept by its own clock (clock.h), the rest in true time.
 */
#ifndef PEERD_SIM_INVARIANTS_PRIVATE_H
#define PEERD_SIM_INVARIANTS_PRIVATE_H

#include "peerd/sim/invariants.h"
#include "peerd/sim/shelf.h"

#define SLACK     duration_s(3)  /* packets under way, checks a second apart */
#define TIMER     duration_ms(1) /* a timer is exact in virtual time, clocks drift a little */
#define CLOSELY   32             /* clusters: of more not every word is weighed, which takes time */
#define OPENS_MAX 64             /* opens whose instants are remembered */
#define BEATS_MAX 128            /* sends to a peer whose instants are remembered */

/* ---- workers ---- */

/* What tenure had before the step under way. */
struct watch_before {
    uint32_t slot; /* of the session that is asked about; TENURE_SLOT_NONE */
    enum tenure_state state;
    uint32_t epoch;
    struct instant lease;
    bool ending; /* its client was being told that this is the end */
};

/* ---- clusters ---- */

/* An instant of a peerd by its own clock, and for how long it had been stopped until then. */
struct watch_moment {
    struct instant at; /* "never": there is none */
    struct duration asleep;
};

/* One peer of a cluster, as the cluster's peerd could know it. */
struct watch_peer {
    uint64_t boot; /* under which beats to it are sent */
    uint64_t seq;
    struct watch_moment sent[BEATS_MAX]; /* by seq */
    uint16_t promised_ms;                /* [ms] until the next beat; 0: none was sent */
    struct instant heard;                /* its newest beat that echoed us */
    struct instant told;                 /* its newest word of others */
    bool asked;                          /* it wants an answer, and has none yet */
    bool listens;                        /* it wants views in each beat */
    struct instant said_at;              /* newest beat to it with views … */
    uint64_t said;                       /* … and the verdicts in them, as one number */
    uint64_t peer_boot;
    uint32_t echoes;                /* beats in a row that echoed us under that boot */
    struct watch_moment life;       /* proven for certain */
    struct watch_moment life_any;   /* of any echo, whoever sent it */
    uint64_t media_boot, media_seq; /* newest answer to a node of it … */
    struct watch_moment media_sent; /* … and when it went */
    struct watch_moment media_life; /* a node has proven that media lives */
    struct instant media_heard;     /* newest word of one */
    uint32_t media_echoes;
    uint64_t taken_boot, taken_high, taken; /* confirmed run, and beats of it that were taken … */
    uint64_t retired_boot;                  /* … and the run before it */
    bool repeats;                           /* the beat under way was taken before */
    struct instant lodged_at;    /* we lodged with it, or should have begun to; "never": no need */
    struct instant forgotten;    /* newest echo of a beat that is not remembered; "never" */
    struct instant lodged_until; /* what it lodged with us; "never": nothing */
    struct instant stated_off;   /* since when it knows less or more than there is; "never": not */
    uint32_t stated_groups, stated_sessions; /* what we lodged last */
    uint64_t stated_boot;                    /* … and to which run of it */
    int64_t rtt_least_us, rtt_most_us;       /* of all samples */
    bool rtt_known, rtt_unsure;              /* there was one; one is not remembered */
    uint32_t said_sessions, said_free;       /* in its newest beat */
    uint32_t said_room;                      /* for this one's sessions … */
    struct instant room_since;               /* … and never less since then */
    bool said_draining, said_recovering;
    bool believed_dead; /* since it was trusted last */
    uint8_t flaps;      /* as counted then, the lowest bits */
    enum verdict verdict;
};

struct watch_node {
    uint64_t boot, seq;  /* newest report that peerd took */
    uint64_t sent;       /* highest order that an answer held, … */
    uint64_t sent_boot;  /* … under this boot */
    uint64_t taken_on;   /* orders up to this one, as it says itself … */
    uint64_t taken_boot; /* … under this boot */
    bool registered;
    bool complete;             /* before the step under way */
    uint64_t running;          /* bit i: its worker i, by its newest report */
    struct watch_moment heard; /* its newest report */
    uint64_t former;           /* the run before that one; 0: none was heard … */
    uint32_t former_words;     /* … and how often it has spoken since */
    bool registered_before;    /* the step under way */
    bool grants;               /* it was granted something, under … */
    uint64_t grant_boot;       /* … this boot, newest in the answer to … */
    uint64_t grant_seq;        /* … this request: */
    uint32_t granted;          /* [sessions] so much; but it may believe in … */
    uint32_t owed;             /* [sessions] … so much … */
    struct instant owed_until; /* … until then */
};

struct watch_site {
    uint64_t run; /* of its peerd; all of this is about that one */
    struct watch_peer *peers;
    struct watch_node *nodes;
    bool recovered;
    uint64_t nodes_lost;
    uint64_t replayed; /* beats dropped as replays before the step under way */
    uint32_t suspects; /* peers, before the step under way */
    bool draining;
    bool drain_spoken;     /* by an operator of this run, be it its end */
    uint64_t drain_number; /* of the newest word that a node has told */
    bool drain_named;      /* somebody was named who shall have them, since then */
    struct instant drain_since;
    uint32_t drain_most;                         /* [sessions] to go at a time, since then */
    uint64_t drain_orders;                       /* sessions ordered to go, since then */
    struct instant drain_earliest, drain_latest; /* deadlines that were told, since then */
    double tokens;                               /* opens that may be answered */
    struct instant filled;
    struct instant opened[OPENS_MAX]; /* by number modulo the size */
    uint64_t opens, abandoned;        /* so far */
    uint32_t opened_before, started;  /* before the report under way; of those, in it */
    uint64_t abandoned_before, lost_before, stale_before;
    uint64_t ledger;        /* entries seen */
    uint64_t ledger_before; /* … before the step under way */
    uint64_t settled;       /* entries whose cause has been looked at */
    uint64_t verdicts;      /* changed, as of the last full check */
};

/* ---- listeners ---- */

struct watch_client {
    enum witness_state state;
    uint32_t serving;      /* worker; UINT32_MAX none */
    struct instant framed; /* its newest frame arrived */
    uint64_t counter;      /* newest sent */
    uint32_t epoch_asked;  /* newest commit, and … */
    uint8_t asked;         /* … whom */
    uint8_t lodged;        /* the server that stands by, … */
    uint32_t refusals;     /* … as of so many refusals */
    uint32_t framed_by;    /* the worker whose frame is under way; UINT32_MAX none */
    struct instant lodged_until;
    struct instant since; /* it opened its session */
    uint16_t hedging;     /* bit i: at server i, before the step under way */
    bool asks;            /* an attempt was under way, … */
    uint32_t epoch_high;  /* … before the step under way */
    struct instant moved; /* to another server, newest; "never" */
    struct budget moves;
    uint64_t moves_made;
    bool late; /* on its way to another server when everything was to be whole */
    bool calm; /* as of the last full check it followed, and: */
    uint64_t lost, hedges, commits;
};

/* What a server has said to a listener, while it is taken. */
struct watch_word {
    bool any;
    enum witness_event_kind kind;
    uint8_t server;
    enum resume_purpose purpose;
    enum err error;
    uint64_t forged; /* answers that it took for none, before */
};

/* Of a listener, in a small world: the hedges that it may still ask for, … */
struct watch_purse {
    int64_t left_us;   /* [µs] at one a minute */
    struct instant at; /* as of then, … */
    uint64_t spent;    /* … so many having been asked for */
};

/* … and the answer that it was given last to the same question. */
struct watch_answer {
    uint32_t cluster;
    uint64_t run; /* of its peerd; 0: none was given */
    struct instant at;
    struct session_id session;
};

/* A session that an operator has asked to be moved. */
#define WATCH_ASKED_MAX 32 /* the newest */
struct watch_asked {
    uint32_t site;
    struct session_id session;
    struct name to;
};

struct sim_watch {
    uint32_t checks;              /* in full, so far */
    struct watch_answer *answers; /* by client; NULL in a crowd */
    struct watch_purse *purses;   /* likewise */
    struct watch_site *sites;
    struct watch_client *clients;
    struct watch_before before;
    struct watch_word word;
    struct watch_asked asked[WATCH_ASKED_MAX];
    uint32_t asked_count;     /* so far */
    struct instant disturbed; /* the scenario's newest entry */
    uint32_t disturbances;
    bool calm; /* as of the last full check nothing had been done to anybody for long */
};

/* Ends the run; the first breach is the cause of the others. */
__attribute__((format(printf, 2, 3))) void sim_breach(struct sim *sim, const char *format, ...);

const char *watch_cluster(const struct sim *sim, uint32_t cluster);

/* Time that a process spent stopped so far. */
struct duration watch_asleep(const struct sim *sim, const struct sim_process *p);
struct watch_moment watch_now(const struct sim *sim, const struct sim_site *site);

/* A peerd cannot know when it was stopped, only that it missed a deadline: of a beat, mostly. So
 * much of its absences it may take for time in which it ran. */
struct duration watch_unknown_stop(const struct sim_site *site);

/* Time in which a process did not run, or was started anew, is not held against it. */
struct instant watch_counts_from(const struct sim *sim, const struct sim_process *p,
                                 struct instant since);

/* The same of a peerd, by its own clock. */
struct instant watch_site_counts_from(const struct sim *sim, const struct sim_site *site,
                                      struct instant since);

/* ---- invariants_leases.c ---- */

void watch_holders_stepped(struct sim *sim, struct sim_worker *w);
void watch_holders_died(struct sim *sim, struct sim_worker *w);
void watch_holders(struct sim *sim, struct sim_client *c);
void watch_fenced(struct sim *sim, const struct sim_worker *w, const struct tenure_event *e);
void watch_reclaimed(struct sim *sim, const struct sim_worker *w);

/* ---- invariants_slots.c ---- */

/* Had it a slot, of its worker's part or such as is kept for its peer? */
bool watch_has_slot(const struct sim *sim, const struct sim_worker *w, uint32_t slot,
                    const struct tenure_event *e);

/* Would that listener find one now? */
bool watch_finds_slot(const struct sim *sim, const struct sim_worker *w,
                      const struct sim_client *c);

/* It is a newcomer: no more of its peer than may come, and nothing that is kept for others. */
void watch_slot_taken(struct sim *sim, const struct sim_worker *w, uint32_t slot);

/* ---- invariants_sessions.c ---- */

void watch_sessions_stepped(struct sim *sim, struct sim_worker *w, const struct tenure_event *e);
void watch_sessions_died(struct sim_worker *w);

/* ---- invariants_probe.c ---- */

void watch_probes(struct sim *sim, const struct sim_worker *w);
void watch_heard_again(struct sim *sim, const struct sim_client *c);

/* ---- invariants_credit.c ---- */

void watch_credit_stepped(struct sim *sim, struct sim_worker *w);
void watch_credit_died(struct sim *sim, struct sim_worker *w);
void watch_opened(struct sim *sim, struct sim_site *site, const struct core_answer_open *a,
                  const struct core_event *e);
void watch_abandoned(struct sim *sim, struct sim_site *site);
void watch_credit(struct sim *sim, struct sim_site *site);

/* ---- invariants_grants.c ---- */

void watch_granted(struct sim *sim, struct sim_site *site, const struct core_answer_node *a,
                   const struct node_request *r);
void watch_grants(struct sim *sim, struct sim_site *site);

/* ---- invariants_beats.c ---- */

void watch_beat_sent(struct sim *sim, struct sim_site *site, const struct core_send_beat *b);
void watch_beat_received(struct sim *sim, struct sim_site *site,
                         const struct core_beat_received *e);
void watch_beat_taken(struct sim *sim, struct sim_site *site, const struct core_beat_received *e);
void watch_verdicts(struct sim *sim, struct sim_site *site);
void watch_beliefs(struct sim *sim, struct sim_site *site);

/* ---- invariants_tables.c ---- */

void watch_ledger(struct sim *sim, struct sim_site *site);
void watch_recovery(struct sim *sim, struct sim_site *site);
void watch_nodes(struct sim *sim, struct sim_site *site, const struct core_event *e);
void watch_tables(struct sim *sim, struct sim_site *site);

/* ---- invariants_agreements.c ---- */

/* May a session go there, by policy and by what was agreed; and how many could. */
bool watch_may_go(const struct sim_site *site, uint32_t peer, const struct name *service,
                  const struct prefix *location);
uint32_t watch_room_at(const struct sim_site *site, uint32_t peer);

/* Does that worker, which is the listener's server so, take on a session of its issuer, or (`held`,
 * in `slot`) go on with it, as far as agreements go? */
bool watch_lets_in(const struct sim *sim, const struct sim_worker *w, const struct sim_client *c,
                   uint8_t server, uint32_t slot, bool held);

void watch_agreements(struct sim *sim, struct sim_site *site);

/* ---- invariants_reports.c ---- */

void watch_reports(struct sim *sim, struct sim_site *site, const struct core_node_reported *e);
void watch_reported(struct sim *sim, struct sim_site *site, uint32_t node,
                    const struct node_request *r);

/* ---- invariants_opens.c ---- */

/* Has an operator asked for this session to be moved from there, to that cluster (NULL: any)? */
bool watch_asked_to_move(const struct sim *sim, uint32_t cluster, const struct session_id *session,
                         const struct name *to);

/* An open that is answered with a peer as the one that serves. */
void watch_redirected(struct sim *sim, struct sim_site *site, const struct core_answer_open *a,
                      const struct core_event *e);

void watch_promises(struct sim *sim, struct sim_site *site, const struct core_answer_open *a,
                    const struct core_event *e);

/* ---- invariants_lodgings.c ---- */

void watch_lodged(struct sim *sim, struct sim_site *site, const struct core_event *e,
                  const struct core_answer_standbys *a);
void watch_lodges(struct sim *sim, struct sim_site *site, const struct core_lodge_standbys *l);
void watch_lodging_answered(struct sim *sim, struct sim_site *site,
                            const struct core_standbys_answered *e);
void watch_stated(struct sim *sim, struct sim_site *site);
void watch_lodgings(struct sim *sim, struct sim_site *site);

/* ---- invariants_words.c ---- */

void watch_words_received(struct sim *sim, struct sim_site *site, const struct beat *b,
                          struct watch_peer *p);
void watch_words_sent(struct sim *sim, struct sim_site *site, const struct core_send_beat *b);
void watch_words_anew(struct sim *sim, struct sim_site *site, uint32_t peer);
void watch_words_taken(struct sim *sim, struct sim_site *site, uint32_t peer, const struct beat *b,
                       bool newest);

/* ---- invariants_drains.c ---- */

void watch_drain_begins(struct sim *sim, struct sim_site *site, const struct core_drain *d);
void watch_drain_ends(struct sim *sim, struct sim_site *site);
void watch_drain_told(struct sim *sim, struct sim_site *site, const struct core_node_reported *e);
void watch_orders(struct sim *sim, struct sim_site *site, const struct core_answer_node *a);
void watch_drain(struct sim *sim, struct sim_site *site);

/* ---- invariants_listeners.c ---- */

struct watch_client *watch_client_of(const struct sim *sim, const struct sim_client *c);
void watch_listener(struct sim *sim, struct sim_client *c);

/* ---- invariants_sent.c ---- */

void watch_sent(struct sim *sim, const struct sim_client *c);

/* True if it has just sent that server such a word. */
bool watch_is_sent(const struct sim *sim, uint8_t server, enum resume_purpose purpose);

/* ---- invariants_served.c ---- */

void watch_served(struct sim *sim, struct sim_client *c);

/* ---- invariants_ledgers.c ---- */

void watch_purse_filled(struct sim *sim, const struct sim_client *c);
void watch_purse(struct sim *sim, const struct sim_client *c);
void watch_word(struct sim *sim, const struct sim_client *c);

/* ---- invariants_waits.c ---- */

void watch_waits(struct sim *sim, const struct sim_client *c);

/* ---- invariants_whole.c ---- */

void watch_quiet(struct sim *sim);

#endif
