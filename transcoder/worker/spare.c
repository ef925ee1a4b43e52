#include "transcoder/worker/spare.h"

#include "peerd/net/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void spare_put_off(struct spare *s, struct instant now) {
    int64_t apart_ms = (int64_t)getpid() % SPARE_APART * SPARE_APART_MS;
    s->due = instant_add(now, duration_ms(SPARE_MS + apart_ms));
}

static void received(void *data, enum link_kind kind, const void *body) {
    struct spare *s = data;
    (void)body;
    if (kind != LINK_READY)
        kill(s->hand.pid, SIGKILL);
    s->hand.ready = kind == LINK_READY;
    if (s->hand.ready)
        net_log(s->log, NET_LOG_INFO, "worker at hand", NET_NUMBER("pid", s->hand.pid),
                NET_NUMBER("took_ms", duration_in_ms(instant_since(net_now(), s->hand.started))));
}

static void closed(void *data) {
    struct spare *s = data;
    s->hand.ready = false;
    kill(s->hand.pid, SIGKILL); /* if it has not ended by itself */
}

void spare_init(struct spare *s, struct net_loop *loop, struct net_log *log,
                const struct options *options, const struct hand_fds *fds) {
    *s = (struct spare){.loop = loop, .log = log, .options = options, .fds = fds};
}

static void start(struct spare *s, struct instant now) {
    const struct link_handlers handlers = {.received = received, .closed = closed, .data = s};
    const char *what;
    if (hand_start(&s->hand, s->loop, s->options, s->fds, &handlers, &what) == ERR_OK)
        return;
    net_log(s->log, NET_LOG_WARNING, "worker cannot be kept at hand", NET_TEXT("what", what),
            NET_TEXT("error", strerror(errno)));
    spare_put_off(s, now);
}

void spare_keep(struct spare *s, bool runs, struct instant now) {
    if (s->hand.pid == 0) {
        if (runs && instant_reached(now, s->due))
            start(s, now);
        return;
    }
    struct duration waited = instant_since(now, s->hand.started);
    if (!s->hand.ready && duration_less(duration_ms(SPARE_START_MS_MAX), waited))
        kill(s->hand.pid, SIGKILL);
}

bool spare_take(struct spare *s, struct hand *out) {
    if (!s->hand.ready)
        return false;
    *out = s->hand;
    s->hand = (struct hand){0};
    return true;
}

void spare_excuse(struct spare *s, struct instant now) {
    s->hand.started = now;
}

void spare_reap(struct spare *s) {
    int status;
    if (s->hand.pid == 0 || waitpid(s->hand.pid, &status, WNOHANG) != s->hand.pid)
        return;
    net_log(s->log, NET_LOG_WARNING, "worker at hand died", NET_NUMBER("pid", s->hand.pid));
    hand_forget(&s->hand);
    spare_put_off(s, net_now());
}

void spare_kill(const struct spare *s) {
    if (s->hand.pid != 0)
        kill(s->hand.pid, SIGKILL);
}
