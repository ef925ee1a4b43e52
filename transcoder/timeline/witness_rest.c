#include "transcoder/timeline/witness_rest.h"

#include "transcoder/timeline/witness_inner.h"

#include <assert.h>
#include <string.h>

#define GAIN          8  /* path.c smooths by so much: a smaller difference changes nothing */
#define EXPIRES_AFTER 20 /* [ms] after a hello is lost its witness has looked: a frame has come */

/* ---- what repeats ---------------------------------------------------------------------------- */

/* How often something has happened before `at` that is due at `next` and then at every interval. */
static uint64_t times(struct instant next, struct duration every, struct instant at) {
    if (!instant_before(next, at))
        return 0;
    return (uint64_t)((instant_since(at, next).us - 1) / every.us) + 1;
}

static struct instant nth(struct instant next, struct duration every, uint64_t n) {
    return instant_us(next.us + (int64_t)n * every.us);
}

static struct duration hello_every(const struct witness_config *c, uint8_t role) {
    return role == WITNESS_ROLE_WARM ? c->hello : c->hello_idle;
}

/* Asked, granted a round trip later, and asked again when a third of the lease is over. */
static struct duration standby_every(const struct witness_config *c, const struct witness_ways *w,
                                     uint8_t slot) {
    struct duration third = duration_ms(duration_in_ms(w->standby_lease) / 3);
    return duration_add(w->rtt[slot], duration_max(third, c->hello));
}

static bool is_dark(const struct witness_ways *ways, uint8_t slot) {
    return (ways->dark >> slot & 1) != 0;
}

const struct witness_rest_server *witness_rest_server(const struct witness_rest *r,
                                                      enum witness_role role) {
    for (uint8_t i = 0; i < r->server_count; i++)
        if (r->servers[i].role == (uint8_t)role)
            return &r->servers[i];
    return NULL;
}

static bool stands_by(const struct witness_rest *r) {
    return !r->cold && witness_rest_server(r, WITNESS_ROLE_WARM) != NULL;
}

/* ---- when it may be taken -------------------------------------------------------------------- */

static bool path_is_settled(const struct path *p, struct duration rtt, bool dark) {
    if (p->waiting > 0 || p->rtt_far.us != 0)
        return false;
    if (dark)
        return true;
    int64_t off = rtt.us - p->rtt_smooth.us;
    return p->hellos_missed == 0 && p->loss_per_mille < GAIN && !instant_is_never(p->cookie_at) &&
           p->rtt_smooth.us != DURATION_ENDLESS.us && off > -GAIN && off < GAIN &&
           p->rtt_min.us <= rtt.us && rtt.us < duration_ms(PATH_LOST_MS / 2).us;
}

static bool server_is_settled(const struct witness *w, uint8_t slot,
                              const struct witness_ways *ways, struct instant now) {
    const struct witness_server *s = &w->servers[slot];
    bool refused = s->refusal == ERR_DRAINING || instant_before(now, s->not_before) ||
                   instant_before(now, s->no_hedge);
    if (s->hedge.active || refused || is_dark(ways, w->serving) ||
        !path_is_settled(&s->path, ways->rtt[slot], is_dark(ways, slot)))
        return false;
    bool granted = !instant_is_never(s->standby_until);
    switch (s->role) {
    case WITNESS_ROLE_FREE:
        return true;
    case WITNESS_ROLE_SERVING:
    case WITNESS_ROLE_BACKUP:
        return !granted;
    case WITNESS_ROLE_WARM:
        return !is_dark(ways, slot) && granted != w->config.cold;
    }
    return false;
}

/* Nobody's frame was played yet: the first waits for its instant. */
static bool has_begun(const struct playout *p) {
    return p->next > p->config.first_frame;
}

/* Frames have come one after another and are all there. */
static bool media_is_steady(const struct witness *w) {
    const struct playout *p = w->playout;
    const struct schedule *s = &w->schedule;
    if (!schedule_known(s) || s->stale || s->high != p->high ||
        p->last_source != (has_begun(p) ? w->serving : PLAYOUT_SOURCES_MAX) ||
        p->stats.lost_run != 0 || p->serving != w->serving || p->next < p->serving_from ||
        p->next >= p->high || p->stats.oversized != 0 || !witness_lag_stays(w))
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
        if (witness_is_server(w, i) && w->servers[i].path.waiting > 0)
            return true;
    return false;
}

