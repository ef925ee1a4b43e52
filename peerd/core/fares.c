#include "peerd/core/fares.h"

#include "peerd/core/state.h"
#include "peerd/core/status.h"
#include "topo/location.h"

#include <stdlib.h>

static const struct perf_settings settings = {
    .wish = {.drop_centi = FARES_DROP_CENTI,
             .clients_min = FARES_CLIENTS,
             .reports_min = FARES_REPORTS,
             .interval = {FARES_INTERVAL_S * 1000000},
             .hold = {FARES_HOLD_S * 1000000}},
};

void fares_init(struct fares *f, uint32_t locations_max) {
    *f = (struct fares){.locations_max = locations_max};
}

void fares_free(struct fares *f) {
    perf_free(f->perf);
    free(f->perf);
    f->perf = NULL;
}

static struct perf *perf_of(struct core *core) {
    struct fares *f = &core->fares;
    if (f->perf != NULL || f->locations_max == 0)
        return f->perf;
    struct perf_settings own = settings;
    own.locations_max = f->locations_max;
    f->perf = malloc(sizeof(*f->perf));
    if (f->perf != NULL)
        perf_init(f->perf, &own);
    return f->perf;
}

static const struct experience_codec *codec_of(const struct core *core, const struct name *name) {
    const struct policy_profile *profile = policy_profile_find(&core->policy, name);
    return profile == NULL ? NULL : experience_codec_of(profile->codec.text);
}

void fares_heard(struct core *core, const struct session *s, const struct node_session *told) {
    uint32_t expected = told->expected - s->expected, lost = told->lost_after - s->lost_after;
    struct perf *perf = perf_of(core);
    if (perf == NULL || told->expected <= s->expected || s->expected == 0)
        return;
    if (told->lost_after < s->lost_after) /* one that came after all */
        lost = 0;
    const struct perf_sample sample = {
        .location = location_of(&told->client),
        .client = chains_hash(told->session.bytes, sizeof(told->session.bytes)),
        .codec = codec_of(core, &told->profile),
        .expected = expected,
        .lost = lost < expected ? lost : expected,
        .rtt = told->rtt_us == 0 ? DURATION_ENDLESS : duration_us(told->rtt_us),
        .jitter = duration_us(told->jitter_us),
    };
    (void)perf_heard(perf, &sample, core->now);
}

static void tell(struct core *core, const struct prefix *where, const struct degrade_event *e) {
    char location[LOCATION_TEXT_LEN_MAX + 1], text[DEGRADE_TEXT_LEN_MAX + 1];
    location_to_text(where, location);
    core_trace(core, "%s", degrade_event_to_text(e, location, "", text));
    switch (e->change) {
    case DEGRADE_CHANGE_BEGAN:
        core->counters.degradations++;
        break;
    case DEGRADE_CHANGE_CAUSE:
    case DEGRADE_CHANGE_ENDED:
        break;
    }
}

void fares_judge(struct core *core) {
    uint16_t clusters[PERF_PEERS_MAX];
    struct degrade_event event;
    struct prefix where;
    uint32_t cursor = 0;
    if (core->fares.perf == NULL || core->fares.perf->awake == 0)
        return;
    while (perf_judge(core->fares.perf, &cursor, core->now, &where, &event, clusters))
        tell(core, &where, &event);
}

void fares_count(const struct core *core, uint32_t *known, uint32_t *bad) {
    const struct perf *perf = core->fares.perf;
    *known = *bad = 0;
    for (uint32_t i = 0; perf != NULL && i < perf->count; i++) {
        const struct perf_own *own = perf->list[i].own;
        *known += own != NULL;
        *bad += own != NULL && degrade_is_bad(&own->degrade);
    }
}

static const char *state_name(enum degrade_state state) {
    switch (state) {
    case DEGRADE_STATE_LEARNING:
        return "learning";
    case DEGRADE_STATE_STEADY:
        return "usual";
    case DEGRADE_STATE_FALLING:
        return "falling";
    case DEGRADE_STATE_PATH:
        return "path";
    case DEGRADE_STATE_ACCESS:
        return "access";
    case DEGRADE_STATE_UNKNOWN:
        break;
    }
    return "unknown";
}

static struct core_location_status status_of(const struct perf_location *at, struct instant now) {
    const struct perf_own *own = at->own;
    struct level recent = own->degrade.recent;
    level_fade(&recent, DEGRADE_RECENT_HALF, now);
    return (struct core_location_status){
        .location = at->prefix,
        .state = state_name(own->degrade.state),
        .usual_centi = level_mean(&own->degrade.usual),
        .recent_centi = level_mean(&recent),
        .worst_centi = sketch_quantile(&own->rating, 100),
        .clients = perf_clients(own, now),
        .reports = own->reports,
        .expected = own->expected,
        .lost = own->lost,
        .rtt_us_p50 = sketch_quantile(&own->rtt, 500),
        .rtt_us_p95 = sketch_quantile(&own->rtt, 950),
        .jitter_us_p95 = sketch_quantile(&own->jitter, 950),
    };
}

bool core_location_next(const struct core *core, uint32_t *cursor, struct instant now,
                        struct core_location_status *out) {
    const struct perf *perf = core->fares.perf;
    for (; perf != NULL && *cursor < perf->count; (*cursor)++)
        if (perf->list[*cursor].own != NULL) {
            *out = status_of(&perf->list[(*cursor)++], now);
            return true;
        }
    return false;
}

bool core_fare(const struct core *core, const struct prefix *location, struct core_fare *out) {
    const struct perf *perf = core->fares.perf;
    const struct perf_location *at = perf == NULL ? NULL : perf_find(perf, location);
    *out = (struct core_fare){.reports = 0};
    if (at == NULL || at->own == NULL || at->own->reports == 0)
        return false;
    struct perf_view view = perf_own_view(perf, location);
    *out = (struct core_fare){.rating_centi = view.rating_centi,
                              .within_centi = view.within_centi,
                              .reports = view.reports,
                              .rtt = duration_us(sketch_quantile(&at->own->rtt, 500))};
    return true;
}
