#include "peerd/sim/crowd.h"

#include "peerd/sim/client.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/player.h"
#include "peerd/sim/site.h"
#include "peerd/sim/sleep.h"

/* ---- before it begins ---- */

static void put_for(struct sim *sim, enum sim_event_kind kind, uint32_t client,
                    struct duration at) {
    sim_put_at(sim, instant_add(sim->zero, at), &(struct sim_event){.kind = kind, .a = client});
}

static void schedule(struct sim *sim, const struct scenario_clients *g, uint32_t index,
                     struct rng *rng) {
    struct duration start = scenario_instant(&g->start, rng_u64(rng));
    sim->clients[index].called = !g->waits;
    if (!g->waits)
        put_for(sim, SIM_CLIENT_STARTS, index, start);
    if (g->leaves)
        put_for(sim, SIM_CLIENT_LEAVES, index, scenario_instant(&g->leave, rng_u64(rng)));
}

void sim_crowd_init(struct sim *sim, struct rng *rng) {
    uint32_t index = 0;
    for (uint32_t group = 0; group < sim->scenario->client_group_count; group++) {
        const struct scenario_clients *g = &sim->scenario->clients[group];
        for (uint32_t n = 0; n < g->count; n++, index++) {
            sim_client_init(sim, index, group, n);
            schedule(sim, g, index, rng);
        }
    }
}

/* ---- as it goes on ---- */

static bool may_arrive(const struct sim_client *c) {
    return c->state == SIM_CLIENT_WAITING && !c->called;
}

static bool may_leave(const struct sim *sim, const struct sim_client *c) {
    if (sim_is_player(sim, c))
        return sim_player_plays(sim, c) && !c->leaving;
    return (c->state == SIM_CLIENT_OPENING || c->state == SIM_CLIENT_OPEN) && !c->leaving;
}

static bool is_meant(const struct sim *sim, const struct sim_client *c,
                     const struct scenario_crowd *crowd, bool arrive) {
    return (crowd->group == SCENARIO_ALL || crowd->group == c->group) &&
           (arrive ? may_arrive(c) : may_leave(sim, c));
}

static uint32_t count_meant(const struct sim *sim, const struct scenario_crowd *crowd,
                            bool arrive) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->client_count && count < crowd->count; i++)
        count += is_meant(sim, &sim->clients[i], crowd, arrive);
    return count;
}

/* One after another over the time given; the first one at once. */
static void put_all(struct sim *sim, const struct scenario_crowd *crowd, bool arrive,
                    enum sim_event_kind kind) {
    uint32_t count = count_meant(sim, crowd, arrive), n = 0;
    for (uint32_t i = 0; i < sim->client_count && n < count; i++) {
        struct sim_client *c = &sim->clients[i];
        if (!is_meant(sim, c, crowd, arrive))
            continue;
        c->called |= arrive;
        c->leaving |= !arrive;
        sim_put(sim, duration_scale(crowd->spread, n++, count),
                &(struct sim_event){.kind = kind, .a = i});
    }
}

void sim_crowd_arrive(struct sim *sim, const struct scenario_crowd *crowd) {
    put_all(sim, crowd, true, SIM_CLIENT_STARTS);
}

void sim_crowd_leave(struct sim *sim, const struct scenario_crowd *crowd) {
    put_all(sim, crowd, false, crowd->vanish ? SIM_CLIENT_VANISHES : SIM_CLIENT_LEAVES);
}

void sim_crowd_starts(struct sim *sim, const struct sim_event *e) {
    if (sim_is_player(sim, &sim->clients[e->a]))
        sim_player_starts(sim, &sim->clients[e->a]);
    else
        sim_opening_starts(sim, e);
}

void sim_crowd_leaves(struct sim *sim, const struct sim_event *e) {
    if (sim_is_player(sim, &sim->clients[e->a]))
        sim_player_leaves(sim, &sim->clients[e->a]);
    else
        sim_client_leave(sim, &sim->clients[e->a]);
}

/* A player says nothing when it goes, in any case. */
void sim_crowd_vanishes(struct sim *sim, const struct sim_event *e) {
    if (sim_is_player(sim, &sim->clients[e->a]))
        sim_player_leaves(sim, &sim->clients[e->a]);
    else
        sim_client_vanish(sim, &sim->clients[e->a]);
}

/* By whoever serves it as its listener sees it; asleep it would not hear of it. */
void sim_crowd_move(struct sim *sim, const struct scenario_move *m) {
    uint32_t index = m->number;
    for (uint32_t group = 0; group < m->group; group++)
        index += sim->scenario->clients[group].count;
    struct sim_client *c = &sim->clients[index];
    sim_sleep_wake(sim, c);
    uint32_t by = sim_client_served_by(sim, c);
    if (by == UINT32_MAX)
        sim_narrative_fact(sim, "nobody serves %s", sim_client_name(sim, c).text);
    else
        sim_site_move(sim, &sim->sites[by], &c->ticket.session, &m->to_name);
}
