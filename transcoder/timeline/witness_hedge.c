#include "transcoder/timeline/witness_inner.h"

#define SECOND_MS 20 /* [ms] after the first: a hedge is repeated, in case it was lost */
#define THIRD_MS  40 /* [ms] after the second */
#define FOURTH_MS                                                                                  \
    30               /* [ms] after the third: all are one question to the server, PACE_REPEAT_MS   \
                      */
#define AGAIN_MS 100 /* [ms] after each further one */
#define SLACK_MS 60  /* [ms] over a round trip for an answer, or for the next frame */
#define BEGIN_MS 100 /* [ms] over a round trip from a grant to the first frame: many may begin */
#define LAST_MS  10  /* [ms] over both round trips, for an answer and for frames in time */

#define SPARED 3 /* a third of the budget is for lapses that are longer than most */

static struct duration patience(const struct witness_server *s) {
    return duration_add(path_rtt(&s->path), duration_ms(SLACK_MS));
}

/* Numbered order: 1. standby granted, 2. cookie at hand, 3. answers hellos, 4. rank. */
static uint32_t score(const struct witness_server *s, struct instant now) {
    uint32_t cold = instant_is_never(s->standby_until);
    uint32_t strange = !path_has_cookie(&s->path, now);
    uint32_t silent = s->path.hellos_missed > 1;
    return cold << 18 | strange << 17 | silent << 16 | s->rank;
}

static uint8_t best_backup(const struct witness *w, struct instant now) {
    uint8_t best = SERVER_NONE;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (!witness_is_server(w, i) || i == w->serving || i == w->attempt.server ||
            s->hedge.active || !witness_may_be_asked(s, now) || instant_before(now, s->no_hedge))
            continue;
        if (best == SERVER_NONE || score(s, now) < score(&w->servers[best], now))
            best = i;
    }
    return best;
}

static struct duration repeat_after(uint8_t sends) {
    static const int64_t after_ms[] = {SECOND_MS, THIRD_MS, FOURTH_MS};
    return duration_ms(sends >= 1 && sends <= 3 ? after_ms[sends - 1] : AGAIN_MS);
}

void witness_hedge_ask(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    if (s->hedge.sends < UINT8_MAX)
        s->hedge.sends++;
    s->hedge.again = instant_add(t->now, repeat_after(s->hedge.sends));
    if (!path_has_cookie(&s->path, t->now)) {
        witness_send_hello(t, server); /* its answer makes the hedge go out at once */
        return;
    }
    if (s->hedge.sends == 1)
        witness_send_hello(t, server); /* its way may have changed with whatever happened */
    uint64_t from = playout_missing(w->playout, t->now);
    witness_send_wanted(t, server, RESUME_HEDGE, w->epoch_high, MOVE_CAUSE_NONE, from,
                        witness_live_at(w, server, t->now));
}

/* When the next one must be asked for the frame that is missing first to be in time, if the answer
 * of `s` can be here before: its question may have been lost, and each copy of it. "Never" if there
 * is no time for both, or nobody else. */
static struct instant last_call(const struct turn *t, const struct witness_server *s) {
    const struct witness *w = t->w;
    uint8_t next = best_backup(w, t->now);
    struct instant due = playout_due(w->playout, playout_missing(w->playout, t->now));
    if (next == SERVER_NONE || instant_is_never(due))
        return INSTANT_NEVER;
    struct duration trip = path_rtt(&w->servers[next].path);
    struct instant at = instant_sub(due, duration_add(trip, duration_ms(LAST_MS)));
    struct duration answer = duration_add(path_rtt(&s->path), duration_ms(LAST_MS));
    return instant_before(at, instant_add(t->now, answer)) ? INSTANT_NEVER : at;
}

/* A path that has lost bursts before will most likely be back before a hedge is of use. Where the
 * budget runs low each hedge waits until half of what makes silence count, or until it is the last
 * moment at which it can be in time: what is spent on every burst would be missing when none
 * passes. If a frame has come the path is back, and is asked for what it has lost. */
bool witness_hedge_is_spared(const struct turn *t) {
    const struct witness *w = t->w;
    uint8_t next = best_backup(w, t->now);
    if (next == SERVER_NONE || lapses_bear(&w->lapses, w->config.frame, t->now).us == 0 ||
        budget_left(&w->hedges, t->now) >= w->config.hedges_per_minute / SPARED)
        return false;
    struct duration half = duration_scale(witness_commit_time(w, t->now), 1, 2);
    struct instant at = instant_add(w->miss_since, half);
    struct instant due = playout_due(w->playout, playout_missing(w->playout, t->now));
    struct duration trip = path_rtt(&w->servers[next].path);
    if (!instant_is_never(due))
        at = instant_min(at, instant_sub(due, duration_add(trip, duration_ms(SLACK_MS))));
    at = instant_max(at, instant_add(witness_bare_since(w), witness_miss_time(w)));
    return !instant_reached(t->now, at);
}

static void extend_after(const struct turn *t, struct witness_server *s) {
    struct duration ahead = duration_us(t->w->config.hedge.us - patience(s).us);
    s->hedge.extend = instant_add(t->now, duration_max(ahead, duration_ms(AGAIN_MS)));
    s->hedge.overdue = instant_min(instant_add(t->now, patience(s)), last_call(t, s));
}

