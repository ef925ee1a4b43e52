#include "peerd/sim/kitchen.h"

#include "peerd/sim/site.h"
#include "transcoder/hls/capacity.h"
#include "transcoder/hls/segments.h"
#include "transcoder/hls/shelf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES   ((uint64_t)256 << 20) /* [bytes] as transcoderd keeps by default */
#define SEGMENT_BYTES ((uint64_t)1 << 20)   /* [bytes] 2.6 Mbit/s */

struct sim_kitchen {
    uint64_t run; /* of the machine that it was begun for */
    uint32_t makers;
    struct instant done[SHELF_MAKERS]; /* what each makes; "never": nothing */
    struct instant armed;              /* it is looked after then; "never": no need */
    struct cost costs[POLICY_ORIGINS_MAX];
    struct capacity capacity;
    struct shelf shelf;
};

void sim_kitchen_init(struct sim *sim, struct sim_site *site) {
    uint32_t makers = sim->scenario->clusters[site->index].makers;
    if (sim->scenario->stream_count == 0 || makers == 0)
        return;
    site->kitchen = sim_alloc(1, sizeof(*site->kitchen));
    site->kitchen->makers = makers;
}

void sim_kitchen_free(struct sim_site *site) {
    free(site->kitchen);
    site->kitchen = NULL;
}

void sim_kitchen_starts(struct sim *sim, const struct sim_node *node) {
    struct sim_kitchen *k = sim->sites[node->cluster].kitchen;
    if (k == NULL || node->number != 0)
        return;
    k->run = node->process.run;
    k->armed = INSTANT_NEVER;
    memset(k->costs, 0, sizeof(k->costs));
    shelf_init(&k->shelf, CACHE_BYTES);
    capacity_init(&k->capacity, sim_node_now(sim, node));
    for (uint32_t i = 0; i < k->makers; i++) {
        k->done[i] = INSTANT_NEVER;
        shelf_maker_here(&k->shelf, i);
    }
}

static struct sim_node *machine(const struct sim *sim, const struct sim_site *site) {
    return &sim->nodes[site->first_node];
}

static bool is_open(const struct sim *sim, const struct sim_site *site) {
    const struct sim_node *node = machine(sim, site);
    return site->kitchen != NULL && node->process.life == SIM_LIFE_RUNNING &&
           site->kitchen->run == node->process.run;
}

