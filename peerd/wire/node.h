/*
 * Node registration: what a machine of workers says to its peerd every poll_ms, and the answer.
 *
 * POST /v1/node, JSON both ways, over TLS pinned to the node's and the cluster's keys. peerd keeps
 * nothing on disk: after a restart it asks for everything (`want_full`) and has its table again
 * from one request a node. In between a node sends only the sessions that changed since the last
 * answer it got, and a digest of all it has, so that a divergence is noticed and repaired. A
 * thousand sessions are 400 KB and cost 6 ms to encode, 8 ms to decode: what merely counts on
 * (frames, leases) should be told every second or so, not with every request.
 *
 * Members have the names of the struct fields below, with these exceptions and forms: ids, digests,
 * hints and the boot are base64url, addresses "ip:port", enumerations and errors their names, keys
 * PASERK. An optional member that has no value is left out: it reads as zero or empty. A member of
 * unknown name is ignored, since node and peerd are not upgraded at the same instant; everything
 * else that is not as described is refused as a whole, with a fault that names the member.
 *
 * Ownership: a struct to be encoded only borrows its arrays. A decoded one owns them, in memory
 * from malloc, until node_request_free or node_answer_free, which accept a zeroed struct.
 */
#ifndef PEERD_WIRE_NODE_H
#define PEERD_WIRE_NODE_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/drain_word.h"
#include "peerd/wire/fault.h"
#include "peerd/wire/guest.h"
#include "peerd/wire/keys.h"
#include "peerd/wire/message.h"
#include "peerd/wire/set_digest.h"
#include "peerd/wire/ticket.h"

/* Maxima of one request or answer; more is refused with ERR_OVERSIZED and the array's name. They
 * fit a machine of 128 cores, and bound what a broken node can make peerd allocate: 4 MB kept, and
 * while it is being parsed 32 bytes for each byte of JSON at the very worst. */
#define NODE_WORKERS_MAX      128  /* and media addresses: one a worker */
#define NODE_PROFILES_MAX     32   /* kinds of output */
#define NODE_SOURCES_MAX      1024 /* catalogue entries */
#define NODE_SESSIONS_MAX     8192 /* of all purposes on one machine */
#define NODE_ORDERS_MAX       1024 /* the rest waits for the next answer, a poll later */
#define NODE_ISSUERS_MAX      512  /* keys, now, next and before, whose tickets are accepted */
#define NODE_MEDIA_ALIVE_MAX  64   /* backups to be told when peerd is silent */
#define NODE_TRIPS_MAX        1024 /* a request; more are not told */
#define NODE_ASKS_MAX         64   /* a request; more ask again in some seconds */
#define NODE_STARTS_MAX       64   /* clusters whose sessions begin here; of more nothing is told */
#define NODE_TOLD_MAX         32   /* an answer; the others are told with the next ones */
#define NODE_LOCATION_LEN_MAX 255  /* [bytes] path or URL of a source */
#define NODE_REQUEST_LEN_MAX  ((size_t)8 << 20) /* [bytes] JSON: 8192 sessions of 1 KB */
#define NODE_ANSWER_LEN_MAX   ((size_t)2 << 20) /* [bytes] JSON */
#define CATALOGUE_HASH_BYTES  16                /* [bytes] BLAKE2b-128 */
#define NODE_INTERVAL_MS_MAX  86400000U         /* [ms] one day: no lease or interval is longer */

/* Which catalogue a node has; all zero for none. */
struct catalogue_hash {
    uint8_t bytes[CATALOGUE_HASH_BYTES];
};

/* ---- request ---- */

struct node_profile {
    struct name name;
    struct determinism_id determinism; /* of this machine's media stack for that profile */
};

/* A catalogue entry as this machine found it. */
struct node_source {
    struct name name;
    struct source_digest digest; /* all zero while `error` is not ERR_OK */
    enum source_class class;
    uint64_t duration_ms; /* [ms]; 0 without end */
    enum err error;       /* ERR_OK, or why it cannot be served here */
};

struct node_worker {
    uint32_t index;          /* place in the node's `media`; a decoded one has an entry there */
    uint32_t pid;            /* 0 while it is being replaced */
    uint32_t restarts;       /* since the supervisor started */
    uint64_t frames;         /* sent since then: the progress counter */
    uint64_t resent;         /* RTP packets sent again since then (RFC 4588) */
    uint32_t sessions;       /* now */
    uint32_t credit_spent;   /* slots of the current credit in use */
    uint64_t cpu_ms;         /* [ms] user and system, since then */
    uint64_t probes;         /* of clients of others answered since then (optional) … */
    uint64_t probes_refused; /* … and not answered: too many (optional) */
    uint32_t late_ms;        /* [ms] frames go out so much later than due, on average (optional) */
};

