/*
 * Find: which clusters there are beside those that the policy names, and with whom of them to peer.
 *
 * Others say of a cluster that it exists: a domain (its TXT records) or a peer that introduces it
 * (a description that the cluster signed). Nothing of that is believed. The cluster itself is asked
 * for its description, by a connection that only the holder of the claimed key can answer; what it
 * then says of itself is held against the policy's rules, and whoever passes becomes a peer.
 *
 *            claimed               described, a rule fits
 *    (none) --------> HEARD ------------------------------> ACCEPTED --- a successor, announced by
 *                     ^   |  described, refused             |   |        it, is accepted
 *      asked again,   |   v                                 |   +------> RETIRED: tickets only
 *      backing off    REFUSED <-----------------------------+              |
 *                        |        rules changed                            |
 *                        +-----> (none): nobody claims it any more <-------+ tickets have expired
 *
 * Who is told what: a domain's answer counts for its TTL, within bounds; a failure changes nothing
 * but the time at which it is asked again. An answer without a cluster that it had before takes
 * that cluster's standing away only after `keep`: a name server that lies for an hour ends no
 * peering. A name belongs to the key that was accepted with it; another key gets it when its
 * holder, signing, has announced that key as its next one, when the policy revokes the holder's, or
 * when the holder has been forgotten. At first sight there is no holder: then a domain is believed
 * as much as DNS can be, and a rule with a key is the remedy.
 *
 * If rules accept more than `peers_max`, whoever came first is a peer at first. A while later, and
 * once in FIND_CHOOSE_EVERY, topo/choose says who backs us up best: near to our clients, in other
 * failure domains than we and each other, and for what it costs. Those who are peers already count
 * more, and most if there are sessions between us, so that nobody comes and goes because of a
 * trifle; so do those to whom we are a peer. Who is a peer and not heard, since it has chosen
 * others, is passed over for FIND_DEAF.
 *
 * Never a storm: questions to one party back off from RETRY_MIN to RETRY_MAX, drawn from the upper
 * half; at most FIND_FETCHES_MAX descriptions are asked for at once and one each FETCH_PACE. Those
 * who were refused are asked again about one a second, however many they are.
 *
 * The table is bounded. Whoever a domain names is let in before those who were introduced, in the
 * place of one that no domain names: first of one that nobody has reached, the one least lately
 * spoken for. One peer speaks for FIND_INTRODUCED_MAX at most; where the table is full and nobody
 * in it unreachable, one whose introducer speaks for fewer takes the place of one of that peer who
 * speaks for most. Nobody who is a peer ever makes room.
 *
 * Pure. Keys are bytes without meaning here. Texts of claims come checked for form.
 */
#ifndef TOPO_FIND_H
#define TOPO_FIND_H

#include "peerd/base/id.h"
#include "peerd/base/rng.h"
#include "peerd/base/time.h"
#include "peerd/base/trace.h"
#include "topo/find_clients.h"

#include <stdbool.h>
#include <stdint.h>

#define FIND_DOMAINS_MAX    16
#define FIND_RULES_MAX      32
#define FIND_HOLDERS_MAX    80 /* ourselves, the peers that the policy names, some to spare */
#define FIND_REVOKED_MAX    32
#define FIND_CLUSTERS_MAX   1024 /* some 1,000 bytes each; beyond them see find_room */
#define FIND_CLAIMS_MAX     256  /* of one answer */
#define FIND_INTRODUCED_MAX 256  /* by one peer alone: no peer can fill the table, nor can three */
#define FIND_PLACE_LEN_MAX  255  /* [characters] */
#define FIND_FETCHES_MAX    4
#define FIND_OUTBOX_MAX     (FIND_DOMAINS_MAX + FIND_FETCHES_MAX + 2)

#define FIND_RETRY_MIN     duration_s(1)
#define FIND_RETRY_MAX     duration_s(60)
#define FIND_SUCCESSOR_MAX duration_s(3)  /* a key that was announced may be in force any moment */
#define FIND_REFUSED_AGAIN duration_s(60) /* what a cluster says of itself may have changed; … */
#define FIND_REFUSED_EACH  duration_s(1)  /* … of more than 60, for each of them */
#define FIND_FETCH_PACE    duration_ms(50)
#define FIND_ANSWER_MAX    duration_s(20)   /* no question takes longer */
#define FIND_FIRST_WAIT    duration_ms(200) /* at most, before the first question to a domain */
#define FIND_ROUND         duration_s(30)   /* each peer is asked whom it knows once in this … */
#define FIND_ROUND_FIRST   duration_s(1)    /* … and at first a peer each second */
#define FIND_CHOOSE_FIRST  duration_s(10)   /* from the start: by then all have been asked */
#define FIND_CHOOSE_EVERY  duration_s(60)
#define FIND_DEAF          duration_s(600) /* it may have other wishes by then */
#define FIND_ROUNDS_FIRST  5 /* for so many rounds: who has just started knows nobody yet */

