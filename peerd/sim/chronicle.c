#include "peerd/sim/chronicle.h"

#include "peerd/sim/client.h"
#include "peerd/sim/site.h"

#include <stdio.h>

static int64_t ms_at(const struct sim *sim, struct instant at) {
    return duration_in_ms(instant_since(at, sim->zero));
}

/* ---- clusters ---- */

static bool is_up(const struct sim_process *p) {
    return p->life == SIM_LIFE_RUNNING || p->life == SIM_LIFE_STARTING;
}

/* The worst of what holds, as report.h orders it. */
static enum report_state state_of(const struct sim *sim, const struct sim_site *site) {
    uint32_t alive = 0, dead = 0, all = 1 + site->node_count + site->worker_count;
    const struct sim_process *peerd = &site->peerd;
    alive += is_up(peerd);
    dead += peerd->life == SIM_LIFE_DEAD;
    for (uint32_t i = 0; i < site->node_count; i++) {
        alive += is_up(&sim->nodes[site->first_node + i].process);
        dead += sim->nodes[site->first_node + i].process.life == SIM_LIFE_DEAD;
    }
    for (uint32_t i = 0; i < site->worker_count; i++) {
        alive += is_up(&sim->workers[site->first_worker + i].process);
        dead += sim->workers[site->first_worker + i].process.life == SIM_LIFE_DEAD;
    }
    if (dead == all)
        return REPORT_STATE_DEAD;
    if (sim->network.dark[site->index])
        return REPORT_STATE_DARK;
    if (alive == 0)
        return REPORT_STATE_STOPPED;
    if (!is_up(peerd))
        return REPORT_STATE_HEADLESS;
    if (alive < all)
        return REPORT_STATE_MAIMED;
    bool draining = site->core != NULL && core_status(site->core).draining;
    return draining ? REPORT_STATE_DRAINING : REPORT_STATE_UP;
}

void sim_chronicle_look_at(struct sim *sim, uint32_t cluster) {
    if (sim->closing || instant_before(sim->now, sim->zero))
        return;
    enum report_state state = state_of(sim, &sim->sites[cluster]);
    if (state == sim->states[cluster])
        return;
    sim->states[cluster] = state;
    report_add_change(&sim->report, &(struct report_change){ms_at(sim, sim->now), cluster, state});
}

void sim_chronicle_look(struct sim *sim) {
    for (uint32_t i = 0; i < sim->site_count; i++)
        sim_chronicle_look_at(sim, i);
}

void sim_chronicle_event(struct sim *sim, const char *text, uint32_t cluster) {
    struct report_event e = {.at_ms = ms_at(sim, sim->now)};
    if (cluster < sim->site_count)
        e.target = sim->scenario->clusters[cluster].identity.name;
    snprintf(e.text, sizeof(e.text), "%s", text);
    report_add_event(&sim->report, &e);
}

/* ---- listeners ---- */

static void mark(struct sim *sim, const struct sim_client *c, enum report_mark_kind kind,
                 struct instant at, uint32_t value) {
    report_add_mark(&sim->report, &(struct report_mark){ms_at(sim, at), c->index, value, kind});
}

static uint32_t cluster_asked(const struct sim *sim, const struct sim_client *c) {
    const struct witness_server *newest = NULL;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &c->witness->servers[i];
        if (s->role != WITNESS_ROLE_FREE && s->hedge.active &&
            (newest == NULL || instant_before(newest->hedge.asked, s->hedge.asked)))
            newest = s;
    }
    return newest == NULL ? REPORT_NOBODY : sim_cluster_at(sim, &newest->address.media);
}

void sim_chronicle_client_stepped(struct sim *sim, struct sim_client *c) {
    if (sim->closing)
        return;
    uint32_t by = sim_client_served_by(sim, c);
    if (by != c->notes.served_by)
        mark(sim, c, REPORT_MARK_SERVED, sim->now, by);
    c->notes.served_by = by;
    if (c->witness->stats.hedges != c->notes.hedges)
        mark(sim, c, REPORT_MARK_HEDGED, sim->now, cluster_asked(sim, c));
    c->notes.hedges = c->witness->stats.hedges;
}

static void end_gap(struct sim *sim, struct sim_client *c) {
    if (c->notes.gap_frames > 0)
        mark(sim, c, REPORT_MARK_GAP, c->notes.gap_from, c->notes.gap_frames * FRAME_MS);
    c->notes.gap_frames = 0;
}

void sim_chronicle_frame(struct sim *sim, struct sim_client *c, struct instant due, bool lost) {
    if (sim->closing)
        return;
    if (!lost)
        end_gap(sim, c);
    else if (c->notes.gap_frames++ == 0)
        c->notes.gap_from = due;
}

void sim_chronicle_client_over(struct sim *sim, struct sim_client *c) {
    if (sim->closing)
        return;
    end_gap(sim, c);
    if (c->state == SIM_CLIENT_OVER && c->notes.served_by != UINT32_MAX) {
        mark(sim, c, REPORT_MARK_SERVED, sim->now, REPORT_NOBODY);
        c->notes.served_by = UINT32_MAX;
    }
}

/* ---- players ---- */

void sim_chronicle_player_served(struct sim *sim, const struct sim_client *c, uint32_t cluster) {
    if (!sim->closing)
        mark(sim, c, REPORT_MARK_SERVED, sim->now, cluster);
}

void sim_chronicle_player_stood(struct sim *sim, const struct sim_client *c, struct instant from,
                                uint64_t us) {
    if (!sim->closing && us >= 1000)
        mark(sim, c, REPORT_MARK_GAP, from, (uint32_t)(us / 1000));
}
