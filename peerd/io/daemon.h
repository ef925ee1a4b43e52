/*
 * The daemon: one peerd, from its policy file to its last listener.
 *
 * It is the only caller of the core. Whatever arrives becomes an event in daemon_step, whatever the
 * core wants done is carried out there, in order, in the same turn of the loop. Crash-only: there
 * is nothing to save, so daemon_close is for tests and for leak checkers; SIGTERM just ends.
 */
#ifndef PEERD_IO_DAEMON_H
#define PEERD_IO_DAEMON_H

#include "peerd/core/core.h"
#include "peerd/core/outbox.h"
#include "peerd/core/status.h"
#include "peerd/net/dns.h"
#include "peerd/net/file.h"
#include "peerd/net/http_client.h"
#include "peerd/net/http_server.h"
#include "peerd/net/identity.h"
#include "peerd/net/log.h"
#include "peerd/net/loop.h"
#include "peerd/net/udp.h"
#include "peerd/policy/fault.h"
#include "peerd/wire/ticket.h"
#include "topo/find.h"

#define DAEMON_VERSION PEERD_VERSION

struct daemon_peer;
struct reach_trial;
struct looks;
struct streams;

#define DAEMON_REACH_TRIALS_MAX 4 /* questions of peers whether we reach them, at a time */

/* One of the two doors of a peer, and where it is. */
struct daemon_place {
    struct daemon_peer *peer;
    const char *door;            /* "beats" or "control", for people */
    const char *text;            /* as the policy says; borrowed from the policy in force */
    struct addr addr;            /* resolved; family 0 while unknown */
    struct net_dns_query *query; /* in flight; NULL for none */
    struct net_timer again;      /* names are looked up again when their TTL is over */
};

/* Keys of media-alive for node number n, ours and the peer's. */
struct daemon_node_keys {
    struct seal_key alive_in;   /* of the peer's node n to us */
    struct seal_key answer_out; /* ours to it */
    struct seal_key alive_out;  /* of our node n to the peer; the node gets it from us */
    struct seal_key answer_in;  /* the peer's to our node n, likewise */
};

/* What is sealed between one key of ours and one of a peer. */
struct daemon_seals {
    struct seal_key seal; /* ours to it */
    struct seal_key open; /* its to us */
    struct daemon_node_keys nodes[POLICY_NODES_MAX];
};

/* Which key of two, ours or a peer's. Both sides may change theirs at the same time. */
enum daemon_age {
    DAEMON_IN_FORCE,
    DAEMON_OTHER, /* ours: the one before; the peer's: the one that it has announced */
    DAEMON_AGES
};

/* A lodging that waits for the one before it to end. */
struct daemon_lodging {
    char *json; /* owned; NULL for none */
    size_t len; /* [bytes] */
    uint32_t groups;
};

/* What io keeps of a peer beside what the core knows. It outlives a reload that changes neither
 * the peer's name nor its key: addresses looked up and calls under way go on. */
struct daemon_peer {
    struct daemon *daemon;
    uint32_t index; /* in the policy in force */
    struct name name;
    struct public_key key; /* in force */
    struct key_hint hint;
    bool has_next;
    struct public_key next; /* that it has announced, or that the policy pins */
    struct key_hint next_hint;
    struct public_key announced;  /* what it announced last; all zero: nothing */
    struct description_past past; /* of its keys, by what it says and by what we have seen */
    bool revoked;                 /* the policy revokes its key in force: it is not believed */
    bool outdated;                /* the policy's file names its former key */
    bool told_next;               /* it has fetched what announces our next key */
    struct daemon_seals *seals[DAEMON_AGES][DAEMON_AGES]; /* owned; by our key and by its; see
                                                             keys.c; NULL: none */
    uint32_t nodes_heard;           /* bit n: a media-alive of its node n has opened */
    struct instant search_paid_for; /* see beats.c: the budget of searches for a node's key */
    struct daemon_place beats;
    struct daemon_place control;
    struct net_http_call *fetch;       /* in flight; NULL for none */
    struct net_http_call *lodge;       /* likewise */
    struct net_http_call *saying;      /* likewise: what we say of an agreement */
    struct instant reach_after;        /* it may ask again then whether we reach it; 0: now */
    uint32_t lodged_groups;            /* in the lodging under way */
    struct daemon_lodging waiting;     /* the newest one after that */
    char *envelope;                    /* owned: its description as it signed it, if others may have
                                          it from us; NULL for none */
    struct public_key introduced_last; /* of those whom it introduced; all zero: not asked yet */
};