/* By how much pre-roll a session's encoder was brought up when it began to send here. */
enum node_preroll {
    NODE_PREROLL_NONE,  /* it has not begun, or that is not told */
    NODE_PREROLL_FULL,  /* all that its profile asks for */
    NODE_PREROLL_QUICK, /* a few frames: many came at once, and CPU was short */
    NODE_PREROLL_LEAST  /* four at most: a crowd did */
};

#define NODE_MERGES_NEVER UINT32_MAX

/* One session of this machine. What the client measured comes from its last signed report. */
struct node_session {
    struct session_id session;
    struct name issuer;
    struct name service;
    struct name profile;
    struct name source;
    struct name backups[TICKET_BACKUPS_MAX]; /* that its client goes by, best first: the ticket's,
                                                or those that it was told since */
    uint8_t backup_count;
    int64_t expires_s;           /* [s] since the Unix epoch: the ticket's expiry */
    uint32_t epoch;              /* under which it is served; for a standby the client's current */
    enum resume_purpose purpose; /* standby, hedge or commit: what it is here */
    uint32_t worker;             /* index, as above */
    uint64_t last_frame;         /* sent; for a standby 0 */
    struct addr client;
    bool hot;                   /* a standby that sends, too (optional) */
    uint32_t lease_ms;          /* [ms] left, unless a report renews it */
    uint32_t expected;          /* frames expected by the client since the beginning */
    uint32_t lost_before;       /* missing before any repair or hedge */
    uint32_t lost_after;        /* missing at their playout instant */
    uint32_t rtt_us;            /* [µs]; 0 unknown */
    uint32_t jitter_us;         /* [µs] */
    uint16_t buffer_ms;         /* [ms] depth of the client's buffer; 0 unknown (optional) */
    uint16_t burst_x16;         /* [1/16 frames] missing in a row, mean; 0 unknown (optional) */
    uint32_t silent_ms;         /* [ms] how long the path before had been silent (optional) */
    enum move_cause cause;      /* why it came here (optional) */
    struct key_hint served_by;  /* who served before; of a standby, now; zero: none (optional) */
    enum node_preroll preroll;  /* of its newest start (optional) … */
    uint32_t merges_after;      /* [frames] … after so many its bytes are everybody's (optional);
                                   NODE_MERGES_NEVER */
    struct message_moved moved; /* the newest move that the client has told of (optional) */
};

/* The sessions of a peer's tickets at this machine, if peerd has bounded them. */
struct node_guest {
    struct name issuer;
    uint32_t sessions; /* now, of all purposes */
    uint64_t refused;  /* as one too many, by workers, since the supervisor started */
    uint64_t denied;   /* as of a service that was not agreed upon (optional) */
};

/* How sessions of a cluster's tickets begin at this machine: see transcoder/timeline/window.h. All
 * workers together. */
struct node_starts {
    struct name issuer;              /* empty, and left out: our own cluster */
    uint32_t window;                 /* that may begin at a time … */
    uint32_t under_way;              /* … and do (optional) */
    uint64_t in_time, late, refused; /* since the supervisor started (optional) */
};

/* How far away a client of a session served here is from another cluster, and while it loses frames
 * how well it hears that, as it says itself. Told once, and lost with its request: another one
 * comes within seconds. */
struct node_trip {
    struct addr client;
    struct key_hint cluster;
    uint32_t rtt_us;  /* [µs] 1 to MESSAGE_TRIP_US_MAX */
    uint8_t samples;  /* that it stands on */
    uint8_t asked;    /* packets that it has sent there since it told before (optional) … */
    uint8_t lost;     /* … and of these, not answered; no more (optional) */
    uint16_t due;     /* frames of ours that were due of the server meanwhile (optional) … */
    uint16_t missing; /* … of which so many were lost on their way (optional) … */
    uint16_t runs;    /* … in so many runs (optional) */
    struct session_id session; /* whose client it is, with `asked`; all zero: not told (optional) */
};

