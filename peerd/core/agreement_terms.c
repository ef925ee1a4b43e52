#include "peerd/core/agreement_terms.h"

static bool names_hold(const struct name *names, uint8_t count, const struct name *name) {
    for (uint8_t i = 0; i < count; i++)
        if (name_equal(&names[i], name))
            return true;
    return false;
}

bool agreement_services_hold(const struct agreement_services *s, const struct name *service) {
    return names_hold(s->names, s->count, service);
}

static bool region_may(const struct agreement_regions *r, const struct name *region) {
    if (names_hold(r->never, r->never_count, region))
        return false;
    return r->only_count == 0 || names_hold(r->only, r->only_count, region);
}

/* [bits] of the longest prefix that holds the client; -1 if none does. */
static int longest(const struct prefix *prefixes, uint8_t count, const struct addr *client) {
    int bits = -1;
    for (uint8_t i = 0; i < count; i++)
        if (prefixes[i].bits > bits && prefix_holds(&prefixes[i], client))
            bits = prefixes[i].bits;
    return bits;
}

bool agreement_clients_hold(const struct agreement_clients *c, const struct addr *client) {
    int only = longest(c->only, c->only_count, client);
    int never = longest(c->never, c->never_count, client);
    if (only < 0 && never < 0)
        return c->only_count == 0;
    return only > never;
}

/* In the asker's order. */
static void common_services(struct agreement_services *out, const struct agreement_services *gives,
                            const struct agreement_services *asks) {
    out->count = 0;
    for (uint8_t i = 0; i < asks->count; i++)
        if (agreement_services_hold(gives, &asks->names[i]))
            out->names[out->count++] = asks->names[i];
}

static enum agreement_why fit(struct agreement_part *out, const struct agreement_offer *giver,
                              const struct agreement_asks *asks) {
    const struct agreement_gives *gives = &giver->gives;
    if (gives->slots == 0)
        return AGREEMENT_WHY_NOTHING;
    if (!region_may(&asks->regions, &giver->region))
        return AGREEMENT_WHY_REGION;
    common_services(&out->services, &gives->services, &asks->services);
    if (out->services.count == 0)
        return AGREEMENT_WHY_SERVICES;
    out->classes = gives->classes & asks->classes;
    if (out->classes == 0)
        return AGREEMENT_WHY_CLASSES;
    out->cost = gives->cost;
    if (gives->cost > asks->cost_max)
        return AGREEMENT_WHY_COST;
    out->slots = gives->slots < asks->slots ? gives->slots : asks->slots;
    return out->slots < asks->slots_min ? AGREEMENT_WHY_SLOTS : AGREEMENT_WHY_NONE;
}

static struct agreement_part part_of(const struct agreement_offer *giver,
                                     const struct agreement_asks *asks) {
    struct agreement_part part = {.slots = 0};
    if (asks->slots == 0)
        return part;
    part.why = fit(&part, giver, asks);
    if (part.why != AGREEMENT_WHY_NONE)
        part.slots = 0;
    return part;
}

enum agreement_why agreement_terms_of(struct agreement_terms *out,
                                      const struct agreement_offer *mine,
                                      const struct agreement_offer *theirs) {
    out->theirs = part_of(mine, &theirs->asks);
    out->ours = part_of(theirs, &mine->asks);
    const struct agreement_part *t = &out->theirs, *o = &out->ours;
    if (o->slots < mine->asks.slots_min)
        return o->why;
    if (t->slots < theirs->asks.slots_min)
        return t->why;
    if (t->slots > 0 || o->slots > 0)
        return AGREEMENT_WHY_NONE;
    if (o->why != AGREEMENT_WHY_NONE)
        return o->why;
    return t->why != AGREEMENT_WHY_NONE ? t->why : AGREEMENT_WHY_NOTHING;
}
