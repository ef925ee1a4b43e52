#include "transcoder/hls/cost.h"

static uint32_t kept(const struct cost *c) {
    return c->count < COST_KEPT ? c->count : COST_KEPT;
}

void cost_add(struct cost *c, uint32_t us, uint32_t cpu_us) {
    uint32_t at = c->count % COST_KEPT;
    c->sum_us += us;
    c->sum_us -= c->recent_us[at];
    c->sum_cpu_us += cpu_us;
    c->sum_cpu_us -= c->cpu_us[at];
    c->recent_us[at] = us;
    c->cpu_us[at] = cpu_us;
    c->count++;
    if (c->count == UINT32_MAX)
        c->count = UINT32_MAX - COST_KEPT; /* which is as far into the ring, and full */
}

uint32_t cost_mean_us(const struct cost *c) {
    return kept(c) > 0 ? (uint32_t)(c->sum_us / kept(c)) : 0;
}

uint32_t cost_media_ms(const struct cost *c) {
    if (kept(c) == 0)
        return 0;
    uint64_t ms = c->sum_cpu_us / kept(c) / SEGMENT_MS;
    return ms > 0 ? (uint32_t)ms : 1;
}

/* One of 128 may be longer: the second longest. Of fewer than 100 none may. */
uint32_t cost_p99_us(const struct cost *c) {
    uint32_t longest = 0, second = 0;
    for (uint32_t i = 0; i < kept(c); i++) {
        uint32_t us = c->recent_us[i];
        if (us >= longest) {
            second = longest;
            longest = us;
        } else if (us > second) {
            second = us;
        }
    }
    return kept(c) < 100 ? longest : second;
}

bool cost_is_quick(const struct cost *c) {
    return cost_p99_us(c) < COST_COLD_MS * 1000;
}

uint32_t cost_ahead(const struct cost *c) {
    if (cost_is_quick(c))
        return 1;
    uint32_t n = 2 + cost_p99_us(c) / (SEGMENT_MS * 1000);
    return n < COST_AHEAD_MAX ? n : COST_AHEAD_MAX;
}
