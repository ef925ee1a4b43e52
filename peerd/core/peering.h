/*
 * A peering: all we know of one peer, and all we are about to say to it.
 *
 * Files: peering.c sends and takes beats; judging.c turns detector, remains and witnesses into the
 * verdict; testimony.c counts what its clients say; flaps.c damps whom one cannot rely upon;
 * media_alive.c answers the nodes of a peer whose peerd is silent.
 *
 * Beats leave every interval, until the path is measured; then as often as its detector wishes or
 * the peer asks (monitor/cadence.h), within what policy permits; and where policy says so more
 * often while some peer is suspected, all others being asked for as many. They leave at once in
 * three cases, rate-limited to a quarter interval: we have come to suspect the peer (the beat asks
 * for an answer), a peer suspects us, or a run of the peer not confirmed yet needs something to
 * echo. On suspicion of one peer all others are asked too: their views come back with their
 * answers. Both are asked again and again, as often as that limit allows, until the one has
 * answered and the others have told: one answer that gets lost must not convict.
 *
 * Views cost more than all else in a beat, and while nothing happens nobody looks at them. So they
 * ride every third beat then; and on each that answers, asks, leaves while we suspect somebody or
 * goes to a peer whose own verdict on somebody hangs on them, as it says in its beats; and on the
 * next to leave after a verdict of ours has changed, which is at once.
 */
#ifndef PEERD_CORE_PEERING_H
#define PEERD_CORE_PEERING_H

#include "monitor/damping.h"
#include "monitor/detector.h"
#include "monitor/verdict.h"
#include "peerd/core/causes.h"
#include "peerd/core/history.h"
#include "peerd/core/list.h"
#include "peerd/core/origins.h"
#include "peerd/core/outbox.h"
#include "peerd/core/room.h"
#include "peerd/core/testimony.h"
#include "peerd/policy/policy.h"
#include "peerd/wire/beat.h"
#include "peerd/wire/description.h"
#include "peerd/wire/echo.h"
#include "topo/rank.h"

struct accord;
struct core;
struct core_event;

#define PEERING_NOBODY      UINT8_MAX
#define PEERING_MEDIA_MAX   4 /* nodes of a headless peer listened to: one is enough to know */
#define PEERING_TRACE_AGAIN duration_s(1)  /* lines about dropped beats, at most */
#define PEERING_WISH_AGAIN  duration_s(60) /* lines about what a path allows, at most */
#define PEERING_VIEWS_EVERY 3              /* usual intervals: views are told so often at least */
#define DESCRIPTION_AGAIN   duration_s(5)
#define DESCRIPTION_SOON    duration_ms(500) /* just started: no node has registered yet … */
#define DESCRIPTION_SOONS   20               /* … after so many it has none, or no source */
#define DESCRIPTION_RETRY   duration_s(1)
#define DESCRIPTION_TIMEOUT duration_s(5) /* if io never comes back to us */

/* What this peer last said of another one. */
struct peering_view {
    bool known;
    struct instant told_at;
    struct beat_view view;
};

/* Whom a view of its beats is about. */
struct peering_about {
    struct key_hint hint;
    bool known;
    uint8_t index; /* in our policy; PEERING_NOBODY: no peer of ours */
};

/* A node of this peer that beats in its peerd's place. */
struct media_alive {
    uint8_t node;
    bool answer; /* a beat of it waits for our answer */
    struct addr from;
    struct instant heard;
    struct instant life_at; /* "never": not proven */
    struct echo echo;
};

/* What is looked at of every peering in every step, or goes into every beat: it lies together in
 * the core, since peerings are large and there may be many. */
struct peering_face {
    struct instant due;     /* not later than peering_deadline: whoever changes one of its terms
                               touches the peering, and the next step looks again */
    struct instant life_at; /* newest proof; "never" for none */
    struct key_hint hint;
    uint32_t rtt_ms;          /* [ms] as a view says it; 0: unknown */
    uint8_t loss_permille_x4; /* likewise */
    uint8_t verdict;          /* enum verdict */
    uint8_t opinion;          /* enum detector_opinion */
};

