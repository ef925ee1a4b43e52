#include "peerd/core/testimony.h"

#include "peerd/core/state.h"
#include "topo/location.h"

#include <stdlib.h>

void testimony_init(struct testimony *t) {
    *t =
        (struct testimony){.first = INSTANT_NEVER, .last = INSTANT_NEVER, .counted = INSTANT_NEVER};
}

void testimony_free(struct testimony *t) {
    free(t->places);
    testimony_init(t);
}

static bool is_over(const struct core *core, const struct testimony *t) {
    return instant_is_never(t->last) ||
           instant_reached(core->now, instant_add(t->last, TESTIMONY_LIFE));
}

/* ---- words ----------------------------------------------------------------------------------- */

static struct testimony_place *place_of(struct testimony *t, const struct group *g) {
    struct prefix location = group_location(g);
    for (uint32_t i = 0; i < t->place_count; i++)
        if (location_equal(&t->places[i].location, &location))
            return &t->places[i];
    return NULL;
}

static struct testimony_place *make_place(struct testimony *t, const struct group *g) {
    if (t->places == NULL)
        t->places = calloc(TESTIMONY_PLACES_MAX, sizeof(*t->places));
    if (t->places == NULL || t->place_count == TESTIMONY_PLACES_MAX)
        return NULL;
    t->places[t->place_count].location = group_location(g);
    return &t->places[t->place_count++];
}

void testimony_given(struct core *core, struct peering *from, const struct session *s, bool moved) {
    if (from == NULL)
        return;
    struct testimony *t = &from->testimony;
    if (is_over(core, t))
        testimony_free(t);
    struct testimony_place *place = place_of(t, s->group);
    if (place == NULL)
        place = make_place(t, s->group);
    if (place == NULL)
        return;
    if (instant_is_never(t->first))
        t->first = core->now;
    t->last = core->now;
    t->counted = INSTANT_NEVER;
    t->missing++;
    place->missing++;
    place->moved += moved;
    peering_judge(core, from);
}

void testimony_moved(struct core *core, struct peering *from, const struct session *s) {
    struct testimony_place *place = from == NULL ? NULL : place_of(&from->testimony, s->group);
    if (place == NULL || place->moved == place->missing)
        return;
    place->moved++;
    from->testimony.last = core->now;
    from->testimony.counted = INSTANT_NEVER;
}

void testimony_taken_back(struct core *core, struct peering *from, const struct session *s) {
    struct testimony_place *place = from == NULL ? NULL : place_of(&from->testimony, s->group);
    if (place == NULL || place->moved == place->missing)
        return;
    place->missing--;
    from->testimony.missing--;
    from->testimony.counted = INSTANT_NEVER;
    peering_judge(core, from);
}

/* ---- the sum --------------------------------------------------------------------------------- */

static void count_known(const struct core *core, const struct peering *p, struct testimony *t) {
    struct verdict_clients *sum = &t->sum;
    for (uint32_t i = 0; i < t->place_count; i++)
        t->places[i].known = t->places[i].moved;
    for (const struct link *l = list_first(&core->groups.all); l != NULL;
         l = list_after(&core->groups.all, l)) {
        const struct group *g = LIST_ELEMENT(l, const struct group, all);
        uint32_t standing = g->members - g->committed;
        if (g->issuer != p || standing == 0)
            continue;
        sum->known += standing;
        struct testimony_place *place = place_of(t, g);
        if (place != NULL)
            place->known += standing;
        else
            sum->places_known++; /* nobody there misses it; told apart by group, which is enough */
    }
}

static void count_places(struct testimony *t) {
    struct verdict_clients *sum = &t->sum;
    for (uint32_t i = 0; i < t->place_count; i++) {
        const struct testimony_place *place = &t->places[i];
        sum->known += place->moved;
        sum->moved += place->moved;
        sum->places_known += place->known > 0 || place->missing > 0;
        sum->places += place->missing > 0 && place->missing * VERDICT_SHARE >= place->known;
    }
    /* Those whom another cluster gave their tickets stand by under its name. */
    sum->known = sum->known > t->missing ? sum->known : t->missing;
}

struct verdict_clients testimony_sum(const struct core *core, struct peering *p) {
    struct testimony *t = &p->testimony;
    if (is_over(core, t))
        return (struct verdict_clients){.forget_at = core->now};
    if (instant_is_never(t->counted) ||
        instant_reached(core->now, instant_add(t->counted, TESTIMONY_AGAIN))) {
        t->sum = (struct verdict_clients){.missing = t->missing,
                                          .within = instant_since(t->last, t->first)};
        count_known(core, p, t);
        count_places(t);
        t->counted = core->now;
    }
    t->sum.forget_at = instant_add(t->last, TESTIMONY_LIFE);
    return t->sum;
}
