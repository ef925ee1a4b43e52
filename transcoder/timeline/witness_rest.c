#include "transcoder/timeline/witness_rest_inner.h"

#define GAIN WITNESS_REST_GAIN

/* Questions when it is taken: as many again may be asked before these are given up. */
#define WAITING_MAX (WITNESS_REST_WAITING_MAX / 2)

/* ---- when it may be taken -------------------------------------------------------------------- */

static bool path_is_settled(const struct path *p, struct duration rtt) {
    int64_t off = rtt.us - p->rtt_smooth.us;
    return p->waiting == 0 && p->hellos_missed == 0 && !instant_is_never(p->cookie_at) &&
           p->rtt_smooth.us != DURATION_ENDLESS.us && off > -GAIN && off < GAIN &&
           p->rtt_min.us <= rtt.us && rtt.us < duration_ms(PATH_LOST_MS / 2).us;
}

/* It has refused and said when to come again: until then it is not asked, and nothing changes. */
static bool is_put_off(const struct witness_server *s, struct instant now) {
    bool asks = s->role == WITNESS_ROLE_WARM;
    return s->refusal != ERR_DRAINING && (asks || s->role == WITNESS_ROLE_BACKUP) &&
           instant_before(now, s->not_before) &&
           (!asks || (instant_before(now, s->standby_at) && instant_is_never(s->standby_until)));
}

static bool role_is_settled(const struct witness *w, const struct witness_server *s, bool dark,
                            struct instant now) {
    bool granted = !instant_is_never(s->standby_until);
    switch (s->role) {
    case WITNESS_ROLE_FREE:
        return true;
    case WITNESS_ROLE_SERVING:
        return !granted && !dark;
    case WITNESS_ROLE_BACKUP:
        return !granted;
    case WITNESS_ROLE_WARM:
        return dark || granted != w->config.cold || is_put_off(s, now);
    }
    return false;
}

/* It did not answer lately: until it is asked again it does not matter whether it would. */
static bool answers_no_more(const struct witness_server *s) {
    return s->role == WITNESS_ROLE_BACKUP && s->path.hellos_missed > 0;
}

static bool server_is_settled(const struct witness *w, uint8_t slot,
                              const struct witness_ways *ways, struct instant now) {
    const struct witness_server *s = &w->servers[slot];
    bool dark = witness_rest_is_dark(ways, slot);
    bool put_off = !dark && !w->config.cold && is_put_off(s, now);
    bool refused = s->refusal == ERR_DRAINING || instant_before(now, s->no_hedge) ||
                   (instant_before(now, s->not_before) && !put_off);
    return !s->hedge.active && !instant_before(now, s->cancel_until) && !refused &&
           s->path.rtt_far.us == 0 && role_is_settled(w, s, dark, now) &&
           (dark || answers_no_more(s) ? s->path.waiting <= WAITING_MAX
                                       : path_is_settled(&s->path, ways->rtt[slot]));
}

/* Frames have come one after another and are all there. */
static bool media_is_steady(const struct witness *w) {
    const struct playout *p = w->playout;
    const struct schedule *s = &w->schedule;
    if (!schedule_known(s) || s->stale || s->high != p->high ||
        p->last_source != (witness_rest_has_begun(p) ? w->serving : PLAYOUT_SOURCES_MAX) ||
        p->stats.lost_run != 0 || p->stats.missed_run != 0 || p->serving != w->serving ||
        p->next < p->serving_from || p->next >= p->high || p->stats.oversized != 0 ||
        !witness_lag_stays(w))
        return false;
    for (uint64_t frame = p->next; frame < p->high; frame++) {
        const struct playout_slot *slot = &p->config.slots[frame % p->config.slot_count];
        if (slot->frame != frame || !slot->lanes[0].held || slot->lanes[1].held ||
            slot->seen != 1U << w->serving)
            return false;
    }
    return w->servers[w->serving].media_at.us ==
           s->transit_us + (int64_t)(s->high - 1) * s->frame.us;
}

bool witness_awaits(const struct witness *w) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && w->servers[i].path.waiting > 0 &&
            w->servers[i].path.hellos_missed == 0)
            return true;
    return false;
}

bool witness_is_settled(const struct witness *w, const struct witness_ways *ways,
                        struct instant now) {
    if (w->config.hot || w->config.looks) /* two paths at once are no steady one */
        return false;
    if (w->state != WITNESS_FOLLOWING || w->move_open || w->tale.epoch != 0 ||
        w->told_reports > 0 || !instant_is_never(w->repair_at) || w->end_error != ERR_OK ||
        w->unheard > 0 || !nack_is_quiet(&w->nack) || w->filler.server != WITNESS_SERVER_NONE ||
        !media_is_steady(w))
        return false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && !server_is_settled(w, i, ways, now))
            return false;
    return true;
}

