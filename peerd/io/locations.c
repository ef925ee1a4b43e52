/*
 * Locations: how our clients fare, by where they are, for operators.
 */
#include "monitor/experience.h"
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"
#include "topo/location.h"

#include <jansson.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(7))

static json_t *rating_json(uint32_t r_centi) {
    return r_centi == 0 ? json_null() : json_real(r_centi / 100.0);
}

static json_t *ms_json(uint32_t us) {
    return us == 0 ? json_null() : json_real(us / 1000.0);
}

static json_t *peers_json(const struct daemon *d, const struct prefix *location,
                          struct instant now) {
    struct core_location_peer peers[CORE_LOCATION_PEERS_MAX];
    uint32_t count = core_location_peers(d->core, location, now, peers);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:i, s:I}", "cluster", peers[i].cluster.text, "r",
                            rating_json(peers[i].usual_centi), "r_now",
                            rating_json(peers[i].recent_centi), "clients", (int)peers[i].clients,
                            "told_ms_ago",
                            (json_int_t)duration_in_ms(instant_since(now, peers[i].told_at))));
    return list;
}

static json_t *location_json(const struct daemon *d, const struct core_location_status *l,
                             struct instant now) {
    char text[LOCATION_TEXT_LEN_MAX + 1];
    double loss = l->expected == 0 ? 0 : (double)l->lost / (double)l->expected;
    return json_pack("{s:s, s:s, s:i, s:I, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:o}",
                     "location", location_to_text(&l->location, text), "state", l->state, "clients",
                     (int)l->clients, "reports", (json_int_t)l->reports, "r",
                     rating_json(l->usual_centi), "r_now", rating_json(l->recent_centi),
                     "r_worst_tenth", rating_json(l->worst_centi), "mos",
                     experience_mos_milli(l->usual_centi) / 1000.0, "loss", loss, "rtt_ms",
                     ms_json(l->rtt_us_p50), "rtt_ms_p95", ms_json(l->rtt_us_p95), "jitter_ms_p95",
                     ms_json(l->jitter_us_p95), "peers", peers_json(d, &l->location, now));
}

static const char *change_name(enum degrade_change change) {
    switch (change) {
    case DEGRADE_CHANGE_BEGAN:
        return "began";
    case DEGRADE_CHANGE_CAUSE:
        return "cause";
    case DEGRADE_CHANGE_ENDED:
        break;
    }
    return "ended";
}

/* What lately became of clients, the newest first. */
static json_t *events_json(const struct daemon *d, struct instant now) {
    char text[LOCATION_TEXT_LEN_MAX + 1];
    const struct core_fall *f;
    json_t *list = json_array();
    for (uint32_t n = 0; (f = core_fall(d->core, n)) != NULL; n++)
        json_array_append_new(
            list, json_pack("{s:I, s:s, s:s, s:s, s:b, s:s}", "ago_ms",
                            (json_int_t)duration_in_ms(instant_since(now, f->at)), "location",
                            location_to_text(&f->location, text), "change", change_name(f->change),
                            "cause", degrade_cause_name(f->cause), "degraded",
                            f->cause == DEGRADE_CAUSE_PATH && f->change != DEGRADE_CHANGE_ENDED,
                            "evidence", f->evidence));
    return list;
}

static bool is_shown(const struct prefix *location, const struct prefix *within) {
    return within == NULL || prefix_holds(location, &within->addr) ||
           (within->bits <= location->bits && prefix_holds(within, &location->addr));
}

char *present_locations(const struct daemon *d, uint32_t limit, const struct prefix *within) {
    char within_text[PREFIX_TEXT_LEN_MAX + 1];
    struct core_status whole = core_status(d->core);
    struct core_location_status l;
    struct instant now = net_now();
    uint32_t cursor = 0;
    json_t *list = json_array();
    for (uint32_t shown = 0; shown < limit && core_location_next(d->core, &cursor, now, &l);) {
        if (!is_shown(&l.location, within))
            continue;
        json_array_append_new(list, location_json(d, &l, now));
        shown++;
    }
    json_t *all =
        json_pack("{s:s, s:i, s:i, s:i, s:i, s:o, s:o}", "cluster", d->policy->cluster.name.text,
                  "total", (int)whole.locations, "fallen", (int)whole.locations_bad, "degraded",
                  (int)whole.locations_degraded, "elsewhere", (int)whole.locations_elsewhere,
                  "locations", list, "events", events_json(d, now));
    if (all != NULL && within != NULL)
        json_object_set_new(all, "within", json_string(prefix_to_text(within, within_text)));
    char *text = all == NULL ? NULL : json_dumps(all, DUMP_FLAGS);
    json_decref(all);
    return text;
}
