/*
 * Handover: one client and a few servers under virtual time, for tests of the timeline.
 *
 * The client is a witness with its playout buffer, each server a tenure with one pace a session;
 * between them lies a network with delay, jitter, loss and holes. Nothing is encoded or signed: the
 * messages travel as structs. Servers are numbered as in the witness: 0 serves first.
 */
#ifndef TEST_LIB_HANDOVER_H
#define TEST_LIB_HANDOVER_H

#include "transcoder/timeline/pace.h"
#include "transcoder/timeline/resend.h"
#include "transcoder/timeline/tenure.h"
#include "transcoder/timeline/witness.h"

#define HANDOVER_SERVERS_MAX  3
#define HANDOVER_SESSIONS_MAX 4
#define HANDOVER_FLYING_MAX   512   /* packets under way */
#define HANDOVER_MOVES_MAX    16    /* move records kept */
#define HANDOVER_TEXT_MAX     65536 /* [bytes] of trace kept */

struct handover_config {
    uint64_t seed;
    uint8_t servers;       /* 1…3 */
    struct duration depth; /* of the playout buffer */
    struct duration rtt[HANDOVER_SERVERS_MAX];
    struct duration jitter;            /* each way, uniform from zero */
    uint32_t loss_per_mille;           /* [‰] of every packet, either way */
    bool never_mergeable;              /* a codec like GSM */
    struct duration preroll;           /* a start costs the server so much */
    uint32_t hedges_per_minute;        /* of the servers; 0: a generous default */
    uint32_t client_hedges_per_minute; /* 0: the witness's default */
    struct duration lease;             /* of sessions and standbys; zero: 5 s */
    uint64_t end;                      /* frames of the source; 0: endless */
    bool deaf;                         /* servers send nothing again */
};

struct handover_server {
    bool alive;      /* the process runs */
    bool cut;        /* nothing passes, either way */
    bool mute;       /* media is lost, everything else passes */
    uint32_t boot;   /* changes with each start: old cookies are worth nothing */
    enum err refuse; /* if not OK: every resume is refused with it */
    struct tenure tenure;
    struct tenure_session sessions[HANDOVER_SESSIONS_MAX];
    struct due_entry due[HANDOVER_SESSIONS_MAX];
    uint32_t index[16];
    struct pace pace[HANDOVER_SESSIONS_MAX];
    struct resend resend[HANDOVER_SESSIONS_MAX];
    bool ended[HANDOVER_SESSIONS_MAX]; /* the end of the source has been told to tenure */
    uint64_t sent;                     /* media packets … */
    uint64_t resent;                   /* … and those sent again */
};

struct handover_packet {
    struct instant at; /* arrival */
    uint64_t order;    /* breaks ties */
    bool to_client;
    uint8_t server;
    bool media;
    bool again; /* media sent again */
    uint64_t frame;
    struct nack_question nack; /* to a server: not empty if it is one */
    struct message message;
};

struct handover {
    struct handover_config config;
    struct instant now;
    struct rng rng;
    struct witness witness;
    struct playout playout;
    struct playout_slot slots[PLAYOUT_SLOTS];
    uint8_t payloads[2 * PLAYOUT_SLOTS * 16];
    struct handover_server servers[HANDOVER_SERVERS_MAX];
    struct handover_packet flying[HANDOVER_FLYING_MAX];
    uint32_t flying_count;
    uint64_t packets;
    struct trace trace;
    char text[HANDOVER_TEXT_MAX]; /* every trace line: "[ms] who: what" */
    size_t text_len;
    struct witness_move moves[HANDOVER_MOVES_MAX];
    uint32_t move_count;
    bool ended;
    enum err ended_why;
    struct instant arrived_at;       /* newest useful arrival */
    struct duration arrival_gap_max; /* between useful arrivals, once playing */
    uint64_t arrived_high;           /* one past the highest frame that arrived */
    uint64_t disordered;             /* new frames that arrived behind a higher one */
    uint64_t wrong;                  /* frames played whose bytes are not theirs */
    struct handover_packet replay;   /* the newest commit that a client sent */
};

/* 2 servers, 200 ms, 40 ms round trips, no jitter, no loss. */
struct handover_config handover_config_default(void);

void handover_init(struct handover *h, const struct handover_config *config);

/* Lets `ms` of virtual time pass; invariants of every machine are checked after each step. */
void handover_run(struct handover *h, int64_t ms);

void handover_kill(struct handover *h,
                   uint8_t server); /* the process dies, the address stays mute */
void handover_restart(struct handover *h, uint8_t server); /* a new process with nothing in it */
void handover_order_move(struct handover *h, uint8_t server, uint8_t target, int64_t deadline_ms);

/* Sends the newest commit of the client once more, to whom it was sent. */
void handover_replay(struct handover *h);

/* Trace lines between two instants, without their times. */
const char *handover_text(const struct handover *h);

#endif
