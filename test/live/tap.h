/*
 * The tap: packets between sites and listeners as they pass on loopback, or in a wide space as they
 * leave and reach the listeners' places, stamped by the kernel.
 *
 * It sees what listeners cannot tell: which site sent each packet, when the last one came from a
 * site that died, when the first question went to a backup. Needs a network namespace of one's own;
 * elsewhere there is no tap, and what it would have measured is left out.
 */
#ifndef TEST_LIVE_TAP_H
#define TEST_LIVE_TAP_H

#include "peerd/net/loop.h"
#include "peerd/wire/message.h"
#include "test/live/space.h"

struct tap;

struct tap_packet {
    struct instant at;
    uint32_t listener;
    uint32_t site;
    bool to_listener;
    bool media;                  /* RTP; otherwise RTCP or one of our own messages */
    bool asks;                   /* a hedge or a commit: the listener wants this site to send */
    bool resumes;                /* a resume of the listener, of this purpose */
    enum resume_purpose purpose; /* likewise */
    uint16_t seq;                /* of media */
    uint32_t ssrc;               /* likewise */
};

/* `space` must outlive it. */
struct tap *tap_open(struct net_loop *loop, const struct space *space, uint32_t listeners,
                     void (*seen)(void *data, const struct tap_packet *packet), void *data);
void tap_close(struct tap *tap);

#endif
