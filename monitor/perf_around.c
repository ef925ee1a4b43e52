/*
 * What is known of own clients around a location that has too few reports of its own.
 */
#include "monitor/perf_table.h"

#define WIDER 2

static const uint8_t wider_ipv4[WIDER] = {20, 16}, wider_ipv6[WIDER] = {44, 40};

/* As a view takes it: usual, or recent while they fare worse. */
static const struct level *level_of(const struct perf_own *own) {
    bool bad = degrade_is_bad(&own->degrade) && own->degrade.recent.weight > 0;
    return bad ? &own->degrade.recent : &own->degrade.usual;
}

static struct perf_around at_place(const struct perf_location *at) {
    return (struct perf_around){.from = at->prefix,
                                .reports = at->own->reports,
                                .level = *level_of(at->own),
                                .rtt_us = sketch_quantile(&at->own->rtt, 500)};
}

/* All of ours within, as if they were one place. */
static struct perf_around sum_of(const struct perf *p, const struct prefix *wide) {
    struct perf_around sum = {.from = *wide};
    struct sketch rtt = {.count = 0};
    for (uint32_t i = perf_table_first(p, wide); i < p->count; i++) {
        const struct perf_location *at = &p->list[i];
        if (!prefix_holds(wide, &at->prefix.addr))
            break;
        if (at->own == NULL)
            continue;
        sum.reports += at->own->reports;
        level_merge(&sum.level, level_of(at->own));
        sketch_merge(&rtt, &at->own->rtt);
    }
    sum.rtt_us = sketch_quantile(&rtt, 500);
    return sum;
}

bool perf_around(const struct perf *p, const struct prefix *location, struct perf_around *out) {
    const struct perf_location *at = perf_find(p, location);
    const uint8_t *wider = location->addr.family == 4 ? wider_ipv4 : wider_ipv6;
    if (at != NULL && at->own == NULL)
        at = NULL;
    if (at != NULL && at->own->reports >= PERF_ENOUGH) {
        *out = at_place(at);
        return true;
    }
    for (int i = 0; i < WIDER && wider[i] < location->bits; i++) {
        struct prefix wide = perf_table_widen(location, wider[i]);
        *out = sum_of(p, &wide);
        if (out->reports >= PERF_ENOUGH)
            return true;
    }
    *out = at == NULL ? (struct perf_around){.reports = 0} : at_place(at);
    return out->reports > 0;
}
