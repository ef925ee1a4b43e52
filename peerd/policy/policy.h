/*
 * Policy: what a provider may say about its cluster, as one plain struct.
 *
 * It is filled from a YAML file through the schema table (schema.h), which knows each key's type,
 * unit, range, default and checker; whoever reads this struct may rely on every range. A policy is
 * never changed in place: a reload builds a new one, and only a whole and valid one replaces it.
 */
#ifndef PEERD_POLICY_POLICY_H
#define PEERD_POLICY_POLICY_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/wire/keys.h"
#include "peerd/wire/ticket.h"

#include <stdbool.h>
#include <stdint.h>

#define POLICY_PEERS_MAX          64
#define POLICY_DATABASES_MAX      2 /* one of places, one of networks */
#define POLICY_NODES_MAX          32
#define POLICY_SERVICES_MAX       16
#define POLICY_PROFILES_MAX       16
#define POLICY_SOURCES_MAX        256
#define POLICY_RENDITIONS_MAX     16
#define POLICY_ORIGINS_MAX        16 /* of streams; as many as a beat tells of (wire/origins) */
#define POLICY_REPORTERS_MAX      8  /* of one origin */
#define POLICY_VIEWERS_MAX        16 /* prefixes */
#define POLICY_GRANTS_MAX         32 /* client tokens and prefixes */
#define POLICY_DOMAINS_MAX        16
#define POLICY_RULES_MAX          32
#define POLICY_REVOKED_MAX        32
#define POLICY_FORMER_MAX         4  /* keys that our cluster had before */
#define POLICY_RESIDENCE_MAX      32 /* prefixes of clients who must stay somewhere … */
#define POLICY_REGIONS_MAX        8  /* … in one of so many regions */
#define POLICY_AGREEMENT_MAX      32 /* rows, each for all peers of some names … */
#define POLICY_LOCATION_BITS_IPV4 24 /* who may go where is said of no longer prefixes: those */
#define POLICY_LOCATION_BITS_IPV6 48 /* of topo/location.h, by which sessions move */
#define POLICY_TERMS_MAX          8  /* … with so many regions or prefixes in a list */
#define POLICY_CLASSES_MAX        8  /* of priority, 0 the most urgent */
#define POLICY_FASTER_MAX         5  /* a peer may ask for beats this many times as often */
#define POLICY_TEXT_LEN_MAX       255

struct policy_text {
    char text[POLICY_TEXT_LEN_MAX + 1];
};

/* Where to listen, and what to tell others: two separate keys, since NAT and anycast exist. */
struct policy_listen {
    struct addr bind;             /* family 0: not listening */
    struct policy_text advertise; /* host:port or ip:port told to others; empty: the bind address */
};

struct policy_cluster {
    struct name name;
    struct name provider;        /* failure domain */
    struct name region;          /* failure domain */
    struct policy_text upstream; /* failure domain, free text such as AS64500; may be empty */
    double latitude_deg;
    double longitude_deg;
    bool placed;                      /* a place was given */
    struct policy_text key_file;      /* relative to the policy file's folder */
    struct public_key next_key;       /* will be ours later; all zero: none is announced */
    struct policy_text next_key_file; /* where it was read from; empty: it stood in the policy */
    struct public_key former_keys[POLICY_FORMER_MAX];
    uint32_t former_key_count;
};

struct policy_client_listen {
    struct policy_listen listen;
    bool plain_http;             /* said in so many words; otherwise cert and key are needed */
    struct policy_text tls_cert; /* PEM, reloaded when it changes */
    struct policy_text tls_key;
    struct prefix viewers[POLICY_VIEWERS_MAX]; /* who may look at the status page … */
    uint32_t viewer_count;
    struct policy_text viewers_token_file; /* … and who has this one's token; empty: none has */
    uint8_t viewers_token_digest[32];      /* BLAKE2b-256 of it */
};

struct policy_node {
    struct name name;
    struct public_key key;
    struct policy_text key_file; /* where `key` was read from; empty: it stood in the policy */
};

/* What is wished of watching one peer; zero where that is as `detection` says of all. */
struct policy_wish {
    struct duration detect_within;
    struct duration false_alarm_every;
};

