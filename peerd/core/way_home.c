#include "peerd/core/way_home.h"

#include "peerd/core/state.h"
#include "topo/location.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define ALL 10000 /* [1/100 %] */

static struct way_home *find(const struct core *core, uint16_t home, const struct prefix *location,
                             bool free_too) {
    struct way_home *room = NULL;
    for (size_t i = 0; core->ways_home != NULL && i < WAY_HOME_MAX; i++) {
        struct way_home *w = &core->ways_home[i];
        if (w->home == home && location_equal(&w->location, location))
            return w;
        bool stale = instant_reached(core->now, instant_add(w->heard_at, WAY_HOME_CALM));
        if (w->home == 0 || stale)
            room = w;
    }
    return free_too ? room : NULL;
}

static struct way_home *of_session(const struct core *core, const struct session *s) {
    const struct prefix location = location_of(&s->client);
    const struct peering *home = s->group->issuer;
    return home == NULL ? NULL : find(core, home->number, &location, false);
}

static struct way_home *place_for(struct core *core, const struct session *s) {
    const struct prefix location = location_of(&s->client);
    uint16_t home = s->group->issuer->number;
    if (core->ways_home == NULL)
        core->ways_home = calloc(WAY_HOME_MAX, sizeof(*core->ways_home));
    struct way_home *w = find(core, home, &location, true);
    if (w != NULL && (w->home != home || !location_equal(&w->location, &location)))
        *w = (struct way_home){.home = home,
                               .location = location,
                               .heard_at = core->now,
                               .well_since = INSTANT_NEVER,
                               .scout_at = INSTANT_NEVER,
                               .sent_at = INSTANT_NEVER};
    return w;
}

static void close_way(struct way_home *w) {
    w->well_since = w->scout_at = INSTANT_NEVER;
}

/* ---- what clients say ------------------------------------------------------------------------ */

static bool is_well(const struct way_home *w) {
    return level_figures(&w->lost) >= WAY_HOME_SURE && level_mean(&w->lost) <= WAY_HOME_LOST;
}

static void take(struct core *core, struct way_home *w, const struct node_trip *t) {
    char text[LOCATION_TEXT_LEN_MAX + 1];
    bool was = !instant_is_never(w->well_since);
    if (instant_reached(core->now, instant_add(w->heard_at, WAY_HOME_FRESH)))
        w->lost = (struct level){.at = core->now};
    for (uint32_t i = 0; i < t->asked; i++)
        level_add(&w->lost, WAY_HOME_HALF, i < t->lost ? ALL : 0, core->now);
    w->heard_at = core->now;
    if (is_well(w) == was)
        return;
    core_trace(core,
               "way home: clients of %s lose %" PRIu32 ".%02" PRIu32 " %% of %" PRIu32
               " packets there and back: %s",
               location_to_text(&w->location, text), level_mean(&w->lost) / 100,
               level_mean(&w->lost) % 100, level_figures(&w->lost),
               was ? "it is bad" : "it is well");
    close_way(w);
    if (!was)
        w->well_since = core->now;
}

/* Who loses frames here is in doubt of us, and what it says is about that (ailing.h). */
bool way_home_heard(struct core *core, const struct node_trip *t, const struct peering *to) {
    const struct session *s = t->asked == 0 ? NULL : session_find(core, &t->session);
    if (s == NULL || s->ail != NULL || s->state != SESSION_STATE_COMMITTED ||
        s->came_cause != MOVE_CAUSE_DEGRADED || s->group->issuer != to)
        return false;
    struct way_home *w = place_for(core, s);
    if (w != NULL)
        take(core, w, t);
    return true;
}

/* ---- who may go ------------------------------------------------------------------------------ */

static struct duration well_for(const struct way_home *w) {
    return w->in_vain == 0 ? WAY_HOME_WELL
                           : duration_scale(WAY_HOME_AGAIN, 1U << (w->in_vain - 1), 1);
}

bool way_home_is_open(const struct core *core, const struct session *s) {
    const struct way_home *w = of_session(core, s);
    if (w == NULL || instant_is_never(w->well_since) ||
        instant_reached(core->now, instant_add(w->heard_at, WAY_HOME_FRESH)))
        return false;
    if (instant_is_never(w->scout_at))
        return instant_reached(core->now, instant_add(w->well_since, well_for(w)));
    const struct session *scout = session_find(core, &w->scout);
    bool is_here = scout != NULL && scout->state == SESSION_STATE_COMMITTED;
    return !is_here && instant_reached(core->now, instant_add(w->scout_at, WAY_HOME_SCOUT));
}

void way_home_sent(struct core *core, const struct session *s) {
    struct way_home *w = of_session(core, s);
    if (w == NULL)
        return;
    w->sent_at = core->now;
    if (!instant_is_never(w->scout_at))
        return;
    char text[LOCATION_TEXT_LEN_MAX + 1];
    w->scout = s->id;
    w->scout_at = core->now;
    core_trace(core, "way home: it is well for those of %s; one goes to %s first",
               location_to_text(&w->location, text), s->group->issuer->policy.name.text);
}

void way_home_left(struct core *core, const struct session *s) {
    struct way_home *w = of_session(core, s);
    if (w == NULL)
        return;
    bool sent = !instant_is_never(w->sent_at);
    if (sent && instant_before(core->now, instant_add(w->sent_at, WAY_HOME_CALM)))
        w->in_vain += w->in_vain < WAY_HOME_VAIN_MAX;
    else if (sent)
        w->in_vain -= w->in_vain > 0;
    w->sent_at = INSTANT_NEVER;
    w->lost = (struct level){.at = core->now};
    close_way(w);
}

void way_home_forget(struct core *core, const struct peering *home) {
    for (size_t i = 0; core->ways_home != NULL && i < WAY_HOME_MAX; i++)
        if (core->ways_home[i].home == home->number)
            core->ways_home[i].home = 0;
}

void way_home_check_invariants(const struct core *core) {
    for (size_t i = 0; core->ways_home != NULL && i < WAY_HOME_MAX; i++) {
        const struct way_home *w = &core->ways_home[i];
        assert(w->home == 0 || instant_is_never(w->scout_at) || !instant_is_never(w->well_since));
        assert(w->in_vain <= WAY_HOME_VAIN_MAX);
    }
}
