/*
 * A place: a network namespace whose only way out is a TUN interface that the emulator holds.
 *
 * What stands in a place - a cluster, a group of listeners - is an ordinary host on its own
 * network, 10.NET.0.0/16, all of whose addresses are local to it. Whatever it sends elsewhere can
 * be read from `tun`, and what is written there arrives. Nothing of it has a name in the file
 * system: descriptors and processes hold it, and with the last of them it is gone.
 */
#ifndef TEST_LIB_WAN_PLACE_H
#define TEST_LIB_WAN_PLACE_H

#include "peerd/base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAN_INTERFACE "wan0"

struct wan_place {
    uint8_t net; /* second byte of its addresses */
    int ns;      /* its namespace; -1: that of whoever made it */
    int tun;
};

/* Makes one. `here`: in the namespace where we are, which should be a private one. Needs root.
 * False with the reason in `why`; nothing is left then. */
bool wan_place_make(struct wan_place *p, uint8_t net, bool here, char *why, size_t why_size);
void wan_place_close(struct wan_place *p);

/* Sockets that this thread opens between the two calls belong to the place, wherever they are used
 * later. `enter` returns what `leave` wants; negative, with errno set, if it was refused. */
int wan_place_enter(const struct wan_place *p);
void wan_place_leave(int home);

/* 10.net.high.low */
struct addr wan_addr(uint8_t net, uint8_t high, uint8_t low, uint16_t port);

#endif
