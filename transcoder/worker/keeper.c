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

struct keeper {
    struct net_loop *loop;
    struct net_log *log;
    const struct options *options;
    void (*started)(void *data);
    void *data;
    pid_t pid; /* 0: none */
    struct link *link;
    bool ready;
    bool told; /* `streams` is filled */
    struct link_streams streams;
    struct net_timer timer;
};

static void received(void *data, enum link_kind kind, const void *body) {
    struct keeper *k = data;
    if (kind == LINK_STREAMS) {
        k->streams = *(const struct link_streams *)body;
        k->told = true;
    }
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

void keeper_kill(const struct keeper *k) {
    if (k != NULL && k->pid != 0)
        kill(k->pid, SIGKILL);
}
