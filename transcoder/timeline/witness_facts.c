#include "transcoder/timeline/witness_inner.h"

#define AGAIN_FRAMES 3 /* useful frames in time: one may be a straggler of a dead path */
#define TOLD_REPORTS                                                                               \
    4 /* say that a list is gone by: each may be lost, and then it is told again                   \
       */

static void serving_media(const struct turn *t) {
    struct witness *w = t->w;
    switch (w->state) {
    case WITNESS_MISSING:
    case WITNESS_HEDGING:
        if (++w->again >= AGAIN_FRAMES)
            witness_media_again(t);
        return;
    case WITNESS_COMMITTING:
        if (++w->again >= AGAIN_FRAMES && w->attempt.cause == MOVE_CAUSE_CRASHED &&
            w->attempt.server != w->serving)
            witness_commit_needless(t);
        return;
    case WITNESS_FOLLOWING:
        /* After a commit hedges run on until the new server is heard, after a short outage until
         * they have filled what it swallowed. */
        if (!witness_is_hedging(w))
            return;
        w->again += w->again < AGAIN_FRAMES;
        if (w->again >= AGAIN_FRAMES && !witness_has_holes(t))
            witness_hedges_cancel(t, SERVER_NONE);
        return;
    case WITNESS_OPENING:
    case WITNESS_MOVING:
    case WITNESS_ENDING:
    case WITNESS_ENDED:
        return;
    }
}

/* Frames of a server that should not send: what it was told was lost. */
static void uninvited_media(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    const struct witness_server *s = &w->servers[server];
    bool hot = s->hot_told && s->role == WITNESS_ROLE_WARM && w->config.hot;
    bool invited = s->hedge.active || w->attempt.server == server || hot;
    bool believes = (s->epoch_asked > 0 || s->hot_told) && w->epoch > 0;
    if (invited || w->state == WITNESS_OPENING || !instant_reached(t->now, s->release_at))
        return;
    if (believes)
        witness_release(t, server);
    else if (instant_before(t->now, s->cancel_until))
        witness_cancel(t, server);
}

void witness_fact_frame_arrived(const struct turn *t, uint8_t server, uint64_t frame,
                                enum playout_result result) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    bool useful = result == PLAYOUT_NEW || result == PLAYOUT_SPARE || result == PLAYOUT_DUPLICATE;
    s->frames++;
    if (useful)
        s->media_at = t->now;
    if (instant_is_never(s->framed_at))
        s->framed_at = t->now;
    witness_move_framed(w, server, t->now);
    witness_hedge_answered(t, server, true);
    if (server == w->hot.server && useful)
        witness_hot_frame(t, server, frame);
    if (server == w->serving) {
        /* Frames that come too late to be heard are no schedule: a server that sends nothing else
         * would be followed for ever, and the next one asked to be as late. */
        if (useful) {
            if (w->stats.commits == 0) /* its source is open: what it got for that is over */
                w->follow_at = instant_min(w->follow_at, t->now);
            if (!w->schedule.stale && schedule_known(&w->schedule))
                witness_frame_in_order(t, frame);
            else if (!schedule_known(&w->schedule))
                witness_first_frame(t, frame);
            if (w->filler.server == server) { /* what it filled goes on as a schedule */
                witness_filler_heard(t, server, frame);
                witness_filler_clear(w);
            }
            schedule_frame_arrived(&w->schedule, frame, t->now);
            serving_media(t);
        }
    } else {
        uninvited_media(t, server);
        if (useful)
            witness_filler_heard(t, server, frame);
    }
    struct witness_attempt *a = &w->attempt;
    if (w->state == WITNESS_MOVING && server == a->server && a->granted && useful &&
        ++a->heard >= w->config.overlap_frames)
        witness_follow(t);
}

/* It has room again: that it said for how long to keep away does not matter any more. */
static void undrained(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    s->refusal = ERR_OK;
    s->not_before = instant_min(s->not_before, t->now);
    if (s->role == WITNESS_ROLE_WARM)
        s->standby_at = instant_min(s->standby_at, t->now);
}