bool witness_is_settled(const struct witness *w, const struct witness_ways *ways,
                        struct instant now) {
    if (w->state != WITNESS_FOLLOWING || w->move_open || !instant_is_never(w->repair_at) ||
        w->end_error != ERR_OK || w->unheard > 0 || !media_is_steady(w))
        return false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && !server_is_settled(w, i, ways, now))
            return false;
    return true;
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

static void take_server(struct witness_rest_server *out, const struct witness *w, uint8_t slot) {
    const struct witness_server *s = &w->servers[slot];
    const struct path *p = &s->path;
    *out = (struct witness_rest_server){
        .slot = slot,
        .role = (uint8_t)s->role,
        .rank = s->rank,
        .refusal = (uint8_t)s->refusal,
        .loss_per_mille = (uint16_t)p->loss_per_mille,
        .epoch_asked = s->epoch_asked,
        .frames = (uint32_t)s->frames,
        .hellos_sent = p->hellos_sent,
        .hellos_answered = p->hellos_answered,
        .hellos_missed = p->hellos_missed,
        .rtt_min_us = p->rtt_min.us < UINT32_MAX ? (uint32_t)p->rtt_min.us : UINT32_MAX,
        .rtt_us = p->rtt_smooth.us < UINT32_MAX ? (uint32_t)p->rtt_smooth.us : UINT32_MAX,
        .hello_at = s->hello_at,
        .cookie_at = p->cookie_at,
        .heard = p->heard,
        .media_at = s->media_at,
        .framed_at = s->framed_at,
        .mergeable_from = s->mergeable_from,
    };
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
    r->duplicates = (uint32_t)s->duplicates;
    r->differing = (uint32_t)s->differing;
    r->late = (uint32_t)s->late;
    r->early = (uint32_t)s->early;
    r->splices = (uint32_t)s->splices;
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
        .serving = w->serving,
        .cold = w->config.cold,
    };
    take_stats(r, &w->stats);
    take_playout(r, w->playout);
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (!witness_is_server(w, i))
            continue;
        take_server(&r->servers[r->server_count++], w, i);
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
    shift_schedule(&r->schedule, by);
    for (uint8_t i = 0; i < r->server_count; i++) {
        struct witness_rest_server *s = &r->servers[i];
        shift(&s->hello_at, by);
        shift(&s->cookie_at, by);
        shift(&s->heard, by);
        shift(&s->media_at, by);
        shift(&s->framed_at, by);
    }
}

/* ---- quiet instants -------------------------------------------------------------------------- */

/* Steps back to before the last question if its answer is not there by `at`. */
static bool step_back(struct instant next, struct duration every, struct duration answer,
                      struct instant *at) {
    uint64_t n = times(next, every, *at);
    if (n == 0)
        return false;
    struct instant last = nth(next, every, n - 1);
    if (instant_before(instant_add(last, answer), *at))
        return false;
    *at = last;
    return true;
}

struct instant witness_rest_quiet(const struct witness_rest *r, const struct witness_ways *ways,
                                  struct instant now) {
    const struct witness_config c = witness_config_default();
    const struct duration lost = duration_ms(PATH_LOST_MS + EXPIRES_AFTER);
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    struct instant at = now;
    bool stepped;
    do {
        stepped = step_back(r->report_at, c.report, ways->rtt[r->serving], &at);
        if (stands_by(r))
            stepped |= step_back(r->standby_at, standby_every(&c, ways, warm->slot),
                                 ways->rtt[warm->slot], &at);
        for (uint8_t i = 0; i < r->server_count; i++) {
            const struct witness_rest_server *s = &r->servers[i];
            struct duration answer = is_dark(ways, s->slot) ? lost : ways->rtt[s->slot];
            stepped |= step_back(s->hello_at, hello_every(&c, s->role), answer, &at);
        }
    } while (stepped);
    return instant_max(at, r->at);
}

/* ---- what has passed meanwhile --------------------------------------------------------------- */

