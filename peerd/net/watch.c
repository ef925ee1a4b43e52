#include "peerd/net/loop_private.h"

#include <stdlib.h>

struct net_watch {
    uv_poll_t poll;
    unsigned events; /* NET_READABLE and NET_WRITABLE as asked for */
    void (*ready)(void *data, unsigned events);
    void *data;
};

static void polled(uv_poll_t *poll, int status, int seen);

static bool start(struct net_watch *watch) {
    int wanted = ((watch->events & NET_READABLE) ? UV_READABLE : 0) |
                 ((watch->events & NET_WRITABLE) ? UV_WRITABLE : 0);

    if (wanted == 0)
        return uv_poll_stop(&watch->poll) == 0;
    return uv_poll_start(&watch->poll, wanted, polled) == 0;
}

static void polled(uv_poll_t *poll, int status, int seen) {
    struct net_watch *watch = poll->data;
    unsigned events =
        ((seen & UV_READABLE) ? NET_READABLE : 0) | ((seen & UV_WRITABLE) ? NET_WRITABLE : 0);

    if (status < 0) {
        /* libuv stops a handle on POLLERR; a socket with one pending error is not dead, and only
         * its owner can tell. So go on, and say both: the next read or write returns the error. */
        events = watch->events | NET_FAILED;
        start(watch);
    }
    watch->ready(watch->data, events);
}

static void free_watch(uv_handle_t *handle) {
    free(handle->data);
}

struct net_watch *net_watch_open(struct net_loop *loop, int fd, unsigned events,
                                 void (*ready)(void *data, unsigned events), void *data) {
    struct net_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->events = events;
    watch->ready = ready;
    watch->data = data;
    if (uv_poll_init(&loop->uv, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    if (!start(watch)) {
        net_watch_close(watch);
        return NULL;
    }
    return watch;
}

void net_watch_set(struct net_watch *watch, unsigned events) {
    if (watch->events == events)
        return;
    watch->events = events;
    start(watch);
}

void net_watch_close(struct net_watch *watch) {
    if (watch != NULL)
        uv_close((uv_handle_t *)&watch->poll, free_watch);
}
