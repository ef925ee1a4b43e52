/*
 * The link between the supervisor and one worker: plain structs over a SOCK_SEQPACKET pair.
 *
 * Both ends are the same binary on the same machine, so there is nothing to encode; a message of
 * unknown kind or wrong size closes the link all the same, because the other end may be a worker
 * that has gone mad. Monotonic instants may be passed as they are: all processes of a machine share
 * that clock.
 *
 * Down: the place, before anything else; configuration (begin, its parts, end: applied as a whole),
 * credit, which guests are bounded, orders, whom clients are to measure, sessions to adopt, the
 * word to begin, pings. Up: ready, the answer to each ping with counters, sessions as they change,
 * round trips that clients measured, who of them may be named others. Neither end ever waits for
 * the other: what the kernel does not take is queued up to a bound. The front of streams (front.h)
 * has such a link, too: it is told the configuration, says ready, and what it does each second.
 */
#ifndef TRANSCODER_WORKER_LINK_H
#define TRANSCODER_WORKER_LINK_H

#include "peerd/net/loop.h"
#include "peerd/wire/node.h"
#include "transcoder/timeline/guests.h"
#include "transcoder/worker/catalogue.h"

#define LINK_LEN_MAX 4096 /* [bytes] longest message */

/* Everything a session needs to go on in another process of this machine. */
struct link_session {
    struct node_session node; /* as peerd will be told; lease_ms counts from `at` */
    struct instant at;        /* when this was written */
    uint64_t counter;         /* highest counter seen from the client: fences replays */
    uint64_t live_frame;      /* while serving: the frame due at `live_at` */
    struct instant live_at;
    uint16_t ticket_len; /* [characters] */
    char ticket[TICKET_LEN_MAX];
};

struct link_config {
    uint8_t cookie_secret[32];     /* of the machine: a replacement knows the old cookies */
    struct name cluster;           /* empty until peerd has spoken */
    struct public_key cluster_key; /* all zero until then */
    struct node_limits limits;
    bool draining;
};

struct link_place {
    uint32_t index; /* of the worker that it is from now on, hence of its media socket */
};

struct link_credit {
    uint32_t slots;
    struct instant until;
};

/* Of which peers' sessions only so many may come, and where the board says how many. */
struct link_guests {
    struct guest_limit limits[NODE_GUESTS_MAX];
    uint32_t count;
    struct node_guest_services services;
};

/* So many of an issuer's were refused because of that, since this was said last. */
struct link_refused {
    struct name issuer;
    struct guests_turned_away more;
};

/* A cluster's window at a worker (transcoder/timeline/window.h). */
struct link_window {
    struct name issuer; /* empty: ours */
    uint32_t starts;    /* that may be under way */
    uint32_t under_way;
    uint64_t in_time, late, busy; /* starts, and refusals, since this was said last */
};

/* What the front has done since it began (shelf_counters), and what it is worth. */
struct link_streams {
    uint64_t hits, waited, refused;        /* requests for segments */
    uint64_t made, ahead, failed, dropped; /* segments */
    uint64_t bytes;                        /* [bytes] at hand */
    uint64_t cpu_us;                       /* [µs] of CPU that makers took */
    uint32_t makers;                       /* processes */
    uint32_t spare_ms;                     /* [ms/s] of CPU: see transcoder/hls/capacity.h */
    uint32_t renditions, slow;             /* of streams; of them those that are not offered cold */
};

/* What a rendition costs, whatever it is made of. */
struct link_rendition_cost {
    struct name rendition;
    uint32_t media_ms; /* [ms/s] of CPU for each second of media */
};

struct link_ping {
    uint64_t number; /* grows */
};

