#include "transcoder/worker/front_inner.h"

#include "peerd/net/clock.h"
#include "transcoder/worker/spawn.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define LINK_QUEUE_MAX  (1UL << 20) /* [bytes] */
#define CONNECTIONS_MAX 4096
#define TELL_MS         1000 /* [ms] between two words to the supervisor */

/* ---- makers ---------------------------------------------------------------------------------- */

static void maker_here(void *data, uint32_t maker) {
    struct front *f = data;
    shelf_maker_here(&f->shelf, maker);
    front_go_on(f);
}

static struct front_stream *stream_of(struct front *f, uint32_t maker) {
    return name_is_empty(&f->facts_of[maker]) ? NULL : front_list_find(f, &f->facts_of[maker]);
}

static void try_later(struct front_stream *s) {
    s->state = FRONT_UNKNOWN;
    s->again = instant_add(net_now(), duration_ms(FRONT_RETRY_MS));
}

static void maker_gone(void *data, uint32_t maker) {
    struct front *f = data;
    struct front_stream *s = stream_of(f, maker);
    if (name_is_empty(&f->facts_of[maker]))
        shelf_maker_gone(&f->shelf, maker);
    else if (s != NULL && s->state == FRONT_ASKED)
        try_later(s);
    f->facts_of[maker] = (struct name){{0}};
    front_go_on(f);
}

static void facts_told(struct front *f, uint32_t maker, const struct maker_reply *reply) {
    struct front_stream *s = stream_of(f, maker);
    f->facts_of[maker] = (struct name){{0}};
    shelf_maker_here(&f->shelf, maker);
    if (s == NULL || s->state != FRONT_ASKED)
        return; /* the catalogue has changed meanwhile */
    if (reply->error == ERR_OK) {
        front_list_known(f, s, &reply->facts);
        return;
    }
    try_later(s);
    net_log(f->log, NET_LOG_WARNING, "source is no stream",
            NET_TEXT("source", s->source.spec.name.text), NET_TEXT("error", err_name(reply->error)),
            NET_TEXT("why", reply->why.text));
}

void front_let_go(void *bytes) {
    struct front_bytes *b = bytes;
    if (--b->holders > 0)
        return;
    free(b->data);
    free(b);
}

static void off_the_shelf(struct front *f, uint32_t item) {
    struct front_bytes *b = f->held[item];
    f->held[item] = NULL;
    if (b == NULL)
        return;
    net_http_ready_drop(b->whole);
    b->whole = NULL;
    front_let_go(b);
}

static void hold(struct front *f, uint32_t item, uint8_t *data, const struct maker_reply *reply) {
    struct front_bytes *b = f->held[item] = malloc(sizeof(*b));
    if (b == NULL)
        _exit(1); /* the next one of us begins with more memory */
    *b = (struct front_bytes){data, (size_t)reply->bytes, 1, "\"", NULL};
    sodium_bin2hex(b->etag + 1, sizeof(b->etag) - 1, reply->hash, sizeof(reply->hash));
    b->etag[FRONT_ETAG_LEN - 1] = '"';
}

static void segment_made(struct front *f, uint32_t maker, const struct maker_reply *reply,
                         uint8_t *bytes) {
    const struct shelf_key key = f->shelf.items[f->shelf.makers[maker].item].key;
    struct front_line *line = &f->lines[key.line];
    struct duration took = instant_since(net_now(), f->shelf.makers[maker].since);
    bool ok = reply->error == ERR_OK && bytes != NULL;
    f->cpu_us += reply->cpu_us;
    capacity_made(&f->capacity, reply->cpu_us, net_now());
    uint32_t item = shelf_made(&f->shelf, maker, ok, reply->bytes);
    if (ok) {
        hold(f, item, bytes, reply);
        if (key.number != SEGMENT_INIT) {
            cost_add(&line->cost, (uint32_t)took.us, (uint32_t)reply->cpu_us);
            front_costs_made(f, line, took, reply->cpu_us);
        }
        return;
    }
    free(bytes);
    net_log(f->log, NET_LOG_WARNING, "segment cannot be made",
            NET_TEXT("profile", line->order.rendition.name.text), NET_NUMBER("number", key.number),
            NET_TEXT("error", err_name(reply->error)), NET_TEXT("why", reply->why.text));
}

