/*
 * The inside of a peerclient, shared by the files of this folder only.
 */
#ifndef TRANSCODER_CLIENT_CLIENT_H
#define TRANSCODER_CLIENT_CLIENT_H

#include "peerd/net/http_client.h"
#include "peerd/net/loop.h"
#include "peerd/net/udp.h"
#include "peerd/wire/api.h"
#include "transcoder/client/peerclient.h"
#include "transcoder/rtp/stats.h"
#include "transcoder/timeline/passes.h"
#include "transcoder/timeline/playout.h"
#include "transcoder/timeline/prober.h"
#include "transcoder/timeline/witness.h"

#include <stdatomic.h>

#define CLIENT_CLUSTERS_MAX  16
#define CLIENT_URL_LEN_MAX   255 /* [characters] of a cluster's base URL */
#define CLIENT_TOKEN_LEN_MAX 255 /* [characters] */
#define CLIENT_SLOTS_SPARE   64  /* slots beyond the buffer's depth: 1.28 s of being ahead */

struct peerclient {
    struct peerclient_config config; /* texts are copies */
    char *texts;                     /* the one allocation that they live in */
    size_t texts_size;               /* [bytes] */
    const char *clusters[CLIENT_CLUSTERS_MAX];

    struct net_loop *loop;    /* the first one's, of those who share a thread */
    struct peerclient *first; /* of those; itself if it is alone */
    struct peerclient *next;  /* made beside the first, the newest first */
    size_t running;           /* of the first: sessions of that thread that have not ended */
    int stop_fd; /* eventfd: the only way in from other threads and from signal handlers */
    struct net_watch *stop_watch;
    atomic_bool stop_wanted; /* from the moment that peerclient_stop was called */
    enum peerclient_end end;
    char detail[256];

    /* opening.c */
    struct net_http_client *http;
    size_t cluster;         /* that is being asked */
    struct instant give_up; /* of opening */
    struct net_timer open_again;
    struct instant ask_again_at[CLIENT_CLUSTERS_MAX]; /* "never": it will not change its mind */
    enum peerclient_end open_failure;                 /* worth telling if all fail */
    char idempotency[2 * SESSION_ID_BYTES + 1];
    struct key_pair key; /* of this session only */
    struct api_session_answer session;

    /* the session */
    bool opened;
    struct net_udp *udp;
    struct position position;
    struct playout playout;
    struct playout_slot *slots;
    uint8_t *payloads;
    struct witness witness;
    struct witness_outbox outbox;
    struct passes passes;
    struct prober prober; /* heeded if the cluster wants round trips to be told */
    struct trace trace;
    struct net_timer timer; /* the earlier of the witness's and the playout's deadline */
    struct rtp_stats stats; /* of the serving server's stream, for RTCP */
    uint8_t stats_of;       /* whose they are */
    struct rtcp_clock clock;
    uint32_t own_ssrc; /* of our receiver reports */
    char
        cname[2 * SESSION_ID_BYTES + 1]; /* likewise; random and for this session only (RFC 7022) */
    uint64_t foreign;
};

/* client.c */
void client_finish(struct peerclient *c, enum peerclient_end end, const char *detail);
void client_session_opened(struct peerclient *c);

/* Hands an event to the witness, carries out what it wants, arms the timer. */
void client_step(struct peerclient *c, struct witness_event *event);

/* opening.c */
void client_random_text(char out[2 * SESSION_ID_BYTES + 1]);
void opening_begin(struct peerclient *c);
void opening_end(struct peerclient *c);

/* arrivals.c */
void arrivals_datagram(void *data, const struct net_datagram *datagram, struct instant now);

/* probing.c */
void probing_begin(struct peerclient *c);
void probing_due(struct peerclient *c, struct instant now);
struct instant probing_deadline(const struct peerclient *c);

/* A datagram that no server of the session has sent. False: nor has anybody who was probed. */
/* Whoever serves names others to measure; false: nobody waits for it. */
bool probing_named(struct peerclient *c, const struct message *m,
                   const struct net_datagram *datagram);
bool probing_datagram(struct peerclient *c, const struct net_datagram *datagram);

/* What is known of round trips, into the report. */
void probing_report(const struct peerclient *c, struct peerclient_report *out);

/* departures.c */
void departures_send(struct peerclient *c, const struct witness_out *out);

/* Asks a server for a pass, if it is time to. */
void departures_knock(struct peerclient *c, uint8_t server, struct instant now);

#endif
