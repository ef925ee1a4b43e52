#include "peerd/sim/node.h"

#include "peerd/sim/post.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/sleep.h"
#include "peerd/sim/worker.h"

#include <stdlib.h>

/* Media-alive: the beats of a node whose peerd is silent; and its watch over the workers. */

static void beat_to(struct sim *sim, struct sim_node *node, uint32_t peer) {
    const struct sim_site *site = &sim->sites[node->cluster];
    uint32_t to = site->discovery != NULL ? peer : site->cluster_of[peer];
    struct beat b = {.kind = BEAT_KIND_MEDIA_ALIVE,
                     .interval_ms = SIM_NODE_TICK_MS,
                     .node = (uint8_t)node->number,
                     .sessions = node->roster.committed};
    echo_fill(sim_node_echo(node, peer), &b, sim_node_now(sim, node));
    struct sim_beat body = {.beat = b, .from = sim_node_addr(node)};
    sim_post(sim, node->cluster, to, SIM_BEAT_BYTES,
             &(struct sim_event){.kind = SIM_BEAT,
                                 .a = to,
                                 .b = node->cluster,
                                 .n = sim_rekey_seal(sim, node->cluster, to)},
             &body, sim_beat_size(&b));
}

/* A worker that does not turn its loop answers nothing gentler than SIGKILL. One that died while
 * its supervisor was stopped itself is noticed now. */
static void watch_workers(struct sim *sim, struct sim_node *node) {
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct sim_worker *w = &sim->workers[node->first_worker + i];
        bool hangs = w->process.life == SIM_LIFE_STOPPED &&
                     !duration_less(instant_since(sim->now, w->process.since), SIM_STALL);
        if (!hangs && w->process.life != SIM_LIFE_DEAD)
            continue;
        if (hangs)
            w->lost_at = sim_clock_local(&node->clock, w->process.since);
        sim_node_worker_died(sim, w);
    }
}

/* Without credit standbys are no longer renewed. */
static void wake_before_credit_ends(struct sim *sim, const struct sim_node *node) {
    struct instant soon = instant_add(sim_node_now(sim, node), SIM_SLEEP_CREDIT);
    if (!node->briefed || instant_before(soon, node->credit_until))
        return;
    for (uint32_t i = 0; i < node->worker_count; i++)
        sim_sleep_wake_worker(sim, &sim->workers[node->first_worker + i]);
}

static void beat_if_headless(struct sim *sim, struct sim_node *node) {
    node->beating |=
        headless_is(&node->peerd, sim_node_now(sim, node)) && node->roster.committed > 0;
    for (uint32_t i = 0; i < node->peers && node->beating; i++)
        if (node->told_alive[i])
            beat_to(sim, node, i);
}

void sim_node_peerd_gone(struct sim *sim, struct sim_node *node) {
    headless_refused(&node->peerd);
    if (!node->beating)
        beat_if_headless(sim, node);
}

void sim_node_tick(struct sim *sim, const struct sim_event *e) {
    struct sim_node *node = &sim->nodes[e->a];
    if (e->n != node->process.run || sim_process_holds(sim, &node->process, e))
        return;
    sim_put(sim, duration_ms(SIM_NODE_TICK_MS), e);
    watch_workers(sim, node);
    wake_before_credit_ends(sim, node);
    beat_if_headless(sim, node);
}

/* Whom DNS names it knows from its peerd alone. */
static bool is_stranger(const struct sim *sim, const struct sim_node *node, uint32_t peer) {
    return sim->sites[node->cluster].discovery != NULL && !node->told_alive[peer];
}

/* The first answers are echoed at once: until then nothing is proven. */
void sim_node_beat_received(struct sim *sim, const struct sim_event *e) {
    struct sim_node *node = &sim->nodes[e->a];
    struct sim_beat *body = e->body;
    uint32_t peer = sim_node_peer(sim, node, e->b);
    if (peer == UINT32_MAX || is_stranger(sim, node, peer) ||
        !sim_network_open(&sim->network, e->b, node->cluster) ||
        node->process.life == SIM_LIFE_DEAD || node->process.life == SIM_LIFE_STARTING) {
        sim_body_free(&sim->bodies, body);
        return;
    }
    if (sim_process_holds(sim, &node->process, e))
        return;
    struct echo_proof proof =
        echo_beat_received(sim_node_echo(node, peer), &body->beat, sim_node_now(sim, node));
    if (node->beating && proof.result == ECHO_CANDIDATE)
        beat_to(sim, node, peer);
    sim_body_free(&sim->bodies, body);
}