struct find_place {
    char text[FIND_PLACE_LEN_MAX + 1]; /* ip:port, host:port or srv:name */
};

/* What somebody says of a cluster. */
struct find_claim {
    struct name name;
    struct find_key key;
    struct find_place beats;
    struct find_place control;
};

/* What it says of itself, under its signature. */
struct find_facts {
    struct name name;
    struct name provider;
    struct name region;
    uint64_t upstream; /* rank_domain_of its text */
    bool placed;
    double latitude_deg, longitude_deg; /* if it is */
    int64_t issued_s; /* [s] since the Unix epoch, by its clock: an older one is no news */
    bool has_next;
    struct find_key next; /* its next key */
};

/* Whom to accept: everything that is given must fit. */
struct find_rule {
    struct name provider;           /* empty: any */
    struct name region;             /* empty: any */
    char pattern[NAME_LEN_MAX + 1]; /* of the name, with * and ?; empty: any */
    bool by_key;
    struct find_key key;
};

/* Names that are not to be had: our own and those of peers that the policy names. */
struct find_holder {
    struct name name;
    struct find_key key;
};

struct find_config {
    struct find_place domains[FIND_DOMAINS_MAX];
    uint32_t domain_count;
    struct find_rule rules[FIND_RULES_MAX];
    uint32_t rule_count;
    struct find_holder holders[FIND_HOLDERS_MAX]; /* the first is ourselves */
    uint32_t holder_count;
    struct find_facts own; /* where we stand; the rest of it means nothing */
    struct find_key revoked[FIND_REVOKED_MAX];
    uint32_t revoked_count;
    bool introduction;
    uint32_t peers_max;
    struct duration refresh_min; /* a TTL is taken for at least … */
    struct duration refresh_max; /* … and at most this */
    struct duration keep;        /* whom nobody claims any more is forgotten after this */
    struct duration retire;      /* tickets of a key that was succeeded may be this old */
};

enum find_state {
    FIND_STATE_HEARD,
    FIND_STATE_REFUSED,
    FIND_STATE_ACCEPTED,
    FIND_STATE_RETIRED
};

enum find_refusal {
    FIND_REFUSAL_NONE,
    FIND_REFUSAL_REVOKED,    /* the policy revokes its key */
    FIND_REFUSAL_NAME_TAKEN, /* its name is another key's */
    FIND_REFUSAL_NO_RULE,    /* no rule accepts it */
    FIND_REFUSAL_FULL        /* there are as many peers as the policy wants */
};

struct find_cluster {
    bool used;
    enum find_state state;
    enum find_refusal refusal; /* REFUSED */
    struct find_claim claim;
    bool described;
    struct find_facts facts;    /* if described */
    uint32_t rule;              /* ACCEPTED: by which */
    uint32_t told_by;           /* bit n: the last answer of domain n names it */
    bool introduced;            /* by a peer: … */
    struct find_key introducer; /* … the first who did; it counts for that one */
    bool announced;             /* by the key before it, as its next one */
    struct instant spoken_for;  /* when somebody last did; what counts while told_by is 0 */
    bool asked;                 /* a fetch is under way … */
    struct instant due;         /* … until then at most; or when the next one begins */
    uint32_t misses;            /* in a row */
    struct instant retired;
    struct instant accepted;   /* newest */
    struct instant deaf_until; /* it was a peer and not heard */
    uint32_t cost;             /* of a session there, when it was a peer last */
};

struct find_domain {
    bool asked;
    struct instant due; /* as of a cluster */
    uint32_t misses;
    uint64_t answers;
    uint64_t failures;
};

struct find_counters {
    uint64_t fetches;
    uint64_t fetches_missed;
    uint64_t claims_refused; /* no room, or a holder's own */
    uint64_t stale;          /* descriptions older than one that is known */
    uint64_t changes;        /* of the peers */
};