/* A cookie opens the way for what was waiting for it. */
static void open_way(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    if (w->attempt.server == server && !w->attempt.granted)
        witness_attempt_send(t);
    else if (s->hedge.active && !s->hedge.answered)
        witness_hedge_ask(t, server);
    else if (s->role == WITNESS_ROLE_WARM && !instant_is_never(s->standby_at))
        s->standby_at = t->now;
}

/* A server that was started anew since its last cookie refuses that one. By then the answer to the
 * hello that went out beside it may be here, and what was asked last went out before. */
static void cookie_refused(const struct turn *t, uint8_t server) {
    struct path *p = &t->w->servers[server].path;
    bool newer =
        path_has_cookie(p, t->now) && instant_since(t->now, p->cookie_at).us < path_rtt(p).us / 2;
    if (newer) {
        open_way(t, server);
        return;
    }
    path_cookie_forget(p); /* the next one serves whoever waits */
    witness_send_hello(t, server);
}

void witness_fact_cookie_received(const struct turn *t, uint8_t server,
                                  const struct message_cookie *m) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    bool had = path_has_cookie(&s->path, t->now);
    path_cookie_received(&s->path, &m->cookie, t->now);
    if (s->refusal == ERR_DRAINING && m->free_slots > 0)
        undrained(t, server);
    if (!had)
        open_way(t, server);
}

static void commit_granted(const struct turn *t, uint8_t server, const struct message_grant *m) {
    witness_commit_granted(t, server, m->epoch);
    if (server == t->w->serving && m->epoch == t->w->epoch)
        t->w->lease_ms = m->lease_ms;
}

void witness_fact_granted(const struct turn *t, uint8_t server, const struct message_grant *m) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    switch (m->purpose) {
    case RESUME_STANDBY:
        witness_standby_granted(t, server, m->lease_ms);
        return;
    case RESUME_HOT:
        s->mergeable_from = w->config.mergeable ? m->mergeable_from : FRAME_NEVER;
        playout_mergeable_from(w->playout, server, s->mergeable_from);
        witness_hot_granted(t, server, m->epoch, m->lease_ms);
        return;
    case RESUME_HEDGE:
    case RESUME_COMMIT:
        s->mergeable_from = w->config.mergeable ? m->mergeable_from : FRAME_NEVER;
        playout_mergeable_from(w->playout, server, s->mergeable_from);
        if (m->purpose == RESUME_HEDGE)
            witness_hedge_answered(t, server, false);
        else
            commit_granted(t, server, m);
        return;
    case RESUME_RELEASE:
        if (server != w->serving && w->attempt.server != server)
            s->epoch_asked = 0;
        s->hot_told &= s->hot;
        return;
    case RESUME_CANCEL:
        s->cancel_until = t->now;
        return;
    }
}

static void hedge_refused(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    w->servers[server].hedge = WITNESS_HEDGE_NONE;
    if (w->state == WITNESS_HEDGING || w->state == WITNESS_COMMITTING || w->state == WITNESS_ENDING)
        witness_hedge_next(t);
}

/* The serving server does not know us, or believes us elsewhere: no need to wait for silence. */
static void service_refused(const struct turn *t) {
    struct witness *w = t->w;
    if (w->state == WITNESS_FOLLOWING)
        witness_media_missing(t);
    if (w->state != WITNESS_MISSING && w->state != WITNESS_HEDGING)
        return;
    if (witness_may_reseat(w, t->now))
        witness_reseat(t);
}

static void commit_refused(const struct turn *t, const struct message_refuse *m) {
    struct witness *w = t->w;
    if (w->servers[w->attempt.server].refusal == m->error)
        w->refusal = m->error; /* and not one that is asked anew at once */
    if (m->error == ERR_SOURCE_ENDED && w->state != WITNESS_MOVING)
        witness_begin_ending(t, ERR_SOURCE_ENDED, FRAME_NEVER);
    else
        witness_attempt_next(t);
}

