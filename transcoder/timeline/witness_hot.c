#include "transcoder/timeline/witness_inner.h"

#include <assert.h>

#define ASKS_MAX    6     /* questions without an answer: it may be too old to know them */
#define OLD_MS      60000 /* [ms] until it is asked again then */
#define BUDGET_MS   5000  /* [ms] at least after it had no more to give */
#define AWAY_MS     5000  /* [ms] after its way has brought nothing: somebody else is to be hot */
#define SLACK_MS    60    /* [ms] over a frame time, within which a frame says that it is heard */
#define UNHEARD_MAX 3     /* reports without an answer: further ones … */
#define UNHEARD_MS  100   /* [ms] … are sent soon */
#define LATE_MS_MIN 2     /* [ms] that a frame of its may be late, and twice the jitter, … */
#define LATE_MS_MAX 20    /* … and at most */

bool witness_hot_may(const struct turn *t, uint8_t server) {
    return t->w->config.hot && !instant_before(t->now, t->w->servers[server].no_hot);
}

bool witness_hot_ask(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    /* Before anything was heard nobody knows which frame is live. */
    bool begun = !instant_is_never(playout_due(w->playout, w->playout->next));
    if (!begun || !witness_hot_may(t, server))
        return false;
    if (s->hot_asks >= ASKS_MAX) {
        s->hot_asks = 0;
        s->no_hot = instant_add(t->now, duration_ms(OLD_MS));
        return false;
    }
    uint64_t live = witness_live_at(w, server, t->now);
    s->hot_asks++;
    s->hot_told = true;
    witness_send_wanted(t, server, RESUME_HOT, w->epoch_high, MOVE_CAUSE_NONE, live, live);
    return true;
}

void witness_hot_granted(const struct turn *t, uint8_t server, uint32_t epoch, uint32_t lease_ms) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    if (s->role != WITNESS_ROLE_WARM || !w->config.hot || !s->hot_told)
        return; /* it cooled meanwhile and has been released */
    s->hot_asks = 0;
    s->refusal = ERR_OK;
    s->not_before = instant_min(s->not_before, t->now);
    s->standby_until = instant_add(t->now, duration_ms(lease_ms));
    s->standby_at = INSTANT_NEVER; /* reports renew it */
    w->hot.epoch = epoch;
    if (s->hot)
        return;
    assert(w->hot.server == SERVER_NONE);
    s->hot = true;
    w->hot.server = server;
    w->hot.unheard = 0;
    w->hot.since = w->hot.report_at = t->now;
    w->hot.begun++;
    schedule_restart(&w->hot.schedule);
    trace_linef(t->out->trace, t->now, "%s is hot: it sends, too", s->address.name.text);
}

void witness_hot_over(struct witness *w, uint8_t server) {
    struct witness_server *s = &w->servers[server];
    if (!s->hot)
        return;
    assert(w->hot.server == server);
    s->hot = false;
    w->hot.server = SERVER_NONE;
    w->hot.report_at = w->hot.since = INSTANT_NEVER;
    if (s->hedge.active && s->hedge.sends == 0)
        s->hedge = WITNESS_HEDGE_NONE; /* it covers nothing any more */
}

void witness_hot_refused(const struct turn *t, uint8_t server, uint32_t retry_after_ms) {
    struct witness_server *s = &t->w->servers[server];
    int64_t ms = retry_after_ms > BUDGET_MS ? retry_after_ms : BUDGET_MS;
    witness_hot_over(t->w, server);
    s->hot_told = false;
    s->hot_asks = 0;
    s->no_hot = instant_add(t->now, duration_ms(ms));
    if (s->role == WITNESS_ROLE_WARM)
        s->standby_at = t->now; /* silently, then */
}

/* ---- its way --------------------------------------------------------------------------------- */

void witness_hot_frame(const struct turn *t, uint8_t server, uint64_t frame) {
    struct witness_hot *h = &t->w->hot;
    struct schedule *s = &h->schedule;
    assert(h->server == server);
    bool known = schedule_known(s) && !s->stale;
    if (known && frame >= s->high) {
        h->expected += frame + 1 - s->high;
        h->lost += frame - s->high;
    } else if (known) {
        h->lost -= h->lost > 0; /* it was overtaken, or sent again */
    }
    schedule_frame_arrived(s, frame, t->now);
}