struct find {
    struct find_config config;
    struct find_domain domains[FIND_DOMAINS_MAX];
    struct find_cluster clusters[FIND_CLUSTERS_MAX]; /* below `top`; beyond it none is used */
    uint32_t top;
    uint32_t accepted; /* as many are ACCEPTED … */
    uint32_t refused;  /* … and REFUSED */
    uint32_t fetching;
    struct instant pace;      /* no fetch begins before */
    uint32_t peers;           /* that can be asked for introductions */
    uint32_t turn;            /* the peer that is asked next */
    uint32_t fresh;           /* so many are asked sooner: nobody has asked them yet */
    struct instant introduce; /* when */
    struct instant choose_at; /* whom of many to take; "never" before FIND_CONFIGURED */
    struct find_clientele clientele;
    bool changed; /* the peers, in this step */
    struct rng rng;
    struct trace *trace;
    struct find_counters counters;
};

enum find_event_kind {
    FIND_TICK,
    FIND_CONFIGURED,
    FIND_DOMAIN_TOLD,
    FIND_DOMAIN_MUTE, /* whatever the reason: timeout, no such name, nothing usable in it */
    FIND_INTRODUCED,  /* by a peer; the signature is right, and by the key that is claimed */
    FIND_DESCRIBED,   /* by itself, over a connection that proves its key */
    FIND_MISSED,      /* it could not be asked, or did not prove its key, or would not tell */
    FIND_PEERS,       /* so many peers can be asked whom they know */
    FIND_CLIENTS      /* where our clients are: when find_wants_clients, in place of a tick */
};

struct find_event {
    enum find_event_kind kind;
    struct instant now;
    union {
        const struct find_config *config;
        struct {
            uint32_t domain;
            const struct find_claim *claims; /* at most FIND_CLAIMS_MAX are looked at */
            uint32_t count;
            struct duration ttl;
        } told;
        uint32_t domain; /* mute */
        struct {
            const struct find_claim *claim;
            const struct find_facts *facts;
            struct find_key by; /* the peer */
        } introduced;
        struct {
            struct find_key key;
            const struct find_facts *facts; /* FIND_DESCRIBED */
        } fetch;
        uint32_t peers;
        const struct find_clients *clients;
    } u;
};

enum find_intention_kind {
    FIND_ASK_DOMAIN, /* to be answered by FIND_DOMAIN_TOLD or _MUTE */
    FIND_FETCH,      /* to be answered by FIND_DESCRIBED or _MISSED */
    FIND_ASK_PEER,   /* its introductions, if any, come as FIND_INTRODUCED */
    FIND_NEW_PEERS   /* those that find_next_peer gives are not what they were */
};

struct find_intention {
    enum find_intention_kind kind;
    union {
        uint32_t domain;
        struct {
            struct find_claim claim;
        } fetch;
        uint32_t peer; /* below what FIND_PEERS said */
    } u;
};

struct find_outbox {
    struct find_intention items[FIND_OUTBOX_MAX];
    uint32_t count;
};

/* `trace` may be NULL and must outlive the machine. Nothing happens until FIND_CONFIGURED. */
void find_init(struct find *f, uint64_t seed, struct trace *trace);

/* Empties and fills the outbox. What the event points at is copied. */
void find_step(struct find *f, const struct find_event *event, struct find_outbox *outbox);

/* When find_step wants to be called at the latest. */
struct instant find_deadline(const struct find *f);

/* Is it time to choose among many? Whoever can should tell where our clients are first. */
bool find_wants_clients(const struct find *f, struct instant now);

/* The peers, in an order in which those that stay keep their places: *cursor from 0; NULL at the
 * end. */
const struct find_cluster *find_next_peer(const struct find *f, uint32_t *cursor);

/* The cluster of a key; NULL if it is unknown, or the policy revokes it. */
const struct find_cluster *find_by_key(const struct find *f, const struct find_key *key);

/* NULL if no rule fits, else the first that does. */
const struct find_rule *find_rule_for(const struct find_config *c, const struct find_facts *facts,
                                      const struct find_key *key);

bool find_key_equal(const struct find_key *a, const struct find_key *b);
/* True if the whole of `text` fits: * stands for any characters, ? for one. */
bool find_pattern_fits(const char *pattern, const char *text);
const char *find_state_name(enum find_state state);
const char *find_refusal_text(enum find_refusal refusal);

/* Asserts what must always hold. */
void find_check_invariants(const struct find *f);

#endif
