#include "peerd/sim/timeline.h"

#include "peerd/sim/chronicle.h"
#include "peerd/sim/client.h"
#include "peerd/sim/crowd.h"
#include "peerd/sim/discovery.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/node.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/site.h"
#include "peerd/sim/sleep.h"
#include "peerd/sim/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_timeline_init(struct sim *sim, struct rng *rng) {
    for (uint32_t i = 0; i < sim->scenario->event_count; i++) {
        struct duration at = scenario_instant(&sim->scenario->events[i].at, rng_u64(rng));
        sim_put_at(sim, instant_add(sim->zero, at),
                   &(struct sim_event){.kind = SIM_TIMELINE, .a = i});
    }
}

/* ---- whom ---- */

/* The cluster that serves most clients; of equals the first. */
static uint32_t serving(const struct sim *sim) {
    uint32_t *served = sim_alloc(sim->site_count, sizeof(*served)), best = 0;
    for (uint32_t i = 0; i < sim->client_count; i++) {
        uint32_t by = sim_client_served_by(sim, &sim->clients[i]);
        if (by != UINT32_MAX)
            served[by]++;
    }
    for (uint32_t i = 1; i < sim->site_count; i++)
        if (served[i] > served[best])
            best = i;
    free(served);
    return best;
}

static struct sim_node *node_of(struct sim *sim, const struct sim_site *site, uint32_t number) {
    return &sim->nodes[site->first_node + number % site->node_count];
}

static struct sim_worker *worker_of(struct sim *sim, const struct sim_site *site, uint32_t number) {
    return &sim->workers[site->first_worker + number % site->worker_count];
}

/* ---- what ---- */

static void kill_part(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    switch (e->target.part) {
    case SCENARIO_PART_SITE:
        sim->network.dark[site->index] |= e->blackhole;
        sim_site_kill(sim, site);
        for (uint32_t i = 0; i < site->node_count; i++)
            sim_node_kill(sim, node_of(sim, site, i));
        return;
    case SCENARIO_PART_PEERD:
        sim_site_kill(sim, site);
        return;
    case SCENARIO_PART_NODE:
        sim_node_kill(sim, node_of(sim, site, e->target.number));
        return;
    case SCENARIO_PART_WORKER: {
        struct sim_worker *w = worker_of(sim, site, e->target.number);
        w->lost_at = sim_worker_now(sim, w);
        if (w->process.life != SIM_LIFE_DEAD)
            sim_node_worker_died(sim, w);
        return;
    }
    case SCENARIO_PART_COUNT:
        return;
    }
}

static void restart_part(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    switch (e->target.part) {
    case SCENARIO_PART_SITE:
        sim->network.dark[site->index] = false;
        sim_site_start(sim, site);
        for (uint32_t i = 0; i < site->node_count; i++)
            sim_node_start(sim, node_of(sim, site, i));
        return;
    case SCENARIO_PART_PEERD:
        sim_site_start(sim, site);
        return;
    case SCENARIO_PART_NODE:
        sim_node_start(sim, node_of(sim, site, e->target.number));
        return;
    case SCENARIO_PART_WORKER:
    case SCENARIO_PART_COUNT:
        return; /* its supervisor has done that already */
    }
}

static void stop_peerd(struct sim *sim, struct sim_site *site) {
    sim_process_stop(sim, &site->peerd);
    sim_due_site(sim, site);
}

static void continue_peerd(struct sim *sim, struct sim_site *site) {
    sim_process_continue(sim, &site->peerd);
    sim_due_site(sim, site);
}

static void stop_part(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    switch (e->target.part) {
    case SCENARIO_PART_SITE:
        stop_peerd(sim, site);
        for (uint32_t i = 0; i < site->node_count; i++)
            sim_node_stop(sim, node_of(sim, site, i));
        return;
    case SCENARIO_PART_PEERD:
        stop_peerd(sim, site);
        return;
    case SCENARIO_PART_NODE:
        sim_node_stop(sim, node_of(sim, site, e->target.number));
        return;
    case SCENARIO_PART_WORKER:
        sim_worker_stop(sim, worker_of(sim, site, e->target.number));
        return;
    case SCENARIO_PART_COUNT:
        return;
    }
}

static void continue_part(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    switch (e->target.part) {
    case SCENARIO_PART_SITE:
        continue_peerd(sim, site);
        for (uint32_t i = 0; i < site->node_count; i++)
            sim_node_continue(sim, node_of(sim, site, i));
        return;
    case SCENARIO_PART_PEERD:
        continue_peerd(sim, site);
        return;
    case SCENARIO_PART_NODE:
        sim_node_continue(sim, node_of(sim, site, e->target.number));
        return;
    case SCENARIO_PART_WORKER:
        sim_worker_continue(sim, worker_of(sim, site, e->target.number));
        return;
    case SCENARIO_PART_COUNT:
        return;
    }
}

