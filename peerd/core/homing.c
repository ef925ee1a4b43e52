#include "peerd/core/homing.h"

#include "peerd/core/leaving.h"
#include "peerd/core/ranking.h"
#include "peerd/core/state.h"
#include "peerd/core/way_home.h"
#include "topo/location.h"

void homing_init(struct homing *h, struct instant now) {
    *h = (struct homing){.next_at = now, .order_at = now};
}

/* ---- who came, and why ----------------------------------------------------------------------- */

static bool drains(const struct peering *home) {
    return home->verdict.verdict == VERDICT_DRAINING || home->description.draining;
}

/* It has been away, at home, for so long. */
static void forgive(struct session *s, struct duration away) {
    int64_t times = away.us / HOMING_CALM.us;
    s->homed = (uint8_t)(times < s->homed ? s->homed - times : 0);
}

/* Who was on the way as a drain was called off arrives when nothing drains any more. */
static bool has_drained(const struct core *core, const struct peering *p) {
    return drains(p) ||
           (!instant_is_never(p->drained_at) &&
            !instant_reached(core->now,
                             instant_add(p->drained_at, core->policy.limits.session_lease)));
}

void homing_came(struct core *core, struct session *s, const struct node_session *told) {
    const struct peering *home = s->group->issuer, *from = peering_by_hint(core, &told->served_by);
    bool ordered = told->cause == MOVE_CAUSE_DRAIN;
    from = from == NULL ? home : from;
    bool wished = ordered && (from == NULL || !has_drained(core, from));
    s->came_s = core_second(core);
    s->came_cause = (uint8_t)(wished ? MOVE_CAUSE_NONE : told->cause);
    if (ordered && !wished && from == home && s->homed > 0)
        s->homed--; /* it was home until that was drained again: not in vain */
    if (told->cause == MOVE_CAUSE_DEGRADED)
        way_home_left(core, s);
    if (s->homed > 0)
        forgive(s, duration_s((int64_t)s->came_s - (int64_t)s->homed_s));
}

/* ---- may it go ------------------------------------------------------------------------------- */

/* So long it stays here, since it came or was asked in vain to go. */
static struct duration wait_of(const struct core *core, const struct session *s) {
    struct duration after = core->policy.limits.return_after;
    if (s->homed == 0)
        return after;
    struct duration hold = duration_scale(duration_max(after, HOMING_HOLD), 1U << s->homed, 1);
    return duration_min(hold, duration_max(after, HOMING_HOLD_MAX));
}

static bool has_waited(const struct core *core, const struct session *s) {
    bool asked = s->homed > 0 && s->homed_s > s->came_s;
    int64_t since_s = asked ? s->homed_s : s->came_s;
    return !duration_less(duration_s(core_second(core) - since_s), wait_of(core, s));
}

static bool is_ready(const struct core *core, const struct peering *home) {
    return verdict_is_usable(home->verdict.verdict) && !drains(home) && !home->said_recovering &&
           !home->damping.damped &&
           !instant_before(core->now,
                           instant_add(home->back_since, core->policy.limits.return_after)) &&
           agreements_room(core, home) > 0;
}

/* By its clients' round trips there, or estimated from where it is; and they do not fare worse. */
static bool is_better(const struct core *core, const struct session *s,
                      const struct peering *home) {
    const struct prefix location = location_of(&s->client);
    struct core_fare own;
    struct fares_words words;
    fares_words(core, &location, &words);
    struct rank_experience there = fares_of_peer(core, home, &words);
    struct duration rtt = ranking_rtt(core, home, &location);
    if (rtt.us <= 0 || s->rtt_us == 0)
        return false;
    if (there.known && core_fare(core, &location, &own) &&
        there.r_tenths * 10U + core->fares.perf->settings.wish.drop_centi <= own.rating_centi)
        return false;
    return rtt.us * 5 / 4 + HOMING_GAIN.us <= (int64_t)s->rtt_us;
}

static bool has_fled(const struct core *core, const struct session *s) {
    if (s->came_cause == MOVE_CAUSE_DEGRADED)
        return way_home_is_open(core, s);
    return s->came_cause == MOVE_CAUSE_CRASHED || s->came_cause == MOVE_CAUSE_PARTITIONED ||
           s->came_cause == MOVE_CAUSE_DRAIN;
}

static bool may_go_home(const struct core *core, const struct session *s) {
    const struct peering *home = s->group->issuer;
    if (home == NULL || s->state != SESSION_STATE_COMMITTED || s->queue != NULL ||
        !has_fled(core, s) || !has_waited(core, s) || !is_ready(core, home) ||
        leaving_target(core, s, &home->policy.name) != home)
        return false;
    return core->policy.limits.homing == POLICY_RETURN_ALWAYS || is_better(core, s, home);
}

/* ---- one after the other --------------------------------------------------------------------- */

static bool anybody_waits(const struct core *core) {
    if (core->policy.limits.homing == POLICY_RETURN_NEVER || core->drain.active || core->recovering)
        return false;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->here > 0 && is_ready(core, core->peers[i]))
            return true;
    return false;
}

static void send_home(struct core *core, struct session *s) {
    struct homing *h = &core->homing;
    if (!leaving_order(core, s, s->group->issuer, MOVE_CAUSE_RETURN))
        return; /* its node takes no more orders now: it is come to again */
    gains_spend(core);
    if (s->came_cause == MOVE_CAUSE_DEGRADED)
        way_home_sent(core, s);
    s->move->asked = true;
    s->homed_s = core_second(core);
    s->homed += s->homed < HOMING_VAIN_MAX; /* in vain, until it has stayed there */
    core->counters.sessions_returned++;
    h->in_vain = 0;
    h->order_at = instant_add(instant_max(h->order_at, core->now),
                              duration_us(1000000 / core->policy.limits.return_per_s));
}

static void look_through(struct core *core) {
    struct homing *h = &core->homing;
    const struct sessions *t = &core->sessions;
    for (uint32_t i = 0; i < HOMING_LOOKS && h->in_vain < t->slot_count; i++) {
        if (!instant_reached(core->now, h->order_at) || !gains_left(core))
            return;
        h->cursor = h->cursor + 1 < t->slot_count ? h->cursor + 1 : 0;
        h->in_vain++;
        struct session *s = t->slots[h->cursor];
        if (s != NULL && may_go_home(core, s))
            send_home(core, s);
    }
}

void homing_step(struct core *core) {
    struct homing *h = &core->homing;
    if (!instant_reached(core->now, homing_deadline(core)))
        return;
    h->in_vain = 0;
    if (anybody_waits(core))
        look_through(core);
    bool found = h->in_vain < core->sessions.slot_count && anybody_waits(core);
    struct instant next = instant_add(core->now, found ? HOMING_STEP : HOMING_REST);
    h->next_at = found ? instant_max(h->order_at, next) : next;
}

struct instant homing_deadline(const struct core *core) {
    return core->policy.limits.homing == POLICY_RETURN_NEVER ? INSTANT_NEVER : core->homing.next_at;
}
