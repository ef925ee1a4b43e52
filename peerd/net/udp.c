#include "peerd/net/udp.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Batches read before other descriptors get their turn. */
#define BATCHES_A_TURN 4
/* [µs] a kernel stamp older than this means that the wall clock was set, not that we slept. */
#define STAMP_AGE_MAX_US 5000000

union control {
    char bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
    struct cmsghdr align;
};

struct slot {
    struct sockaddr_in6 to; /* large enough for IPv4, too */
    socklen_t to_len;
    size_t len;
    uint8_t data[NET_UDP_DATAGRAM_MAX];
};

struct net_udp {
    struct net_loop *loop;
    struct net_watch *watch;
    struct net_hook hook; /* flushes when the turn ends */
    int fd;
    sa_family_t family;
    bool reading; /* in the receive callback: freeing must wait */
    bool closed;
    bool blocked; /* the kernel took no more: waiting for NET_WRITABLE */
    net_udp_received_fn received;
    void *data;
    uint32_t overflow_seen; /* last value of SO_RXQ_OVFL */
    struct net_udp_counters counters;
    size_t first, count; /* ring of waiting datagrams */
    struct slot queue[NET_UDP_QUEUE];
    /* What recvmmsg fills: so many at its last call. */
    size_t used;
    struct mmsghdr headers[NET_UDP_BATCH];
    struct iovec vectors[NET_UDP_BATCH];
    struct sockaddr_storage senders[NET_UDP_BATCH];
    union control controls[NET_UDP_BATCH];
    uint8_t buffers[NET_UDP_BATCH][NET_UDP_DATAGRAM_MAX];
};

/* ---- sending ---- */

static void count_refusal(struct net_udp *udp, int why) {
    switch (why) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EPERM: /* a packet filter says no */
    case EACCES:
        udp->counters.send_refused++;
        break;
    default:
        udp->counters.send_failed++;
    }
}