/* Workers of it, or that one; peerd makes no frames. */
static void slow_part(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    bool all = e->target.part == SCENARIO_PART_SITE;
    for (uint32_t i = 0; i < site->worker_count; i++) {
        struct sim_worker *w = worker_of(sim, site, i);
        bool node =
            e->target.part == SCENARIO_PART_NODE && w->node == site->first_node + e->target.number;
        bool one = e->target.part == SCENARIO_PART_WORKER && i == e->target.number;
        if (all || node || one)
            sim_worker_slow(sim, w, e->frame);
    }
}

static void change_clock(const struct sim *sim, struct sim_clock *c,
                         const struct scenario_clock *to) {
    sim_clock_step(c, to->step_us);
    if (to->drifts)
        sim_clock_drift(c, sim->now, to->drift_ppm);
}

static void change_node_clock(struct sim *sim, struct sim_node *node,
                              const struct scenario_clock *to) {
    change_clock(sim, &node->clock, to);
    for (uint32_t i = 0; i < node->worker_count; i++)
        sim_due_worker(sim, &sim->workers[node->first_worker + i]);
}

/* Machines have clocks, processes have not: workers look at their node's. */
static void clock_part(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    bool all = e->target.part == SCENARIO_PART_SITE;
    if (all || e->target.part == SCENARIO_PART_PEERD) {
        change_clock(sim, &site->clock, &e->clock);
        sim_due_site(sim, site);
    }
    for (uint32_t i = 0; all && i < site->node_count; i++)
        change_node_clock(sim, node_of(sim, site, i), &e->clock);
    if (e->target.part == SCENARIO_PART_NODE)
        change_node_clock(sim, node_of(sim, site, e->target.number), &e->clock);
    if (e->target.part == SCENARIO_PART_WORKER)
        change_node_clock(sim, &sim->nodes[worker_of(sim, site, e->target.number)->node],
                          &e->clock);
}

static void apply(struct sim *sim, struct sim_site *site, const struct scenario_event *e) {
    switch (e->verb) {
    case SCENARIO_VERB_KILL:
        kill_part(sim, site, e);
        return;
    case SCENARIO_VERB_RESTART:
        restart_part(sim, site, e);
        return;
    case SCENARIO_VERB_STOP:
        stop_part(sim, site, e);
        return;
    case SCENARIO_VERB_CONTINUE:
        continue_part(sim, site, e);
        return;
    case SCENARIO_VERB_SLOW:
        slow_part(sim, site, e);
        return;
    case SCENARIO_VERB_DRAIN:
        sim_site_drain(sim, site, e->deadline, &e->drain_to);
        return;
    case SCENARIO_VERB_UNDRAIN:
        sim_site_undrain(sim, site);
        return;
    case SCENARIO_VERB_REKEY:
        sim_rekey(sim, site);
        return;
    case SCENARIO_VERB_BLACKHOLE:
        sim->network.dark[site->index] = true;
        return;
    case SCENARIO_VERB_PARTITION:
    case SCENARIO_VERB_HEAL:
    case SCENARIO_VERB_LINK:
    case SCENARIO_VERB_ARRIVE:
    case SCENARIO_VERB_LEAVE:
    case SCENARIO_VERB_MOVE:
    case SCENARIO_VERB_COUNT:
        return; /* without a target */
    case SCENARIO_VERB_DNS:
        sim_discovery_resolver(sim, site, e->resolver);
        return;
    case SCENARIO_VERB_CLOCK:
        clock_part(sim, site, e);
        return;
    case SCENARIO_VERB_POLICY:
        sim_site_policy(sim, site, &e->change);
        return;
    }
}

static bool takes_target(enum scenario_verb verb) {
    static const bool takes[] = {
#define VERB_TAKES(symbol, key, target, text) target,
        SCENARIO_VERBS(VERB_TAKES)
#undef VERB_TAKES
    };
    return takes[verb];
}

/* The only cluster that an event hits; UINT32_MAX: everybody is meant, or there are more. */
static uint32_t only_one(const struct scenario_target *t, const bool *hit, uint32_t count) {
    uint32_t found = UINT32_MAX;
    if (t->cluster == SCENARIO_ALL)
        return UINT32_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (hit[i]) {
            if (found != UINT32_MAX)
                return UINT32_MAX;
            found = i;
        }
    return found;
}

static void tell(struct sim *sim, const struct scenario_event *e, const bool *hit) {
    char text[TRACE_LINE_LEN_MAX + 1];
    scenario_event_text(sim->scenario, e, text, sizeof(text));
    uint32_t only = hit == NULL ? UINT32_MAX : only_one(&e->target, hit, sim->site_count);
    bool word = e->target.cluster == SCENARIO_SERVING || e->target.cluster == SCENARIO_LAST;
    bool named = word && only != UINT32_MAX;
    sim_narrative_fact(sim, "--- %s%s%s", text, named ? " = " : "",
                       named ? sim->scenario->clusters[only].identity.name.text : "");
    sim_chronicle_event(sim, text, only);
}

/* ---- targets ---- */

