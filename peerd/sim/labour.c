#include "peerd/sim/labour.h"

#include "peerd/sim/clock.h"

static int64_t frame_us(const struct sim *sim, const struct sim_worker *w) {
    return w->frame.us > 0 ? w->frame.us : sim->scenario->clusters[w->cluster].frame_cpu.us;
}

bool sim_labour_counts(const struct sim *sim, const struct sim_worker *w) {
    return frame_us(sim, w) > 0;
}

bool sim_labour_idle(const struct sim_worker *w, struct instant now) {
    return instant_reached(now, w->busy_until);
}

static void work(const struct sim *sim, struct sim_worker *w, int64_t us) {
    struct instant now = sim_worker_now(sim, w);
    if (sim_labour_counts(sim, w))
        w->busy_until = instant_add(instant_max(w->busy_until, now), duration_us(us));
}

void sim_labour_frames(const struct sim *sim, struct sim_worker *w, uint32_t frames) {
    work(sim, w, (int64_t)frames * frame_us(sim, w));
}

void sim_labour_resume(const struct sim *sim, struct sim_worker *w, enum sim_labour_look look) {
    static const int64_t cost_us[] = {
        [SIM_LABOUR_COOKIE] = SIM_LABOUR_AWAY_US,
        [SIM_LABOUR_SIGNATURE] = SIM_LABOUR_KNOWN_US,
        [SIM_LABOUR_TICKET] = SIM_LABOUR_RESUME_US,
    };
    work(sim, w, cost_us[look]);
}

struct duration sim_labour_preroll(const struct sim *sim, const struct sim_worker *w,
                                   uint64_t frames) {
    int64_t period_us = FRAME_MS * 1000, cost_us = frame_us(sim, w);
    const uint32_t *counts = w->tenure.counts;
    int64_t sending = counts[TENURE_SERVING] + counts[TENURE_HOT] + counts[TENURE_HEDGING];
    int64_t left_us = period_us - sending * cost_us;
    if (!sim_labour_counts(sim, w))
        return duration_us((int64_t)frames * SIM_PREROLL_US);
    if (left_us < period_us / SIM_LABOUR_LEFT_LEAST)
        left_us = period_us / SIM_LABOUR_LEFT_LEAST;
    return duration_us((int64_t)frames * cost_us * period_us / left_us);
}
