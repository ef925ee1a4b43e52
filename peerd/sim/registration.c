#include "peerd/base/rng.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/kitchen.h"
#include "peerd/sim/node.h"
#include "peerd/sim/probing.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/roster.h"
#include "peerd/sim/sleep.h"
#include "peerd/sim/telling.h"
#include "peerd/sim/worker.h"

#include <stdlib.h>
#include <string.h>

/* Registration: what a node tells its peerd with every poll, and what it takes from the answer. */

#define LOSSY_EVERY           2
#define ANSWERS_PER_LOSS      64
#define ANSWERS_PER_LOSS_THEN 8
#define HURTS_FOR_MS          300

/* Under every fourth seed some of what it says is late, so that it says something newer meanwhile,
 * or is gone. */
#define LATE_EVERY       4
#define REPORTS_PER_LATE 24
#define LATE_FROM_MS     1000
#define LATE_FOR_MS      2500

static void poll_after(struct sim *sim, const struct sim_node *node, struct duration after) {
    sim_put(sim, after,
            &(struct sim_event){.kind = SIM_POLL, .a = node->index, .n = node->process.run});
}

/* ---- telling ---- */

static const struct policy *policy_of(const struct sim *sim, const struct sim_node *node) {
    return &sim->sites[node->cluster].policy;
}

static void describe_workers(const struct sim *sim, const struct sim_node *node,
                             struct node_request *r) {
    r->media = sim_alloc(node->worker_count, sizeof(*r->media));
    r->workers = sim_alloc(node->worker_count, sizeof(*r->workers));
    r->media_count = r->worker_count = node->worker_count;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        const struct sim_worker *w = &sim->workers[node->first_worker + i];
        bool runs = sim_process_lives(&w->process);
        r->media[i] = sim_worker_addr(sim, w);
        r->workers[i] = (struct node_worker){.index = i,
                                             .pid = runs ? 1000 + i : 0,
                                             .restarts = w->restarts,
                                             .frames = w->frames,
                                             .probes = w->probed.answered,
                                             .probes_refused = w->probed.refused,
                                             .sessions = w->tenure.credit_used,
                                             .credit_spent = w->tenure.credit_used,
                                             .late_ms = runs ? sim_worker_late_ms(sim, w) : 0};
    }
}

/* All machines have the same media stack and the same recordings. */
static void describe_media(const struct sim *sim, const struct sim_node *node,
                           struct node_request *r) {
    const struct policy *p = policy_of(sim, node);
    r->profiles = sim_alloc(p->profile_count, sizeof(*r->profiles));
    for (; r->profile_count < p->profile_count; r->profile_count++)
        r->profiles[r->profile_count] =
            (struct node_profile){.name = p->profiles[r->profile_count].name,
                                  .determinism = {{0xd1, (uint8_t)r->profile_count}}};
    r->sources = sim_alloc(p->source_count, sizeof(*r->sources));
    for (uint32_t i = 0; i < p->source_count && r->full; i++)
        r->sources[r->source_count++] = (struct node_source){.name = p->sources[i].name,
                                                             .digest = {{0xd2, (uint8_t)i}},
                                                             .class = p->sources[i].class};
}

/* One at a time, as of a stalled connection. */
static struct duration way_to_peerd(const struct sim *sim, struct sim_node *node) {
    struct duration since;
    struct rng rng;
    if (sim->options.seed % LATE_EVERY != 3 || instant_before(sim->now, node->late_until) ||
        !sim_invariants_expect_faults(sim, &since))
        return SIM_LAN;
    rng_seed(&rng, ~sim->options.seed ^ node->boot ^ node->seq);
    if (rng_below(&rng, REPORTS_PER_LATE) != 0)
        return SIM_LAN;
    struct duration way = duration_ms(LATE_FROM_MS + (int64_t)rng_below(&rng, LATE_FOR_MS));
    node->late_until = instant_add(sim->now, way);
    return way;
}

static void describe_guests(struct sim *sim, struct sim_node *node, struct node_request *r) {
    struct guests_allotted *a = node->guests;
    uint32_t here[SIM_WORKERS_MAX];
    r->guests = sim_alloc(a->count, sizeof(*r->guests));
    for (; r->guest_count < a->count; r->guest_count++) {
        const struct name *issuer = &a->limits[r->guest_count].issuer;
        uint32_t sessions = sim_node_guests(sim, node, issuer, here);
        for (uint32_t i = 0; i < node->worker_count; i++)
            guests_allotted_refused(
                a, issuer, guests_refused(sim->workers[node->first_worker + i].guests, issuer));
        r->guests[r->guest_count] =
            (struct node_guest){.issuer = *issuer,
                                .sessions = sessions,
                                .refused = a->turned_away[r->guest_count].refused,
                                .denied = a->turned_away[r->guest_count].denied};
    }
}