static void maker_done(void *data, uint32_t maker, const struct maker_reply *reply,
                       uint8_t *bytes) {
    struct front *f = data;
    if (!name_is_empty(&f->facts_of[maker])) {
        free(bytes);
        facts_told(f, maker, reply);
    } else {
        segment_made(f, maker, reply, bytes);
    }
    front_go_on(f);
}

/* ---- what follows from what has happened ------------------------------------------------------
 */

static void ask_facts(struct front *f, struct front_stream *s, uint32_t maker, struct instant now) {
    struct maker_order order = {.class = s->source.spec.class};
    memcpy(order.location, s->source.spec.location, sizeof(order.location));
    s->state = FRONT_ASKED;
    shelf_maker_gone(&f->shelf, maker);
    f->facts_of[maker] = s->source.spec.name;
    f->facts_since[maker] = now;
    makers_order(f->makers, maker, &order);
}

/* When the next source is to be looked at, or such a look takes too long. */
static struct instant look_at_sources(struct front *f, struct instant now) {
    struct instant next = INSTANT_NEVER;
    for (size_t i = 0; i < f->stream_count && f->rendition_count > 0; i++) {
        struct front_stream *s = &f->streams[i];
        if (s->source.error != ERR_OK || s->source.spec.class != SOURCE_CLASS_EXACT ||
            s->state != FRONT_UNKNOWN)
            continue;
        uint32_t maker = instant_reached(now, s->again) ? shelf_idle(&f->shelf) : SHELF_NONE;
        if (maker != SHELF_NONE)
            ask_facts(f, s, maker, now);
        else if (instant_before(now, s->again))
            next = instant_min(next, s->again);
    }
    return next;
}

static bool overdue(struct front *f, struct instant now, struct instant *next, uint32_t *maker) {
    if (shelf_overdue(&f->shelf, now, maker))
        return true;
    for (*maker = 0; *maker < SHELF_MAKERS; ++*maker) {
        struct instant due = instant_add(f->facts_since[*maker], duration_ms(SHELF_MAKE_MS));
        if (name_is_empty(&f->facts_of[*maker]))
            continue;
        if (instant_reached(now, due))
            return true;
        *next = instant_min(*next, due);
    }
    return false;
}

static void assign(struct front *f, struct instant now) {
    uint32_t maker, item;
    while (shelf_assign(&f->shelf, now, &maker, &item)) {
        const struct shelf_key key = f->shelf.items[item].key;
        const struct front_line *line = &f->lines[key.line];
        struct maker_order order = line->order;
        order.number = key.number;
        if (order.chunk && key.number != SEGMENT_INIT) {
            const struct front_stream *s = front_list_find(f, &line->stream);
            if (s != NULL && s->in != NULL)
                (void)front_incoming_find(s->in, key.number, order.location);
        }
        makers_order(f->makers, maker, &order);
    }
}

/* What there is to tell of us; a word that is lost is told again. When the next one is due. */
static struct instant tell_supervisor(struct front *f, struct instant now) {
    const struct shelf_counters *c = &f->shelf.counters;
    struct link_streams word = {.hits = c->hits,
                                .waited = c->waited,
                                .refused = c->refused + f->not_cold,
                                .made = c->made,
                                .ahead = c->ahead,
                                .failed = c->failed,
                                .dropped = c->dropped,
                                .bytes = f->shelf.bytes,
                                .cpu_us = f->cpu_us,
                                .makers = f->options->hls_makers};
    if (!instant_reached(now, f->tell_at))
        return f->tell_at;
    word.spare_ms = capacity_spare_ms(&f->capacity, word.makers, now);
    front_costs_tell(f);
    for (size_t i = 0; i < f->stream_count; i++)
        for (size_t r = 0; r < f->streams[i].count; r++) {
            word.renditions++;
            word.slow += !cost_is_quick(&f->lines[f->streams[i].lines[r]].cost);
        }
    (void)link_send(f->link, LINK_STREAMS, &word);
    f->tell_at = instant_add(now, duration_ms(TELL_MS));
    return f->tell_at;
}