/* Hellos of one path until `at`; what was asked before it has its answer, or is known to be lost.
 * Returns how many were asked. */
static uint64_t pass_hellos(struct witness_rest_server *s, const struct witness_ways *ways,
                            struct instant at) {
    const struct witness_config c = witness_config_default();
    struct duration every = hello_every(&c, s->role);
    uint64_t n = times(s->hello_at, every, at);
    if (n == 0)
        return 0;
    struct instant last = nth(s->hello_at, every, n - 1);
    s->hello_at = instant_add(last, every);
    s->hellos_sent += (uint32_t)n;
    if (is_dark(ways, s->slot)) {
        s->hellos_missed += (uint32_t)n;
        for (uint64_t i = 0; i < n && s->loss_per_mille < 1000 - GAIN + 1; i++)
            s->loss_per_mille = (uint16_t)(s->loss_per_mille + (1000 - s->loss_per_mille) / GAIN);
        return n;
    }
    s->hellos_answered += (uint32_t)n;
    s->hellos_missed = 0;
    for (uint64_t i = 0; i < n && s->loss_per_mille >= GAIN; i++)
        s->loss_per_mille = (uint16_t)(s->loss_per_mille - s->loss_per_mille / GAIN);
    s->cookie_at = instant_add(last, ways->rtt[s->slot]);
    s->heard = instant_is_never(s->heard) ? s->cookie_at : instant_max(s->heard, s->cookie_at);
    return n;
}

void witness_rest_turn(struct witness_rest *r, const struct witness_ways *before, uint8_t slot,
                       struct instant now) {
    const struct witness_config c = witness_config_default();
    struct witness_ways ways = *before;
    for (uint8_t i = 0; i < r->server_count; i++) {
        struct witness_rest_server *s = &r->servers[i];
        if (s->slot != slot)
            continue;
        assert(s->role == WITNESS_ROLE_BACKUP);
        /* A question under way now is lost with the way, in either direction of change. */
        struct instant known = now;
        bool waits = step_back(s->hello_at, hello_every(&c, s->role), ways.rtt[slot], &known);
        uint64_t n = pass_hellos(s, &ways, known);
        if (waits) {
            ways.dark |= (uint8_t)(1U << slot);
            n += pass_hellos(s, &ways, now);
        }
        for (; n > 0; n--)
            (void)rng_u64(&r->rng);
    }
}

/* A window is closed by the first frame that comes when it is over. */
static void pass_windows(struct schedule *s, struct instant last) {
    const struct duration window = duration_ms(SCHEDULE_WINDOW_MS);
    struct instant over = instant_add(s->window_since, window);
    int64_t late = (over.us - s->transit_us) % s->frame.us; /* frames come on a grid */
    struct instant closed = late == 0 ? over : instant_us(over.us + s->frame.us - late);
    if (instant_before(last, closed)) {
        s->offset_us[0] = s->transit_us < s->offset_us[0] ? s->transit_us : s->offset_us[0];
        return;
    }
    int64_t more = instant_since(last, closed).us / window.us;
    s->offset_us[1] = more > 0                          ? s->transit_us
                      : s->transit_us < s->offset_us[0] ? s->transit_us
                                                        : s->offset_us[0];
    s->offset_us[0] = s->transit_us;
    s->window_since = nth(closed, window, (uint64_t)more);
}

static void pass_frames(struct schedule *s, uint64_t high) {
    if (high <= s->high)
        return;
    for (uint64_t i = s->high; i < high && s->jitter_us_x16 >= GAIN; i++)
        s->jitter_us_x16 -= (s->jitter_us_x16 + 8) / 16;
    pass_windows(s, instant_us(s->transit_us + (int64_t)(high - 1) * s->frame.us));
    s->high = high;
}

/* ---- the other ends -------------------------------------------------------------------------- */

uint64_t witness_rest_arrived(const struct witness_rest *r, struct instant at) {
    int64_t since = at.us - r->schedule.transit_us;
    uint64_t frames = since <= 0 ? 0 : (uint64_t)((since - 1) / r->schedule.frame.us) + 1;
    frames = frames > r->schedule.high ? frames : r->schedule.high;
    return frames < r->end ? frames : r->end;
}