struct instant witness_hot_brings(const struct witness *w, uint64_t frame, struct instant now) {
    const struct schedule *s = &w->hot.schedule;
    if (w->hot.server == SERVER_NONE || !schedule_known(s) || s->stale || frame < s->high)
        return now;
    int64_t late_us = 2 * schedule_jitter(s).us;
    late_us = late_us < LATE_MS_MIN * 1000 ? LATE_MS_MIN * 1000 : late_us;
    late_us = late_us > LATE_MS_MAX * 1000 ? LATE_MS_MAX * 1000 : late_us;
    return instant_add(schedule_expected(s, frame), duration_us(late_us));
}

/* ---- upkeep ---------------------------------------------------------------------------------- */

void witness_hot_acknowledged(const struct turn *t, uint8_t server, uint32_t lease_ms) {
    struct witness *w = t->w;
    if (server != w->hot.server)
        return;
    w->hot.unheard = 0;
    w->servers[server].standby_until = instant_add(t->now, duration_ms(lease_ms));
}

/* It has brought nothing since then. */
static struct instant mute_since(const struct witness *w) {
    struct instant media = w->servers[w->hot.server].media_at;
    return instant_is_never(media) ? w->hot.since : instant_max(w->hot.since, media);
}

static struct instant mute_at(const struct witness *w) {
    const struct path *p = &w->servers[w->hot.server].path;
    return instant_add(mute_since(w), duration_add(w->config.zombie, path_rtt(p)));
}

/* Its way, or what it sends, has failed, and the serving one has not: another backup is to be hot.
 * It is told, in case it hears us. */
static void give_up(const struct turn *t) {
    struct witness *w = t->w;
    uint8_t server = w->hot.server;
    struct witness_server *s = &w->servers[server];
    trace_linef(t->out->trace, t->now, "%s: hot, and nothing heard of it for %lld ms",
                s->address.name.text,
                (long long)duration_in_ms(instant_since(t->now, mute_since(w))));
    s->not_before = instant_max(s->not_before, instant_add(t->now, duration_ms(AWAY_MS)));
    s->stand_later = false;
    s->standby_at = s->not_before;
    if (path_has_cookie(&s->path, t->now))
        witness_release(t, server);
    else
        witness_hot_over(w, server);
    s->standby_until = INSTANT_NEVER;
    witness_assign_roles(t);
}

void witness_hot_keep(const struct turn *t) {
    struct witness *w = t->w;
    struct witness_hot *h = &w->hot;
    if (h->server == SERVER_NONE || w->state == WITNESS_ENDED)
        return;
    if (instant_reached(t->now, mute_at(w)) && w->attempt.server != h->server) {
        if (w->state == WITNESS_FOLLOWING)
            give_up(t);
        else
            h->since = t->now; /* that nothing comes may be our own access: it gets more time */
        return;
    }
    struct witness_server *s = &w->servers[h->server];
    if (h->epoch < w->epoch_high)
        s->standby_at = instant_min(s->standby_at, instant_add(t->now, w->config.hello));
    if (!instant_reached(t->now, h->report_at))
        return;
    bool lost = h->unheard >= UNHEARD_MAX;
    h->unheard += h->unheard < UINT8_MAX;
    h->report_at = instant_add(t->now, lost ? duration_ms(UNHEARD_MS) : w->config.report);
    witness_send_hot_report(t, h->server, witness_lag_of(w, &h->schedule));
}

struct instant witness_hot_deadline(const struct witness *w) {
    if (w->hot.server == SERVER_NONE)
        return INSTANT_NEVER;
    struct instant at = w->hot.report_at;
    return w->attempt.server == w->hot.server ? at : instant_min(at, mute_at(w));
}

/* ---- covering -------------------------------------------------------------------------------- */

bool witness_hot_cover(const struct turn *t) {
    struct witness *w = t->w;
    uint8_t server = w->hot.server;
    if (server == SERVER_NONE || w->attempt.server == server)
        return false;
    struct witness_server *s = &w->servers[server];
    struct duration fresh = duration_add(w->config.frame, duration_ms(SLACK_MS));
    if (s->hedge.active || instant_is_never(s->media_at) ||
        duration_less(fresh, instant_since(t->now, s->media_at)))
        return false;
    if (instant_is_never(w->decided_at))
        w->decided_at = t->now;
    s->hedge = (struct witness_hedge){
        .active = true, .asked = t->now, .again = INSTANT_NEVER, .extend = INSTANT_NEVER};
    witness_hedge_answered(t, server, true);
    trace_linef(t->out->trace, t->now, "%s: media missing for %lld ms -> %s is hot and covers",
                witness_server_name(w, w->serving),
                (long long)duration_in_ms(instant_since(t->now, w->miss_since)),
                s->address.name.text);
    return true;
}
