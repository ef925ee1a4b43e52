#include "peerd/sim/overlap.h"

#define HEDGE_MS 2000 /* [ms] the longest hedge that policy can allow */

static struct overlap_site *find(struct overlap *o, uint32_t site) {
    for (uint8_t i = 0; i < o->count; i++)
        if (o->sites[i].site == site)
            return &o->sites[i];
    return NULL;
}

static struct overlap_site *place(struct overlap *o, uint32_t site) {
    struct overlap_site *s = find(o, site);
    if (s != NULL)
        return s;
    if (o->count < OVERLAP_SITES) {
        s = &o->sites[o->count++];
    } else {
        s = &o->sites[0];
        for (uint8_t i = 1; i < o->count; i++)
            if (instant_before(o->sites[i].until, s->until))
                s = &o->sites[i];
    }
    *s = (struct overlap_site){.site = site, .until = instant_us(INT64_MIN)};
    return s;
}

void overlap_serves(struct overlap *o, uint32_t site) {
    place(o, site)->until = INSTANT_NEVER;
}

void overlap_sent(struct overlap *o, uint32_t site, enum resume_purpose purpose,
                  struct duration trip, struct instant now) {
    struct instant heard = instant_add(now, duration_add(trip, duration_ms(OVERLAP_SLACK_MS)));
    struct overlap_site *s;
    switch (purpose) {
    case RESUME_COMMIT:
    case RESUME_HOT:
        place(o, site)->until = INSTANT_NEVER;
        break;
    case RESUME_HEDGE:
        s = place(o, site);
        s->until = instant_max(s->until, instant_add(heard, duration_ms(HEDGE_MS)));
        break;
    case RESUME_CANCEL:
    case RESUME_RELEASE:
        /* Whoever sends uninvited is released again, and what was on its way came before that. */
        s = find(o, site);
        if (s != NULL)
            s->until = heard;
        return;
    case RESUME_STANDBY:
        return;
    }
    o->answered = instant_max(o->answered, heard);
}

bool overlap_covers(const struct overlap *o, struct instant now) {
    uint8_t sending = 0;
    for (uint8_t i = 0; i < o->count; i++)
        sending = (uint8_t)(sending + instant_before(now, o->sites[i].until));
    return sending > 1 || instant_before(now, o->answered);
}