/* SERVER_NONE if there is nobody, or no budget. */
static uint8_t begin_hedge(const struct turn *t) {
    struct witness *w = t->w;
    uint8_t server = best_backup(w, t->now);
    if (server == SERVER_NONE)
        return SERVER_NONE;
    if (!budget_spend(&w->hedges, t->now)) {
        w->stats.budget_denied++;
        return SERVER_NONE;
    }
    struct witness_server *s = &w->servers[server];
    s->hedge = (struct witness_hedge){.active = true, .asked = t->now, .trip = path_rtt(&s->path)};
    s->cancel_until = t->now;
    extend_after(t, s);
    w->stats.hedges++;
    return server;
}

bool witness_hedge_next(const struct turn *t) {
    struct witness *w = t->w;
    uint8_t server = begin_hedge(t);
    if (server == SERVER_NONE)
        return false;
    w->hedged = true;
    if (instant_is_never(w->decided_at))
        w->decided_at = t->now;
    trace_linef(
        t->out->trace, t->now, "%s: media missing for %lld ms -> hedge at %s from frame %llu",
        witness_server_name(w, w->serving),
        (long long)duration_in_ms(instant_since(t->now, w->miss_since)),
        witness_server_name(w, server), (unsigned long long)playout_missing(w->playout, t->now));
    witness_hedge_ask(t, server);
    return true;
}

/* One that runs already is only asked for again until it is answered. */
static void hedge_again(const struct turn *t) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_hedge *h = &w->servers[i].hedge;
        if (witness_is_server(w, i) && h->active && instant_reached(t->now, h->again))
            witness_hedge_ask(t, i);
    }
}

void witness_hedge_single(const struct turn *t, uint64_t frame) {
    struct witness *w = t->w;
    uint8_t next = best_backup(w, t->now);
    if (witness_is_hedging(w)) {
        hedge_again(t);
        return;
    }
    if (next == SERVER_NONE ||
        budget_left(&w->hedges, t->now) < w->config.hedges_per_minute / SPARED)
        return;
    struct duration trip = path_rtt(&w->servers[next].path);
    if (instant_before(playout_due(w->playout, frame), instant_add(t->now, trip)))
        return;
    uint8_t server = begin_hedge(t);
    if (server == SERVER_NONE)
        return;
    w->stats.cancels++; /* the path delivers: it is only loss from the beginning */
    trace_linef(t->out->trace, t->now, "%s: frame %llu asked for again and again -> hedge at %s",
                witness_server_name(w, w->serving), (unsigned long long)frame,
                witness_server_name(w, server));
    witness_hedge_ask(t, server);
}

/* A grant or a frame of it. It may yet die as the serving one did: after each it gets some time,
 * and then the next is asked. */
void witness_hedge_answered(const struct turn *t, uint8_t server, bool heard) {
    struct witness_server *s = &t->w->servers[server];
    if (!s->hedge.active)
        return;
    s->hedge.answered = true;
    s->hedge.again = INSTANT_NEVER;
    struct duration slack = duration_ms(heard ? SLACK_MS : BEGIN_MS);
    s->hedge.overdue = instant_add(t->now, duration_add(path_rtt(&s->path), slack));
}

static void clear(struct witness_hedge *h) {
    *h = WITNESS_HEDGE_NONE;
}

void witness_hedges_cancel(const struct turn *t, uint8_t except) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        struct witness_hedge *h = &w->servers[i].hedge;
        if (!witness_is_server(w, i) || !h->active)
            continue;
        bool asked = h->sends > 0; /* a hot backup that covered was not, and sends on */
        clear(h);
        if (!asked || i == except || !path_has_cookie(&w->servers[i].path, t->now))
            continue;
        witness_cancel(t, i);
        w->servers[i].cancel_until =
            instant_add(t->now, duration_add(w->config.hedge, path_rtt(&w->servers[i].path)));
    }
    witness_filler_over(w);
}

void witness_hedge_displaced(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    int64_t late_us = path_rtt(&s->path).us - s->hedge.trip.us;
    if (!s->hedge.active || s->hedge.sends == 0 || late_us <= t->w->playout->config.depth.us)
        return;
    clear(&s->hedge);
    witness_cancel(t, server);
}

void witness_hedges_forget(struct witness *w) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        clear(&w->servers[i].hedge);
    witness_filler_over(w);
}

bool witness_is_hedging(const struct witness *w) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && w->servers[i].hedge.active)
            return true;
    return false;
}

/* Undecided and nearly over: more time, from the same budget. */
static void extend(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    struct witness_hedge *h = &w->servers[server].hedge;
    if (!budget_spend(&w->hedges, t->now)) {
        w->stats.budget_denied++;
        clear(h); /* it runs out by itself */
        return;
    }
    w->stats.extensions++;
    h->answered = false;
    h->sends = 0;
    h->asked = t->now;
    extend_after(t, &w->servers[server]);
    witness_hedge_ask(t, server);
}

void witness_keep_hedges(const struct turn *t) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        struct witness_hedge *h = &w->servers[i].hedge;
        if (!witness_is_server(w, i) || !h->active)
            continue;
        if (instant_reached(t->now, h->extend))
            extend(t, i);
        else if (instant_reached(t->now, h->again))
            witness_hedge_ask(t, i);
        if (h->active && instant_reached(t->now, h->overdue)) {
            h->answered = false; /* nobody to commit at, unless it is heard again */
            h->overdue = INSTANT_NEVER;
            witness_hedge_next(t);
        }
    }
}

struct instant witness_hedges_deadline(const struct witness *w) {
    struct instant at = INSTANT_NEVER;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_hedge *h = &w->servers[i].hedge;
        if (witness_is_server(w, i) && h->active)
            at = instant_min(at, instant_min(h->again, instant_min(h->extend, h->overdue)));
    }
    return at;
}