void witness_fact_refused(const struct turn *t, uint8_t server, const struct message_refuse *m) {
    struct witness *w = t->w;
    w->stats.refusals++;
    trace_linef(t->out->trace, t->now, "%s refuses: %s (%s), again in %u ms",
                witness_server_name(w, server), resume_purpose_name(m->purpose), err_name(m->error),
                m->retry_after_ms);
    if (m->error == ERR_BAD_COOKIE) {
        cookie_refused(t, server);
        return;
    }
    bool asked = w->attempt.server == server && !w->attempt.granted;
    if (m->purpose == RESUME_COMMIT && asked && m->counter < w->attempt.counter)
        return; /* a copy of an earlier question */
    if (m->purpose == RESUME_COMMIT && server == w->serving && !asked) {
        /* A report under the epoch before may be refused after the grant of this one has come. */
        if (m->counter > w->follow_counter)
            service_refused(t);
        return;
    }
    if (m->purpose == RESUME_CANCEL || m->purpose == RESUME_RELEASE)
        return;
    if (m->purpose == RESUME_HOT)
        w->servers[server].hot_asks = 0;
    if (m->purpose == RESUME_HOT && m->error == ERR_BUDGET) {
        witness_hot_refused(t, server, m->retry_after_ms);
        return;
    }
    witness_server_refused(t, server, m);
    if (m->purpose == RESUME_HEDGE)
        hedge_refused(t, server);
    else if (m->purpose == RESUME_COMMIT && asked)
        commit_refused(t, m);
}

/* Our server is to be left: by its own wish, or because it cannot go on. */
static void leave(const struct turn *t, enum move_cause cause, uint8_t target, bool sends_on) {
    struct witness *w = t->w;
    bool at_ease = sends_on && w->state == WITNESS_FOLLOWING;
    if (w->state == WITNESS_FOLLOWING)
        witness_begin_missing(t, t->now);
    if (target == SERVER_NONE || target == w->serving)
        target = witness_choose_server(w, t->now, false);
    w->decided_at = t->now;
    if (target == SERVER_NONE && sends_on)
        return;
    witness_attempt_start(t, at_ease ? WITNESS_MOVING : WITNESS_COMMITTING, cause, target);
    w->attempt.wished = sends_on;
}

static uint8_t find_target(const struct witness *w, const struct key_hint *hint) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && key_hint_equal(&w->servers[i].address.hint, hint))
            return i;
    return SERVER_NONE;
}

/* Whoever leaves a bad path must be able to come back from a worse one: it goes only if there is
 * room for two. */
static bool has_gained_enough(const struct witness *w, enum move_cause cause, struct instant now) {
    int room = cause == MOVE_CAUSE_RETURN ? 1 : 2;
    struct instant first = w->gained[WITNESS_GAINS_MAX - room];
    return witness_is_for_gain(cause) && !instant_is_never(first) &&
           instant_before(now, instant_add(first, WITNESS_GAINS_WITHIN));
}

/* It said so since it drained; whoever drains and sends us there has heard from it since. */
static bool is_put_off(const struct witness_server *s, const struct message_notice *m,
                       struct instant now) {
    bool drained = s->refusal == ERR_DRAINING && m->cause == MOVE_CAUSE_DRAIN;
    return !witness_may_be_asked(s, now) && !drained;
}

/* Who has refused us and said when to ask again is not asked before. A drain leads elsewhere, then;
 * another wish, to be at that very server, comes again, and so does one that we do not know. */
static void move_asked(const struct turn *t, const struct message_notice *m) {
    uint8_t target = find_target(t->w, &m->target);
    bool one = witness_is_for_one(m);
    if (has_gained_enough(t->w, m->cause, t->now)) {
        t->w->stats.gains_denied++;
        trace_linef(t->out->trace, t->now, "moved often enough of late -> staying at %s",
                    witness_server_name(t->w, t->w->serving));
        return;
    }
    if (target != SERVER_NONE && is_put_off(&t->w->servers[target], m, t->now))
        target = SERVER_NONE;
    if (one && (target == SERVER_NONE || target == t->w->serving))
        return;
    leave(t, m->cause, target, true);
    t->w->attempt.only = one;
}

