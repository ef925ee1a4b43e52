#include "peerd/sim/swarm_private.h"

#include <inttypes.h>

/* Faults that come together, to the places where they hurt: what one after another, each drawn for
 * itself, hardly ever meets. */

static uint32_t any_instant(struct swarm *s) {
    return swarm_between(s, SWARM_FAULTS_FROM, s->heal_at - 1);
}

/* ---- drains ---------------------------------------------------------------------------------- */

/* Nobody is there to go to, and then there is. */
static void drain_stranded(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), early = swarm_between(s, 0, 1500);
    uint32_t away = swarm_between(s, 1500, 4000);
    bool hangs = swarm_one_in(s, 2);
    for (uint32_t i = 0; i < s->clusters; i++) {
        if (i == cluster)
            continue;
        SWARM_PUT(s, at, "%s: {peerd: %s}", hangs ? "stop" : "kill", swarm_cluster(i));
        SWARM_PUT(s, swarm_within(s, at + early + away), "%s: {peerd: %s}",
                  hangs ? "continue" : "restart", swarm_cluster(i));
    }
    SWARM_PUT(s, swarm_within(s, at + early), "drain: %s, deadline: 20s", swarm_cluster(cluster));
}

/* A second peerd knows nothing of the orders that the first one gave. */
static void drain_again(struct swarm *s, uint32_t at) {
    const char *site = swarm_cluster(swarm_below(s, s->clusters));
    uint32_t first = swarm_between(s, 300, 2500), down = swarm_between(s, 50, 800);
    uint32_t up = swarm_between(s, 100, 2500);
    SWARM_PUT(s, at, "drain: %s, deadline: 15s", site);
    SWARM_PUT(s, swarm_within(s, at + first), "kill: {peerd: %s}", site);
    SWARM_PUT(s, swarm_within(s, at + first + down), "restart: {peerd: %s}", site);
    SWARM_PUT(s, swarm_within(s, at + first + down + up), "drain: %s, deadline: 12s", site);
}

/* Those who are to go, or who are to tell them, hear nothing for a while. */
static void drain_deaf(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), node = swarm_below(s, s->nodes[cluster]);
    bool at_once = swarm_one_in(s, 2), listeners = swarm_one_in(s, 3);
    uint32_t soon = at_once ? 0 : swarm_between(s, 0, 600), deaf = swarm_between(s, 1000, 6000);
    const char *site = swarm_cluster(cluster);
    SWARM_PUT(s, at, "drain: %s, deadline: 25s", site);
    if (listeners) {
        SWARM_PUT(s, swarm_within(s, at + soon),
                  "partition: {from: %s, to: clients, one_way: true}", site);
        SWARM_PUT(s, swarm_within(s, at + soon + deaf), "heal: {from: %s, to: clients}", site);
    } else if (node == 0) {
        SWARM_PUT(s, swarm_within(s, at + soon), "stop: {node: %s}", site);
        SWARM_PUT(s, swarm_within(s, at + soon + deaf), "continue: {node: %s}", site);
    } else {
        SWARM_PUT(s, swarm_within(s, at + soon), "stop: {node: %s, number: %" PRIu32 "}", site,
                  node);
        SWARM_PUT(s, swarm_within(s, at + soon + deaf), "continue: {node: %s, number: %" PRIu32 "}",
                  site, node);
    }
}

/* ---- policies -------------------------------------------------------------------------------- */

static void put_number(struct swarm *s, const char *key, uint32_t from, uint32_t to) {
    bool given = swarm_one_in(s, 2);
    uint32_t number = swarm_between(s, from, to);
    if (given)
        text_putf(&s->text, ", %s: %" PRIu32, key, number);
}

