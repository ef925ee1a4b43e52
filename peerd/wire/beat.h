/*
 * Beats: the heartbeat datagram between clusters, and media-alive, which is a beat of a node.
 *
 * Layout, network byte order. Clear header (36 bytes, authenticated as additional data):
 *     0  2  magic "pB"           2  1  version 2          3  1  kind (1 beat, 2 media-alive)
 *     4  8  hint of the sender's cluster key              12 24  random nonce
 * then the sealed body and its 16-byte tag (XChaCha20-Poly1305, see keys.h). Body, where "v" is a
 * number of 1 to 10 bytes (base/bytes):
 *     1  flags           8  boot        v  seq         v  send_us
 *     2  interval_ms     2  ask_interval_ms            4  sessions    4  free_slots
 *     1  node, of media-alive only
 *     8  echo_boot       v  echo_seq    4  echo_age_us       if flags have 0x40
 *     8  candidate_boot  v  candidate_seq                    if flags have 0x80
 *     1  length, 1 to 240        n  digest                   if flags have 0x20
 *     1  length, 2 to 255        n  blocks                   if flags have 0x10
 *    12  hint 8, age 1, rtt 1, loss 1, verdict 1: a view, as often as there are
 * Beats are most of what two peers send one another for as long as they live, so nothing travels
 * that says nothing: a beat of a run a week old is 97 bytes, and 12 for each view. What a provider
 * may not want to be seen, sessions and slots, takes the same room whatever it is. A digest
 * (wire/digest) says how the sender's clients fare; it is carried as it is, and who cannot read it
 * has a beat all the same.
 *
 * Whatever else beats come to say is a block: 1 kind, 1 length, n bytes. Whoever does not know a
 * kind passes over it by its length, so that a version may say more than its peers understand;
 * another layout is another kind. Versions before blocks drop a beat that has any, as they drop all
 * flags unknown to them: a cluster tells in its description (wire/description) that it takes them,
 * and gets none before.
 *
 * A beat ends with its last view and is never longer than 1,200 bytes. One struct has one encoding:
 * figures of views are codes of wire/coarse, boots and sequence numbers are never zero, an echo is
 * whole or absent, no number is longer than it need be, unknown flags are refused, and so is a
 * version before this. What a beat proves, and when it is a replay, is decided by wire/echo, not
 * here.
 */
#ifndef PEERD_WIRE_BEAT_H
#define PEERD_WIRE_BEAT_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "peerd/wire/keys.h"

#define BEAT_HEADER_LEN  36   /* [bytes] clear */
#define BEAT_LEN_MIN     75   /* [bytes] the first of a run, without views */
#define BEAT_LEN_MAX     1200 /* [bytes] fits every path MTU met in practice (RFC 9000, 14) */
#define BEAT_VIEWS_MAX   64   /* peers reported in one beat */
#define BEAT_DIGEST_MAX  240  /* [bytes] beside all those views */
#define BEAT_BLOCKS_MAX  255  /* [bytes] of all blocks together, as they are read … */
#define BEAT_BLOCKS_ROOM 56   /* [bytes] … and as many there is room for whatever else it says */
#define BEAT_BLOCK_HEAD  2    /* [bytes] of each, before what it says */
#define BEAT_NONCE_BYTES 24   /* [bytes] random: static keys forbid a counter that restarts */

enum beat_kind {
    BEAT_KIND_BEAT = 1,
    BEAT_KIND_MEDIA_ALIVE = 2
};

enum beat_flag {
    BEAT_FLAG_DRAINING = 1,   /* the sender takes no new sessions and moves its own away */
    BEAT_FLAG_ANSWER = 2,     /* the sender suspects the receiver: beat back at once */
    BEAT_FLAG_RECOVERING = 4, /* the sender has just started and does not know all its sessions */
    BEAT_FLAG_LISTENS = 8 /* its verdict on somebody hangs on views: each beat is to have them */
};

