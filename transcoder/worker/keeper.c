#include "transcoder/worker/keeper.h"

#include "peerd/net/clock.h"
#include "transcoder/worker/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUE_MAX (16UL << 20) /* [bytes] what it may leave unread */

/* What the front says one by one. */
struct costs {
    struct node_stream *streams; /* owned */
    size_t stream_count, stream_room;
    struct link_rendition_cost renditions[NODE_PROFILES_MAX];
    size_t rendition_count;
};

struct keeper {
    struct net_loop *loop;
    struct net_log *log;
    const struct options *options;
    void (*started)(void *data);
    void *data;
    pid_t pid; /* 0: none */
    struct link *link;
    bool ready;
    bool told; /* what follows is filled */
    struct link_streams streams;
    struct costs costs, next; /* as it has told them; as it is telling them */
    struct net_timer timer;
};

static void put_stream(struct costs *c, const struct node_stream *s) {
    if (c->stream_count == c->stream_room && c->stream_room < NODE_SOURCES_MAX) {
        size_t room = c->stream_room == 0 ? 16 : 2 * c->stream_room;
        struct node_stream *more = realloc(c->streams, room * sizeof(*more));
        if (more == NULL)
            return; /* players of it are not counted until there is memory */
        c->streams = more;
        c->stream_room = room;
    }
    if (c->stream_count < c->stream_room)
        c->streams[c->stream_count++] = *s;
}

static void put_rendition(struct costs *c, const struct link_rendition_cost *r) {
    if (c->rendition_count < NODE_PROFILES_MAX)
        c->renditions[c->rendition_count++] = *r;
}

/* All there is to tell has been told. */
static void take(struct keeper *k, const struct link_streams *streams) {
    const struct costs before = k->costs;
    k->costs = k->next;
    k->next = (struct costs){.streams = before.streams, .stream_room = before.stream_room};
    k->streams = *streams;
    k->told = true;
}

static void received(void *data, enum link_kind kind, const void *body) {
    struct keeper *k = data;
    if (kind == LINK_STREAM)
        put_stream(&k->next, body);
    if (kind == LINK_RENDITION_COST)
        put_rendition(&k->next, body);
    if (kind == LINK_STREAMS)
        take(k, body);
    if (kind != LINK_READY)
        return;
    k->ready = true;
    net_log(k->log, NET_LOG_INFO, "streams are served", NET_NUMBER("pid", k->pid));
    k->started(k->data);
}

static void closed(void *data) {
    struct keeper *k = data;
    link_free(k->link);
    k->link = NULL;
    kill(k->pid, SIGKILL);
    waitpid(k->pid, NULL, 0);
    net_log(k->log, NET_LOG_WARNING, "front of streams ended: another one is started",
            NET_NUMBER("pid", k->pid));
    k->pid = 0;
    k->ready = k->told = false;
    k->next.stream_count = k->next.rendition_count = 0;
    net_timer_arm(&k->timer, instant_add(net_now(), duration_ms(KEEPER_AGAIN_MS)));
}

/* The rest of its options it is given as we were. */
static int spawn_front(struct keeper *k, int theirs) {
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    const struct options *o = k->options;
    char pid[16], door[ADDR_TEXT_LEN_MAX + 1], cache[16], makers[16], within[16], *argv[22];
    int argc = 0;
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    snprintf(cache, sizeof(cache), "%u", o->hls_cache_mb);
    snprintf(makers, sizeof(makers), "%u", o->hls_makers);
    addr_to_text(&o->hls, door);
    argv[argc++] = "transcoderd";
    argv[argc++] = "--front-of";
    argv[argc++] = pid;
    argv[argc++] = "--hls";
    argv[argc++] = door;
    argv[argc++] = "--hls-cache-mb";
    argv[argc++] = cache;
    argv[argc++] = "--hls-makers";
    argv[argc++] = makers;
    argv[argc++] = "--log-level";
    argv[argc++] = (char *)levels[o->log_level];
    if (o->hls_cert[0] != '\0') {
        argv[argc++] = "--hls-cert";
        argv[argc++] = (char *)o->hls_cert;
        argv[argc++] = "--hls-key";
        argv[argc++] = (char *)o->hls_key;
    }
    if (o->clock_within_ms != 0) {
        snprintf(within, sizeof(within), "%u", o->clock_within_ms);
        argv[argc++] = "--clock-within";
        argv[argc++] = within;
    }
    if (o->log_format == NET_LOG_JSON)
        argv[argc++] = "--json-log";
    argv[argc] = NULL;
    return spawn_self(&k->pid, argv, &theirs, 1);
}

static void start(void *data, struct instant now) {
    struct keeper *k = data;
    const struct link_handlers handlers = {.received = received, .closed = closed, .data = k};
    int ends[2], e = 0;
    (void)now;
    if (link_pair(ends) != ERR_OK)
        e = errno;
    int theirs = e == 0 ? spawn_out_of_the_way(ends[1], SPAWN_FD_FIRST + 1) : -1;
    if (e == 0 && (theirs < 0 || link_open(&k->link, k->loop, ends[0], QUEUE_MAX, &handlers)))
        e = ENOMEM;
    if (e == 0)
        e = spawn_front(k, theirs);
    if (theirs >= 0)
        close(theirs);
    if (e == 0)
        return;
    link_free(k->link);
    k->link = NULL;
    k->pid = 0;
    net_log(k->log, NET_LOG_ERROR, "front of streams cannot be started",
            NET_TEXT("error", strerror(e)));
    net_timer_arm(&k->timer, instant_add(net_now(), duration_ms(KEEPER_AGAIN_MS)));
}

struct keeper *keeper_new(struct net_loop *loop, struct net_log *log, const struct options *options,
                          void (*started)(void *data), void *data) {
    struct keeper *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    *k = (struct keeper){
        .loop = loop, .log = log, .options = options, .started = started, .data = data};
    net_timer_init(&k->timer, loop, start, k);
    net_timer_arm(&k->timer, net_now());
    return k;
}

void keeper_send(struct keeper *k, enum link_kind kind, const void *body) {
    if (k != NULL && k->ready && !link_send(k->link, kind, body))
        kill(k->pid, SIGKILL); /* it does not read: another one is told everything */
}

const struct link_streams *keeper_streams(const struct keeper *k) {
    return k != NULL && k->told ? &k->streams : NULL;
}

struct node_making keeper_making(const struct keeper *k) {
    if (keeper_streams(k) == NULL)
        return (struct node_making){.told = false};
    return (struct node_making){.told = true,
                                .makers = k->streams.makers,
                                .spare_ms = k->streams.spare_ms,
                                .streams = k->costs.streams,
                                .stream_count = k->costs.stream_count};
}

const struct link_rendition_cost *keeper_costs(const struct keeper *k, size_t *count) {
    bool told = keeper_streams(k) != NULL;
    *count = told ? k->costs.rendition_count : 0;
    return told ? k->costs.renditions : NULL;
}

void keeper_kill(const struct keeper *k) {
    if (k != NULL && k->pid != 0)
        kill(k->pid, SIGKILL);
}