struct daemon_counters {
    uint64_t datagrams_bad[ERR_COUNT]; /* dropped, by reason */
    uint64_t datagrams_foreign;        /* from a cluster that is no peer */
    uint64_t requests_denied;          /* control or client requests refused for want of rights */
    uint64_t reloads;
    uint64_t reload_failures;
};

/* Drawn at once, since the kernel's generator costs a call whatever it gives; nonces are no secret,
 * so that they may lie about. */
#define DAEMON_NONCES 10

struct daemon {
    struct net_loop *loop;
    struct net_log *log;
    struct trace trace;
    const char *policy_path; /* borrowed */
    struct policy *policy;   /* in force; owned */
    struct faults *faults;   /* of the last load; owned */
    bool policy_refused;     /* the file was changed to something unusable; the old one rules */
    struct key_pair key;     /* secret */
    struct key_hint hint;    /* of its public half; see beats_open */
    struct description_past past;      /* of our own keys */
    struct public_key announced;       /* our next key, as of the last policy */
    struct instant former_opens;       /* beats sealed for our former key open until then */
    uint8_t session_secret[KEY_BYTES]; /* of clients.c; follows from the key */
    struct net_identity *identity;
    struct core *core;
    struct core_outbox outbox;
    struct net_timer deadline; /* of the core */
    struct net_timer watchdog; /* of the service manager */
    struct net_dns *dns;
    struct net_http_client *http;
    struct net_udp *beats;
    struct net_http_server *control;
    struct net_http_server *clients;
    bool (*page)(struct net_http_request *r); /* answers for a file of the status page, or is false;
                                                 set once open; NULL: there is no page */
    struct net_file_watch *watch;
    struct net_signal *hangup;
    struct net_signal *terminate;
    struct net_signal *interrupt;
    struct daemon_peer *peers[POLICY_PEERS_MAX];
    uint32_t peer_count;
    struct rng rng;              /* for the order of SRV targets only */
    struct events *events;       /* owned */
    struct discovery *discovery; /* owned; NULL until a policy wants it */
    struct looks *looks;         /* owned; at origins */
    struct streams *streams;     /* owned */
    struct {
        struct net_http_request *request; /* NULL: none, or answered */
        const struct node_request *report;
    } registering; /* what registrar.c is at; the core answers in the same step */
    struct reach_trial *reaching[DAEMON_REACH_TRIALS_MAX]; /* owned; NULL: none */
    uint32_t descriptors_max; /* open files that the system lets us have */
    struct instant started;
    struct daemon_counters counters;
    uint8_t nonces[DAEMON_NONCES][BEAT_NONCE_BYTES]; /* drawn beforehand … */
    unsigned nonces_left;                            /* … and not used yet: the first so many */
};

/* Everything from the policy file to the listeners. On failure it has logged why, in words, and
 * returns what kind of failure it was; `d` is then to be closed all the same. */
enum err daemon_open(struct daemon *d, const char *policy_path, struct net_log *log);
void daemon_run(struct daemon *d);
void daemon_close(struct daemon *d);

/* The peer at an index that came from the core. */
struct daemon_peer *daemon_peer_at(struct daemon *d, uint32_t index);

/* Hands an event to the core (now and wall are filled in here) and carries out what it wants. */
void daemon_step(struct daemon *d, struct core_event *event);

/* ---- the parts, each in its own file ---- */

/* beats.c */
enum err beats_open(struct daemon *d);
void beats_send(struct daemon *d, const struct core_send_beat *send);

/* places.c: keeps each peer's addresses resolved. */
void places_start(struct daemon_peer *p, const struct policy_peer *policy);
/* The same peer under another policy: what has not changed goes on as it was. */
void places_renew(struct daemon_peer *p, const struct policy_peer *policy);
void places_stop(struct daemon_peer *p);

/* keys.c: which keys are whose, now, next and before. */
/* Of our own, once the first policy is there. */
void keys_open(struct daemon *d);
/* Derives every key of a new peer. ERR_BAD_FIELD if its public key is no valid point. */
enum err keys_peer_open(struct daemon_peer *p, const struct policy_peer *policy);
void keys_peer_close(struct daemon_peer *p);
/* A policy names keys that were in force when it was written: puts those that are in their place.
 */