/* What one more player of a stream of this machine's may cost, see transcoder/hls/capacity.h. */
struct node_stream {
    struct name source;
    uint32_t player_ms; /* [ms/s] of CPU; 0: nothing, or nothing is known yet */
};

/* Streams that are made here. */
struct node_making {
    bool told;         /* there is a front, and it has spoken */
    uint32_t makers;   /* processes, each a second of CPU a second at most */
    uint32_t spare_ms; /* [ms/s] of CPU that they had to spare of late */
    struct node_stream *streams;
    size_t stream_count; /* at most NODE_SOURCES_MAX */
};

struct node_request {
    struct name node;
    uint64_t boot;       /* random id of this run of the supervisor, never 0 */
    uint64_t seq;        /* counts requests of this boot from 1 */
    uint64_t seen;       /* `seq` of the last answer received from this run of peerd; 0 none */
    uint64_t order_seen; /* highest id of an order taken on; older ones are not repeated */
    struct addr *media;  /* advertised address of each worker, in order */
    size_t media_count;
    struct node_profile *profiles;
    size_t profile_count;
    struct node_source *sources; /* only after they changed, or with `full` */
    size_t source_count;
    struct node_worker *workers;
    size_t worker_count;
    struct catalogue_hash catalogue;   /* of the catalogue it has */
    struct set_digest sessions_digest; /* of all its sessions */
    bool full; /* `sessions` are all there are, not only those changed since `seen` */
    struct node_session *sessions;
    size_t session_count;
    struct session_id *ended;  /* since `seen` */
    size_t ended_count;        /* at most NODE_SESSIONS_MAX */
    struct node_guest *guests; /* those named in the last answer (optional) */
    size_t guest_count;
    struct node_trip *trips; /* since the request before (optional) */
    size_t trip_count;
    struct session_id *asks; /* whose clients others may be named to, likewise (optional) */
    size_t ask_count;
    struct node_starts *starts; /* (optional) */
    size_t start_count;
    struct drain_word drain;   /* the newest that it was told (optional) */
    struct node_making making; /* (optional) */
};

/* ---- answer ---- */

/* The parameters of a profile, as the policy states them. */
struct node_profile_spec {
    struct name name;
    struct name codec;       /* opus, pcmu, pcma, gsm, l16 */
    uint32_t rate_hz;        /* [Hz] sampling rate of the encoder's input */
    uint32_t channels;       /* 1 or 2 */
    uint32_t bitrate_bps;    /* [bit/s]; 0 where the codec has one only */
    uint32_t complexity;     /* 0..10 */
    uint32_t preroll_frames; /* [frames of 20 ms] before a switch */
};

/* A rendition of streams (transcoder/hls/rendition.h). */
struct node_rendition_spec {
    struct name name;
    struct name codec;    /* h264, aac, opus */
    uint32_t bitrate_bps; /* [bit/s] */
    uint32_t height;      /* [lines] h264; else 0 */
    uint32_t fps;         /* [pictures/s] h264; else 0 */
    uint32_t channels;    /* aac and opus; else 0 */
};

struct node_source_spec {
    struct name name;
    char location[NODE_LOCATION_LEN_MAX + 1]; /* path or URL */
    enum source_class class;
    bool loop;               /* position modulo duration */
    int64_t channel_since_s; /* [s] since 1970: streams of it are a channel (optional; 0: not) */
};

/* Present in an answer only if its hash differs from the request's `catalogue`. */
struct node_catalogue {
    struct catalogue_hash hash; /* see node_catalogue_hash */
    struct node_source_spec *sources;
    size_t source_count;
    struct node_profile_spec *profiles;
    size_t profile_count;
    struct node_rendition_spec *renditions; /* (optional) */
    size_t rendition_count;                 /* at most NODE_PROFILES_MAX */
};

struct node_credit {
    uint32_t slots;    /* a worker may serve or keep in standby this many sessions */
    uint32_t lease_ms; /* [ms] counted from the answer; spendable that long without peerd */
};

enum node_order_what {
    NODE_ORDER_MOVE, /* ask the client to move to the target */
    NODE_ORDER_END   /* stop it: `error` says why, e.g. ERR_MOVED under a newer epoch elsewhere */
};