void front_go_on(struct front *f) {
    struct instant now = net_now(), next = INSTANT_NEVER;
    uint64_t token;
    uint32_t item, maker;
    if (f->makers == NULL)
        return;
    while (shelf_answered(&f->shelf, now, &token, &item))
        front_answer(f, (struct net_http_request *)(uintptr_t)token, item);
    while (shelf_drop(&f->shelf, &item))
        off_the_shelf(f, item);
    if (overdue(f, now, &next, &maker)) {
        makers_end(f->makers, maker); /* and comes here again */
        return;
    }
    next = instant_min(next, look_at_sources(f, now));
    next = instant_min(next, front_incoming_look(f, now));
    next = instant_min(next, front_live_ahead(f, now));
    assign(f, now);
    capacity_busy(&f->capacity, shelf_busy(&f->shelf), now);
    next = instant_min(next, tell_supervisor(f, now));
    net_timer_arm(&f->timer, instant_min(next, shelf_deadline(&f->shelf)));
}

static void timer_fired(void *data, struct instant now) {
    (void)now;
    front_go_on(data);
}

/* ---- the supervisor -------------------------------------------------------------------------- */

static void told(void *data, enum link_kind kind, const void *body) {
    struct front *f = data;
    switch ((int)kind) {
    case LINK_CONFIG_BEGIN:
        catalogue_free(&f->next);
        return;
    case LINK_CONFIG_SOURCE:
        catalogue_put_source(&f->next, body);
        front_list_source(f, body);
        break;
    case LINK_CONFIG_RENDITION:
        if (f->next.rendition_count < NODE_PROFILES_MAX)
            f->next.renditions[f->next.rendition_count++] = *(const struct rendition *)body;
        return;
    case LINK_CONFIG_END:
        front_list_set(f, &f->next);
        break;
    default:
        return;
    }
    front_go_on(f);
}

static void supervisor_gone(void *data) {
    (void)data;
    _exit(0);
}

static bool open_door(struct front *f) {
    char detail[256] = "";
    const struct options *o = f->options;
    const struct net_http_server_options options = {
        .door = o->hls_cert[0] != '\0' ? NET_HTTP_DOOR_OPERATOR : NET_HTTP_DOOR_PLAIN,
        .bind_to = o->hls,
        .certificate_file = o->hls_cert,
        .key_file = o->hls_key,
        .connections_max = CONNECTIONS_MAX,
        .body_bytes_max = 1,
        .handler = front_asked,
        .data = f};
    if (net_http_server_start(&f->door, f->loop, &options, detail, sizeof(detail)) == ERR_OK)
        return true;
    net_log(f->log, NET_LOG_ERROR, "--hls cannot be served", NET_TEXT("why", detail));
    return false;
}

static bool start(struct front *f) {
    const struct link_handlers link = {.received = told, .closed = supervisor_gone, .data = f};
    const struct makers_handlers makers = {
        .here = maker_here, .gone = maker_gone, .done = maker_done, .data = f};
    const struct link_nothing nothing = {0};
    f->lines = calloc(FRONT_LINES_MAX, sizeof(*f->lines));
    shelf_init(&f->shelf, (uint64_t)f->options->hls_cache_mb << 20);
    capacity_init(&f->capacity, net_now());
    net_timer_init(&f->timer, f->loop, timer_fired, f);
    if (f->lines == NULL || !open_door(f) ||
        link_open(&f->link, f->loop, SPAWN_FD_FIRST, LINK_QUEUE_MAX, &link) != ERR_OK)
        return false;
    f->makers = makers_new(f->loop, f->log, f->options, f->options->hls_makers, &makers);
    return f->makers != NULL && link_send(f->link, LINK_READY, &nothing);
}

int front_run(const struct options *options) {
    static struct front f; /* lives as long as the process */
    const struct net_log_options log = {.program = "transcoderd/hls",
                                        .format = options->log_format,
                                        .level = options->log_level,
                                        .fd = STDERR_FILENO};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != options->supervisor_pid)
        return 1;
    prctl(PR_SET_NAME, "transcoderd/hls");
    setpriority(PRIO_PROCESS, 0, 0); /* sessions come first */
    f.options = options;
    f.loop = net_loop_new();
    f.log = net_log_new(&log);
    if (f.loop == NULL || f.log == NULL || !start(&f))
        return 1;
    net_loop_run(f.loop);
    return 1;
}