struct instant witness_rest_reported(const struct witness_rest *r, struct instant at) {
    const struct duration every = witness_config_default().report;
    uint64_t n = times(r->report_at, every, at);
    return n == 0 ? INSTANT_NEVER : nth(r->report_at, every, n - 1);
}

struct instant witness_rest_stood_by(const struct witness_rest *r, const struct witness_ways *ways,
                                     struct instant at) {
    const struct witness_config c = witness_config_default();
    if (!stands_by(r))
        return INSTANT_NEVER;
    struct duration every =
        standby_every(&c, ways, witness_rest_server(r, WITNESS_ROLE_WARM)->slot);
    uint64_t n = times(r->standby_at, every, at);
    return n == 0 ? INSTANT_NEVER : nth(r->standby_at, every, n - 1);
}

uint64_t witness_rest_expected(const struct witness_rest *r, struct duration frame,
                               struct instant at) {
    if (instant_before(at, r->anchor))
        return 0;
    uint64_t frames = (uint64_t)(instant_since(at, r->anchor).us / frame.us) + 1;
    return frames < r->end ? frames : r->end;
}

/* ---- restoring it ---------------------------------------------------------------------------- */

static void restore_server(struct witness *w, const struct witness_rest_server *r,
                           struct instant taken) {
    struct witness_server *s = &w->servers[r->slot];
    struct witness_address address = s->address;
    *s = (struct witness_server){
        .role = (enum witness_role)r->role,
        .address = address,
        .rank = r->rank,
        .hello_at = r->hello_at,
        .standby_at = INSTANT_NEVER,
        .standby_until = INSTANT_NEVER,
        .refusal = (enum err)r->refusal,
        .not_before = taken, /* all lie in the past, as they did */
        .no_hedge = taken,
        .release_at = taken,
        .hedge = WITNESS_HEDGE_NONE,
        .epoch_asked = r->epoch_asked,
        .frames = r->frames,
        .media_at = r->media_at,
        .framed_at = r->framed_at,
        .mergeable_from = r->mergeable_from,
    };
    path_init(&s->path);
    s->path.cookie_at = r->cookie_at;
    s->path.heard = r->heard;
    if (r->rtt_min_us != UINT32_MAX)
        s->path.rtt_min = duration_us(r->rtt_min_us);
    if (r->rtt_us != UINT32_MAX)
        s->path.rtt_smooth = duration_us(r->rtt_us);
    s->path.hellos_sent = r->hellos_sent;
    s->path.hellos_answered = r->hellos_answered;
    s->path.hellos_missed = r->hellos_missed;
    s->path.loss_per_mille = r->loss_per_mille;
    playout_mergeable_from(w->playout, r->slot, r->mergeable_from);
}

static void restore_playout(struct playout *p, const struct witness_rest *r, uint64_t high,
                            size_t len, struct instant at) {
    struct playout_stats *s = &p->stats;
    p->anchor = r->anchor;
    p->high = high;
    p->end = r->end;
    p->next =
        p->config.first_frame + witness_rest_expected(r, p->config.frame, instant_us(at.us - 1));
    p->serving = r->serving;
    p->served = r->served;
    p->serving_from = r->serving_from;
    p->last_source = has_begun(p) ? r->serving : PLAYOUT_SOURCES_MAX;
    p->last_exact = has_begun(p) && (r->last_exact || p->next - 1 >= p->mergeable_from[r->serving]);
    *s = (struct playout_stats){.expected = p->next - p->config.first_frame,
                                .lost = r->lost,
                                .lost_before = r->lost_before,
                                .lost_run_max = r->lost_run_max,
                                .duplicates = r->duplicates,
                                .differing = r->differing,
                                .late = r->late,
                                .early = r->early,
                                .splices = r->splices};
    s->played = s->expected - s->lost;
    uint64_t from = high > p->config.slot_count ? high - p->config.slot_count : 0;
    for (uint64_t frame = from; frame < high; frame++)
        p->config.slots[frame % p->config.slot_count] = (struct playout_slot){
            .frame = frame,
            .lanes[0] = {.len = (uint16_t)len, .source = r->serving, .held = true},
            .seen = (uint16_t)(1U << r->serving)};
}

