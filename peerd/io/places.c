/*
 * Places: where a peer listens, from an address, a name, or an SRV record.
 *
 * `ip:port` needs no question. `host:port` asks for A and AAAA, `srv:_peerd._udp.example.net` for
 * SRV (RFC 2782) and what it leads to. Answers are used for their TTL, within bounds, and asked
 * again; a failure keeps the last answer and tries again soon. An answer that leads elsewhere is
 * kept back while the peer answers where it is: whoever can lie to our resolver cannot end a
 * peering by it, and a peer that has really moved has left its old address.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <string.h>

#define TTL_MIN       duration_s(5)
#define TTL_MAX       duration_s(300)
#define RETRY         duration_s(2)
#define TTL_KEPT_BACK duration_s(5) /* the sooner it is followed once the peer has gone */

static void ask_again_after(struct daemon_place *place, struct duration wait) {
    net_timer_arm(&place->again, instant_add(net_now(), wait));
}

/* True if the door's socket can send there: beats leave from the one that is bound, and one that
 * is not bound to [::] speaks one family only. */
static bool is_reachable(const struct daemon_place *place, const struct addr *to) {
    static const uint8_t any[16] = {0};
    const struct daemon *d = place->peer->daemon;
    const struct addr *from = &d->policy->beats.bind;
    return place == &place->peer->control || to->family == from->family ||
           (from->family == 6 && memcmp(from->ip, any, sizeof(any)) == 0);
}

/* The first in the order of RFC 2782 that can be reached at all; NULL if there is none. */
static const struct addr *choose(const struct daemon_place *place,
                                 const struct net_dns_result *result) {
    net_dns_order(result->targets, result->count, &place->peer->daemon->rng);
    for (size_t i = 0; i < result->count; i++)
        if (is_reachable(place, &result->targets[i].addr))
            return &result->targets[i].addr;
    return NULL;
}

static bool answers(const struct daemon_place *place) {
    const struct daemon *d = place->peer->daemon;
    switch (core_peer_status(d->core, place->peer->index, net_now()).verdict) {
    case VERDICT_ALIVE:
    case VERDICT_SUSPECT:
    case VERDICT_DEGRADED:
    case VERDICT_DRAINING:
        return true;
    case VERDICT_UNKNOWN:
    case VERDICT_HEADLESS:
    case VERDICT_CRASHED:
    case VERDICT_PARTITIONED:
        return false;
    }
    return false;
}

static void answered(void *data, const struct net_dns_result *result) {
    struct daemon_place *place = data;
    struct daemon *d = place->peer->daemon;
    place->query = NULL;
    const struct addr *found = result->err == ERR_OK ? choose(place, result) : NULL;
    if (found == NULL) {
        net_log(d->log, NET_LOG_WARNING, "name not found, the last answer is kept",
                NET_TEXT("peer", place->peer->name.text), NET_TEXT("name", place->text),
                NET_TEXT("why", result->count > 0 ? "no address of the family of beats.bind"
                                                  : result->detail));
        ask_again_after(place, RETRY);
        return;
    }
    struct duration wait = duration_min(duration_max(result->ttl, TTL_MIN), TTL_MAX);
    if (!addr_is_none(&place->addr) && !addr_equal(&place->addr, found) && answers(place)) {
        net_log(d->log, NET_LOG_INFO, "name leads elsewhere, the peer answers where it was",
                NET_TEXT("peer", place->peer->name.text), NET_TEXT("door", place->door),
                NET_ADDR("addr", found));
        ask_again_after(place, duration_min(wait, TTL_KEPT_BACK));
        return;
    }
    if (!addr_equal(&place->addr, found))
        net_log(d->log, NET_LOG_INFO, "peer found", NET_TEXT("peer", place->peer->name.text),
                NET_TEXT("door", place->door), NET_ADDR("addr", found));
    place->addr = *found;
    ask_again_after(place, wait);
}

static void ask(struct daemon_place *place) {
    if (place->text[0] == '\0' || addr_from_text(&place->addr, place->text))
        return;
    place->query = net_dns_place(place->peer->daemon->dns, place->text, answered, place);
    if (place->query == NULL)
        ask_again_after(place, RETRY);
}

static void time_to_ask(void *data, struct instant now) {
    (void)now;
    ask(data);
}

static void place_stop(struct daemon_place *place) {
    net_timer_cancel(&place->again);
    if (place->query != NULL)
        net_dns_cancel(place->query);
    place->query = NULL;
}

static void place_start(struct daemon_peer *p, struct daemon_place *place, const char *door,
                        const char *text) {
    *place = (struct daemon_place){.peer = p, .door = door, .text = text};
    net_timer_init(&place->again, p->daemon->loop, time_to_ask, place);
    ask(place);
}

void places_start(struct daemon_peer *p, const struct policy_peer *policy) {
    place_start(p, &p->beats, "beats", policy->beats.text);
    place_start(p, &p->control, "control", policy->control.text);
}

/* The text is the old policy's, which still stands. */
static void place_renew(struct daemon_place *place, const char *text) {
    bool same = strcmp(place->text, text) == 0;
    place->text = text;
    if (same)
        return;
    place_stop(place);
    place_start(place->peer, place, place->door, text);
}

void places_renew(struct daemon_peer *p, const struct policy_peer *policy) {
    place_renew(&p->beats, policy->beats.text);
    place_renew(&p->control, policy->control.text);
}

void places_stop(struct daemon_peer *p) {
    place_stop(&p->beats);
    place_stop(&p->control);
}