struct policy_peer {
    struct name name;
    struct public_key key;
    struct policy_text key_file; /* where `key` was read from; empty: it stood in the policy */
    struct public_key next_key;  /* the only one that may follow; all zero: the one it announces */
    struct policy_text beats;    /* ip:port, host:port or srv:_peerd._udp.example.net */
    struct policy_text control;  /* ip:port, host:port or srv:_peerd._tcp.example.net */
    bool accept_moves;           /* sessions of this peer may be resumed here */
    bool offer_moves;            /* sessions of ours may be resumed there */
    bool found;                  /* by discovery; the policy's file does not name it */
    uint32_t reserved_slots;     /* set aside here for this peer */
    uint32_t cost;               /* of a session there, in a unit of our own */
    struct policy_wish wish;
};

struct policy_profile {
    struct name name;
    struct name codec;       /* opus, pcmu, pcma, gsm, l16 */
    uint32_t rate_hz;        /* [Hz] sampling rate of the encoder's input */
    uint32_t channels;       /* 1 or 2 */
    uint32_t bitrate_bps;    /* [bit/s], opus only */
    uint32_t complexity;     /* 0..10, opus only */
    uint32_t preroll_frames; /* [frames of 20 ms] before a switch; 100 makes opus identical */
};

/* One kind of output of streams: every source of class exact is one, at transcoderd's --hls. */
struct policy_rendition {
    struct name name;
    struct name codec;    /* h264, aac, opus */
    uint32_t bitrate_bps; /* [bit/s] h264: the most; aac, opus: the mean */
    uint32_t height;      /* [lines] h264; else 0 */
    uint32_t fps;         /* [pictures/s] h264; else 0 */
    uint32_t channels;    /* aac and opus; else 0 */
};

struct policy_source {
    struct name name;
    struct policy_text location; /* path or http(s) URL */
    enum source_class class;
    bool loop;               /* position modulo duration: an endless reproducible source */
    int64_t channel_since_s; /* [s] since 1970, UTC: streams of it are a channel; 0: they are not */
};

struct policy_service {
    struct name name;
    uint32_t capacity; /* [sessions] across this cluster's workers */
    bool hot;          /* its sessions may be opened with hot protection */
    uint32_t priority; /* class of its sessions; 0 the most urgent */
    struct name profiles[POLICY_PROFILES_MAX];
    uint32_t profile_count;
    struct name sources[POLICY_SOURCES_MAX]; /* empty: the whole catalogue */
    uint32_t source_count;
};

/* A stream that somebody else's program serves here: an HLS origin, whose players are steered. */
struct policy_origin {
    struct name name;       /* the same at every cluster that has it */
    struct policy_text url; /* of its multivariant playlist; all it names lies beside or below */
    struct policy_text mpd; /* beside it: of the same for DASH; empty: none */
    struct name source;     /* that our own machines make it of; empty: another program serves it */
    bool live;              /* players ask more often where to go */
    struct duration every;  /* it is looked at this often … */
    struct duration within; /* … and has answered whole within this */
    uint32_t failures;      /* so many in a row, and it is ill … */
    uint32_t successes;     /* … so many, and it is well again */
    struct prefix reporters[POLICY_REPORTERS_MAX]; /* who passes on what its players say */
    uint32_t reporter_count;
};

/* Who may open sessions: a bearer token (kept as digest) or an address prefix. */
struct policy_grant {
    bool by_token;
    uint8_t token_digest[32]; /* BLAKE2b-256 of the token */
    struct policy_text
        token_file; /* where the token was read from; empty: it stood in the policy */
    struct prefix prefix;
};

struct policy_detection {
    struct duration detect_within;     /* a dead peer is noticed within this */
    struct duration false_alarm_every; /* and wrongly no more often than this */
    struct duration interval;          /* beats are sent this often until paths are measured */
    struct duration interval_min;      /* then they are asked for, and sent, as often as … */
    struct duration interval_max;      /* … paths need; zero: see policy_interval_min and _max */
    struct duration interval_suspect;  /* while some peer is suspected; zero: no more often */
    struct duration flap_half_life;    /* points of peers that come and go are halved in this */
    uint32_t flap_suppress;            /* points at which a peer is damped; 0: none ever is */
    uint32_t flap_reuse;               /* points at which it no longer is */
};

/* How soon the death of that peer is to be noticed … */
static inline struct duration policy_detect_within(const struct policy_detection *d,
                                                   const struct policy_wish *own) {
    return own->detect_within.us > 0 ? own->detect_within : d->detect_within;
}

/* … and how seldom it may be suspected wrongly. */
static inline struct duration policy_false_alarm_every(const struct policy_detection *d,
                                                       const struct policy_wish *own) {
    return own->false_alarm_every.us > 0 ? own->false_alarm_every : d->false_alarm_every;
}

