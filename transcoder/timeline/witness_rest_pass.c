#include "transcoder/timeline/witness_rest_inner.h"

#include <assert.h>
#include <string.h>

#define GAIN          WITNESS_REST_GAIN
#define NOBODYS_NONCE 1  /* of a question that nobody will answer */
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

/* Asked, granted a round trip later, and asked again when a third of the lease is over. */
static struct duration standby_every(const struct witness_config *c, const struct witness_ways *w,
                                     uint8_t slot) {
    struct duration third = duration_ms(duration_in_ms(w->standby_lease) / 3);
    return duration_add(w->rtt[slot], duration_max(third, c->hello));
}

/* Its standby is renewed; one that is dark is asked in vain (witness_rest_standbys). */
static bool stands_by(const struct witness_rest *r, const struct witness_ways *ways) {
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    return !r->cold && warm != NULL && !witness_rest_is_dark(ways, warm->slot);
}

/* ---- what is asked in vain ------------------------------------------------------------------- */

/* Questions at each `every`, and none at or after `until`. */
struct series {
    struct instant next, until;
    struct duration every;
};

static struct series hellos_of(const struct witness_rest_server *s) {
    const struct witness_config c = witness_config_default();
    return (struct series){s->hello_at, INSTANT_NEVER,
                           witness_hello_every(&c, (enum witness_role)s->role, s->rank)};
}

/* A dark server is asked to stand by for as long as its newest cookie is good. */
static struct series standbys_of(const struct witness_rest *r,
                                 const struct witness_rest_server *warm) {
    const struct duration good = duration_ms(PATH_COOKIE_MS_MAX);
    struct instant until =
        instant_is_never(warm->cookie_at) ? r->standby_at : instant_add(warm->cookie_at, good);
    return (struct series){r->standby_at, until, witness_config_default().hello};
}

static uint64_t asked_before(const struct series *s, struct instant at) {
    return times(s->next, s->every, instant_min(at, s->until));
}

static uint64_t given_up_before(const struct series *s, struct instant at) {
    return asked_before(s, instant_sub(at, duration_ms(PATH_LOST_MS)));
}

static bool is_given_up(const struct path_pending *q, struct instant at) {
    return instant_before(instant_add(instant_us(q->sent_us), duration_ms(PATH_LOST_MS)), at);
}