void keys_resolve(struct daemon *d, struct policy *policy);
/* The same, for who only wants to know what it would come to. */
void keys_foresee(const struct daemon *d, struct policy *policy);
/* Another policy is in force: what it pins and revokes. */
void keys_policy_taken(struct daemon *d);
/* Ours is another one from now on: the one that the policy in force announces. On failure nothing
 * has changed. */
enum err keys_switch(struct daemon *d, const struct key_pair *pair);
/* A peer has shown that it holds the key that it had announced. */
void keys_peer_switched(struct daemon_peer *p);
/* It has shown that it knows our key in force: it has no use for the one before. */
void keys_peer_follows(struct daemon_peer *p);
/* It has described itself, signed by its key in force. */
void keys_peer_described(struct daemon_peer *p, const struct description *description);
/* Do we announce a key that is not ours yet? */
bool keys_announces(const struct daemon *d);
bool keys_revoked(const struct daemon *d, const struct public_key *key); /* by our policy … */
bool keys_revoked_of(const struct daemon *d, const struct description_past *past,
                     const struct public_key *key); /* … or by its cluster */
/* What we say of our keys; `past` is borrowed by `out`. */
void keys_describe(const struct daemon *d, struct description *out, struct description_past *past);
/* Whose tickets are good here; how many, at most NODE_ISSUERS_MAX. */
size_t keys_issuers(const struct daemon *d, struct ticket_issuer *out);

/* calls.c */
void calls_fetch_description(struct daemon *d, const struct core_fetch_description *fetch);
void calls_lodge_standbys(struct daemon *d, const struct core_lodge_standbys *lodge);
void calls_say_agreement(struct daemon *d, const struct core_say_agreement *say);
/* Ends what is under way with a peer that is going; nothing comes back. */
void calls_stop(struct daemon_peer *p);

/* control.c */
enum err control_open(struct daemon *d);
void control_answer_standbys(struct daemon *d, const struct core_answer_standbys *answer);
/* Of our client door, as others are told of it; empty if clients are not let in at all. */
void control_clients_url(const struct policy *p, char *out, size_t size);
/* Answers with that JSON and frees it; NULL: memory is short. */
void control_answer_text(struct net_http_request *r, char *json);

/* steer.c: what operators have us do; `index` means nothing. */
void steer_drain(struct daemon *d, struct net_http_request *r, uint32_t index);
void steer_undrain(struct daemon *d, struct net_http_request *r, uint32_t index);
void steer_move(struct daemon *d, struct net_http_request *r, uint32_t index);
void steer_moving(struct daemon *d, struct net_http_request *r, uint32_t index);
void steer_reload(struct daemon *d, struct net_http_request *r, uint32_t index);
void steer_diff(struct daemon *d, struct net_http_request *r, uint32_t index);

/* agreements.c: what peers say of agreements, and what operators see of them. */
void control_agreement(struct daemon *d, struct net_http_request *request, uint32_t peer);
void control_answer_agreement(struct daemon *d, const struct core_answer_agreement *answer);
char *present_agreements(const struct daemon *d);

/* events.c: the journal, and who follows it. */
struct events_figures {
    uint64_t entered;
    uint32_t readers;
    uint64_t dropped; /* cut off for slowness */
};

/* Before the core is made, which is lent the journal. */
enum err events_open(struct daemon *d);
struct journal *events_journal(const struct daemon *d);
/* Tells followers what they have not had; after whatever may have entered something. */
void events_tell(struct daemon *d);
void events_get(struct daemon *d, struct net_http_request *r, uint32_t index);
/* The same for the status page, whose readers take no place of operators' programs. */
void events_get_viewed(struct daemon *d, struct net_http_request *r);
struct events_figures events_figures(const struct daemon *d);
/* After the doors are closed. */
void events_close(struct daemon *d);

/* registrar.c */
void registrar_request(struct daemon *d, struct net_http_request *request, uint32_t node);
void registrar_answer(struct daemon *d, const struct core_answer_node *answer);

/* page.c: what the status page asks at the clients' door. */
/* True if that path is the page's and who asks may look at it. */
bool page_wanted(const struct daemon *d, const struct net_http_request *r);
void page_handle(struct daemon *d, struct net_http_request *r);

/* clients.c */
/* Also derives the secret that ids of repeatable opens come from. */
enum err clients_open(struct daemon *d);
void clients_answer(struct daemon *d, const struct core_answer_open *answer);