void sim_kitchen_tell(const struct sim *sim, const struct sim_node *node, struct node_making *out) {
    const struct sim_site *site = &sim->sites[node->cluster];
    struct sim_kitchen *k = site->kitchen;
    if (node->number != 0 || !is_open(sim, site))
        return;
    *out = (struct node_making){
        .told = true,
        .makers = k->makers,
        .spare_ms = capacity_spare_ms(&k->capacity, k->makers, sim_node_now(sim, node)),
        .streams = sim_alloc(sim->scenario->stream_count, sizeof(*out->streams))};
    for (uint32_t i = 0; i < sim->scenario->stream_count; i++)
        out->streams[out->stream_count++] =
            (struct node_stream){sim->scenario->streams[i].name, cost_media_ms(&k->costs[i])};
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A token is the client's number and its newest attempt's. */
static void answer(struct sim *sim, const struct sim_site *site, uint64_t token,
                   enum sim_kitchen_word word) {
    uint32_t client = (uint32_t)(token >> 32);
    uint32_t end = sim_network_group(&sim->network, sim->clients[client].group);
    struct instant at;
    if (sim_network_stream(&sim->network, site->index, end, 1, sim->now, &at))
        sim_put_at(sim, at,
                   &(struct sim_event){.kind = SIM_SEGMENT_ANSWERED,
                                       .a = client,
                                       .b = site->index,
                                       .n = (token & UINT32_MAX) << 2 | (uint64_t)word});
}

void sim_kitchen_dies(struct sim *sim, const struct sim_node *node) {
    const struct sim_site *site = &sim->sites[node->cluster];
    const struct sim_kitchen *k = site->kitchen;
    if (k == NULL || node->number != 0 || sim->freeing || k->run != node->process.run)
        return;
    for (uint32_t i = 0; i < k->shelf.waiter_count; i++)
        answer(sim, site, k->shelf.waiters[i].token, SIM_KITCHEN_GONE);
}

static uint32_t made_in_us(const struct sim *sim, uint32_t stream) {
    return (uint32_t)(sim->scenario->streams[stream].media_cpu.us * SEGMENT_MS / 1000);
}

static void finish(const struct sim *sim, struct sim_kitchen *k, struct instant now) {
    for (uint32_t i = 0; i < k->makers; i++) {
        if (!instant_reached(now, k->done[i]))
            continue;
        uint32_t line = k->shelf.items[k->shelf.makers[i].item].key.line;
        uint32_t us = made_in_us(sim, line);
        k->done[i] = INSTANT_NEVER;
        (void)shelf_made(&k->shelf, i, true, SEGMENT_BYTES);
        cost_add(&k->costs[line], us, us);
        capacity_made(&k->capacity, us, now);
    }
}

static void begin(const struct sim *sim, struct sim_kitchen *k, struct instant now) {
    uint32_t maker, item;
    while (shelf_assign(&k->shelf, now, &maker, &item))
        k->done[maker] =
            instant_add(now, duration_us(made_in_us(sim, k->shelf.items[item].key.line)));
    capacity_busy(&k->capacity, shelf_busy(&k->shelf), now);
}

static void arm(struct sim *sim, const struct sim_site *site, struct instant now) {
    struct sim_kitchen *k = site->kitchen;
    struct instant next = shelf_deadline(&k->shelf);
    for (uint32_t i = 0; i < k->makers; i++)
        next = instant_min(next, k->done[i]);
    if (instant_is_never(next) || !instant_before(next, k->armed))
        return;
    k->armed = next;
    struct duration left = instant_since(next, now);
    sim_put(sim, left.us > 0 ? left : DURATION_ZERO,
            &(struct sim_event){.kind = SIM_KITCHEN, .a = site->index, .n = k->run});
}

/* What the front of transcoderd does after anything has happened (worker/front.c). */
static void go_on(struct sim *sim, const struct sim_site *site) {
    struct sim_kitchen *k = site->kitchen;
    struct instant now = sim_node_now(sim, machine(sim, site));
    uint64_t token;
    uint32_t item;
    finish(sim, k, now);
    while (shelf_answered(&k->shelf, now, &token, &item))
        answer(sim, site, token, item != SHELF_NONE ? SIM_KITCHEN_HAVE : SIM_KITCHEN_NO);
    while (shelf_drop(&k->shelf, &item))
        continue;
    begin(sim, k, now);
    arm(sim, site, now);
}

void sim_kitchen_due(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    struct sim_node *node = machine(sim, site);
    if (sim_process_holds(sim, &node->process, e))
        return;
    if (!is_open(sim, site) || e->n != site->kitchen->run)
        return;
    site->kitchen->armed = INSTANT_NEVER;
    go_on(sim, site);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void expect_more(struct sim_kitchen *k, struct shelf_key key) {
    uint32_t ahead = cost_ahead(&k->costs[key.line]);
    for (uint32_t i = 0; i < ahead; i++) {
        key.number++;
        shelf_expect(&k->shelf, key, cost_mean_us(&k->costs[key.line]));
    }
}

/* As front_door.c does: what is slow here and not begun is refused at once, and made all the same.
 */
static enum shelf_answer ask(struct sim *sim, struct sim_kitchen *k, struct shelf_key key,
                             uint64_t token, struct instant now) {
    const struct cost *cost = &k->costs[key.line];
    uint32_t item;
    (void)sim;
    if (!cost_is_quick(cost) && !shelf_knows(&k->shelf, key)) {
        shelf_expect(&k->shelf, key, cost_mean_us(cost));
        return SHELF_NO;
    }
    return shelf_ask(&k->shelf, key, cost_mean_us(cost), token, now, &item);
}

void sim_kitchen_asked(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    struct sim_node *node = machine(sim, site);
    const struct sim_client *c = &sim->clients[e->b];
    uint32_t end = sim_network_group(&sim->network, c->group);
    uint64_t token = (uint64_t)e->b << 32 | (uint32_t)e->n;
    if (!sim_network_open(&sim->network, end, e->a) || sim_process_holds(sim, &node->process, e))
        return;
    if (!is_open(sim, site)) {
        answer(sim, site, token, SIM_KITCHEN_GONE);
        return;
    }
    const struct shelf_key key = {sim->scenario->clients[c->group].stream_index,
                                  (uint32_t)(e->n >> 32)};
    switch (ask(sim, site->kitchen, key, token, sim_node_now(sim, node))) {
    case SHELF_HAVE:
        answer(sim, site, token, SIM_KITCHEN_HAVE);
        break;
    case SHELF_NO:
        answer(sim, site, token, SIM_KITCHEN_NO);
        break;
    case SHELF_WAIT:
        break;
    }
    expect_more(site->kitchen, key);
    go_on(sim, site);
}

/* ---- looks ----------------------------------------------------------------------------------- */

void sim_kitchen_look(struct sim *sim) {
    for (uint32_t i = 0; i < sim->site_count; i++) {
        struct sim_site *site = &sim->sites[i];
        if (is_open(sim, site))
            shelf_check_invariants(&site->kitchen->shelf);
        for (uint32_t k = 0; k < site->policy.origin_count; k++) {
            struct core_event e = {.kind = CORE_ORIGIN_CHECKED};
            if (site->kitchen == NULL || site->peerd.life != SIM_LIFE_RUNNING)
                break; /* of a planner's policies nobody makes any */
            e.u.checked = (struct core_origin_checked){.origin = k,
                                                       .err = is_open(sim, site) ? ERR_OK : ERR_IO};
            sim_site_step(sim, site, &e);
        }
    }
}