/* The warm one, if it is dark and yet asked to stand by. */
static const struct witness_rest_server *asked_in_vain(const struct witness_rest *r,
                                                       const struct witness_ways *ways) {
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    bool in_vain = !r->cold && warm != NULL && witness_rest_is_dark(ways, warm->slot);
    return in_vain ? warm : NULL;
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

/* Whether a question was given up already depends on when the next frame comes: steps back to
 * before that. */
static bool step_back_unsure(struct instant asked, struct instant *at) {
    struct instant lost = instant_add(asked, duration_ms(PATH_LOST_MS));
    if (!instant_before(lost, *at) ||
        !instant_before(*at, instant_add(lost, duration_ms(EXPIRES_AFTER))))
        return false;
    *at = lost;
    return true;
}

static bool step_back_series(const struct series *s, struct instant *at) {
    uint64_t n = given_up_before(s, *at);
    return n > 0 && step_back_unsure(nth(s->next, s->every, n - 1), at);
}

static bool step_back_waiting(const struct witness_rest_server *s, struct instant *at) {
    bool stepped = false;
    for (uint8_t i = 0; i < s->waiting_count; i++)
        stepped |= step_back_unsure(instant_us(s->waiting[i].sent_us), at);
    return stepped;
}

static bool step_back_standbys(const struct witness_rest *r, const struct witness_ways *ways,
                               struct instant *at) {
    const struct witness_rest_server *warm = asked_in_vain(r, ways);
    if (warm == NULL)
        return false;
    struct series standbys = standbys_of(r, warm);
    return step_back_series(&standbys, at);
}

struct instant witness_rest_quiet(const struct witness_rest *r, const struct witness_ways *ways,
                                  struct instant now) {
    const struct witness_config c = witness_config_default();
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    struct instant at = now;
    bool stepped;
    do {
        stepped = step_back(r->report_at, c.report, ways->rtt[r->serving], &at);
        if (stands_by(r, ways))
            stepped |= step_back(r->standby_at, standby_every(&c, ways, warm->slot),
                                 ways->rtt[warm->slot], &at);
        for (uint8_t i = 0; i < r->server_count; i++) {
            const struct witness_rest_server *s = &r->servers[i];
            struct series hellos = hellos_of(s);
            stepped |= step_back_waiting(s, &at);
            stepped |= witness_rest_is_dark(ways, s->slot)
                           ? step_back_series(&hellos, &at)
                           : step_back(hellos.next, hellos.every, ways->rtt[s->slot], &at);
        }
        stepped |= step_back_standbys(r, ways, &at);
    } while (stepped);
    return instant_max(at, r->at);
}

/* ---- what has passed meanwhile --------------------------------------------------------------- */

static void miss_hellos(struct witness_rest_server *s, uint64_t n) {
    s->hellos_missed += (uint32_t)n;
    for (; n > 0 && s->loss_per_mille < 1000 - GAIN + 1; n--)
        s->loss_per_mille = (uint16_t)(s->loss_per_mille + (1000 - s->loss_per_mille) / GAIN);
}

/* Forgets questions from before that are given up by then. */
static void give_up(struct witness_rest_server *s, struct instant at) {
    uint8_t kept = 0;
    for (uint8_t i = 0; i < s->waiting_count; i++) {
        struct path_pending q = s->waiting[i];
        if (!is_given_up(&q, at))
            s->waiting[kept++] = q;
        else if (q.hello)
            miss_hellos(s, 1);
    }
    memset(&s->waiting[kept], 0, (s->waiting_count - kept) * sizeof(s->waiting[0]));
    s->waiting_count = kept;
}

/* Hellos to a dark server until `at`; those that are not given up by then wait. Nobody will answer
 * them, so their nonces are not kept. */
static uint64_t pass_dark_hellos(struct witness_rest_server *s, struct instant at) {
    struct series hellos = hellos_of(s);
    uint64_t asked = asked_before(&hellos, at), given_up = given_up_before(&hellos, at);
    give_up(s, at);
    miss_hellos(s, given_up);
    for (uint64_t i = given_up; i < asked; i++) {
        assert(s->waiting_count < WITNESS_REST_WAITING_MAX);
        s->waiting[s->waiting_count++] =
            (struct path_pending){.nonce = NOBODYS_NONCE,
                                  .sent_us = nth(hellos.next, hellos.every, i).us,
                                  .hello = true,
                                  .prompt = true};
    }
    s->hello_at = nth(s->hello_at, hellos.every, asked);
    s->hellos_sent += (uint32_t)asked;
    return asked;
}

/* Hellos of one path until `at`; what was asked of one that is not dark has its answer. Returns how
 * many were asked. */
static uint64_t pass_hellos(struct witness_rest_server *s, const struct witness_ways *ways,
                            struct instant at) {
    const struct witness_config c = witness_config_default();
    struct duration every = witness_hello_every(&c, (enum witness_role)s->role, s->rank);
    uint64_t n = times(s->hello_at, every, at);
    if (witness_rest_is_dark(ways, s->slot))
        return pass_dark_hellos(s, at);
    give_up(s, at);
    if (n == 0)
        return 0;
    struct instant last = nth(s->hello_at, every, n - 1);
    s->hello_at = instant_add(last, every);
    s->hellos_sent += (uint32_t)n;
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
        bool waits =
            step_back(s->hello_at, witness_hello_every(&c, (enum witness_role)s->role, s->rank),
                      ways.rtt[slot], &known);
        uint64_t n = pass_hellos(s, &ways, known);
        if (waits) {
            ways.dark |= (uint8_t)(1U << slot);
            n += pass_hellos(s, &ways, now);
        }
        give_up(s, INSTANT_NEVER);
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
    if (!stands_by(r, ways))
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
        .not_before = r->not_before,
        .stand_later = r->stand_later,
        .no_hedge = taken, /* these lie in the past, as they did */
        .release_at = taken,
        .cancel_until = taken,
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
    for (uint8_t i = 0; i < r->waiting_count; i++) {
        const struct path_pending *q = &r->waiting[i];
        path_sent(&s->path, q->nonce, q->hello, q->prompt, instant_us(q->sent_us));
    }
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
    p->last_source = witness_rest_has_begun(p) ? r->serving : PLAYOUT_SOURCES_MAX;
    p->last_exact = witness_rest_has_begun(p) &&
                    (r->last_exact || p->next - 1 >= p->mergeable_from[r->serving]);
    *s = (struct playout_stats){.expected = p->next - p->config.first_frame,
                                .lost = r->lost,
                                .lost_before = r->lost_before,
                                .lost_run_max = r->lost_run_max,
                                .burst_x16 = r->burst_x16,
                                .duplicates = r->duplicates,
                                .differing = r->differing,
                                .late = r->late,
                                .early = r->early,
                                .splices = r->splices,
                                .repaired = r->repaired};
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
                                .stale_grants = r->stale,
                                .gains_denied = r->gains_denied,
                                .nacked = r->nacked};
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
    w->report_at = w->report_next = r->report_at;
    w->reseated_at = r->reseated_at;
    w->dwell_until = r->dwell_until;
    w->hedges = r->hedges;
    w->moves = r->moves;
    w->notice = r->notice;
    memcpy(w->gained, r->gained, sizeof(w->gained));
    w->lease_ms = r->lease_ms;
    w->told = r->told; /* its newest reports were answered: no list is on its way by them */
    w->told_by = r->told_by;
    restore_stats(&w->stats, r);
}