struct peering {
    struct policy_peer policy;
    uint32_t index; /* in the policy */
    struct key_hint hint;
    struct key_hint former_hint; /* of its key before; all zero: none */

    struct echo echo;
    struct detector detector;
    struct verdict_result verdict;
    struct instant verdict_since;
    struct instant back_since;      /* it is relied upon, or only suspected, again */
    struct history history;         /* of verdicts */
    struct instant heard_at;        /* newest beat of it, whatever it proves; "never" for none */
    struct instant suspected_since; /* it was trusted last; "never" while it is */
    struct instant expired_since;   /* of the detector; "never" while it has not */
    struct instant wish_told; /* when we last said that the path is too bad for the wish, or no
                                 longer; "never": not yet */
    bool wish_unmet;          /* said last */

    struct instant beat_at;   /* next beat */
    struct instant beaten_at; /* last beat; "never" for none */
    struct instant viewed_at; /* last beat with views; "never" for none … */
    uint64_t viewed_changes;  /* … and how often verdicts had changed by then */
    bool ask;                 /* the next one asks for an answer */
    bool asked;               /* the next one answers */
    uint32_t asked_ms;        /* [ms] the interval it wishes of us; 0 none */

    uint64_t boot;              /* confirmed run; 0 for none */
    struct instant boot_since;  /* it follows another one since then; "never": it does not */
    enum causes_failure failed; /* what of it died last, as it tells … */
    struct instant failed_at;   /* … and when; "never": nothing */
    uint64_t told_up_to;        /* entry of our ledger; see counterpart.h … */
    uint32_t told_times;        /* … and so often the next one; … */
    uint64_t told_most;         /* … up to here only what had been called off is told again */
    uint64_t candidate;         /* run last traced as not proven yet */
    uint64_t seq;               /* highest of that run: gaps are losses */
    double loss;                /* 0..1, smoothed */
    struct duration rtt;        /* smoothed; endless: unknown */
    uint32_t said_sessions;
    uint32_t said_free;
    struct room room;
    bool said_draining;
    struct instant drained_at; /* … for the last time; "never" */
    bool said_recovering;
    bool said_listens;
    bool takes_blocks; /* as it describes itself; false while its run may be of an older version */
    struct peering_view views[POLICY_PEERS_MAX];
    struct peering_about about[BEAT_VIEWS_MAX]; /* by place in its beats */
    uint64_t replayed;                          /* beats dropped … */
    struct instant replay_traced;               /* … and when we last said so */

    struct testimony testimony; /* what its clients say */

    struct damping damping;    /* of its coming and going */
    struct instant calm_at;    /* when to look whether it is over; "never" unless damped */
    struct instant gone_since; /* it was given up; "never" while it is not */
    bool gone_crashed;         /* and was believed crashed since then */

    struct media_alive *media[PEERING_MEDIA_MAX]; /* owned; NULL where free */
    struct instant media_since;                   /* first word in this silence; "never" */

    bool described;
    struct description description; /* owned copy */
    struct instant described_at;
    struct origins_heard origins;
    uint32_t audience_turn;   /* the row that it is told of next */
    uint32_t making_turn;     /* likewise the origin, see making.h */
    struct instant fetch_at;  /* "never" until it is heard */
    uint8_t described_partly; /* so many in a row lacked something */
    uint8_t refused_err;      /* enum err of the newest refusal; ERR_OK: what came since was good */
    uint16_t number;          /* of all in this run; as what monitor/perf knows it */
    uint32_t refused;         /* answers that another had made, or under another's name */
    struct rank_place place;

    struct accord *accord; /* owned, see agreements.h; NULL: nothing was agreed or refused */

