#include "test/lib/wan/forwarder.h"

#include "peerd/net/clock.h"
#include "test/lib/wan/held.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PRIORITY    50 /* of SCHED_FIFO: before everything that is measured */
#define ROUNDS_MAX  32 /* packets from one place before others have their turn */
#define EVENTS_MAX  16
#define IP_HEADER   20
#define NETS        256
#define TAG_CONTROL (WAN_PLACES_MAX + 0)
#define TAG_TIMER   (WAN_PLACES_MAX + 1)
#define IPV4_FIRST  10 /* of every address */

struct lane {
    struct way way;
    struct rng rng; /* of its own, so that one way's traffic does not change another's luck */
    bool cut;
};

struct forwarder {
    const struct wan_place *places;
    uint32_t count;
    int16_t place_of[NETS];                   /* by second byte of the address; -1: nobody */
    struct lane *lanes;                       /* from × count + to */
    struct way_mile miles[WAN_PLACES_MAX][2]; /* of a place: to it, from it */
    struct held held;
    struct instant armed; /* what the timer is set to */
    int epoll, timer, control;
    struct wan_counters counters;
};

static struct lane *lane_of(struct forwarder *f, uint32_t from, uint32_t to) {
    return &f->lanes[from * f->count + to];
}

/* The last mile of either place, if that has bursts or outages for all its ways; else NULL. */
static struct way_mile *mile_of(struct forwarder *f, uint16_t from, uint16_t to) {
    struct way_mile *up = &f->miles[from][1], *down = &f->miles[to][0];
    return up->bursts || up->outages ? up : down->bursts || down->outages ? down : NULL;
}

/* ---- packets ---- */

static void accept_packet(struct forwarder *f, uint16_t from, const uint8_t *ip, size_t bytes) {
    struct way_fate fate;
    bool known = bytes >= IP_HEADER && ip[0] >> 4 == 4 && ip[12] == IPV4_FIRST &&
                 ip[13] == f->places[from].net && ip[16] == IPV4_FIRST && f->place_of[ip[17]] >= 0;
    if (!known) {
        f->counters.foreign++;
        return;
    }
    uint16_t to = (uint16_t)f->place_of[ip[17]];
    struct lane *l = lane_of(f, from, to);
    f->counters.sent++;
    if (l->cut) {
        f->counters.cut++;
        return;
    }
    struct way_mile *mile = mile_of(f, from, to);
    if (mile != NULL)
        way_take_mile(&l->way, mile);
    bool arrives = way_send(&l->way, &l->rng, net_now(), (uint32_t)bytes, &fate);
    if (mile != NULL)
        way_give_mile(&l->way, mile);
    if (!arrives) {
        f->counters.dropped[fate.drop]++;
        return;
    }
    for (uint32_t i = 0; i < fate.count; i++)
        if (!held_put(&f->held, from, to, ip, bytes, fate.arrivals[i].at))
            f->counters.full++;
}

/* A TUN gives one packet a call; a full round leaves the rest for the next turn. */
static void read_place(struct forwarder *f, uint16_t from) {
    uint8_t packet[2048];
    for (int i = 0; i < ROUNDS_MAX; i++) {
        ssize_t n = read(f->places[from].tun, packet, sizeof(packet));
        if (n <= 0)
            return;
        accept_packet(f, from, packet, (size_t)n);
    }
}

static void deliver(struct forwarder *f, const struct held_packet *p, struct instant now) {
    int64_t late_us = instant_since(now, p->due).us;
    if (lane_of(f, p->from, p->to)->cut) {
        f->counters.cut++;
        return;
    }
    f->counters.late_us = late_us > f->counters.late_us ? late_us : f->counters.late_us;
    if (write(f->places[p->to].tun, p->data, p->bytes) == (ssize_t)p->bytes)
        f->counters.arrived++;
    else
        f->counters.full++;
}

