/*
 * A worker: one process, one media port, many sessions, one loop.
 *
 *     datagrams -> door -> tenure -> deeds -> sessions -> RTP
 *                            ^         |
 *              link: briefing+         +-> link: snapshots to the supervisor
 *
 * The door reads datagrams and verifies cookie, ticket and signature; tenure decides; deeds carries
 * out what it decided; sessions send. This header is what those files share; the program outside
 * this folder calls worker_run only.
 *
 * No state is kept for strangers: a cookie first, then ticket and signature, then tenure. What does
 * not verify is refused with its reason; reasons are counted and logged every ten seconds. An
 * address that presents too much of it is not listened to for a second (guard.h).
 *
 * Cost. One wake-up serves all sessions due within a millisecond, with one sendmmsg for 32 packets.
 * Frames are made ahead of that, in batches, one session after the other. A start's pre-roll is
 * done in slices of ten frames between the others' frames, first come first served. With 100
 * sessions of Opus a frame takes 61 µs, four fifths of it in libopus and libswresample. Left out
 * one by one: clients' reports are 3.9 µs of it, 2.1 of these for verifying; sending is 2.2,
 * encoders' laps are 1.3. Huge pages for the heap changed nothing. test/bench/worker_bench.c
 * measures, memory as well.
 */
#ifndef TRANSCODER_WORKER_WORKER_H
#define TRANSCODER_WORKER_WORKER_H

#include "peerd/net/log.h"
#include "peerd/net/udp.h"
#include "transcoder/timeline/probed.h"
#include "transcoder/timeline/queue.h"
#include "transcoder/timeline/tenure.h"
#include "transcoder/worker/guard.h"
#include "transcoder/worker/link.h"
#include "transcoder/worker/options.h"
#include "transcoder/worker/session.h"

#define WORKER_SLOTS        4096         /* sessions and tombstones; full: ERR_FULL */
#define WORKER_LINK_QUEUE   (16UL << 20) /* [bytes] what the supervisor may leave unread */
#define WORKER_FIGURES_MS   1000         /* [ms] between snapshots of a session that goes on … */
#define WORKER_LOST_MS      400          /* [ms] … and loses frames, which is news */
#define WORKER_RETRY_MS     1000         /* [ms] Retry-After of refusals for want of credit */
#define WORKER_DRAINING_MS  2000         /* [ms] while draining: well within a client's patience */
#define WORKER_SOCKET_BYTES (4 << 20)    /* [bytes] asked of the kernel for the socket's buffers */
#define WORKER_DSCP         46           /* expedited forwarding, RFC 3246: voice */
#define WORKER_TURN_MS      20           /* [ms] of sending at a stretch */
#define WORKER_MAKING_MS    60   /* [ms] in which sessions that want frames gather; have 100 */
#define WORKER_MAKING_US    4000 /* [µs] of making frames ahead at a stretch */
#define WORKER_WARMING_US   4000 /* [µs] of pre-roll at a stretch */
#define WORKER_SSRC_COUNT   8192 /* places in the index from SSRC to session … */
#define WORKER_SSRC_PLACES  4    /* … of which one session may have any of so many */
#define WORKER_PERIOD_S     30   /* [s] of a cookie */
#define WORKER_PASSES_PER_S 200  /* handed out at most: 2 % of a core. Half to one address … */
#define WORKER_PASSES_FEW   25   /* … and the rest to who has had fewer in this second */
#define WORKER_OTHER_KEYS   8    /* of the cluster, beside the one in force */
/* What a worker goes by; replaced as a whole. */
struct briefing {
    struct link_config config;
    struct key_hint self;                      /* hint of the cluster's key */
    struct key_hint others[WORKER_OTHER_KEYS]; /* … and of those that it will have, or had */
    size_t other_count;
    bool complete; /* has the cluster's name and key */
    struct catalogue catalogue;
    struct ticket_issuer issuers[NODE_ISSUERS_MAX];
    size_t issuer_count;
};

