/*
 * Inside of the overlay: what its three files share.
 */
#ifndef TEST_LIB_OVERLAY_PRIVATE_H
#define TEST_LIB_OVERLAY_PRIVATE_H

#include "peerd/wire/echo.h"
#include "test/lib/overlay.h"
#include "transcoder/timeline/drain_kept.h"

#define PACKETS_MAX 4096
#define SENT_MAX    4096 /* beats remembered for replay, of each pair */

enum packet_kind {
    PACKET_BEAT,        /* a datagram between two clusters or a node and a cluster */
    PACKET_POLL,        /* a node polls its peerd */
    PACKET_FETCH,       /* one asks for the description of the other */
    PACKET_DESCRIPTION, /* … and has it */
    PACKET_LODGE,
    PACKET_SLOTS,
    PACKET_MEDIA_ALIVE, /* a node considers beating */
    PACKET_MOVED,       /* a client that was asked to move arrives */
    PACKET_REPLAY       /* somebody repeats an old beat */
};

struct packet {
    struct instant at;
    uint64_t order; /* of equal instants the one made first goes first */
    enum packet_kind kind;
    uint32_t from, to; /* clusters */
    bool to_node;      /* beats: for the node of `to` */
    bool of_node;      /* beats: from the node of `from` */
    uint64_t run;      /* of the receiver, where an answer is for one run only */
    uint8_t data[BEAT_LEN_MAX];
    size_t len;
    struct session_id session;
    struct description description; /* owned arrays */
    struct standbys_group groups[16];
    uint32_t group_count;
    uint32_t slots[16];
    uint32_t index; /* of a replayed beat */
    uint32_t every_ms;
};

struct held {
    struct node_session told;
    uint32_t times; /* told of other backups */
    bool changed;
};

struct node_fake {
    bool alive;
    uint64_t boot;
    uint64_t seq;
    uint64_t seen;
    uint64_t order_seen;
    bool full;               /* the next report is to be */
    struct instant answered; /* by peerd, last */
    struct held held[OVERLAY_SESSIONS_MAX];
    uint32_t held_count;
    struct session_id ended[OVERLAY_SESSIONS_MAX];
    uint32_t ended_count;
    uint32_t slots;
    uint32_t ends_ordered;
    bool makes; /* a stream: */
    uint32_t spare_ms;
    struct node_stream stream;
    struct drain_kept drain;
    struct echo echo[OVERLAY_CLUSTERS_MAX]; /* towards each other cluster */
    struct instant beaten[OVERLAY_CLUSTERS_MAX];
};

struct sent {
    struct instant at;
    uint8_t data[BEAT_LEN_MAX];
    size_t len;
};

struct site {
    struct key_pair key;
    struct policy policy;
    struct core *core; /* NULL: killed */
    uint64_t run;
    struct trace trace;
    struct instant stalled_until;
    struct node_fake node;
    struct seal_key beat_to[OVERLAY_CLUSTERS_MAX];    /* ours to each */
    struct seal_key media_to[OVERLAY_CLUSTERS_MAX];   /* our node's to each */
    struct seal_key media_from[OVERLAY_CLUSTERS_MAX]; /* each one's answers to our node */
    struct sent *sent[OVERLAY_CLUSTERS_MAX];
    uint32_t sent_count[OVERLAY_CLUSTERS_MAX];
};

struct overlay {
    struct overlay_setup setup;
    struct instant now;
    struct site *sites[OVERLAY_CLUSTERS_MAX];
    bool cut[OVERLAY_CLUSTERS_MAX][OVERLAY_CLUSTERS_MAX];
    struct packet *packets[PACKETS_MAX];
    uint32_t packet_count;
    uint64_t orders;
    uint64_t nonces;
    struct core_outbox outbox;
    struct core_answer_open opened;
    char *narrative;
    size_t narrative_len;
};

/* Hands an event to the core of a site and carries out what it wants. */
void overlay_step(struct overlay *o, uint32_t cluster, struct core_event *event);

/* Index of `cluster` in the policy of `who`. */
uint32_t overlay_peer_index(uint32_t who, uint32_t cluster);
uint32_t overlay_cluster_of(uint32_t who, uint32_t peer_index);

uint32_t overlay_one_way_ms(const struct overlay *o);
void overlay_nonce(struct overlay *o, uint8_t nonce[BEAT_NONCE_BYTES]);

/* ---- overlay_packets.c ---- */

/* A packet to be filled, due after `delay_ms`. */
struct packet *overlay_packet(struct overlay *o, enum packet_kind kind, uint32_t from, uint32_t to,
                              uint32_t delay_ms);

void overlay_packet_free(struct packet *p);

/* Index of the packet that arrives first; -1 if none is under way. */
int overlay_next_packet(const struct overlay *o);

/* Sends, answers or hands to the node what the core of `who` wants. */
void overlay_carry_out(struct overlay *o, uint32_t who, const struct core_intention *i);

/* A packet arrives. The caller has taken it out of the list, and frees it. */
void overlay_deliver(struct overlay *o, struct packet *p);

/* What arrives while its receiver does not run is put off until it does. */
bool overlay_put_off(struct overlay *o, struct packet *p);

/* ---- overlay_node.c ---- */

void overlay_node_start(struct overlay *o, uint32_t cluster);
void overlay_node_poll(struct overlay *o, uint32_t cluster);
void overlay_node_answered(struct overlay *o, uint32_t cluster, const struct core_answer_node *a);
void overlay_node_beats(struct overlay *o, uint32_t cluster);
void overlay_node_heard(struct overlay *o, uint32_t cluster, uint32_t from, const struct beat *b);
void overlay_node_moved(struct overlay *o, const struct packet *p);

#endif