/* The oldest hello that waits and was asked after that; "never" if there is none. */
static struct instant hello_after(const struct path *p, struct instant after) {
    struct instant oldest = INSTANT_NEVER;
    for (int i = 0; i < PATH_PENDING_MAX; i++) {
        const struct path_pending *q = &p->pending[i];
        if (q->nonce != 0 && q->hello && q->sent_us > after.us)
            oldest = instant_min(oldest, instant_us(q->sent_us));
    }
    return oldest;
}

/* When it is given up so often that another one is warm, if there is one who is not silent. */
static struct instant silent_from(const struct witness_server *s) {
    const struct witness_config c = witness_config_default();
    struct instant asked = instant_us(INT64_MIN), next = s->hello_at;
    for (uint32_t missed = s->path.hellos_missed; missed < WITNESS_SILENT_AFTER; missed++) {
        struct instant waits = hello_after(&s->path, asked);
        asked = instant_is_never(waits) ? next : waits;
        if (instant_is_never(waits))
            next = instant_add(next, witness_hello_every(&c, s->role, s->rank));
    }
    return instant_add(asked, duration_ms(PATH_LOST_MS));
}

struct instant witness_settled_until(const struct witness *w, const struct witness_ways *ways,
                                     struct instant now) {
    struct instant until = INSTANT_NEVER;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        bool dark = witness_rest_is_dark(ways, i);
        if (!witness_is_server(w, i))
            continue;
        if (!dark && answers_no_more(s))
            until = instant_min(until, s->hello_at);
        if (is_put_off(s, now))
            until = instant_min(until, instant_min(s->not_before, s->standby_at));
        if (!dark || s->role != WITNESS_ROLE_WARM)
            continue;
        until = instant_min(until, s->standby_until);
        if (!witness_is_silent(s))
            until = instant_min(until, silent_from(s));
    }
    return until;
}

/* ---- taking it ------------------------------------------------------------------------------- */

static uint8_t count_servers(const struct witness *w) {
    uint8_t count = 0;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        count = (uint8_t)(count + witness_is_server(w, i));
    return count;
}

size_t witness_rest_size(const struct witness *w) {
    return sizeof(struct witness_rest) +
           (size_t)count_servers(w) * sizeof(struct witness_rest_server);
}

static void take_server(struct witness_rest_server *out, const struct witness *w, uint8_t slot,
                        struct instant now) {
    const struct witness_server *s = &w->servers[slot];
    const struct path *p = &s->path;
    *out = (struct witness_rest_server){
        .slot = slot,
        .role = (uint8_t)s->role,
        .rank = s->rank,
        .refusal = (uint8_t)s->refusal & 0x7f,
        .stand_later = s->stand_later,
        .loss_per_mille = (uint16_t)p->loss_per_mille,
        .epoch_asked = s->epoch_asked,
        .frames = (uint32_t)s->frames,
        .hellos_sent = p->hellos_sent,
        .hellos_answered = p->hellos_answered,
        .hellos_missed = p->hellos_missed,
        .rtt_min_us = p->rtt_min.us < UINT32_MAX ? (uint32_t)p->rtt_min.us : UINT32_MAX,
        .rtt_us = p->rtt_smooth.us < UINT32_MAX ? (uint32_t)p->rtt_smooth.us : UINT32_MAX,
        .hello_at = s->hello_at,
        .not_before = instant_max(s->not_before, now),
        .cookie_at = p->cookie_at,
        .heard = p->heard,
        .media_at = s->media_at,
        .framed_at = s->framed_at,
        .mergeable_from = s->mergeable_from,
    };
    for (int i = 0; i < PATH_PENDING_MAX && p->waiting > 0; i++)
        if (p->pending[i].nonce != 0)
            out->waiting[out->waiting_count++] = p->pending[i];
}

static void take_playout(struct witness_rest *r, const struct playout *p) {
    const struct playout_stats *s = &p->stats;
    r->anchor = p->anchor;
    r->end = p->end;
    r->serving_from = p->serving_from;
    r->served = p->served;
    r->last_exact = p->last_exact;
    r->lost = (uint32_t)s->lost;
    r->lost_before = (uint32_t)s->lost_before;
    r->lost_run_max = (uint32_t)s->lost_run_max;
    r->burst_x16 = s->burst_x16;
    r->duplicates = (uint32_t)s->duplicates;
    r->differing = (uint32_t)s->differing;
    r->late = (uint32_t)s->late;
    r->early = (uint32_t)s->early;
    r->splices = (uint32_t)s->splices;
    r->repaired = (uint32_t)s->repaired;
}

