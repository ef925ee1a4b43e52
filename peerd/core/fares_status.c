#include "peerd/core/fares.h"
#include "peerd/core/state.h"
#include "peerd/core/status.h"

/* What is shown of locations. */

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
    if (own == NULL)
        return (struct core_location_status){.location = at->prefix, .state = "elsewhere"};
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
    if (perf == NULL || *cursor >= perf->count)
        return false;
    *out = status_of(&perf->list[(*cursor)++], now);
    return true;
}

uint32_t core_location_peers(const struct core *core, const struct prefix *location,
                             struct instant now,
                             struct core_location_peer out[CORE_LOCATION_PEERS_MAX]) {
    struct perf_peer words[PERF_PEERS_MAX];
    const struct perf *perf = core->fares.perf;
    size_t count = perf == NULL ? 0 : perf_words(perf, location, now, words);
    uint32_t shown = 0;
    for (uint32_t i = 0; i < core->peer_count; i++)
        for (size_t k = 0; k < count && shown < CORE_LOCATION_PEERS_MAX; k++)
            if (words[k].cluster == core->peers[i]->number)
                out[shown++] = (struct core_location_peer){
                    .cluster = core->peers[i]->policy.name,
                    .usual_centi = words[k].usual_centi,
                    .recent_centi = words[k].recent_centi,
                    .clients = words[k].clients,
                    .told_at = words[k].heard_at,
                };
    return shown;
}