struct node_order {
    uint64_t id; /* grows; an order is repeated until `order_seen` reaches it */
    struct session_id session;
    enum node_order_what what;
    struct name target;           /* cluster, with NODE_ORDER_MOVE */
    struct public_key target_key; /* with NODE_ORDER_MOVE */
    uint32_t deadline_ms;         /* [ms] from now, with NODE_ORDER_MOVE */
    enum move_cause cause;        /* with NODE_ORDER_MOVE; drain where it is not told */
    bool only;                    /* with NODE_ORDER_MOVE: there or nowhere; false if not told */
    enum err error;               /* with NODE_ORDER_END */
};

struct node_candidate {
    struct name cluster;
    struct public_key key;
    struct addr media; /* where it answers probes */
};

/* Whom the client of a session is to probe from now on, see wire/named.h. Told once: if it is lost,
 * its worker asks again. */
struct node_named {
    struct session_id session;
    uint8_t count; /* 1 to NAMED_MAX */
    struct node_candidate list[NAMED_MAX];
};

/* Whom to send media-alive when peerd is silent, and under which key. */
struct node_media_alive {
    struct name cluster;
    struct addr beats;   /* where that cluster's peerd listens for beats */
    struct seal_key key; /* secret: SEAL_PURPOSE_MEDIA_ALIVE of this node towards that cluster */
    struct seal_key answer_key; /* secret: SEAL_PURPOSE_MEDIA_ANSWER, that cluster to this node */
    uint8_t node;               /* this node's number in those beats */
};

struct node_limits {
    uint32_t sessions_max;      /* of one worker */
    uint32_t session_lease_ms;  /* [ms] granted to clients by commit and report */
    uint32_t standby_lease_ms;  /* [ms] granted to a standby */
    uint32_t skew_ms;           /* [ms] of wall clocks, on ticket expiry only */
    uint32_t hedge_ms_max;      /* [ms] at most MESSAGE_HEDGE_MS_MAX */
    uint32_t hedges_per_minute; /* of one session */
    uint32_t probes_per_s;      /* that one worker answers (JSON "probes"; optional: 0, none) */
    uint32_t hot_max;           /* hot standbys of one worker (JSON "hot"; optional: 0, none) */
};

struct node_answer {
    uint64_t seq;            /* of the request it answers */
    uint32_t lease_ms;       /* [ms] the registration ends by itself after this */
    uint32_t poll_ms;        /* [ms] until the next request is due */
    bool want_full;          /* the next request has to be full */
    bool draining;           /* accept no new sessions */
    struct drain_word drain; /* to be kept for the next peerd (optional) */
    struct name cluster;     /* "self": who answers */
    struct public_key cluster_key;
    bool has_catalogue;
    struct node_catalogue catalogue;
    struct ticket_issuer *issuers;
    size_t issuer_count;
    struct node_credit credit;
    struct node_guest_limit *guests; /* (optional) */
    size_t guest_count;
    struct node_guest_services guest_services; /* (optional) */
    struct node_order *orders;
    size_t order_count;
    struct node_named *named; /* to some of those that were asked for (optional) */
    size_t named_count;
    struct node_named *told; /* other backups for clients, best first, at most TICKET_BACKUPS_MAX of
                                each: to be told until a report says so (optional) */
    size_t told_count;
    struct node_media_alive *media_alive;
    size_t media_alive_count;
    struct node_limits limits;
};

/* ---- codec ---- */

/* Compact JSON from malloc, the caller's to free(); NULL if memory is short, a count passes its
 * maximum, or text is not UTF-8. `len` may be NULL. */
char *node_request_encode(const struct node_request *r, size_t *len);
char *node_answer_encode(const struct node_answer *a, size_t *len);

/* Decode in full before `out` is touched. `fault` may be NULL. Errors: TRUNCATED, OVERSIZED,
 * BAD_FIELD (answer HTTP 400 with the fault's text), NO_MEMORY (answer 503). */
enum err node_request_decode(struct node_request *out, const char *text, size_t len,
                             struct wire_fault *fault);
enum err node_answer_decode(struct node_answer *out, const char *text, size_t len,
                            struct wire_fault *fault);

/* Frees what a decoder allocated and zeroes the struct. The answer holds secrets: they are wiped.
 * Accepts NULL. */
void node_request_free(struct node_request *r);
void node_answer_free(struct node_answer *a);

const char *node_preroll_name(enum node_preroll p);

/* The hash over sources and profiles in their order; `hash` itself is not covered. All zero if
 * memory is short, which no node has, so the catalogue is simply sent. */
struct catalogue_hash node_catalogue_hash(const struct node_catalogue *c);

#endif