/* Writes what is due and sets the timer for what is not. */
static void deliver_due(struct forwarder *f) {
    const struct held_packet *p;
    struct instant now = net_now();
    while ((p = held_take(&f->held, now)) != NULL) {
        deliver(f, p, now);
        now = net_now();
    }
    struct instant next = held_next(&f->held);
    if (next.us == f->armed.us)
        return;
    struct itimerspec at = {0};
    if (!instant_is_never(next))
        at.it_value = (struct timespec){next.us / 1000000, next.us % 1000000 * 1000};
    timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &at, NULL);
    f->armed = next;
}

/* ---- orders ---- */

static void obey(struct forwarder *f, const struct wan_order *o) {
    switch (o->kind) {
    case WAN_ORDER_WAY:
        if (o->from < f->count && o->to < f->count)
            way_set_quality(&lane_of(f, o->from, o->to)->way, &o->quality, net_now());
        return;
    case WAN_ORDER_MILE:
        if (o->from < f->count)
            f->miles[o->from][0] = f->miles[o->from][1] = o->mile;
        return;
    case WAN_ORDER_CUTS:
        for (uint32_t i = 0; i < f->count * f->count; i++)
            f->lanes[i].cut = o->cuts[i / 8] >> i % 8 & 1;
        return;
    case WAN_ORDER_COUNTERS:
        return;
    }
}

/* False once whoever gives orders is gone. */
static bool take_order(struct forwarder *f) {
    struct wan_order order;
    ssize_t n = recv(f->control, &order, sizeof(order), 0);
    if (n == 0)
        return false;
    if (n != sizeof(order))
        return true;
    obey(f, &order);
    bool ok = send(f->control, &f->counters, sizeof(f->counters), MSG_NOSIGNAL) > 0;
    if (order.kind == WAN_ORDER_COUNTERS)
        f->counters = (struct wan_counters){.realtime = f->counters.realtime};
    return ok;
}

/* ---- all of it ---- */

static bool watch(struct forwarder *f, int fd, uint32_t tag) {
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = tag};
    return epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool open_all(struct forwarder *f, uint64_t seed) {
    struct path_quality nothing = {0};
    struct rng seeds;
    rng_seed(&seeds, seed);
    f->lanes = calloc((size_t)f->count * f->count, sizeof(*f->lanes));
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (f->lanes == NULL || f->epoll < 0 || f->timer < 0 || !held_init(&f->held) ||
        !watch(f, f->control, TAG_CONTROL) || !watch(f, f->timer, TAG_TIMER))
        return false;
    for (uint32_t i = 0; i < f->count * f->count; i++) {
        way_init(&f->lanes[i].way, &nothing, net_now());
        rng_seed(&f->lanes[i].rng, rng_u64(&seeds));
    }
    memset(f->place_of, 0xff, sizeof(f->place_of));
    for (uint32_t i = 0; i < f->count; i++) {
        f->place_of[f->places[i].net] = (int16_t)i;
        if (!watch(f, f->places[i].tun, i))
            return false;
    }
    return true;
}

static bool hurry(void) {
    struct sched_param param = {.sched_priority = PRIORITY};
    prctl(PR_SET_TIMERSLACK, 1);
    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
    return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}

static bool turn(struct forwarder *f) {
    struct epoll_event events[EVENTS_MAX];
    uint64_t fired;
    int n = epoll_wait(f->epoll, events, EVENTS_MAX, -1);
    for (int i = 0; i < n; i++) {
        uint32_t tag = events[i].data.u32;
        if (tag < WAN_PLACES_MAX)
            read_place(f, (uint16_t)tag);
        else if (tag == TAG_TIMER && read(f->timer, &fired, sizeof(fired)) > 0)
            f->armed = INSTANT_NEVER;
        else if (tag == TAG_CONTROL && !take_order(f))
            return false;
    }
    deliver_due(f);
    return true;
}

int forwarder_run(const struct wan_place *places, uint32_t count, uint64_t seed, int control) {
    struct forwarder f = {
        .places = places, .count = count, .control = control, .armed = INSTANT_NEVER};
    if (!open_all(&f, seed))
        return 1;
    f.counters.realtime = hurry();
    while (turn(&f))
        continue;
    return 0;
}