/* Numbers of those that were given up are not used again. */
enum beat_block {
    BEAT_BLOCK_COORDINATE = 1,  /* where the sender is, see wire/nearness.h */
    BEAT_BLOCK_ROUND_TRIPS = 2, /* to the clients of each location in the digest, likewise */
    /* Each of these is like a digest (wire/digest) of the locations that it is about. */
    BEAT_BLOCK_NEWCOMERS = 3,   /* what sessions of the receiver's have had since they came */
    BEAT_BLOCK_GIVE_BACK = 4,   /* the sender would have those back that lately went there */
    BEAT_BLOCK_FAILURE = 5,     /* a worker or node of the sender's died, see core/causes.h */
    BEAT_BLOCK_COUNTERPART = 6, /* of a move between the two, see wire/counterpart.h */
    /* Of streams that other programs serve. */
    BEAT_BLOCK_ORIGINS = 8,  /* which of the sender's are ill, see wire/origins.h */
    BEAT_BLOCK_AUDIENCE = 9, /* how players of one fare at a location, see wire/audience.h */
    BEAT_BLOCK_ROOM = 10,    /* for sessions of the receiver's, see wire/room.h */
    BEAT_BLOCK_MAKING = 11   /* CPU to spare for a stream, see wire/making.h */
};

/* What the sender believes of one of its peers; each figure is one byte on the wire. */
struct beat_view {
    struct key_hint peer;     /* whom it is about */
    uint32_t age_ms;          /* [ms] since the last proof of life; rounded up by wire/coarse */
    uint32_t rtt_ms;          /* [ms] smoothed, rounded up alike; 0 unknown */
    uint8_t loss_permille_x4; /* lost beats in units of 0.4 %, 250 and more meaning all */
    uint8_t verdict; /* enum verdict of monitor/verdict.h; a reader may not know them all */
};

struct beat {
    enum beat_kind kind;
    uint64_t boot;            /* random id of this run of the sender, never 0 */
    uint64_t seq;             /* counts from 1 within a boot */
    int64_t send_us;          /* [µs] sender's monotonic clock when sent */
    uint64_t echo_boot;       /* confirmed boot of the receiver, 0 for none */
    uint64_t echo_seq;        /* highest seq received from that boot */
    uint32_t echo_age_us;     /* [µs] how long ago that one arrived; saturating */
    uint64_t candidate_boot;  /* a boot of the receiver not confirmed yet, 0 for none */
    uint64_t candidate_seq;   /* its highest seq */
    uint16_t interval_ms;     /* [ms] the sender will beat again within this; never 0 */
    uint16_t ask_interval_ms; /* [ms] the interval wished of the receiver, 0 for no wish */
    uint8_t flags;            /* enum beat_flag, or-ed */
    uint8_t node;             /* number of the node, media-alive only */
    uint32_t sessions;        /* committed sessions at the sender */
    uint32_t free_slots;      /* sessions it could still take */
    uint8_t view_count;
    uint8_t digest_len; /* [bytes] 0: none; never of media-alive */
    uint8_t blocks_len; /* [bytes] likewise */
    struct beat_view views[BEAT_VIEWS_MAX];
    uint8_t digest[BEAT_DIGEST_MAX]; /* not to be trusted yet, see wire/digest */
    uint8_t blocks[BEAT_BLOCKS_MAX]; /* as they travel: each is whole, and not to be trusted yet */
};

/* Adds a block of `len` bytes; false, and nothing is added, if there is no room left for it. */
bool beat_add_block(struct beat *beat, enum beat_block kind, const void *bytes, size_t len);

/* What the first block of that kind says; NULL if there is none. */
const uint8_t *beat_find_block(const struct beat *beat, enum beat_block kind, size_t *len);

/* Encodes and seals. The beat must be one that beat_open accepts; anything else is a bug. Returns
 * the datagram's length, or 0 if it does not fit into `out_size` or BEAT_LEN_MAX (with BEAT_LEN_MAX
 * it does as long as blocks have come from beat_add_block). `nonce` is fresh random from the
 * caller; used twice under one key it would give both beats away. */
size_t beat_seal(uint8_t *out, size_t out_size, const struct beat *beat,
                 const struct key_hint *sender, const struct seal_key *key,
                 const uint8_t nonce[BEAT_NONCE_BYTES]);

/* Reads the clear header only, to find the key to open with; nothing in it is to be believed yet.
 * Errors: TRUNCATED, OVERSIZED, BAD_MAGIC, BAD_VERSION, BAD_KIND. */
enum err beat_peek(const void *datagram, size_t len, enum beat_kind *kind, struct key_hint *sender);

/* Opens and decodes in full before `out` is touched. Errors: TRUNCATED, OVERSIZED, BAD_MAGIC,
 * BAD_VERSION, BAD_KIND, BAD_SEAL (also for our own message reflected: directions have their own
 * keys), BAD_FIELD. */
enum err beat_open(struct beat *out, const void *datagram, size_t len, const struct seal_key *key);

#endif
