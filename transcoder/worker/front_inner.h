/*
 * The inside of the front, shared by front.c (process, makers), front_list.c (streams and their
 * renditions), front_live.c (channels), front_incoming.c (what comes in), front_costs.c (what it
 * all costs) and front_door.c (requests) only.
 */
#ifndef TRANSCODER_WORKER_FRONT_INNER_H
#define TRANSCODER_WORKER_FRONT_INNER_H

#include "peerd/net/http_server.h"
#include "transcoder/hls/capacity.h"
#include "transcoder/hls/playlist.h"
#include "transcoder/hls/shelf.h"
#include "transcoder/worker/catalogue.h"
#include "transcoder/worker/front.h"
#include "transcoder/worker/link.h"
#include "transcoder/worker/makers.h"

#define FRONT_LINES_MAX 4096 /* renditions of sources since the start; beyond it starts anew */
#define FRONT_RETRY_MS  5000 /* [ms] until a source that could not be read is tried again */
#define FRONT_ETAG_LEN  (2 * MAKER_HASH_BYTES + 2) /* [characters] quotes included */

/* One rendition of one source, under its print: what the shelf calls a line. */
struct front_line {
    char print[PLAYLIST_PRINT_LEN + 1];
    struct maker_order order; /* but for the number, and where its chunk is */
    struct name stream;       /* of a chunk */
    struct cost cost;         /* of a segment */
};

enum front_facts {
    FRONT_UNKNOWN,
    FRONT_ASKED,
    FRONT_KNOWN
};

enum front_word {
    FRONT_SAID_NOTHING,
    FRONT_SAID_OFFERED,
    FRONT_SAID_NOT_OFFERED
};

/* A source that comes in, and its chunks that are at hand: owned by its stream, or by work on
 * another thread that ends it. */
struct front_incoming;

struct front_stream {
    struct catalogue_source source;
    struct rendition_source facts; /* once known */
    enum front_facts state;
    struct instant again; /* unknown: when to ask */
    struct playlist_rendition renditions[PLAYLIST_RENDITIONS_MAX];
    uint32_t lines[PLAYLIST_RENDITIONS_MAX];
    size_t count;
    struct live_channel channel; /* pass 0 and nothing incoming: a recording */
    struct front_incoming *in;   /* owned; of class live alone, else NULL */
    uint32_t ahead;              /* of a channel: the number from which on nothing is wanted yet */
    enum front_word said;        /* of it as a channel */
};

/* Of a segment: kept while it stands on the shelf, and while somebody is being sent it. */
struct front_bytes {
    uint8_t *data; /* owned */
    size_t len;
    uint32_t holders;
    char etag[FRONT_ETAG_LEN + 1]; /* a strong one: it follows from the bytes alone */
    struct net_http_ready *whole; /* the answer with all of it, once somebody has asked; a holder */
};

/* What a rendition costs, whatever it is made of. */
struct front_cost {
    struct rendition rendition;
    struct cost cost;
};

struct front {
    const struct options *options;
    struct net_loop *loop;
    struct net_log *log;
    struct link *link;
    struct net_http_server *door;
    struct makers *makers;
    struct net_timer timer;
    struct shelf shelf;
    struct front_bytes *held[SHELF_ITEMS]; /* by item; NULL for none */
    /* What is being asked about: by maker; NULL name for none. */
    struct name facts_of[SHELF_MAKERS];
    struct instant facts_since[SHELF_MAKERS];
    struct rendition renditions[NODE_PROFILES_MAX];
    struct front_cost costs[NODE_PROFILES_MAX]; /* of these renditions, in their order */
    size_t rendition_count;
    struct capacity capacity;
    struct front_stream *streams; /* owned */
    size_t stream_count;
    struct front_line *lines; /* owned: FRONT_LINES_MAX */
    uint32_t line_count;
    struct catalogue next; /* being told */
    uint64_t not_cold;     /* asked for, and told no because nobody had begun it */
    uint64_t cpu_us;       /* [µs] that makers took */
    struct instant tell_at;
};

/* front.c: after anything has happened. */
void front_go_on(struct front *f);
/* Of a `struct front_bytes`: one holder less. */
void front_let_go(void *bytes);

/* front_list.c */

/* What the supervisor has told is whole. */
void front_list_set(struct front *f, const struct catalogue *c);
void front_list_source(struct front *f, const struct catalogue_source *source);
struct front_stream *front_list_find(struct front *f, const struct name *name);
/* Its renditions get their lines. */
void front_list_known(struct front *f, struct front_stream *s,
                      const struct rendition_source *facts);
/* The same of what comes in: `channel` has come to be known, or is another one. */
void front_list_incoming(struct front *f, struct front_stream *s,
                         const struct live_channel *channel);
/* SHELF_NONE: it has no such rendition, or makes other bytes of it. */
uint32_t front_list_line(const struct front_stream *s, const struct playlist_path *path);

/* [µs] That making it is likely to take: next to nothing for what stands before all segments. */
static inline uint32_t front_cost_us(const struct front *f, struct shelf_key key) {
    return key.number == SEGMENT_INIT ? 0 : cost_mean_us(&f->lines[key.line].cost);
}

/* The time of day, and how far it may be trusted. */
struct wall front_wall(const struct front *f);

/* Its playlists are of now. */
static inline bool front_is_channel(const struct front_stream *s) {
    return s->channel.pass > 0 || s->channel.incoming != NULL;
}

/* front_incoming.c */

/* Looks at what comes in where it is time to. When to look again. */
struct instant front_incoming_look(struct front *f, struct instant now);
/* Accepts NULL. */
void front_incoming_drop(struct front_incoming *in);
/* Is chunk `number` at hand? Then this is where a maker finds it. */
bool front_incoming_find(const struct front_incoming *in, uint32_t number,
                         char location[NODE_LOCATION_LEN_MAX + 1]);

/* front_live.c: wants of each channel what is to be made by now. When to look again. */
struct instant front_live_ahead(struct front *f, struct instant now);
/* ERR_OK: there is such a segment, or may be asked for it. */
enum err front_live_serves(const struct front *f, const struct front_stream *s, uint32_t number);

/* front_costs.c */

/* Its renditions are others: those that stay keep what is known of them. */
void front_costs_of(struct front *f, const struct rendition *renditions, size_t count);
void front_costs_made(struct front *f, const struct front_line *line, struct duration took,
                      uint64_t cpu_us);
/* Each rendition and each stream, to the supervisor. */
void front_costs_tell(struct front *f);

/* front_door.c */
void front_asked(void *data, struct net_http_request *r);
/* With the bytes of an item, or SHELF_NONE: no. */
void front_answer(struct front *f, struct net_http_request *r, uint32_t item);

#endif
