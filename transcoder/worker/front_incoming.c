/*
 * What comes in live: its chunks, fetched as they come. See transcoder/hls/incoming.h.
 *
 * The index is read again and again, on another thread, since it may lie behind a network; each
 * look brings one chunk, and the next one follows at once while there are more. A chunk counts when
 * its bytes are those that the index tells of, and stays in memory for as long as it may be asked
 * for: makers read it there. Its segments are wanted at once, before they are listed.
 */
#include "peerd/net/clock.h"
#include "transcoder/worker/chunks.h"
#include "transcoder/worker/front_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS  400  /* [ms] between two looks when there is nothing new: a file of some KB */
#define RETRY_MS 1000 /* [ms] after one that failed */
#define AT_FIRST 6    /* chunks to begin with: more than a player has in store */
#define OLD      4    /* segments: who could not be made until then is not wanted any more */
#define KEPT     (INCOMING_CHUNKS_MAX)

struct kept {
    uint32_t number;
    int fd; /* 0: none. In memory, sealed */
};

struct front_incoming {
    struct front *front;
    struct name stream;
    char location[NODE_LOCATION_LEN_MAX + 1]; /* of the index */
    struct incoming index;                    /* as it was read last … */
    bool known;                               /* … if it was */
    struct kept kept[KEPT];                   /* by number, modulo */
    uint32_t here;                            /* as struct live_channel has it */
    struct instant again;                     /* when to look */
    bool busy;                                /* another thread looks */
    bool dropped;                             /* when it is back, this ends */
    enum err said;                            /* of the last look */
};

/* What another thread works on. */
struct look {
    struct front_incoming *owner;
    char location[NODE_LOCATION_LEN_MAX + 1];
    uint8_t feed[INCOMING_HASH_BYTES]; /* before */
    bool known;
    uint32_t here; /* before */
    struct incoming index;
    enum err error;
    struct kept got; /* fd 0: no chunk */
    bool more;       /* there are others */
    struct media_why why;
};

/* ---- on another thread ----------------------------------------------------------------------- */

/* The oldest that is not here, of the newest ones to begin with. */
static const struct incoming_chunk *missing(const struct look *l) {
    const struct incoming *in = &l->index;
    bool same = l->known && memcmp(l->feed, in->feed, sizeof(l->feed)) == 0;
    uint32_t i = in->count > AT_FIRST ? in->count - AT_FIRST : 0;
    while (same && i < in->count && in->chunks[i].number < l->here)
        i++;
    return i < in->count ? &in->chunks[i] : NULL;
}

static enum err get(struct look *l, const struct incoming_chunk *c) {
    l->got.number = c->number;
    return chunks_get(&l->got.fd, l->location, c, &l->why);
}

/* A chunk that cannot be had holds up later ones only until there is one: another cluster has it.
 */
