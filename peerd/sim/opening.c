#include "peerd/sim/client.h"

#include "peerd/core/core.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/narrative.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Opening: one cluster after another is asked until one answers. A cluster that is full or draining
 * says when to come back; a round over all of them waits for the shortest such time.
 */

#define TRIPS       3 /* handshake and request, one way each */
#define ROUND_PAUSE duration_ms(500)

/* Under every fourth seed of the swarm most opens come twice. */
#define TWICE_EVERY  4
#define TWICE_LATEST duration_s(10) /* before the end: what is opened has to be dropped again */
#define SECOND       UINT64_C(0x80000000) /* of an attempt: nobody waits for its answer */

/* Whoever stands between asks again, soon or much later, what was answered long ago: its answer
 * goes nowhere. */
static void ask_twice(struct sim *sim, const struct sim_client *c, uint32_t cluster,
                      struct instant at) {
    struct duration since;
    struct rng rng;
    if (sim->options.seed % TWICE_EVERY != 2 || !sim_invariants_expect_faults(sim, &since))
        return;
    rng_seed(&rng, c->seed ^ c->attempt);
    uint64_t kind = rng_below(&rng, 5);
    struct duration soon = duration_ms((int64_t)rng_below(&rng, 500));
    struct duration later = duration_ms((int64_t)rng_below(&rng, 15000));
    struct duration after = kind < 2   ? soon
                            : kind < 4 ? later
                                       : duration_add(CORE_IDEMPOTENT_LIFE, later);
    struct instant again = instant_add(at, after);
    if (instant_before(again, instant_sub(sim->end, TWICE_LATEST)))
        sim_put_at(sim, again,
                   &(struct sim_event){
                       .kind = SIM_OPEN, .a = cluster, .b = c->index, .n = c->attempt | SECOND});
}

static void ask(struct sim *sim, struct sim_client *c) {
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    scenario_client_order(sim->scenario, c->group, c->number, order);
    uint32_t cluster = order[c->order_at];
    uint32_t end = sim_network_group(&sim->network, c->group);
    struct instant at;
    c->attempt++;
    bool connects = sim_network_stream(&sim->network, end, cluster, TRIPS, sim->now, &at);
    if (connects) {
        sim_put_at(
            sim, at,
            &(struct sim_event){.kind = SIM_OPEN, .a = cluster, .b = c->index, .n = c->attempt});
        ask_twice(sim, c, cluster, at);
    }
    sim_put(
        sim, connects ? SIM_OPEN_WAIT : SIM_CONNECT_WAIT,
        &(struct sim_event){.kind = SIM_OPEN_FAILED, .a = c->index, .b = cluster, .n = c->attempt});
}

static void next_cluster(struct sim *sim, struct sim_client *c) {
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    if (++c->order_at < scenario_client_order(sim->scenario, c->group, c->number, order)) {
        ask(sim, c);
        return;
    }
    c->order_at = 0;
    struct duration pause = c->retry_after.us > 0 ? c->retry_after : ROUND_PAUSE;
    if (instant_reached(instant_add(sim->now, pause), c->give_up)) {
        char outcome[REPORT_TEXT_LEN_MAX + 1];
        snprintf(outcome, sizeof(outcome), "no session: %.120s",
                 c->outcome == NULL ? "nobody answered" : c->outcome);
        sim_client_over(sim, c, outcome);
        return;
    }
    sim_put(sim, pause,
            &(struct sim_event){.kind = SIM_OPEN_AGAIN, .a = c->index, .n = c->attempt});
}

void sim_opening_starts(struct sim *sim, const struct sim_event *e) {
    struct sim_client *c = &sim->clients[e->a];
    if (c->state != SIM_CLIENT_WAITING)
        return;
    c->state = SIM_CLIENT_OPENING;
    c->give_up = instant_add(sim->now, SIM_GIVE_UP);
    c->heard = sim->now;
    ask(sim, c);
}

static bool is_current(const struct sim *sim, const struct sim_client *c,
                       const struct sim_event *e) {
    bool reached =
        e->kind != SIM_OPEN_ANSWERED ||
        sim_network_open(&sim->network, e->b, sim_network_group(&sim->network, c->group));
    return c->state == SIM_CLIENT_OPENING && e->n == c->attempt && reached;
}

void sim_opening_again(struct sim *sim, const struct sim_event *e) {
    struct sim_client *c = &sim->clients[e->a];
    if (!is_current(sim, c, e))
        return;
    c->retry_after = DURATION_ZERO;
    ask(sim, c);
}

void sim_opening_answered(struct sim *sim, const struct sim_event *e) {
    struct sim_client *c = &sim->clients[e->a];
    struct core_answer_open *answer = e->body;
    if (is_current(sim, c, e)) {
        if (answer->err == ERR_OK) {
            sim_client_opened(sim, c, e->b, answer);
        } else {
            struct duration after = duration_ms(answer->retry_after_ms);
            /* HTTP says it in whole seconds. */
            after = duration_s((after.us + 999999) / 1000000);
            sim_client_outcome(c, "%s refused (%s)",
                               sim->scenario->clusters[e->b].identity.name.text, answer->detail);
            c->refused = true;
            if (after.us > 0)
                c->retry_after =
                    c->retry_after.us > 0 ? duration_min(c->retry_after, after) : after;
            next_cluster(sim, c);
        }
    }
    free(answer);
}

void sim_opening_failed(struct sim *sim, const struct sim_event *e) {
    struct sim_client *c = &sim->clients[e->a];
    if (!is_current(sim, c, e))
        return;
    if (!c->refused)
        sim_client_outcome(c, "%s cannot be reached",
                           sim->scenario->clusters[e->b].identity.name.text);
    next_cluster(sim, c);
}