static void take_stats(struct witness_rest *r, const struct witness_stats *s) {
    r->hedges_started = (uint32_t)s->hedges;
    r->extensions = (uint32_t)s->extensions;
    r->cancels = (uint32_t)s->cancels;
    r->commits = (uint32_t)s->commits;
    r->refusals = (uint32_t)s->refusals;
    r->budget_denied = (uint32_t)s->budget_denied;
    r->forged = (uint32_t)s->forged;
    r->stale = (uint32_t)s->stale_grants;
    r->nacked = (uint32_t)s->nacked;
    r->gains_denied = (uint32_t)s->gains_denied;
}

void witness_rest_take(struct witness_rest *r, const struct witness *w, struct instant now) {
    *r = (struct witness_rest){
        .at = now,
        .rng = w->rng,
        .schedule = w->schedule,
        .lapses = w->lapses,
        .hedges = w->hedges,
        .moves = w->moves,
        .counter = w->counter,
        .follow_counter = w->follow_counter,
        .report_at = w->report_at,
        .standby_at = INSTANT_NEVER,
        .standby_until = INSTANT_NEVER,
        .follow_at = w->follow_at,
        .miss_since = w->miss_since,
        .debt_at = w->debt_at,
        .probed_at = w->probed_at,
        .reseated_at = w->reseated_at,
        .dwell_until = w->dwell_until,
        .debt_us = w->debt_us,
        .epoch = w->epoch,
        .epoch_high = w->epoch_high,
        .notice = w->notice,
        .lease_ms = w->lease_ms,
        .told = w->told,
        .told_by = w->told_by,
        .serving = w->serving,
        .cold = w->config.cold,
    };
    memcpy(r->gained, w->gained, sizeof(r->gained));
    take_stats(r, &w->stats);
    take_playout(r, w->playout);
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (!witness_is_server(w, i))
            continue;
        take_server(&r->servers[r->server_count++], w, i, now);
        if (s->role != WITNESS_ROLE_WARM)
            continue;
        r->standby_at = s->standby_at;
        r->standby_until = s->standby_until;
    }
}

static void shift(struct instant *at, struct duration by) {
    if (!instant_is_never(*at))
        at->us += by.us;
}

static void shift_schedule(struct schedule *s, struct duration by) {
    shift(&s->window_since, by);
    s->transit_us += by.us;
    for (int i = 0; i < 2; i++)
        s->offset_us[i] += by.us;
}

void witness_rest_shift(struct witness_rest *r, struct duration by) {
    struct instant *const all[] = {
        &r->at,         &r->hedges.at,     &r->moves.at,    &r->report_at,
        &r->standby_at, &r->standby_until, &r->follow_at,   &r->miss_since,
        &r->debt_at,    &r->probed_at,     &r->reseated_at, &r->dwell_until,
        &r->anchor,     &r->lapses.since,  &r->lapses.at,
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        shift(all[i], by);
    for (size_t i = 0; i < WITNESS_GAINS_MAX; i++)
        shift(&r->gained[i], by);
    shift_schedule(&r->schedule, by);
    for (uint8_t i = 0; i < r->server_count; i++) {
        struct witness_rest_server *s = &r->servers[i];
        shift(&s->hello_at, by);
        shift(&s->not_before, by);
        shift(&s->cookie_at, by);
        shift(&s->heard, by);
        shift(&s->media_at, by);
        shift(&s->framed_at, by);
        for (uint8_t k = 0; k < s->waiting_count; k++)
            s->waiting[k].sent_us += by.us;
    }
}

/* ---- looking at it --------------------------------------------------------------------------- */

bool witness_rest_is_put_off(const struct witness_rest *r) {
    for (uint8_t i = 0; i < r->server_count; i++)
        if (instant_before(r->at, r->servers[i].not_before))
            return true;
    return false;
}

bool witness_rest_is_refused(const struct witness_rest *r) {
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    return warm != NULL && !r->cold && !warm->dark && instant_is_never(r->standby_until);
}

const struct witness_rest_server *witness_rest_server(const struct witness_rest *r,
                                                      enum witness_role role) {
    for (uint8_t i = 0; i < r->server_count; i++)
        if (r->servers[i].role == (uint8_t)role)
            return &r->servers[i];
    return NULL;
}