static void look(void *data) {
    struct look *l = data;
    l->error = chunks_index(&l->index, l->location, &l->why);
    const struct incoming_chunk *c = l->error == ERR_OK ? missing(l) : NULL;
    const struct incoming_chunk *last = c != NULL ? &l->index.chunks[l->index.count - 1] : NULL;
    if (c == NULL)
        return;
    l->error = get(l, c);
    if (l->error != ERR_OK && c != last)
        l->error = get(l, c + 1);
    l->more = l->error == ERR_OK && l->got.number != last->number;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

bool front_incoming_find(const struct front_incoming *in, uint32_t number,
                         char location[NODE_LOCATION_LEN_MAX + 1]) {
    const struct kept *k = &in->kept[number % KEPT];
    if (k->fd == 0 || k->number != number)
        return false;
    snprintf(location, NODE_LOCATION_LEN_MAX + 1, "/proc/%d/fd/%d", (int)getpid(), k->fd);
    return true;
}

static void let_go(struct kept *k) {
    if (k->fd != 0)
        close(k->fd);
    *k = (struct kept){.fd = 0};
}

/* What may still be asked for of a chunk is LIVE_LISTED and LIVE_KEPT behind the clock, which is
 * late_ms behind the newest. */
static void let_go_old(struct front_incoming *in, uint32_t newest) {
    const uint32_t room = LIVE_LISTED + LIVE_KEPT + 2 + in->index.late_ms / SEGMENT_MS;
    for (size_t i = 0; i < KEPT; i++)
        if (in->kept[i].fd != 0 && (int64_t)in->kept[i].number + room < newest)
            let_go(&in->kept[i]);
}

static void end(struct front_incoming *in) {
    for (size_t i = 0; i < KEPT; i++)
        let_go(&in->kept[i]);
    free(in);
}

void front_incoming_drop(struct front_incoming *in) {
    if (in == NULL)
        return;
    in->dropped = true;
    if (!in->busy)
        end(in);
}

/* All its segments, before anybody asks; not those that nobody begins with any more. */
static void want(struct front *f, const struct front_stream *s, uint32_t number) {
    for (size_t i = 0; i < s->count; i++) {
        const struct shelf_key key = {s->lines[i], number};
        for (uint32_t back = AT_FIRST; back < AT_FIRST + OLD && back <= number; back++)
            shelf_forget(&f->shelf, (struct shelf_key){s->lines[i], number - back});
        shelf_expect(&f->shelf, key, front_cost_us(f, key));
    }
}

/* ---- what a look has brought ----------------------------------------------------------------- */

static struct live_channel channel_of(const struct front_incoming *in) {
    return (struct live_channel){.since_us = in->index.since_ms * 1000,
                                 .late_us = (int64_t)in->index.late_ms * 1000,
                                 .incoming = &in->index,
                                 .here = in->here};
}

static bool same_feed(const struct incoming *a, const struct incoming *b) {
    return memcmp(a->feed, b->feed, sizeof(a->feed)) == 0 && a->since_ms == b->since_ms &&
           a->late_ms == b->late_ms && a->width == b->width && a->height == b->height;
}

static void take_index(struct front *f, struct front_stream *s, const struct incoming *index) {
    struct front_incoming *in = s->in;
    bool same = in->known && same_feed(&in->index, index);
    if (!same) {
        in->here = 0;
        for (size_t i = 0; i < KEPT; i++)
            let_go(&in->kept[i]);
    }
    in->index = *index;
    in->known = true;
    const struct live_channel channel = channel_of(in);
    if (!same || s->state != FRONT_KNOWN)
        front_list_incoming(f, s, &channel);
}

static void take_chunk(struct front *f, struct front_stream *s, struct kept *got) {
    struct front_incoming *in = s->in;
    struct kept *place = &in->kept[got->number % KEPT];
    let_go(place);
    *place = *got;
    *got = (struct kept){.fd = 0};
    in->here = place->number + 1;
    s->channel.here = in->here;
    let_go_old(in, place->number);
    want(f, s, place->number);
}

static void tell(struct front_incoming *in, const struct look *l) {
    if (in->said == l->error)
        return;
    in->said = l->error;
    net_log(in->front->log, l->error == ERR_OK ? NET_LOG_INFO : NET_LOG_WARNING,
            l->error == ERR_OK ? "what comes in is read again" : "what comes in cannot be read",
            NET_TEXT("stream", in->stream.text), NET_TEXT("error", err_name(l->error)),
            NET_TEXT("why", l->why.text));
}

static void looked(void *data) {
    struct look *l = data;
    struct front_incoming *in = l->owner;
    struct front *f = in->front;
    in->busy = false;
    if (in->dropped) {
        end(in);
    } else {
        struct front_stream *s = front_list_find(f, &in->stream);
        if (l->index.since_ms != 0)
            take_index(f, s, &l->index);
        if (l->got.fd != 0)
            take_chunk(f, s, &l->got);
        tell(in, l);
        in->again = instant_add(net_now(), duration_ms(l->more              ? 1
                                                       : l->error != ERR_OK ? RETRY_MS
                                                                            : LOOK_MS));
    }
    let_go(&l->got);
    free(l);
    front_go_on(f);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void begin_look(struct front *f, struct front_incoming *in, struct instant now) {
    struct look *l = calloc(1, sizeof(*l));
    in->again = instant_add(now, duration_ms(RETRY_MS));
    if (l == NULL)
        return;
    l->owner = in;
    memcpy(l->location, in->location, sizeof(l->location));
    memcpy(l->feed, in->index.feed, sizeof(l->feed));
    l->known = in->known;
    l->here = in->here;
    in->busy = net_work(f->loop, look, looked, l) == ERR_OK;
    if (!in->busy)
        free(l);
}

static struct front_incoming *begin(struct front *f, const struct front_stream *s) {
    struct front_incoming *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return NULL;
    in->front = f;
    in->stream = s->source.spec.name;
    memcpy(in->location, s->source.spec.location, sizeof(in->location));
    return in;
}

struct instant front_incoming_look(struct front *f, struct instant now) {
    struct instant next = INSTANT_NEVER;
    for (size_t i = 0; i < f->stream_count && f->rendition_count > 0; i++) {
        struct front_stream *s = &f->streams[i];
        if (s->source.spec.class != SOURCE_CLASS_LIVE)
            continue;
        if (s->in == NULL)
            s->in = begin(f, s);
        if (s->in == NULL || s->in->busy)
            continue;
        if (instant_reached(now, s->in->again))
            begin_look(f, s->in, now);
        if (!s->in->busy)
            next = instant_min(next, s->in->again);
    }
    return next;
}