/* The shortest interval at which a peer may have our beats, and be asked for its own … */
static inline struct duration policy_interval_min(const struct policy_detection *d) {
    return d->interval_min.us > 0 ? d->interval_min
                                  : duration_scale(d->interval, 1, POLICY_FASTER_MAX);
}

/* … and the longest. */
static inline struct duration policy_interval_max(const struct policy_detection *d) {
    return d->interval_max.us > 0 ? d->interval_max : d->interval;
}

/* When sessions go home to the cluster that opened them. */
enum policy_return {
    POLICY_RETURN_NEVER,
    POLICY_RETURN_WHEN_BETTER,
    POLICY_RETURN_ALWAYS
};

/* When a new session begins at a peer instead of here. While we drain it does in any case. */
enum policy_redirect {
    POLICY_REDIRECT_NEVER,
    POLICY_REDIRECT_WHEN_FULL,
    POLICY_REDIRECT_WHEN_BETTER
};

struct policy_limits {
    uint32_t sessions_max;          /* table size */
    uint32_t opens_per_s;           /* session opens accepted, token bucket of one second */
    struct duration session_lease;  /* renewed by reports */
    struct duration credit_lease;   /* workers may spend credit this long after peerd was heard */
    struct duration ticket_life;    /* absolute expiry of a ticket */
    struct duration clock_skew;     /* accepted between clusters, on ticket expiry only */
    struct duration node_lease;     /* a node not heard for this is gone */
    struct duration node_poll;      /* nodes register this often */
    struct duration drain_deadline; /* default of peerctl drain */
    uint32_t drain_per_s;           /* moves started a second */
    enum policy_return homing;      /* of peers' sessions that are here … */
    struct duration return_after;   /* … when their cluster has been back for so long … */
    uint32_t return_per_s;          /* … so many a second */
    uint32_t moves_per_minute;      /* asked to go because they gain by it */
    enum policy_redirect redirect;  /* of new sessions, to a peer */
    uint32_t hedge_ms_max;          /* [ms] longest hedge */
    uint32_t hedges_per_minute;     /* per session */
    uint32_t probes_per_s;          /* of clients of other clusters, answered by each worker */
    uint32_t hot_standbys;          /* that send for other clusters' clients, at each worker */
};

struct policy_prefixes {
    struct prefix list[POLICY_TERMS_MAX];
    uint32_t count;
};

/* What has to be agreed with peers before sessions move between them and us. What is held for such
 * a peer is at most its reserved_slots. */
struct policy_agreement {
    char pattern[NAME_LEN_MAX + 1]; /* of their names, with * and ?; the first row that fits */
    uint32_t asks;                  /* [sessions] to be held there for us, at most … */
    uint32_t asks_min;              /* … and at least, or there is no agreement */
    uint32_t hot_standbys; /* of theirs that each worker sends for, of limits.hot_standbys */
    uint32_t cost;         /* that we take for a session of theirs … */
    uint32_t cost_max;     /* … and pay for one of ours at most */
    struct duration lease;
    struct name services[POLICY_SERVICES_MAX]; /* none: all */
    uint32_t service_count;
    uint32_t classes[POLICY_CLASSES_MAX]; /* none: all */
    uint32_t class_count;
    struct name regions[POLICY_TERMS_MAX]; /* where ours may be served; none: anywhere … */
    uint32_t region_count;
    struct name regions_never[POLICY_TERMS_MAX]; /* … but there */
    uint32_t region_never_count;
    struct policy_prefixes clients, clients_never; /* of ours, who may be moved there */
    struct policy_prefixes serves, serves_never;   /* of theirs, who may be moved here */
};

/* Of which locations it is followed how clients fare, what peers are told of that, and when it is
 * called a degradation. */
struct policy_performance {
    uint32_t locations_max;        /* 0: none is followed */
    bool tell;                     /* peers are told, … */
    uint32_t tell_ipv4_bits;       /* … of no narrower prefix … */
    uint32_t tell_ipv6_bits;       /* … than these, … */
    uint32_t tell_clients_min;     /* … of none with fewer clients, … */
    uint32_t tell_bytes_per_s;     /* [bytes/s] … and to each no more than this */
    uint32_t degraded_drop;        /* [R] clients of a location have fallen by so much … */
    uint32_t degraded_clients_min; /* … at least so many … */
    struct duration degraded_hold; /* … and fare as usual again for so long */
    bool coordinates;              /* where we are is learnt, and told to peers */
    uint32_t canary; /* sessions that move first off a bad path; 0: nobody moves for it */
    bool probing;    /* our clients are told whom to probe, and believed */
};