void sim_node_poll_due(struct sim *sim, const struct sim_event *e) {
    struct sim_node *node = &sim->nodes[e->a];
    if (e->n != node->process.run || sim_process_holds(sim, &node->process, e))
        return;
    struct sim_poll *poll = sim_alloc(1, sizeof(*poll));
    struct node_request *r = &poll->request;
    poll->run = node->process.run;
    *r = (struct node_request){.node = policy_of(sim, node)->nodes[node->number].name,
                               .boot = node->boot,
                               .seq = ++node->seq,
                               .seen = node->roster.seen,
                               .order_seen = node->order_seen,
                               .drain = drain_kept_word(&node->drain, sim_node_now(sim, node))};
    sim_roster_fill(sim, &node->roster, r, r->seq, node->full);
    describe_workers(sim, node, r);
    describe_media(sim, node, r);
    sim_kitchen_tell(sim, node, &r->making);
    if (node->guests != NULL)
        describe_guests(sim, node, r);
    r->trips = node->trips;
    r->trip_count = node->trip_count;
    node->trips = NULL;
    node->trip_count = 0;
    r->asks = node->asks;
    r->ask_count = node->ask_count;
    node->asks = NULL;
    node->ask_count = 0;
    node->asking = r->seq;
    sim_put(sim, way_to_peerd(sim, node),
            &(struct sim_event){
                .kind = SIM_POLL_ASKED, .a = node->cluster, .b = node->index, .body = poll});
    sim_put(sim, SIM_POLL_WAIT,
            &(struct sim_event){.kind = SIM_POLL_FAILED,
                                .a = node->index,
                                .b = (uint32_t)node->seq,
                                .n = node->process.run});
}

/* ---- being answered ---- */

/* The worker that holds the session; NULL if it is not here. */
static struct sim_worker *holder(struct sim *sim, const struct sim_node *node,
                                 const struct session_id *id) {
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct sim_worker *w = &sim->workers[node->first_worker + i];
        uint32_t slot =
            w->process.life == SIM_LIFE_DEAD ? TENURE_SLOT_NONE : tenure_find(&w->tenure, id);
        if (slot != TENURE_SLOT_NONE && tenure_session_at(&w->tenure, slot) != NULL)
            return w;
    }
    return NULL;
}

/* As the client knows the target: see transcoder/worker/briefing.c. */
static struct key_hint known_as(struct sim *sim, const struct node_order *o,
                                const struct sim_worker *w) {
    const struct sim_site *target = NULL;
    for (uint32_t i = 0; i < sim->site_count && target == NULL; i++)
        if (name_equal(&sim->sites[i].policy.cluster.name, &o->target))
            target = &sim->sites[i];
    const struct sim_session *s = sim_session_at(w, tenure_find(&w->tenure, &o->session));
    const struct sim_ticket *t = &sim->clients[s->client].ticket;
    int64_t life_s = sim->sites[t->issuer].policy.limits.ticket_life.us / 1000000;
    return target == NULL || target->keys == NULL
               ? key_hint_of(&o->target_key)
               : sim_rekey_known_as(target, t->expires_s - life_s);
}

static void take_order(struct sim *sim, struct sim_node *node, const struct node_order *o) {
    struct sim_worker *worker = holder(sim, node, &o->session);
    if (worker == NULL)
        return; /* a session that is not here any more needs no order */
    switch (o->what) {
    case NODE_ORDER_MOVE: {
        struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = sim_node_now(sim, node)};
        e.u.move.session = o->session;
        e.u.move.target = known_as(sim, o, worker);
        e.u.move.cause = o->cause;
        e.u.move.only = o->only;
        e.u.move.deadline = duration_ms(o->deadline_ms);
        sim_worker_order(sim, worker, &e);
        return;
    }
    case NODE_ORDER_END: {
        struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = sim_node_now(sim, node)};
        e.u.source.session = o->session;
        e.u.source.error = o->error == ERR_OK ? ERR_MOVED : o->error;
        e.u.source.end = FRAME_NEVER;
        sim_worker_order(sim, worker, &e);
        return;
    }
    }
}

static void take_orders(struct sim *sim, struct sim_node *node, const struct node_answer *a) {
    for (size_t i = 0; i < a->order_count; i++) {
        if (a->orders[i].id <= node->order_seen)
            continue;
        node->order_seen = a->orders[i].id;
        take_order(sim, node, &a->orders[i]);
    }
}

