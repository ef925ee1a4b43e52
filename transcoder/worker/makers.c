#include "transcoder/worker/makers.h"

#include "peerd/net/clock.h"
#include "transcoder/hls/shelf.h"
#include "transcoder/worker/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MS  1000                 /* [ms] between two starts of one */
#define BYTES_MAX ((uint64_t)32 << 20) /* [bytes] of a segment: 80 Mbit/s; more is no segment */

struct one {
    struct makers *owner;
    uint32_t index;
    pid_t pid; /* 0: none */
    int fd;
    struct net_watch *watch;
    struct instant started;
    struct maker_reply reply;
    uint64_t got;   /* [bytes] of the reply and what follows */
    uint8_t *bytes; /* what follows it */
};

struct makers {
    struct net_loop *loop;
    struct net_log *log;
    const struct options *options;
    struct makers_handlers handlers;
    struct net_timer timer;
    uint32_t count;
    struct one list[];
};

static void forget(struct one *o) {
    net_watch_close(o->watch);
    close(o->fd);
    free(o->bytes);
    o->watch = NULL;
    o->bytes = NULL;
    o->pid = 0;
    o->got = 0;
}

static void lost(struct one *o, const char *why) {
    struct makers *m = o->owner;
    kill(o->pid, SIGKILL);
    waitpid(o->pid, NULL, 0); /* at once: it cannot catch that */
    net_log(m->log, NET_LOG_WARNING, "maker of segments ended", NET_NUMBER("maker", o->index),
            NET_TEXT("why", why));
    forget(o);
    net_timer_arm(&m->timer, instant_add(net_now(), duration_ms(1)));
    m->handlers.gone(m->handlers.data, o->index);
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* Where the next of its bytes belong, and how many of them. */
static uint8_t *room(struct one *o, size_t *len) {
    size_t head = sizeof(o->reply);
    if (o->got < head) {
        *len = head - (size_t)o->got;
        return (uint8_t *)&o->reply + o->got;
    }
    *len = (size_t)(head + o->reply.bytes - o->got);
    return o->bytes + (o->got - head);
}

/* The head is there. False: it makes no sense, or memory is short. */
static bool head_read(struct one *o) {
    if (o->reply.bytes > BYTES_MAX)
        return false;
    if (o->reply.bytes > 0)
        o->bytes = malloc((size_t)o->reply.bytes);
    return o->reply.bytes == 0 || o->bytes != NULL;
}

static void whole(struct one *o) {
    uint8_t *bytes = o->bytes;
    o->bytes = NULL;
    o->got = 0;
    o->owner->handlers.done(o->owner->handlers.data, o->index, &o->reply, bytes);
}

static void readable(void *data, unsigned events) {
    struct one *o = data;
    (void)events;
    for (;;) {
        size_t len;
        uint8_t *to = room(o, &len);
        ssize_t n = recv(o->fd, to, len, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            lost(o, "it died");
            return;
        }
        o->got += (uint64_t)n;
        if (o->got == sizeof(o->reply) && !head_read(o)) {
            lost(o, "its answer makes no sense");
            return;
        }
        if (o->got >= sizeof(o->reply) && o->got == sizeof(o->reply) + o->reply.bytes) {
            whole(o);
            return;
        }
    }
}

/* ---- starting -------------------------------------------------------------------------------- */

static int start_process(struct one *o, int theirs) {
    char pid[16], *argv[] = {"transcoderd", "--maker-of", pid, NULL};
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    return spawn_self(&o->pid, argv, &theirs, 1);
}

static void start(struct one *o) {
    struct makers *m = o->owner;
    int ends[2];
    o->started = net_now();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    o->fd = ends[0];
    int theirs = spawn_out_of_the_way(ends[1], SPAWN_FD_FIRST + 1);
    int e = theirs < 0 ? errno : start_process(o, theirs);
    if (theirs >= 0)
        close(theirs);
    if (e == 0)
        o->watch = net_watch_open(m->loop, o->fd, NET_READABLE, readable, o);
    if (o->watch != NULL) {
        m->handlers.here(m->handlers.data, o->index);
        return;
    }
    net_log(m->log, NET_LOG_WARNING, "maker of segments cannot be started",
            NET_TEXT("error", strerror(e)));
    if (o->pid != 0)
        kill(o->pid, SIGKILL);
    close(o->fd);
    o->pid = 0;
}

static void tick(void *data, struct instant now) {
    struct makers *m = data;
    struct instant next = INSTANT_NEVER;
    for (uint32_t i = 0; i < m->count; i++) {
        struct one *o = &m->list[i];
        struct instant due = instant_add(o->started, duration_ms(AGAIN_MS));
        if (o->pid == 0 && instant_reached(now, due))
            start(o);
        if (o->pid == 0)
            next = instant_min(next, instant_add(o->started, duration_ms(AGAIN_MS)));
    }
    net_timer_arm(&m->timer, next);
}

struct makers *makers_new(struct net_loop *loop, struct net_log *log, const struct options *options,
                          uint32_t count, const struct makers_handlers *handlers) {
    struct makers *m = calloc(1, sizeof(*m) + count * sizeof(m->list[0]));
    if (m == NULL)
        return NULL;
    m->loop = loop;
    m->log = log;
    m->options = options;
    m->handlers = *handlers;
    m->count = count;
    for (uint32_t i = 0; i < count; i++)
        m->list[i] = (struct one){
            .owner = m, .index = i, .started = instant_sub(net_now(), duration_ms(AGAIN_MS))};
    net_timer_init(&m->timer, loop, tick, m);
    net_timer_arm(&m->timer, net_now());
    return m;
}

/* It waits in recv, and an order is shorter than a socket takes at once. */
void makers_order(struct makers *m, uint32_t maker, const struct maker_order *order) {
    struct one *o = &m->list[maker];
    if (send(o->fd, order, sizeof(*order), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(*order))
        kill(o->pid, SIGKILL); /* its end is heard of in the next turn */
}

void makers_end(struct makers *m, uint32_t maker) {
    lost(&m->list[maker], "it took too long");
}