/* Its operator changes his mind, again and again: names fewer nodes, fewer peers, other numbers. */
static void reshape(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), times = swarm_between(s, 1, 4);
    for (uint32_t i = 0; i < s->clusters && s->nodes[cluster] == 1; i++)
        cluster = (cluster + 1) % s->clusters; /* rather one that has nodes to choose from */
    uint32_t peers = s->options[SWARM_SPARSE] && s->clusters > 3 ? 2 : s->clusters - 1;
    uint32_t listeners = s->listeners[0] + s->listeners[1] + s->listeners[2];
    for (uint32_t i = 0; i < times && at < s->heal_at; i++) {
        text_putf(&s->text, "  - {at: %" PRIu32 "ms, policy: {cluster: %s", at,
                  swarm_cluster(cluster));
        uint32_t nodes = swarm_between(s, 1, s->nodes[cluster]);
        text_putf(&s->text, ", nodes: %" PRIu32, nodes);
        put_number(s, "peers", 1, peers);
        put_number(s, "capacity", 2 * listeners + 10, 4 * listeners + 20);
        put_number(s, "reserved_slots", 0, listeners);
        put_number(s, "opens_per_s", 1, 50);
        put_number(s, "drain_per_s", 1, 20);
        text_putf(&s->text, "}}\n");
        at += swarm_between(s, 200, 4000);
    }
    s->reshaped = true;
}

/* The same in the middle of a drain: what else is in it leaves the drain as it was. */
static void drain_reshaped(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), times = swarm_between(s, 1, 3);
    uint32_t listeners = s->listeners[0] + s->listeners[1] + s->listeners[2];
    SWARM_PUT(s, at, "drain: %s, deadline: 20s", swarm_cluster(cluster));
    for (uint32_t i = 0; i < times; i++) {
        at += swarm_between(s, 50, 1500);
        if (at >= s->heal_at)
            break;
        text_putf(&s->text, "  - {at: %" PRIu32 "ms, policy: {cluster: %s", at,
                  swarm_cluster(cluster));
        put_number(s, "reserved_slots", 0, listeners);
        put_number(s, "opens_per_s", 1, 50);
        uint32_t pace = swarm_between(s, 1, 20);
        text_putf(&s->text, ", drain_per_s: %" PRIu32 "}}\n", pace);
    }
    s->reshaped = true;
}

/* A node that was promised all, or that a new peerd knows nothing of, hangs while the policy gives
 * its share to others. */
static void disown(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters);
    for (uint32_t i = 0; i < s->clusters && s->nodes[cluster] == 1; i++)
        cluster = (cluster + 1) % s->clusters;
    const char *site = swarm_cluster(cluster);
    uint32_t nodes = s->nodes[cluster], soon = swarm_between(s, 300, 1500);
    uint32_t then = swarm_between(s, 50, 2500), hangs = swarm_between(s, 1000, 4000);
    bool grows = swarm_one_in(s, 2);
    uint32_t number = grows || nodes == 1 ? 0 : nodes - 1;
    if (grows)
        SWARM_PUT(s, at, "policy: {cluster: %s, nodes: 1}", site);
    text_putf(&s->text, "  - {at: %" PRIu32 "ms, stop: {node: %s, number: %" PRIu32 "}}\n",
              swarm_within(s, at + soon), site, number);
    if (!grows) {
        SWARM_PUT(s, swarm_within(s, at + soon), "kill: {peerd: %s}", site);
        SWARM_PUT(s, swarm_within(s, at + soon + 50), "restart: {peerd: %s}", site);
    }
    SWARM_PUT(s, swarm_within(s, at + soon + 100 + then),
              "policy: {cluster: %s, nodes: %" PRIu32 "}", site,
              grows || nodes == 1 ? nodes : nodes - 1);
    text_putf(&s->text, "  - {at: %" PRIu32 "ms, continue: {node: %s, number: %" PRIu32 "}}\n",
              swarm_within(s, at + soon + 100 + then + hangs), site, number);
    s->reshaped = true;
}

/* ---- listeners ------------------------------------------------------------------------------- */

/* One site after another falls silent for a moment: whoever has moved so often waits longer. */
static void chase(struct swarm *s, uint32_t at) {
    uint32_t first = swarm_below(s, s->clusters), silent = swarm_between(s, 400, 900);
    uint32_t apart = swarm_between(s, 500, 1500), times = swarm_between(s, 6, 12);
    for (uint32_t i = 0; i < times && at < s->heal_at; i++, at += apart) {
        const char *site = swarm_cluster((first + i) % s->clusters);
        SWARM_PUT(s, at, "partition: {from: %s, to: clients}", site);
        SWARM_PUT(s, swarm_within(s, at + silent), "heal: {from: %s, to: clients}", site);
    }
}