static void take_named(struct sim *sim, const struct sim_node *node, const struct node_answer *a) {
    for (size_t i = 0; i < a->named_count; i++) {
        struct sim_worker *worker = holder(sim, node, &a->named[i].session);
        if (worker != NULL)
            sim_probing_names(sim, worker, &a->named[i]);
    }
}

static void take_told(struct sim *sim, const struct sim_node *node, const struct node_answer *a) {
    for (size_t i = 0; i < a->told_count; i++) {
        struct sim_worker *worker = holder(sim, node, &a->told[i].session);
        if (worker != NULL)
            sim_telling_ordered(sim, worker, &a->told[i]);
    }
}

static void brief_workers(struct sim *sim, struct sim_node *node) {
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct sim_worker *worker = &sim->workers[node->first_worker + i];
        if (!sim_process_lives(&worker->process))
            continue;
        sim_worker_brief(sim, worker);
        sim_node_lease_credit(sim, node, worker);
        sim_node_set_draining(sim, worker, node->draining);
    }
}

static void take(struct sim *sim, struct sim_node *node, const struct node_answer *a) {
    headless_answered(&node->peerd, duration_ms(a->poll_ms), sim_node_now(sim, node));
    node->beating = false;
    node->full = a->want_full;
    node->poll = duration_ms(a->poll_ms);
    if (!node->briefed)
        for (uint32_t i = 0; i < node->worker_count; i++)
            sim_sleep_turned(sim, &sim->workers[node->first_worker + i]);
    node->briefed = true;
    node->draining = a->draining;
    drain_kept_heard(&node->drain, &a->drain, sim_node_now(sim, node));
    node->limits = a->limits;
    node->credit = a->credit;
    node->credit_until = instant_add(node->peerd.heard, duration_ms(a->credit.lease_ms));
    if (node->guests != NULL)
        sim_node_allot(sim, node, a);
    sim_invariants_credit_taken(sim, node);
    sim_roster_acknowledged(&node->roster, a->seq);
    for (uint32_t i = 0; i < node->peers; i++)
        node->told_alive[i] = false;
    for (size_t i = 0; i < a->media_alive_count; i++)
        node->told_alive[sim_node_peer(sim, node, sim_cluster_at(sim, &a->media_alive[i].beats))] =
            true;
    brief_workers(sim, node);
    take_orders(sim, node, a);
    take_named(sim, node, a);
    take_told(sim, node, a);
}

/* Under every second seed of the swarm some answers are lost until all is healed, most of them just
 * after something was done to somebody: then peerd cannot know whether its node has heard of
 * grants, orders and ends, and what was told is told again. */
static bool is_lost(const struct sim *sim, const struct sim_node *node, uint64_t seq) {
    struct duration since;
    if (sim->options.seed % LOSSY_EVERY != 1 || !sim_invariants_expect_faults(sim, &since))
        return false;
    bool hurts = duration_less(since, duration_ms(HURTS_FOR_MS));
    struct rng rng;
    rng_seed(&rng, sim->options.seed ^ node->boot ^ seq);
    return rng_below(&rng, hurts ? ANSWERS_PER_LOSS_THEN : ANSWERS_PER_LOSS) == 0;
}

void sim_node_poll_answered(struct sim *sim, const struct sim_event *e) {
    struct sim_node *node = &sim->nodes[e->a];
    struct node_answer *a = e->body;
    if (sim_process_holds(sim, &node->process, e))
        return;
    bool awaited = e->n == node->process.run && a->seq == node->asking;
    if (awaited && !is_lost(sim, node, a->seq)) {
        node->asking = 0;
        take(sim, node, a);
        poll_after(sim, node, node->poll);
    }
    node_answer_free(a);
    free(a);
}

/* False if the request is no longer the one under way. */
static bool ask_again(struct sim *sim, struct sim_node *node, const struct sim_event *e) {
    if (e->n != node->process.run || e->b != (uint32_t)node->asking ||
        sim_process_holds(sim, &node->process, e))
        return false;
    node->asking = 0;
    poll_after(sim, node, node->poll);
    return true;
}

void sim_node_poll_failed(struct sim *sim, const struct sim_event *e) {
    ask_again(sim, &sim->nodes[e->a], e);
}

void sim_node_poll_refused(struct sim *sim, const struct sim_event *e) {
    if (ask_again(sim, &sim->nodes[e->a], e))
        sim_node_peerd_gone(sim, &sim->nodes[e->a]);
}
