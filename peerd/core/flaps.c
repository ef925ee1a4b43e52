#include "peerd/core/peering.h"
#include "peerd/core/state.h"

#include <inttypes.h>

/* Peers that are given up and taken back again and again (monitor/damping.h). A lapse that is over
 * before anybody could have been told of it, on a lossy path, is no flap; a conviction always is.
 */

struct damping_rule peering_damping_rule(const struct core *core) {
    const struct policy_detection *d = &core->policy.detection;
    return (struct damping_rule){
        .half_life = d->flap_half_life, .suppress = d->flap_suppress, .reuse = d->flap_reuse};
}

static bool is_given_up(enum verdict v) {
    return v == VERDICT_HEADLESS || v == VERDICT_CRASHED || v == VERDICT_PARTITIONED;
}

static void set_alarm(struct core *core, struct peering *p) {
    struct damping_rule rule = peering_damping_rule(core);
    p->calm_at = damping_ends(&p->damping, &rule);
    peering_touch(core, p);
}

static void flapped(struct core *core, struct peering *p) {
    struct damping_rule rule = peering_damping_rule(core);
    bool damped = damping_flapped(&p->damping, &rule, core->now);
    core->counters.flaps++;
    set_alarm(core, p);
    if (!damped)
        return;
    groups_peer_changed(core, p);
    core_trace(core,
               "> %s damped (came back %" PRIu64 " times, %" PRIu32 " points): a backup only "
               "for want of another, for %" PRId64 " s",
               p->policy.name.text, p->damping.flaps, p->damping.points,
               duration_in_ms(instant_since(p->calm_at, core->now)) / 1000);
}

void flaps_note(struct core *core, struct peering *p) {
    enum verdict v = p->verdict.verdict;
    if (is_given_up(v)) {
        if (instant_is_never(p->gone_since))
            p->gone_since = core->now;
        p->gone_crashed |= v == VERDICT_CRASHED;
        return;
    }
    if (v == VERDICT_SUSPECT || v == VERDICT_UNKNOWN || instant_is_never(p->gone_since))
        return;
    struct duration gone = instant_since(core->now, p->gone_since);
    if (p->gone_crashed || !duration_less(gone, p->detector.wish.detect_within))
        flapped(core, p);
    p->gone_since = INSTANT_NEVER;
    p->gone_crashed = false;
}

void flaps_calm(struct core *core, struct peering *p) {
    struct damping_rule rule = peering_damping_rule(core);
    bool calm = damping_passed(&p->damping, &rule, core->now);
    set_alarm(core, p);
    if (!calm)
        return;
    core_trace(core, "> %s damped no longer (%" PRIu32 " points left)", p->policy.name.text,
               damping_points(&p->damping, &rule, core->now));
    if (peering_counts(p))
        groups_peer_changed(core, p);
}