/* Hardly anything comes through to or from anybody, but some does: they live, without media. In
 * long bursts their paths are silent as well, in short ones hardly ever. */
static void thin(struct swarm *s, uint32_t at) {
    bool silent = swarm_one_in(s, 2);
    uint32_t lost = silent ? swarm_between(s, 80, 94) : swarm_between(s, 60, 79);
    uint32_t burst = silent ? swarm_between(s, 16, 50) : swarm_between(s, 4, 8);
    uint32_t lasts = swarm_between(s, 3000, 9000), one = swarm_below(s, s->clusters);
    bool all = swarm_one_in(s, 2);
    for (uint32_t i = 0; i < s->clusters; i++) {
        if (!all && i != one)
            continue;
        SWARM_PUT(s, at,
                  "link: {between: [%s, clients], rtt: 30ms, loss: %" PRIu32
                  "%%, loss_burst: %" PRIu32 "}",
                  swarm_cluster(i), lost, burst);
        SWARM_PUT(s, swarm_within(s, at + lasts), "link: {between: [%s, clients], rtt: 30ms}",
                  swarm_cluster(i));
    }
}

static void kill_workers(struct swarm *s, uint32_t at, uint32_t cluster) {
    uint32_t workers = s->nodes[cluster] * s->workers[cluster];
    for (uint32_t i = 0; i < workers; i++) {
        if (i == 0)
            SWARM_PUT(s, swarm_within(s, at), "kill: {worker: %s}", swarm_cluster(cluster));
        else
            SWARM_PUT(s, swarm_within(s, at), "kill: {worker: %s, number: %" PRIu32 "}",
                      swarm_cluster(cluster), i);
    }
}

/* Everybody comes to one site, and perhaps leaves it again; its workers die, and with them what
 * they knew of that; then all that was sent there comes again. */
static void recorded(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), later = swarm_between(s, 1000, 2500);
    uint32_t alone = swarm_between(s, 800, 2500), mute = swarm_between(s, 600, 1500);
    const char *site = swarm_cluster(cluster);
    bool left = swarm_one_in(s, 2);
    uint32_t over = left ? alone + mute : alone;
    if (left)
        later *= 3;
    SWARM_PUT(s, at,
              "link: {between: [%s, clients], rtt: 20ms, replay: 40%%, replay_in: %" PRIu32 "ms}",
              site, later);
    for (uint32_t i = 0; i < s->clusters; i++) {
        if (i == cluster)
            continue;
        SWARM_PUT(s, at, "partition: {from: %s, to: clients}", swarm_cluster(i));
        SWARM_PUT(s, swarm_within(s, at + alone), "heal: {from: %s, to: clients}",
                  swarm_cluster(i));
    }
    if (left) {
        SWARM_PUT(s, swarm_within(s, at + alone),
                  "partition: {from: %s, to: clients, one_way: true}", site);
        SWARM_PUT(s, swarm_within(s, at + over), "heal: {from: %s, to: clients}", site);
    }
    kill_workers(s, at + over, cluster);
    SWARM_PUT(s, swarm_within(s, at + over + later), "link: {between: [%s, clients], rtt: 30ms}",
              site);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void swarm_draw_more(struct swarm *s) {
    static void (*const kinds[])(struct swarm *, uint32_t) = {
        drain_stranded, drain_again, drain_deaf, chase, thin, recorded, reshape, disown};
    const uint32_t reshaping = 2; /* the last ones: policies that stay, where DNS names peers */
    const uint32_t count = sizeof(kinds) / sizeof(kinds[0]) - (s->discovers ? reshaping : 0);
    struct rng before = s->rng;
    s->rng = s->later;
    uint32_t times = swarm_one_in(s, 4) ? 0 : swarm_between(s, 1, 3);
    for (uint32_t i = 0; i < times; i++) {
        uint32_t kind = swarm_below(s, count), at = any_instant(s);
        kinds[kind](s, at);
    }
    s->later = s->rng;
    s->rng = s->latest;
    if (!s->discovers && swarm_one_in(s, 4)) {
        uint32_t at = any_instant(s);
        drain_reshaped(s, at);
    }
    s->latest = s->rng;
    s->rng = before;
}
