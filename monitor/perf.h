/*
 * Performance: how clients of each location fare, with us and with our peers.
 *
 * A location is a prefix, /24 or /48 at first. What our own clients report is rated (see
 * experience) and kept as levels, sketches and counts; what peers tell of theirs is kept as they
 * tell it, a summary each. Table and memory are bounded: when there are as many locations as
 * permitted, those not heard for long go, then those that only peers speak of (for another of
 * these, those of the peer that has most), and then neighbours
 * are merged into one wider prefix, the least busy first, /24 into /20, then /16 and so on (/48
 * into /44, /40 …), an eighth of all at a time. From then on clients of the wider prefix are
 * counted there until it is forgotten.
 *
 * What leaves the cluster is chosen by perf_pick(): no prefix longer than is permitted, none with
 * fewer clients than is permitted, the changed and the busiest first, none twice before the others.
 */
#ifndef MONITOR_PERF_H
#define MONITOR_PERF_H

#include "monitor/degrade.h"
#include "monitor/experience.h"
#include "monitor/sketch.h"
#include "peerd/base/addr.h"

#define PERF_LOCATIONS_MAX 10000             /* unless settings say otherwise */
#define PERF_PEERS_MAX     DEGRADE_PEERS_MAX /* whose summaries of one location are kept */
#define PERF_FORGET        duration_s(1800)  /* [s] a location not heard for longer may go … */
#define PERF_PEER_FORGET   duration_s(60)    /* [s] … and so may a peer's summary */
#define PERF_ENOUGH        3                 /* reports; of fewer, its neighbours' count, too */
#define PERF_CLIENTS_FOR   duration_s(10)    /* [s] clients are counted over so long, or twice */
#define PERF_FADE_EVERY    duration_s(60)    /* [s] sketches count 7/8 of what they did */
#define PERF_PICK_MAX      64                /* summaries chosen at once */
#define PERF_CHANGED       200               /* [R/100] less is no change worth telling */

struct perf_settings {
    uint32_t locations_max;   /* at least 16 */
    struct degrade_wish wish; /* what a degradation is */
};

/* A client's report of one interval, as plain numbers; see perf_rate(). */
struct perf_sample {
    struct prefix location;               /* canonical */
    uint32_t session;                     /* a hash; the same for the same session */
    uint32_t client;                      /* a hash; the same for all sessions of a client */
    const struct experience_codec *codec; /* NULL: unknown */
    uint32_t expected;                    /* frames in the interval … */
    uint32_t lost;                        /* … of them missing … */
    uint32_t runs;                        /* … in so many runs; 0: unknown */
    struct duration rtt;                  /* to the client; endless: unknown */
    struct duration jitter;               /* RFC 3550, 6.4.1 */
    struct duration buffer;               /* of its playout; zero: unknown, twice the jitter */
    bool ails; /* it hears another cluster better (monitor/lean.h): never what is usual */
};

/* What is told of a location, or was told by a peer. */
struct perf_summary {
    struct prefix location;
    uint16_t usual_centi;  /* [R/100] */
    uint16_t recent_centi; /* [R/100] */
    uint16_t spread_centi; /* [R/100] of recent ones */
    uint16_t reports;      /* that `recent` stands on */
    uint16_t clients;      /* at least */
    uint16_t rtt_ms;       /* to them, the median, each of them once; 0 unknown */
};

struct perf_peer {
    struct instant heard_at;
    uint16_t cluster; /* the owner's number for it */
    uint16_t usual_centi, recent_centi, spread_centi, reports, clients, rtt_ms; /* as above */
};

/* Of our own clients at a location. */
struct perf_own {
    struct degrade degrade;    /* has the levels of ratings */
    struct sketch rating;      /* [R/100] */
    struct sketch rtt, jitter; /* [µs] */
    uint64_t reports;          /* since it is known … */
    uint64_t expected, lost;   /* … and frames */
    uint64_t clients[2][2];    /* seen now and in the period before, a bit each by hash */
    struct instant clients_at; /* the present period began */
    struct instant faded_at;   /* sketches were faded */
    struct instant told_at;    /* picked last; earliest instant: never … */
    uint16_t told_centi;       /* … with this recent rating */
};

struct perf_location {
    struct prefix prefix;
    uint8_t peer_count, peer_room;
    struct perf_own *own;    /* NULL: no clients of ours; owned */
    struct perf_peer *peers; /* by cluster; owned */
    struct instant heard_at; /* anything */
};

