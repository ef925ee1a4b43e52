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

/* Hardly anything comes through to or from anybody, but some does: they live, without media. */
static void thin(struct swarm *s, uint32_t at) {
    uint32_t lost = swarm_between(s, 80, 94), burst = swarm_between(s, 16, 50);
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

/* Everybody comes to one site, whose workers die; then all that was sent there comes again. */
static void recorded(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), later = swarm_between(s, 1000, 2500);
    uint32_t workers = s->nodes[cluster] * s->workers[cluster], alone = swarm_between(s, 800, 2500);
    const char *site = swarm_cluster(cluster);
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
    for (uint32_t i = 0; i < workers; i++) {
        if (i == 0)
            SWARM_PUT(s, swarm_within(s, at + alone), "kill: {worker: %s}", site);
        else
            SWARM_PUT(s, swarm_within(s, at + alone), "kill: {worker: %s, number: %" PRIu32 "}",
                      site, i);
    }
    SWARM_PUT(s, swarm_within(s, at + alone + later), "link: {between: [%s, clients], rtt: 30ms}",
              site);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void swarm_draw_more(struct swarm *s) {
    static void (*const kinds[])(struct swarm *, uint32_t) = {
        drain_stranded, drain_again, drain_deaf, chase, thin, recorded, reshape};
    const uint32_t count = sizeof(kinds) / sizeof(kinds[0]);
    struct rng before = s->rng;
    s->rng = s->later;
    uint32_t times = swarm_one_in(s, 2) ? swarm_between(s, 1, 2) : 0;
    for (uint32_t i = 0; i < times; i++) {
        uint32_t kind = swarm_below(s, count), at = any_instant(s);
        kinds[kind](s, at);
    }
    s->later = s->rng;
    s->rng = before;
}