    struct list groups;          /* of ours, that count on it */
    struct instant lodge_at;     /* "never": nothing to say */
    struct instant lodge_next;   /* when the lodging must be repeated anyway */
    bool lodge_stated;           /* it may believe in a lodging of ours */
    uint32_t lodged_slots;       /* that it set aside */
    uint32_t here;               /* sessions of its tickets in our table, in any state … */
    uint32_t served;             /* … of them those that are served here */
    uint32_t promised;           /* standbys here of sessions that it serves … */
    uint32_t promised_elsewhere; /* … and of its tickets that another peer serves: see promises.h */
    uint32_t held_count;         /* groups lodged with us */
    uint32_t held_slot_sum;      /* set aside for them */
    uint32_t sent_on;            /* new sessions that began there, on our word, … */
    struct instant sent_since;   /* … since then, see redirect.h */
    uint32_t digest_told;        /* number of the newest digest that it was sent */
    struct instant held_until;   /* "never" with none */
};

/* What is asked of the detector of such a peer. */
struct detector_wish peering_wish(const struct policy_detection *d, const struct policy_peer *p);

struct peering *peering_new(struct core *core, const struct policy_peer *policy, uint32_t index);

/* Accepts NULL. Its groups must have been lodged elsewhere. */
void peering_free(struct peering *p);

/* CORE_BEAT_RECEIVED. */
void peering_beat_received(struct core *core, const struct core_event *event);

/* Sends what is due, as far as the outbox has room; all but what is lodged with it. */
void peering_step(struct core *core, struct peering *p, struct core_outbox *outbox);

/* That, once every peer that is due has been stepped. */
void peering_lodge(struct core *core, struct peering *p, struct core_outbox *outbox);
struct instant peering_deadline(const struct peering *p);

/* Something about it has changed: its deadline is computed anew. */
void peering_touch(struct core *core, const struct peering *p);

/* Brings its face up to date. */
void peering_show(struct core *core, const struct peering *p);

/* Wants a beat to leave as soon as the rate limit allows. */
void peering_beat_soon(struct core *core, struct peering *p);

/* Fills everything but the echo fields; views, if they are due. */
void peering_fill_beat(const struct core *core, const struct peering *about_to, struct beat *beat);

struct peering *peering_by_hint(const struct core *core, const struct key_hint *hint);
struct peering *peering_by_name(const struct core *core, const struct name *name);

void peering_check_invariants(const struct core *core);

/* ---- judging.c ---- */

/* Lets the detector's time pass, and judges anew; traces and reacts if the verdict changes. */
void peering_judge(struct core *core, struct peering *p);

/* True if it owes us an answer: a suspect does, and a witness that has not told enough of one. */
bool peering_is_asked(const struct core *core, const struct peering *w);

/* When its beat is late enough to be asked for; "never" unless it is trusted. */
struct instant peering_late_at(const struct peering *p);

/* True if groups may be lodged there. */
bool peering_counts(const struct peering *p);

/* A witness has spoken: those who depend on it are judged anew. */
void peering_judge_others(struct core *core, const struct peering *witness);

/* ---- flaps.c ---- */

/* By what those who come and go are damped. */
struct damping_rule peering_damping_rule(const struct core *core);

/* Its verdict is another one now. */
void flaps_note(struct core *core, struct peering *p);

/* Its damping may be over: time has passed, or the policy is another. */
void flaps_calm(struct core *core, struct peering *p);

/* ---- media_alive.c ---- */

void media_alive_received(struct core *core, struct peering *p, const struct core_event *event);
void media_alive_step(struct core *core, struct peering *p, struct core_outbox *outbox);
bool media_alive_waits(const struct peering *p);
void media_alive_free(struct peering *p);

/* Newest proof, and newest word, of any node; "never" for none. */
struct instant media_alive_life(const struct peering *p);
struct instant media_alive_heard(const struct peering *p);

#endif
