/*
 * A UDP socket that receives and sends in batches.
 *
 * Reading takes up to 32 datagrams a system call (recvmmsg), each stamped by the kernel on arrival,
 * so that a busy loop does not look like a slow path. Sending queues copies and hands them over 32
 * at a time (sendmmsg), at the latest when the loop's turn ends. The queue is bounded: when the
 * kernel takes no more, new datagrams are dropped and counted, as a full link would do.
 *
 * ICMP must not matter here: a dead site sends none, and a forged one must not stop anything. So
 * the socket is never connected, IP_RECVERR is off, and errors of single sends are counted and
 * passed over.
 */
#ifndef PEERD_NET_UDP_H
#define PEERD_NET_UDP_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "peerd/net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_UDP_DATAGRAM_MAX                                                                       \
    2048                  /* [bytes] more than any message here; longer ones are dropped           \
                           */
#define NET_UDP_BATCH 32  /* datagrams a system call: sendmmsg×32 costs 0.95 µs each, ×1 2.3 */
#define NET_UDP_QUEUE 512 /* datagrams waiting to be sent: 1 MB, one 20 ms round of 512 */

struct net_udp;

struct net_datagram {
    struct addr from;    /* sender, IPv4-mapped folded to IPv4 */
    const uint8_t *data; /* valid during the callback only */
    size_t len;          /* [bytes] */
    struct instant at;   /* arrival in the kernel, on the scale of net_now; never after `now` */
};

/* Called once a datagram. May send, and may close the socket. `now` is when the batch was read. */
typedef void (*net_udp_received_fn)(void *data, const struct net_datagram *datagram,
                                    struct instant now);

struct net_udp_counters {
    uint64_t received;       /* datagrams handed to the callback */
    uint64_t received_bytes; /* [bytes] their payload */
    uint64_t oversized;      /* dropped: longer than NET_UDP_DATAGRAM_MAX */
    uint64_t lost_in_kernel; /* dropped before we read them: receive buffer full (SO_RXQ_OVFL) */
    uint64_t sent;           /* datagrams that the kernel took */
    uint64_t sent_bytes;     /* [bytes] their payload */
    uint64_t dropped_full;   /* not sent: our queue was full */
    uint64_t dropped_family; /* not sent: IPv6 destination on an IPv4 socket, or no address */
    uint64_t send_refused;   /* not sent: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH and kin */
    uint64_t send_failed;    /* not sent: any other error */
};

/* Binds a new socket. On success *out is the caller's to close. ERR_IO with errno set. */
enum err net_udp_bind(struct net_udp **out, struct net_loop *loop, const struct addr *bind_to,
                      net_udp_received_fn received, void *data);

/* Adopts a bound socket, e.g. one inherited from a supervisor; made non-blocking. The descriptor is
 * owned from then on, also if this fails. */
enum err net_udp_adopt(struct net_udp **out, struct net_loop *loop, int fd,
                       net_udp_received_fn received, void *data);

/* Sends what is queued as far as the kernel takes it, then closes. Accepts NULL. */
void net_udp_close(struct net_udp *udp);

/* Differentiated services code point for what is sent, e.g. 46 (expedited forwarding) for voice.
 * Refusal is not worth reporting: media flows without. */
void net_udp_set_dscp(struct net_udp *udp, unsigned dscp);

/* Kernel buffers: asks for `bytes` each way and takes what it gets. */
void net_udp_set_buffers(struct net_udp *udp, int bytes);

/* Queues a copy. False if it was dropped: too long, queue full or wrong family (see counters). */
bool net_udp_send(struct net_udp *udp, const struct addr *to, const void *data, size_t len);

/* Hands over now what is queued; without it that happens when the loop's turn ends. */
void net_udp_flush(struct net_udp *udp);

struct addr net_udp_address(const struct net_udp *udp);
const struct net_udp_counters *net_udp_counters(const struct net_udp *udp);

#endif
