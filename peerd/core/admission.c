#include "peerd/core/admission.h"

#include "peerd/core/state.h"

void admission_init(struct admission *a, const struct policy *policy, struct instant now) {
    a->tokens = policy->limits.opens_per_s;
    a->filled = now;
}

static void fill(struct core *core) {
    struct admission *a = &core->admission;
    double rate = core->policy.limits.opens_per_s;
    a->tokens += rate * (double)instant_since(core->now, a->filled).us / 1e6;
    if (a->tokens > rate)
        a->tokens = rate;
    a->filled = core->now;
}

bool admission_take(struct core *core) {
    fill(core);
    if (core->admission.tokens < 1)
        return false;
    core->admission.tokens -= 1;
    return true;
}

enum err admission_has_room(const struct core *core, uint32_t service_index) {
    const struct policy_service *service = &core->policy.services[service_index];
    if (core->service_used[service_index] >= service->capacity)
        return ERR_NO_CREDIT;
    if (core_free_slots(core) <= standbys_reserved_unused(core))
        return ERR_NO_CREDIT;
    return core->sessions.count < core->policy.limits.sessions_max ? ERR_OK : ERR_FULL;
}

/* A budget is there again within a second; a full cluster empties at the pace of sessions ending;
 * a draining one is better not asked again soon, there are others. */
uint32_t admission_retry_after_ms(struct core *core, enum err err) {
    struct duration from, to;
    if (!err_retryable(err))
        return 0;
    from = duration_s(1);
    to = err == ERR_BUDGET ? duration_s(2) : duration_s(5);
    if (core->recovering || !instant_reached(core->now, instant_add(core->started, OPEN_SETTLE))) {
        from = duration_ms(300); /* nodes and peers are back within a poll or a beat or two */
        to = duration_ms(1000);
    } else if (err == ERR_DRAINING) {
        from = duration_s(5);
        to = duration_s(15);
    }
    return (uint32_t)duration_in_ms(rng_duration(&core->rng, from, to));
}
