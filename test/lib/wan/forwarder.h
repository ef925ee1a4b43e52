/*
 * The forwarder: carries packets between places, each later by what its way says, or never.
 *
 * One thread, which waits on the places' TUN interfaces, on an absolute timer for the next packet
 * that is due, and on its control socket. What a way does to a packet is peerd/sim/path.h, the very
 * functions that the simulator asks. A cut swallows packets when they are sent and when they would
 * arrive, as in the simulator. It runs in real time where that is permitted and with its memory
 * locked: delays are to be the network's, not this machine's.
 */
#ifndef TEST_LIB_WAN_FORWARDER_H
#define TEST_LIB_WAN_FORWARDER_H

#include "peerd/sim/path.h"
#include "test/lib/wan/place.h"

#define WAN_PLACES_MAX 96

struct wan_counters {
    uint64_t sent;                       /* packets that places have sent */
    uint64_t arrived;                    /* packets that places got, copies included */
    uint64_t dropped[WAY_DROP_LOSS + 1]; /* by the way, by enum way_drop */
    uint64_t cut;
    uint64_t foreign; /* not IPv4, or from or to nobody here */
    uint64_t full;    /* too many on their way, or an interface refused: never meant */
    int64_t late_us;  /* [µs] longest from the instant that was due to the writing */
    bool realtime;    /* SCHED_FIFO was permitted */
};

enum wan_order_kind {
    WAN_ORDER_WAY,     /* from → to gets a quality */
    WAN_ORDER_MILE,    /* bursts or outages of ways from and to `from` are one, see path.h */
    WAN_ORDER_CUTS,    /* all cuts at once */
    WAN_ORDER_COUNTERS /* tells, and begins again at zero */
};

/* One datagram of the control socket; each is answered with the counters. */
struct wan_order {
    enum wan_order_kind kind;
    uint16_t from, to;
    struct path_quality quality;
    struct way_mile mile;
    uint8_t cuts[WAN_PLACES_MAX * WAN_PLACES_MAX / 8]; /* bit from × count + to */
};

/* Carries packets until the control socket is closed. Returns the exit status of the process. */
int forwarder_run(const struct wan_place *places, uint32_t count, uint64_t seed, int control);

#endif