static void restore_stats(struct witness_stats *s, const struct witness_rest *r) {
    *s = (struct witness_stats){.hedges = r->hedges_started,
                                .extensions = r->extensions,
                                .cancels = r->cancels,
                                .commits = r->commits,
                                .refusals = r->refusals,
                                .budget_denied = r->budget_denied,
                                .forged = r->forged,
                                .stale_grants = r->stale};
}

static void restore_figures(struct witness *w, const struct witness_rest *r) {
    w->state = WITNESS_FOLLOWING;
    w->rng = r->rng;
    w->schedule = r->schedule;
    w->lapses = r->lapses;
    w->serving = r->serving;
    w->epoch = r->epoch;
    w->epoch_high = r->epoch_high;
    w->counter = r->counter;
    w->follow_counter = r->follow_counter;
    w->follow_at = r->follow_at;
    w->miss_since = r->miss_since;
    w->debt_us = r->debt_us;
    w->debt_at = r->debt_at;
    w->probed_at = r->probed_at;
    w->report_at = r->report_at;
    w->reseated_at = r->reseated_at;
    w->dwell_until = r->dwell_until;
    w->hedges = r->hedges;
    w->moves = r->moves;
    w->notice = r->notice;
    restore_stats(&w->stats, r);
}

/* Reports and standbys until `at`; returns how many were asked. */
static uint64_t pass_questions(struct witness *w, const struct witness_rest *r,
                               const struct witness_ways *ways, struct instant at) {
    struct path *serving = &w->servers[r->serving].path;
    uint64_t reports = times(r->report_at, w->config.report, at), standbys = 0;
    if (reports > 0) {
        struct instant last = nth(r->report_at, w->config.report, reports - 1);
        w->report_at = instant_add(last, w->config.report);
        serving->heard = instant_max(serving->heard, instant_add(last, ways->rtt[r->serving]));
    }
    if (stands_by(r)) {
        struct witness_server *s = &w->servers[witness_rest_server(r, WITNESS_ROLE_WARM)->slot];
        uint8_t slot = (uint8_t)(s - w->servers);
        struct duration every = standby_every(&w->config, ways, slot);
        standbys = times(r->standby_at, every, at);
        s->standby_at = nth(r->standby_at, every, standbys);
        s->standby_until = r->standby_until;
        if (standbys > 0) {
            struct instant granted =
                instant_add(nth(r->standby_at, every, standbys - 1), ways->rtt[slot]);
            s->standby_until =
                instant_add(granted, duration_ms(duration_in_ms(ways->standby_lease)));
            s->path.heard = instant_max(s->path.heard, granted);
        }
    } else {
        const struct witness_rest_server *cold = witness_rest_server(r, WITNESS_ROLE_WARM);
        if (cold != NULL) /* nothing is lodged; when it would be is looked at and put off */
            w->servers[cold->slot].standby_at = r->standby_at;
    }
    w->counter += reports + standbys;
    return reports + standbys;
}

void witness_rest_restore(struct witness *w, const struct witness_rest *r,
                          const struct witness_ways *ways, size_t len, struct instant at) {
    uint64_t high = witness_rest_arrived(r, at), nonces = 0;
    restore_figures(w, r);
    for (uint8_t i = 0; i < r->server_count; i++) {
        struct witness_rest_server s = r->servers[i];
        nonces += pass_hellos(&s, ways, at);
        restore_server(w, &s, r->at);
    }
    nonces += pass_questions(w, r, ways, at);
    for (; nonces > 0; nonces--)
        (void)rng_u64(&w->rng);
    struct witness_server *serving = &w->servers[r->serving];
    if (high > r->schedule.high) {
        struct instant last =
            instant_us(r->schedule.transit_us + (int64_t)(high - 1) * w->config.frame.us);
        serving->frames += high - r->schedule.high;
        serving->media_at = last;
        serving->path.heard = instant_max(serving->path.heard, last);
        pass_frames(&w->schedule, high);
    }
    restore_playout(w->playout, r, high, len, at);
    w->wake_at = witness_deadline(w);
}
