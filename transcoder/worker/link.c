#include "transcoder/worker/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BYTES   (1 << 20) /* [bytes] asked of the kernel each way; it may give less */
#define READ_BATCH_MAX 256       /* messages handled before other descriptors get their turn */

struct waiting {
    struct waiting *next;
    size_t len;
    uint8_t bytes[];
};

struct link {
    struct net_watch *watch;
    int fd;
    struct link_handlers handlers;
    struct waiting *first, **last; /* not taken by the kernel yet */
    size_t queued;                 /* [bytes] */
    size_t queue_max;              /* [bytes] */
    bool closed;                   /* the other end is gone; nothing is sent or received */
    bool busy;                     /* inside a handler: freeing waits */
    bool freed;
};

static const size_t body_sizes[LINK_KINDS] = {
#define LINK_SIZE(kind, type) [kind] = sizeof(type),
    LINK_TABLE(LINK_SIZE)
#undef LINK_SIZE
};

/* Every message starts with its kind in one word, then the struct. */
#define WORD                  sizeof(uint64_t)
#define LINK_FITS(kind, type) _Static_assert(sizeof(type) + WORD <= LINK_LEN_MAX, #type);
LINK_TABLE(LINK_FITS)
#undef LINK_FITS

size_t link_body_size(enum link_kind kind) {
    return body_sizes[kind];
}

enum err link_pair(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return ERR_IO;
    int bytes = SOCKET_BYTES;
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return ERR_OK;
}

static void release(struct link *link) {
    while (link->first != NULL) {
        struct waiting *w = link->first;
        link->first = w->next;
        free(w);
    }
    free(link);
}

static void close_now(struct link *link) {
    if (link->closed)
        return;
    link->closed = true;
    net_watch_close(link->watch);
    link->watch = NULL;
    close(link->fd);
    link->handlers.closed(link->handlers.data);
}

/* True if the kernel took it; false with EAGAIN; anything else means that nobody listens. */
static bool hand_over(struct link *link, const void *bytes, size_t len, bool *broken) {
    ssize_t n;
    do
        n = send(link->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    *broken = n < 0 && errno != EAGAIN && errno != ENOBUFS;
    return n >= 0;
}

static void write_some(struct link *link) {
    while (link->first != NULL) {
        struct waiting *w = link->first;
        bool broken;
        if (!hand_over(link, w->bytes, w->len, &broken)) {
            if (broken)
                close_now(link);
            return;
        }
        link->first = w->next;
        link->queued -= w->len;
        free(w);
    }
    link->last = &link->first;
    net_watch_set(link->watch, NET_READABLE);
    if (link->handlers.drained != NULL)
        link->handlers.drained(link->handlers.data);
}

static void read_some(struct link *link) {
    static _Alignas(uint64_t) uint8_t buffer[LINK_LEN_MAX];
    for (int i = 0; i < READ_BATCH_MAX && !link->closed; i++) {
        ssize_t n = recv(link->fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        uint64_t kind = LINK_KINDS;
        if (n >= (ssize_t)WORD)
            memcpy(&kind, buffer, WORD);
        if (kind >= LINK_KINDS || (size_t)n != WORD + body_sizes[kind]) {
            close_now(link);
            return;
        }
        link->handlers.received(link->handlers.data, (enum link_kind)kind, buffer + WORD);
    }
}

static void ready(void *data, unsigned events) {
    struct link *link = data;
    link->busy = true;
    if ((events & (NET_READABLE | NET_FAILED)) != 0)
        read_some(link);
    if ((events & NET_WRITABLE) != 0 && !link->closed)
        write_some(link);
    link->busy = false;
    if (link->freed)
        release(link);
}

enum err link_open(struct link **out, struct net_loop *loop, int fd, size_t queue_max,
                   const struct link_handlers *handlers) {
    struct link *link = calloc(1, sizeof(*link));
    *out = NULL;
    if (link == NULL) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    *link = (struct link){.fd = fd, .handlers = *handlers, .queue_max = queue_max};
    link->last = &link->first;
    link->watch = net_watch_open(loop, fd, NET_READABLE, ready, link);
    if (link->watch == NULL) {
        close(fd);
        free(link);
        return ERR_IO;
    }
    *out = link;
    return ERR_OK;
}

void link_set_handlers(struct link *link, const struct link_handlers *handlers) {
    link->handlers = *handlers;
}

void link_free(struct link *link) {
    if (link == NULL || link->freed)
        return;
    link->freed = true;
    if (!link->closed) {
        link->closed = true;
        net_watch_close(link->watch);
        close(link->fd);
    }
    if (!link->busy)
        release(link);
}

static bool enqueue(struct link *link, const void *bytes, size_t len) {
    if (link->queued + len > link->queue_max)
        return false;
    struct waiting *w = malloc(sizeof(*w) + len);
    if (w == NULL)
        return false;
    w->next = NULL;
    w->len = len;
    memcpy(w->bytes, bytes, len);
    *link->last = w;
    link->last = &w->next;
    link->queued += len;
    net_watch_set(link->watch, NET_READABLE | NET_WRITABLE);
    return true;
}

bool link_send(struct link *link, enum link_kind kind, const void *body) {
    uint8_t message[LINK_LEN_MAX];
    uint64_t word = kind;
    size_t len = WORD + body_sizes[kind];
    if (link->closed)
        return false;
    memcpy(message, &word, WORD);
    memcpy(message + WORD, body, body_sizes[kind]);
    bool broken = false;
    if (link->first == NULL && hand_over(link, message, len, &broken))
        return true;
    /* A broken link is noticed, and told, by the watch. */
    return !broken && enqueue(link, message, len);
}