static bool is_target(const struct sim *sim, const struct scenario_target *t, uint32_t cluster) {
    const struct policy_cluster *c = &sim->scenario->clusters[cluster].identity;
    return (t->region && name_equal(&c->region, &t->name)) ||
           (t->provider && name_equal(&c->provider, &t->name)) || t->cluster == cluster ||
           t->cluster == SCENARIO_ALL || (t->cluster == SCENARIO_LAST && sim->hit[cluster]);
}

/* Whom it hits, by cluster, into `hit`; returns how many. */
static uint32_t find_targets(const struct sim *sim, const struct scenario_target *target,
                             bool *hit) {
    struct scenario_target t = *target;
    uint32_t count = 0;
    if (t.cluster == SCENARIO_SERVING)
        t.cluster = serving(sim);
    for (uint32_t i = 0; i < sim->site_count; i++) {
        hit[i] = is_target(sim, &t, i);
        count += hit[i];
    }
    return count;
}

/* What is dead or cut off answers nothing, what runs answers; between them it depends. */
static bool leaves_unsure(const struct scenario_event *e) {
    return e->verb == SCENARIO_VERB_STOP || e->verb == SCENARIO_VERB_CONTINUE ||
           e->verb == SCENARIO_VERB_CLOCK || e->verb == SCENARIO_VERB_POLICY ||
           e->verb == SCENARIO_VERB_REKEY || e->target.part == SCENARIO_PART_WORKER;
}

/* Everybody is not remembered as the last one. */
static void apply_target(struct sim *sim, const struct scenario_event *e) {
    bool *hit = sim_alloc(sim->site_count, sizeof(*hit));
    uint32_t count = find_targets(sim, &e->target, hit);
    tell(sim, e, hit);
    if (count == 0)
        sim_narrative_fact(sim, "nothing was hit before: there is no last one");
    sim_sleep_before(sim, hit, leaves_unsure(e));
    for (uint32_t i = 0; i < sim->site_count; i++)
        if (hit[i])
            apply(sim, &sim->sites[i], e);
    for (uint32_t i = 0; i < sim->worker_count; i++)
        if (hit[sim->workers[i].cluster])
            sim_sleep_turned(sim, &sim->workers[i]);
    sim_sleep_after(sim);
    if (count > 0 && e->target.cluster != SCENARIO_ALL)
        memcpy(sim->hit, hit, sim->site_count * sizeof(*hit));
    free(hit);
}

/* Of whoever a word stands for at this moment, or of those that are named. */
static void heal(struct sim *sim, const struct scenario_cut *cut) {
    const struct scenario_target target = {.cluster = cut->from[0].index};
    if (cut->from_count == 0 ||
        (target.cluster != SCENARIO_SERVING && target.cluster != SCENARIO_LAST)) {
        sim_network_heal(&sim->network, cut);
        return;
    }
    bool *hit = sim_alloc(sim->site_count, sizeof(*hit));
    struct scenario_cut one = *cut;
    find_targets(sim, &target, hit);
    for (uint32_t i = 0; i < sim->site_count; i++)
        if (hit[i]) {
            one.from[0] =
                (struct scenario_end){.name = sim->scenario->clusters[i].identity.name, .index = i};
            sim_network_heal(&sim->network, &one);
        }
    free(hit);
}

static void apply_plain(struct sim *sim, const struct scenario_event *e) {
    tell(sim, e, NULL);
    if (e->verb != SCENARIO_VERB_ARRIVE && e->verb != SCENARIO_VERB_LEAVE &&
        e->verb != SCENARIO_VERB_MOVE)
        sim_sleep_before(sim, NULL, true);
    switch (e->verb) {
    case SCENARIO_VERB_PARTITION:
        sim_network_partition(&sim->network, &e->cut);
        return;
    case SCENARIO_VERB_HEAL:
        heal(sim, &e->cut);
        return;
    case SCENARIO_VERB_LINK:
        sim_network_link(&sim->network, &e->link, sim->now);
        return;
    case SCENARIO_VERB_ARRIVE:
        sim_crowd_arrive(sim, &e->crowd);
        return;
    case SCENARIO_VERB_LEAVE:
        sim_crowd_leave(sim, &e->crowd);
        return;
    case SCENARIO_VERB_MOVE:
        sim_crowd_move(sim, &e->move);
        return;
    case SCENARIO_VERB_KILL:
    case SCENARIO_VERB_RESTART:
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_CONTINUE:
    case SCENARIO_VERB_SLOW:
    case SCENARIO_VERB_DRAIN:
    case SCENARIO_VERB_UNDRAIN:
    case SCENARIO_VERB_BLACKHOLE:
    case SCENARIO_VERB_CLOCK:
    case SCENARIO_VERB_POLICY:
    case SCENARIO_VERB_REKEY:
    case SCENARIO_VERB_DNS:
    case SCENARIO_VERB_COUNT:
        return; /* these have a target */
    }
}

void sim_timeline_entry(struct sim *sim, const struct sim_event *event) {
    const struct scenario_event *e = &sim->scenario->events[event->a];
    if (takes_target(e->verb))
        apply_target(sim, e);
    else
        apply_plain(sim, e);
    sim_chronicle_look(sim);
    sim_invariants_disturbed(sim);
    sim_invariants_check(sim);
}