/* discovery.c */
/* Finds what `policy` wants found, from now on. */
enum err discovery_configure(struct daemon *d, const struct policy *policy);
/* Puts those who are peers by having been found behind the others. */
void discovery_add_peers(const struct daemon *d, struct policy *policy);
/* A peer's description has come, in this envelope. */
void discovery_described(struct daemon_peer *p, const struct description *description,
                         const char *envelope, size_t len);
/* Is that the key of a cluster that was found, or heard of? */
bool discovery_knows(const struct daemon *d, const struct public_key *key);
/* Those whose tickets count though their key was succeeded by another and who are no peers; how
 * many. */
size_t discovery_add_issuers(const struct daemon *d, struct ticket_issuer *out, size_t room);
/* It asks for our description, and may be no peer. */
void discovery_asked(struct daemon *d, const struct public_key *key);
/* Whom of those after a key we introduce to the peer `asker`: JSON from malloc, NULL if memory is
 * short. */
char *discovery_introductions(const struct daemon *d, uint32_t asker,
                              const struct public_key *after, size_t *len);
const struct find *discovery_state(const struct daemon *d); /* NULL: nothing is looked for */
void discovery_close(struct daemon *d);

/* present.c: terminated JSON from malloc, NULL if memory is short. */
char *present_status(const struct daemon *d);
/* … after a drain was called off, if there was one. */
char *present_undrained(const struct daemon *d, bool was_draining);
/* trouble.c: a JSON array of sentences, one for each thing that is not as the policy wants it. */
struct json_t *present_trouble(const struct daemon *d);
char *present_status_for_clients(const struct daemon *d); /* without what only operators may see */
char *present_peers(const struct daemon *d);
char *present_why(const struct daemon *d, uint32_t peer);
/* What the detector is asked for, what it achieves, and what it expects of the path; null: not
 * known, or never. The caller owns it. */
struct json_t *present_detection(const struct core_peer_status *p);
/* Only those whose client is in `of`, unless that is NULL. */
char *present_sessions(const struct daemon *d, uint32_t limit, const struct prefix *of);

/* Which moves of the ledger. */
struct present_moves_filter {
    bool of_session, of_cause;
    uint32_t newest; /* at most so many of them; 0: all */
    struct session_id session;
    enum move_cause cause;
};

char *present_moves(const struct daemon *d, const struct present_moves_filter *filter);
/* Where one session stands: whether it is served here, and its move away, if any. */
char *present_moving(const struct daemon *d, const struct session_id *id);
char *present_found(const struct daemon *d); /* present_found.c */
/* present_starts.c: at a node; and of a peer's tickets, at all nodes together: null if none has
 * begun. */
struct json_t *present_starts(const struct daemon *d, const struct core_node_status *n);
struct json_t *present_starts_of(const struct daemon *d, const struct name *peer);
/* present_origins.c: each stream of another program, at each cluster that has it. */
char *present_origins(const struct daemon *d);

/* present.c: NULL for no memory. File names need not be UTF-8, JSON must be. */
struct json_t *text_json(const char *text);

/* locations.c */
/* Only those in `within`, and the one that it is in, unless that is NULL. */
char *present_locations(const struct daemon *d, uint32_t limit, const struct prefix *within);

/* What the policy in that file would change. NULL with faults: it would be refused; without: no
 * memory. */
char *present_diff(const struct daemon *d, const char *path, struct faults *faults);

/* rank.c: the same, or why there is nothing to show. An empty service is the first one. */
enum err present_rank(const struct daemon *d, const struct prefix *location,
                      const struct name *service, char **out);
enum err present_why_session(const struct daemon *d, const struct session_id *id, char **out);

/* metrics.c: Prometheus text format 0.0.4, from malloc; NULL if memory is short. */
char *metrics_render(const struct daemon *d);

/* reload.c */
enum err reload_first(struct daemon *d);
void reload_policy(struct daemon *d);

/* What a new policy changes that needs a restart; NULL for nothing. */
const char *reload_needs_restart(const struct daemon *d, const struct policy *new_one,
                                 const struct key_pair *new_key);

/* Of its peers those that the file names. */
uint32_t reload_named_peers(const struct policy *p);
/* Makes d->peers those of `policy`, in its order. On failure nothing has changed. */
enum err reload_peers(struct daemon *d, const struct policy *policy);
void reload_drop_peers(struct daemon *d);
/* Those that discovery has found are not what they were. */
void reload_found(struct daemon *d);

#endif