/* Where clients of a prefix may be served: of all that hold a client the longest decides. */
struct policy_residence {
    struct prefix prefix;
    struct name regions[POLICY_REGIONS_MAX];
    uint32_t region_count;
};

/* Whom to accept of those who are found, and on what terms: all that is given must fit. */
struct policy_rule {
    struct name provider;           /* empty: any */
    struct name region;             /* empty: any */
    char pattern[NAME_LEN_MAX + 1]; /* of the name, with * and ?; empty: any */
    struct public_key key;          /* all zero: any */
    bool accept_moves;              /* as of a peer that the policy names */
    bool offer_moves;
    uint32_t reserved_slots;
    struct policy_wish wish;
};

struct policy_discovery {
    uint32_t dns_count;
    uint32_t accept_count;
    uint32_t revoked_count;
    uint32_t peers_max;          /* found ones */
    bool introduction;           /* peers tell of whom they know, and are told */
    struct duration refresh_min; /* a TTL is taken for one between this … */
    struct duration refresh_max; /* … and this */
    struct duration keep;        /* whom nobody names any more is a peer for so long */
    struct policy_text dns[POLICY_DOMAINS_MAX]; /* domains that name clusters */
    struct policy_rule accept[POLICY_RULES_MAX];
    struct public_key revoked[POLICY_REVOKED_MAX];
};

/* What is asked for all the time stands together at the end: a policy is large, and a simulator of
 * a thousand clusters has a thousand of them. */
struct policy {
    struct policy_cluster cluster;
    struct policy_listen beats;       /* UDP */
    struct policy_listen peer_listen; /* HTTPS, pinned Ed25519 both ways */
    struct policy_client_listen client_listen;
    struct policy_node nodes[POLICY_NODES_MAX];
    struct policy_peer peers[POLICY_PEERS_MAX];
    struct policy_service services[POLICY_SERVICES_MAX];
    struct policy_profile profiles[POLICY_PROFILES_MAX];
    struct policy_source sources[POLICY_SOURCES_MAX];
    struct policy_origin origins[POLICY_ORIGINS_MAX];
    struct policy_rendition renditions[POLICY_RENDITIONS_MAX];
    struct policy_grant grants[POLICY_GRANTS_MAX];
    struct policy_performance performance;
    struct addr dns_server; /* family 0: the system's resolvers */
    struct policy_text location_databases[POLICY_DATABASES_MAX];
    struct policy_discovery discovery;
    struct policy_residence residence[POLICY_RESIDENCE_MAX];
    struct policy_agreement agreements[POLICY_AGREEMENT_MAX];
    uint32_t residence_count;
    uint32_t agreement_count;
    uint32_t location_database_count;
    uint32_t profile_count;
    uint32_t source_count;
    uint32_t origin_count;
    uint32_t rendition_count;
    uint32_t grant_count;
    uint32_t service_count;
    uint32_t node_count;
    uint32_t peer_count;
    struct policy_limits limits;
    struct policy_detection detection;
};

/* Copies what is there and leaves room that nothing uses untouched: most of a policy is room, and
 * memory that nobody has written to costs nothing. */
void policy_copy(struct policy *to, const struct policy *from);

/* True if anything is looked for beyond the peers that the policy names. */
static inline bool policy_finds(const struct policy *p) {
    return p->discovery.dns_count > 0 || p->discovery.introduction;
}

/* What decides where clients of a location may be served; NULL: they may anywhere. A location wider
 * than a prefix counts as all of its clients: what decides for any of them, decides. */
const struct policy_residence *policy_residence_of(const struct policy *p,
                                                   const struct prefix *location);

/* True for ip:port, host:port and srv:_service._protocol.domain. */
bool policy_place_valid(const char *text);

/* Look-ups by name; NULL if there is none. */
const struct policy_peer *policy_peer_find(const struct policy *p, const struct name *name);
const struct policy_service *policy_service_find(const struct policy *p, const struct name *name);
const struct policy_profile *policy_profile_find(const struct policy *p, const struct name *name);
const struct policy_source *policy_source_find(const struct policy *p, const struct name *name);
const struct policy_origin *policy_origin_find(const struct policy *p, const struct name *name);
bool policy_service_offers(const struct policy_service *s, const struct name *profile,
                           const struct name *source);

#endif
