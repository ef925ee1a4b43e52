#include "test/live/crowd.h"

void crowd_begin(struct runner *r, struct instant now) {
    for (uint32_t i = 0; i < r->listener_count; i++) {
        struct listener *l = &r->listeners[i];
        const struct scenario_clients *g = &r->scenario->clients[l->group];
        struct duration start = scenario_instant(&g->start, rng_u64(&r->draws));
        l->start = g->waits ? INSTANT_NEVER : instant_add(now, start);
        l->leave = g->leaves ? instant_add(now, scenario_instant(&g->leave, rng_u64(&r->draws)))
                             : INSTANT_NEVER;
    }
}

static bool is_meant(const struct listener *l, const struct scenario_crowd *crowd, bool arrive) {
    if (crowd->group != SCENARIO_ALL && crowd->group != l->group)
        return false;
    return arrive ? instant_is_never(l->start) : l->pid != 0 && !l->called_away;
}

static uint32_t call(struct runner *r, const struct scenario_crowd *crowd, bool arrive,
                     struct instant now) {
    uint32_t count = 0, n = 0;
    for (uint32_t i = 0; i < r->listener_count && count < crowd->count; i++)
        count += is_meant(&r->listeners[i], crowd, arrive);
    for (uint32_t i = 0; i < r->listener_count && n < count; i++) {
        struct listener *l = &r->listeners[i];
        if (!is_meant(l, crowd, arrive))
            continue;
        struct instant at = instant_add(now, duration_scale(crowd->spread, n++, count));
        if (arrive) {
            l->start = at;
        } else {
            l->leave = at;
            l->called_away = true;
            l->vanishes = crowd->vanish;
        }
    }
    crowd_tick(r, now);
    return count;
}

uint32_t crowd_arrive(struct runner *r, const struct scenario_crowd *crowd, struct instant now) {
    return call(r, crowd, true, now);
}

uint32_t crowd_leave(struct runner *r, const struct scenario_crowd *crowd, struct instant now) {
    return call(r, crowd, false, now);
}

void crowd_tick(struct runner *r, struct instant now) {
    for (uint32_t i = 0; i < r->listener_count; i++) {
        struct listener *l = &r->listeners[i];
        if (!l->begun && instant_reached(now, l->start) && !listener_start(l, &r->listener_config))
            r->troubled = true;
        if (l->pid != 0 && !l->left && instant_reached(now, l->leave))
            listener_leave(l, now);
    }
}