/* Granted each time. */
static uint64_t pass_standbys(struct witness *w, const struct witness_rest *r,
                              const struct witness_ways *ways, struct instant at) {
    uint8_t slot = witness_rest_server(r, WITNESS_ROLE_WARM)->slot;
    struct witness_server *s = &w->servers[slot];
    struct duration every = standby_every(&w->config, ways, slot);
    uint64_t n = times(r->standby_at, every, at);
    s->standby_at = nth(r->standby_at, every, n);
    s->standby_until = r->standby_until;
    if (n == 0)
        return 0;
    struct instant granted = instant_add(nth(r->standby_at, every, n - 1), ways->rtt[slot]);
    s->standby_until = instant_add(granted, duration_ms(duration_in_ms(ways->standby_lease)));
    s->path.heard = instant_max(s->path.heard, granted);
    return n;
}

static uint64_t pass_standbys_in_vain(struct witness *w, const struct witness_rest *r,
                                      const struct witness_rest_server *warm, struct instant at) {
    struct series standbys = standbys_of(r, warm);
    uint64_t asked = asked_before(&standbys, at);
    struct witness_server *s = &w->servers[warm->slot];
    for (uint64_t i = given_up_before(&standbys, at); i < asked; i++)
        path_sent(&s->path, NOBODYS_NONCE, false, false, nth(standbys.next, standbys.every, i));
    s->standby_at = nth(r->standby_at, standbys.every, times(r->standby_at, standbys.every, at));
    s->standby_until = r->standby_until;
    return asked;
}

/* Reports and standbys until `at`; returns how many were asked. */
static uint64_t pass_questions(struct witness *w, const struct witness_rest *r,
                               const struct witness_ways *ways, struct instant at) {
    struct path *serving = &w->servers[r->serving].path;
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    uint64_t reports = times(r->report_at, w->config.report, at), standbys = 0;
    if (reports > 0) {
        struct instant last = nth(r->report_at, w->config.report, reports - 1);
        w->report_at = w->report_next = instant_add(last, w->config.report);
        serving->heard = instant_max(serving->heard, instant_add(last, ways->rtt[r->serving]));
    }
    if (stands_by(r, ways))
        standbys = pass_standbys(w, r, ways, at);
    else if (asked_in_vain(r, ways) != NULL)
        standbys = pass_standbys_in_vain(w, r, warm, at);
    else if (warm != NULL) /* nothing is lodged; when it would be is looked at and put off */
        w->servers[warm->slot].standby_at = r->standby_at;
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