struct worker {
    const struct options *options;
    uint32_t index; /* of its place, which it has if … */
    bool placed;
    struct net_loop *loop;
    struct net_log *log;
    struct link *link;
    struct net_udp *udp;      /* NULL until the supervisor has said all that a start needs */
    struct briefing briefing; /* in force */
    struct briefing next;     /* being received */
    bool receiving;           /* between begin and end of one */
    struct tenure tenure;
    struct guests guests;
    struct board *board; /* shared with the other workers */
    struct tenure_outbox outbox;
    struct trace trace;
    struct session *sessions[WORKER_SLOTS]; /* NULL where tenure holds none */
    struct due due;                         /* session_deadline by slot */
    struct net_timer media_timer;           /* for due */
    struct net_timer tenure_timer;          /* for tenure_deadline */
    struct net_hook turn;                   /* flushes snapshots */
    struct session *first_dirty, **last_dirty;
    uint32_t warming[WORKER_SLOTS]; /* slots in pre-roll, first come first served */
    uint32_t warming_count;
    /* By how much pre-roll others begin. Not so a session adopted from a worker that died: its
     * client goes by the promise of the grant that it has. */
    struct queue queue;
    struct net_timer warming_timer; /* another slice in the next turn */
    uint32_t making[WORKER_SLOTS];  /* slots that want frames made ahead, first come first served */
    uint32_t making_count;
    struct net_timer making_timer;
    struct rng rng;
    struct guard guard;         /* addresses that resume; a cookie proves them */
    struct guard reports_guard; /* sessions that report; see guard_who_names */
    struct guard knocks_guard;  /* addresses that have had passes */
    struct session_counters counters;
    int64_t late_us;     /* [µs] sum of how late sessions were served since the last status … */
    uint32_t late_count; /* … and of how many turns of sessions */
    struct probed probed;
    struct probed knocked;   /* of those who ask for a pass */
    uint64_t dropped;        /* datagrams that made no sense */
    uint64_t dropped_logged; /* of these, mentioned in the log */
    uint64_t refused[ERR_COUNT];
    struct window told[WINDOWS_MAX];     /* windows, as the supervisor knows them */
    uint16_t by_ssrc[WORKER_SSRC_COUNT]; /* slots */
};

/* Runs until the supervisor is gone. Returns an exit status. */
int worker_run(const struct options *options);

/* ---- briefing.c: what the supervisor says ---- */

void briefing_received(struct worker *w, enum link_kind kind, const void *body);

/* The hint by which a client calls our cluster, if it is one of ours; else that of the key in
 * force: who came before the key was changed goes on calling it by the one that it knows. */
const struct key_hint *briefing_called(const struct briefing *b, const struct key_hint *target);

/* The issuer of a ticket; NULL if it is our own cluster. */
const struct name *briefing_guest(const struct briefing *b, const struct name *issuer);

/* ---- door.c: what comes in at the media port ---- */

/* peerd names others for the client of a session here to measure. */
void door_named(struct worker *w, const struct node_named *named, struct instant now);

void door_datagram_received(struct worker *w, const struct net_datagram *datagram,
                            struct instant now);

/* Opens a feed for a ticket that the catalogue admits. */
enum err door_open_feed(struct worker *w, const struct catalogue_source *source,
                        const struct catalogue_profile *profile, const struct ticket *ticket,
                        struct feed **out);

/* Counts a refusal or a drop by its reason. */
void worker_count(struct worker *w, enum err reason);

/* ---- deeds.c: what tenure decided is done ---- */

/* On whose behalf tenure was asked; all borrowed for the call. */
struct deeds_question {
    struct addr from;   /* where answers go */
    uint64_t nonce;     /* that they repeat */
    bool silent;        /* nobody asked: a session is adopted */
    struct addr client; /* of a new session */
    /* For a session that is not held yet; `feed` is taken and becomes NULL if it was used. */
    const struct ticket *ticket;
    const char *token;
    size_t token_len;
    const struct catalogue_profile *profile;
    struct feed *feed;
    uint16_t silent_ms;
};

/* Steps tenure with an event and does what follows from it; `question` is NULL if nobody asked. The
 * outbox is left as it was read. May free sessions. */
void deeds_step(struct worker *w, const struct tenure_event *event,
                struct deeds_question *question);

/* Whose RTP stream that is; NULL if nobody's here. */
struct session *worker_session_of(struct worker *w, uint32_t ssrc);

/* Answers that never reached tenure. */
void deeds_refuse(struct worker *w, const struct addr *to, const struct message_refuse *refusal,
                  uint64_t nonce);

/* ---- worker.c ---- */

/* Which socket is its own: said once, before anything else. */
void worker_place(struct worker *w, uint32_t index);

/* Opens the port. Until then datagrams wait in the socket: questions about sessions that are being
 * adopted must not be answered by somebody who does not know them yet. */
void worker_begin(struct worker *w);

/* The session's deadline, pre-roll or end may have changed. */
void worker_session_settle(struct worker *w, struct session *s, struct instant now);

/* A snapshot is due for the supervisor. */
void worker_session_dirty(struct worker *w, struct session *s);

/* Listens to a new session's feed. */
void worker_session_watch(struct worker *w, struct session *s);

/* Tenure's deadline may have changed. */
void worker_tenure_settle(struct worker *w);

/* Removes a session that tenure has forgotten. */
void worker_session_forget(struct worker *w, uint32_t slot, enum err why);

#endif