struct perf {
    struct perf_settings settings;
    struct perf_location *list; /* by prefix; owned */
    uint32_t count, room;
    uint32_t awake;  /* own ones that degrade_judge() is to be asked for, at most */
    uint64_t merged; /* locations that went into a wider one */
    size_t bytes;    /* allocated */
};

/* How a cluster's clients fare at a location, with what that is worth. */
struct perf_view {
    uint32_t rating_centi; /* [R/100] usual, or recent if it is worse */
    uint32_t within_centi; /* [R/100] half-width of 95 % of the mean */
    uint32_t reports;      /* 0: nobody has measured */
};

void perf_init(struct perf *p, const struct perf_settings *settings);
void perf_free(struct perf *p);

/* [R/100] of one report. */
uint32_t perf_rate(const struct perf_sample *sample);

/* False without memory; nothing has changed then. */
bool perf_heard(struct perf *p, const struct perf_sample *sample, struct instant now);

/* One of our clients there, or of those around it that are merged with it, has asked a cluster (the
 * owner's number) so many packets, and lost so many: only while they fall that says anything. */
void perf_way_heard(struct perf *p, const struct prefix *location, uint16_t cluster, uint32_t asked,
                    uint32_t lost, struct instant now);

/* What they have found of that cluster lately. */
struct ways_view perf_way(const struct perf *p, const struct prefix *location, uint16_t cluster,
                          struct instant now);

/* What a peer tells. False without memory or room, or if the prefix
 * is none: nobody can make us know our own clients less well, nor what peers tell who tell of
 * fewer places (perf_share.c). */
bool perf_told(struct perf *p, uint16_t cluster, const struct perf_summary *summary,
               struct instant now);

/* A cluster that is a peer no longer. */
void perf_forget_cluster(struct perf *p, uint16_t cluster);

/* The next location at or after `*cursor` where something has happened, judged; begin with 0. The
 * event's peer indexes `clusters`, which must have PERF_PEERS_MAX places. False: no more. */
bool perf_judge(struct perf *p, uint32_t *cursor, struct instant now, struct prefix *location,
                struct degrade_event *event, uint16_t *clusters);

/* Own clients, and those of a peer. */
struct perf_view perf_own_view(const struct perf *p, const struct prefix *location);
struct perf_view perf_peer_view(const struct perf *p, const struct prefix *location,
                                uint16_t cluster);

/* Of own clients as near to a location as there are enough reports: of itself, else of its /20,
 * else of its /16 (IPv6: /44, /40), all there as one; where there are too few everywhere, of
 * itself. What a fall is judged by is of the very location, always. */
struct perf_around {
    struct prefix from;
    uint64_t reports;
    struct level level; /* [R/100] usual, or recent where it is worse */
    uint32_t rtt_us;    /* [µs] the median; 0: unknown */
};

/* False: none there has ever reported. */
bool perf_around(const struct perf *p, const struct prefix *location, struct perf_around *out);
struct perf_view perf_around_view(const struct perf_around *around);

/* What one of these words is worth. */
struct perf_view perf_word_view(const struct perf *p, const struct perf_peer *word);

/* What peers last told of a location, of the very prefix or one that holds it, else of narrower
 * ones together; at most PERF_PEERS_MAX, those of more than PERF_PEER_FORGET ago left out. */
size_t perf_words(const struct perf *p, const struct prefix *location, struct instant now,
                  struct perf_peer *out);

/* The entry that clients of a location are counted in; NULL: none. */
const struct perf_location *perf_find(const struct perf *p, const struct prefix *location);

/* Clients of ours there within PERF_CLIENTS_FOR to twice that: at least so many. Sessions of one
 * client are one. */
uint32_t perf_clients(const struct perf_own *own, struct instant now);

/* What may be told to peers: no prefix longer than these bits, none with fewer clients. */
struct perf_privacy {
    uint8_t bits_ipv4, bits_ipv6;
    uint32_t clients_min;
};

/* How much: at most `count` (and PERF_PICK_MAX) summaries that take no more than `bytes` together.
 */
struct perf_room {
    size_t count;
    size_t bytes;
    size_t bytes_ipv4, bytes_ipv6; /* of one summary at that granularity */
};

/* Chooses what to tell. What does not come out counts as not told, and is more urgent next time. */
size_t perf_pick(struct perf *p, const struct perf_privacy *privacy, const struct perf_room *room,
                 struct instant now, struct perf_summary *out);

void perf_check_invariants(const struct perf *p);

#endif