static size_t fill_headers(struct net_udp *udp, struct mmsghdr headers[], struct iovec vectors[]) {
    size_t n = udp->count < NET_UDP_BATCH ? udp->count : NET_UDP_BATCH;

    memset(headers, 0, n * sizeof headers[0]);
    for (size_t i = 0; i < n; i++) {
        struct slot *s = &udp->queue[(udp->first + i) % NET_UDP_QUEUE];
        vectors[i] = (struct iovec){.iov_base = s->data, .iov_len = s->len};
        headers[i].msg_hdr.msg_name = &s->to;
        headers[i].msg_hdr.msg_namelen = s->to_len;
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    return n;
}

static void take_off(struct net_udp *udp, size_t n) {
    udp->count -= n;
    /* An empty ring begins anew: going round it would draw all its megabyte through the caches for
     * the few slots that are used at a time. */
    udp->first = udp->count == 0 ? 0 : (udp->first + n) % NET_UDP_QUEUE;
}

static void set_blocked(struct net_udp *udp, bool blocked) {
    if (udp->blocked != blocked) {
        udp->blocked = blocked;
        net_watch_set(udp->watch, NET_READABLE | (blocked ? NET_WRITABLE : 0));
    }
}

void net_udp_flush(struct net_udp *udp) {
    struct mmsghdr headers[NET_UDP_BATCH];
    struct iovec vectors[NET_UDP_BATCH];

    while (udp->count > 0) {
        size_t n = fill_headers(udp, headers, vectors);
        int sent = sendmmsg(udp->fd, headers, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            set_blocked(udp, true);
            return;
        }
        if (sent < 0) {
            /* The error belongs to the first; the others deserve their own try. */
            count_refusal(udp, errno);
            take_off(udp, 1);
            continue;
        }
        for (int i = 0; i < sent; i++)
            udp->counters.sent_bytes += vectors[i].iov_len;
        udp->counters.sent += (uint64_t)sent;
        take_off(udp, (size_t)sent);
    }
    set_blocked(udp, false);
}

static void turn_ends(void *data) {
    struct net_udp *udp = data;

    if (udp->count > 0 && !udp->blocked)
        net_udp_flush(udp);
}

bool net_udp_send(struct net_udp *udp, const struct addr *to, const void *data, size_t len) {
    struct sockaddr_storage sa;
    socklen_t sa_len =
        udp->family == AF_INET6 ? net_sockaddr_mapped(&sa, to) : net_sockaddr_from_addr(&sa, to);

    if (sa_len == 0 || sa.ss_family != udp->family) {
        udp->counters.dropped_family++;
        return false;
    }
    if (len > NET_UDP_DATAGRAM_MAX) {
        udp->counters.send_failed++;
        return false;
    }
    if (udp->count >= NET_UDP_BATCH && !udp->blocked)
        net_udp_flush(udp);
    if (udp->count == NET_UDP_QUEUE) {
        udp->counters.dropped_full++;
        return false;
    }
    struct slot *s = &udp->queue[(udp->first + udp->count) % NET_UDP_QUEUE];
    memcpy(&s->to, &sa, sizeof s->to);
    s->to_len = sa_len;
    s->len = len;
    if (len > 0)
        memcpy(s->data, data, len);
    udp->count++;
    return true;
}

/* ---- receiving ---- */

/* Prepares those headers anew that were used: the kernel overwrites the lengths. */
static void reset_headers(struct net_udp *udp) {
    for (size_t i = 0; i < udp->used; i++) {
        struct msghdr *h = &udp->headers[i].msg_hdr;
        udp->vectors[i] =
            (struct iovec){.iov_base = udp->buffers[i], .iov_len = NET_UDP_DATAGRAM_MAX};
        *h = (struct msghdr){.msg_name = &udp->senders[i],
                             .msg_namelen = sizeof udp->senders[i],
                             .msg_iov = &udp->vectors[i],
                             .msg_iovlen = 1,
                             .msg_control = &udp->controls[i],
                             .msg_controllen = sizeof udp->controls[i]};
    }
}

/* When a datagram arrived. The kernel stamps with the wall clock; `now` and `wall_us` were read
 * together, and the stamp's age is the same on both clocks unless somebody set the wall clock. */
static struct instant arrival(struct net_udp *udp, struct msghdr *h, struct instant now,
                              int64_t wall_us) {
    struct instant at = now;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            int64_t age_us = wall_us - ((int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
            if (age_us > 0 && age_us < STAMP_AGE_MAX_US)
                at = instant_sub(now, duration_us(age_us));
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t seen;
            memcpy(&seen, CMSG_DATA(c), sizeof seen);
            udp->counters.lost_in_kernel += (uint32_t)(seen - udp->overflow_seen);
            udp->overflow_seen = seen;
        }
    }
    return at;
}

static void hand_over(struct net_udp *udp, size_t i, struct instant now, int64_t wall_us) {
    struct msghdr *h = &udp->headers[i].msg_hdr;
    struct net_datagram datagram = {.from = net_addr_from_sockaddr((struct sockaddr *)h->msg_name),
                                    .data = udp->buffers[i],
                                    .len = udp->headers[i].msg_len,
                                    .at = arrival(udp, h, now, wall_us)};

    if (h->msg_flags & MSG_TRUNC) {
        udp->counters.oversized++;
        return;
    }
    udp->counters.received++;
    udp->counters.received_bytes += datagram.len;
    udp->received(udp->data, &datagram, now);
}

/* Reads one batch; true if there may be more. */
static bool read_batch(struct net_udp *udp) {
    reset_headers(udp);
    int n = recvmmsg(udp->fd, udp->headers, NET_UDP_BATCH, MSG_DONTWAIT, NULL);
    udp->used = n < 0 ? NET_UDP_BATCH : (size_t)n; /* after an error anything may be written */
    if (n < 0) /* a pending error was taken off the socket by this call; the next may succeed */
        return errno != EAGAIN && errno != EWOULDBLOCK;
    struct instant now = net_now();
    int64_t wall_us = 0;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    wall_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    for (int i = 0; i < n && !udp->closed; i++)
        hand_over(udp, (size_t)i, now, wall_us);
    return n == NET_UDP_BATCH;
}

static void ready(void *data, unsigned events) {
    struct net_udp *udp = data;

    if (events & NET_WRITABLE)
        net_udp_flush(udp);
    if (!(events & (NET_READABLE | NET_FAILED)))
        return;
    udp->reading = true;
    for (int i = 0; i < BATCHES_A_TURN && !udp->closed && read_batch(udp); i++)
        continue;
    udp->reading = false;
    if (udp->closed)
        free(udp);
}

/* ---- lifecycle ---- */

enum err net_udp_adopt(struct net_udp **out, struct net_loop *loop, int fd,
                       net_udp_received_fn received, void *data) {
    struct net_udp *udp = calloc(1, sizeof *udp);
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    int on = 1;

    *out = NULL;
    if (udp == NULL) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    udp->loop = loop;
    udp->fd = fd;
    udp->used = NET_UDP_BATCH;
    udp->received = received;
    udp->data = data;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
        (sa.ss_family == AF_INET || sa.ss_family == AF_INET6))
        udp->watch = net_watch_open(loop, fd, NET_READABLE, ready, udp);
    if (udp->watch == NULL) {
        close(fd);
        free(udp);
        return ERR_IO;
    }
    udp->family = sa.ss_family;
    /* Both are refinements: without them arrival is the time of reading, and losses go uncounted.
     */
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    net_hook_add(&udp->hook, loop, turn_ends, udp);
    *out = udp;
    return ERR_OK;
}

enum err net_udp_bind(struct net_udp **out, struct net_loop *loop, const struct addr *bind_to,
                      net_udp_received_fn received, void *data) {
    int fd;
    enum err err = net_socket_udp(&fd, bind_to);

    *out = NULL;
    return err != ERR_OK ? err : net_udp_adopt(out, loop, fd, received, data);
}

void net_udp_close(struct net_udp *udp) {
    if (udp == NULL)
        return;
    net_udp_flush(udp);
    net_hook_remove(&udp->hook);
    net_watch_close(udp->watch);
    close(udp->fd);
    udp->closed = true;
    if (!udp->reading)
        free(udp);
}

void net_udp_set_dscp(struct net_udp *udp, unsigned dscp) {
    int tos = (int)(dscp << 2);

    if (udp->family == AF_INET6)
        setsockopt(udp->fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
    /* A dual-stack socket has both fields. */
    setsockopt(udp->fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
}

void net_udp_set_buffers(struct net_udp *udp, int bytes) {
    setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

struct addr net_udp_address(const struct net_udp *udp) {
    return net_addr_of_socket(udp->fd);
}

const struct net_udp_counters *net_udp_counters(const struct net_udp *udp) {
    return &udp->counters;
}