/* The answer to a ping, and what the power switch looks at. */
struct link_status {
    uint64_t ping;           /* number of the ping answered */
    uint64_t frames;         /* sent by this process: the progress counter */
    uint64_t resent;         /* RTP packets sent again, likewise */
    uint64_t waited;         /* frames that were due but not there (a remote source is slow) */
    uint32_t sessions;       /* held: standby, hedging, serving */
    uint32_t late_ms;        /* [ms] how long the most overdue frame that is at hand has waited */
    uint32_t sent_late_ms;   /* [ms] how late those were that were sent since the last answer, on
                                average; if none were, as above */
    uint32_t credit_used;    /* slots */
    uint64_t cpu_ms;         /* [ms] user and system of this process */
    uint64_t probes;         /* of clients of others, answered … */
    uint64_t probes_refused; /* … and dropped: too many */
    uint64_t dropped;        /* datagrams that made no sense */
    uint64_t refused[ERR_COUNT]; /* refusals and drops by reason */
};

struct link_ended {
    struct session_id session;
    enum err error; /* why */
};

/* X(kind, what it carries) */
#define LINK_TABLE(X)                                                                              \
    X(LINK_PLACE, struct link_place)                                                               \
    X(LINK_CONFIG_BEGIN, struct link_config)                                                       \
    X(LINK_CONFIG_SOURCE, struct catalogue_source)                                                 \
    X(LINK_CONFIG_PROFILE, struct catalogue_profile)                                               \
    X(LINK_CONFIG_RENDITION, struct rendition)                                                     \
    X(LINK_CONFIG_ISSUER, struct ticket_issuer)                                                    \
    X(LINK_CONFIG_END, struct link_nothing)                                                        \
    X(LINK_CREDIT, struct link_credit)                                                             \
    X(LINK_GUESTS, struct link_guests)                                                             \
    X(LINK_ORDER, struct node_order)                                                               \
    X(LINK_ADOPT, struct link_session)                                                             \
    X(LINK_BEGIN, struct link_nothing)                                                             \
    X(LINK_NAMED, struct node_named)                                                               \
    X(LINK_TOLD, struct node_named)                                                                \
    X(LINK_PING, struct link_ping)                                                                 \
    X(LINK_READY, struct link_nothing)                                                             \
    X(LINK_STATUS, struct link_status)                                                             \
    X(LINK_REFUSED, struct link_refused)                                                           \
    X(LINK_WINDOW, struct link_window)                                                             \
    X(LINK_SESSION, struct link_session)                                                           \
    X(LINK_ENDED, struct link_ended)                                                               \
    X(LINK_TRIP, struct node_trip)                                                                 \
    X(LINK_STREAMS, struct link_streams)                                                           \
    X(LINK_STREAM, struct node_stream)                                                             \
    X(LINK_RENDITION_COST, struct link_rendition_cost)                                             \
    X(LINK_ASK, struct session_id)

struct link_nothing {
    uint8_t zero;
};

enum link_kind {
#define LINK_ENUM(kind, type) kind,
    LINK_TABLE(LINK_ENUM)
#undef LINK_ENUM
    LINK_KINDS
};

struct link;

struct link_handlers {
    /* A whole message of the size its kind has; `body` is good during the call only. */
    void (*received)(void *data, enum link_kind kind, const void *body);
    /* The other end is gone or talks nonsense; free the link then or later. Called once. */
    void (*closed)(void *data);
    /* What was queued has been taken. May be NULL. */
    void (*drained)(void *data);
    void *data;
};

/* Makes a connected pair, close-on-exec and non-blocking, with room for many messages each way.
 * ERR_IO. */
enum err link_pair(int ends[2]);

/* Takes over `fd`, on failure as well. `queue_max` bounds what waits in memory [bytes]. */
enum err link_open(struct link **out, struct net_loop *loop, int fd, size_t queue_max,
                   const struct link_handlers *handlers);

/* Whom to tell from now on. */
void link_set_handlers(struct link *link, const struct link_handlers *handlers);

/* Accepts NULL. Also from within a handler. */
void link_free(struct link *link);

/* Sends or queues a copy of the kind's struct. False if there is no room, or the link is closed:
 * whoever sends state keeps it and sends again when drained. */
bool link_send(struct link *link, enum link_kind kind, const void *body);

/* Size of the kind's struct [bytes]. */
size_t link_body_size(enum link_kind kind);

#endif
