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

static json_t *location_json(const struct core_location_status *l) {
    char text[LOCATION_TEXT_LEN_MAX + 1];
    double loss = l->expected == 0 ? 0 : (double)l->lost / (double)l->expected;
    return json_pack("{s:s, s:s, s:i, s:I, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o}", "location",
                     location_to_text(&l->location, text), "state", l->state, "clients",
                     (int)l->clients, "reports", (json_int_t)l->reports, "r",
                     rating_json(l->usual_centi), "r_now", rating_json(l->recent_centi),
                     "r_worst_tenth", rating_json(l->worst_centi), "mos",
                     experience_mos_milli(l->usual_centi) / 1000.0, "loss", loss, "rtt_ms",
                     ms_json(l->rtt_us_p50), "rtt_ms_p95", ms_json(l->rtt_us_p95), "jitter_ms_p95",
                     ms_json(l->jitter_us_p95));
}

char *present_locations(const struct daemon *d, uint32_t limit) {
    struct core_status whole = core_status(d->core);
    struct core_location_status l;
    uint32_t cursor = 0;
    json_t *list = json_array();
    for (uint32_t shown = 0; shown < limit && core_location_next(d->core, &cursor, net_now(), &l);
         shown++)
        json_array_append_new(list, location_json(&l));
    json_t *all =
        json_pack("{s:s, s:i, s:i, s:o}", "cluster", d->policy->cluster.name.text, "total",
                  (int)whole.locations, "degraded", (int)whole.locations_bad, "locations", list);
    char *text = all == NULL ? NULL : json_dumps(all, DUMP_FLAGS);
    json_decref(all);
    return text;
}