static bool is_settled(const struct witness *w) {
    return w->state == WITNESS_FOLLOWING || w->state == WITNESS_MISSING ||
           w->state == WITNESS_HEDGING;
}

static void end_noticed(const struct turn *t, enum err why, uint64_t end) {
    struct witness *w = t->w;
    bool others = witness_choose_server(w, t->now, false) != SERVER_NONE;
    if (why == ERR_SOURCE_ENDED || (!others && w->attempt.server == SERVER_NONE)) {
        witness_begin_ending(t, why, end);
        return;
    }
    /* This server cannot go on; another may. */
    w->end_error = why;
    if (is_settled(w))
        leave(t, why == ERR_DRAINING ? MOVE_CAUSE_DRAIN : MOVE_CAUSE_DEGRADED, SERVER_NONE, false);
}

/* Who has just come stays for a while, though it would fare better elsewhere: where many are late
 * all at once they would only chase one another. It is asked again until a report says that it has
 * seen this. A drain does not wait. */
static bool is_too_soon(const struct witness *w, const struct message_notice *m,
                        struct instant now) {
    return m->what == NOTICE_MOVE && witness_is_for_gain(m->cause) &&
           instant_before(now, w->dwell_until);
}

void witness_fact_noticed(const struct turn *t, uint8_t server, const struct message_notice *m) {
    struct witness *w = t->w;
    /* A notice answers nothing, so it has no nonce of ours: only who knows the session's id, which
     * is random and never leaves the path, can have written it. */
    if (!session_id_equal(&m->session, &w->config.session)) {
        w->stats.forged++;
        return;
    }
    witness_heard(t, server);
    if (is_too_soon(w, m, t->now))
        return;
    bool from_serving = server == w->serving;
    bool speaks = from_serving || w->servers[server].hedge.active || w->attempt.server == server;
    if (!speaks || (from_serving && m->number <= w->notice) || w->state == WITNESS_ENDING)
        return;
    if (from_serving) {
        w->notice = m->number;
        witness_send_report(t); /* says that it was seen */
    }
    trace_linef(t->out->trace, t->now, "%s: notice %u, %s (%s)", witness_server_name(w, server),
                m->number, m->what == NOTICE_MOVE ? "please move" : "no more media",
                m->what == NOTICE_MOVE ? witness_server_name(w, find_target(w, &m->target))
                                       : err_name(m->error));
    switch (m->what) {
    case NOTICE_MOVE:
        if (from_serving && is_settled(w))
            move_asked(t, m);
        return;
    case NOTICE_END:
        if (from_serving || m->error == ERR_SOURCE_ENDED)
            end_noticed(t, m->error, m->end);
        return;
    }
}

void witness_fact_backups_told(const struct turn *t, uint8_t server, uint64_t nonce,
                               const struct message_named *m) {
    struct witness *w = t->w;
    bool ours = session_id_equal(&m->session, &w->config.session) && nonce != 0 &&
                (nonce == w->reported[0] || nonce == w->reported[1]);
    if (!ours) {
        w->stats.forged++;
        return;
    }
    witness_heard(t, server);
    if (server != w->serving || w->state == WITNESS_ENDING)
        return; /* who does not serve us any more has nothing to say about it */
    uint32_t mark = named_mark(m);
    if (mark != w->told || server != w->told_by) {
        trace_linef(t->out->trace, t->now, "%s names %u other backups, %s first",
                    witness_server_name(w, server), m->count, m->list[0].name.text);
        witness_backups_replace(t, m->list, m->count);
    }
    w->told = mark;
    w->told_by = server;
    w->told_reports = TOLD_REPORTS;
    witness_send_report(t); /* says that it was taken up */
}
