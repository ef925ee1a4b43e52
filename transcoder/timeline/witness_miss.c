#include "transcoder/timeline/servo.h"
#include "transcoder/timeline/witness_inner.h"

#define MISS_FRAMES   2   /* frame times past the expected arrival, and … */
#define MISS_JITTER   4   /* … times the jitter: losing two frames in a row is no event */
#define COMMIT_MISSES 4   /* miss times of silence */
#define PINGPONG      3   /* by so much is each wait longer once the budget of moves is used up */
#define ANSWER_MS     60  /* [ms] over a round trip for an answer to it */
#define PROBE_MS      100 /* [ms] between questions for a sign of life … */
#define PROBE_FAST_MS 40  /* [ms] … on a path that may lose many in a row: see PATH_PENDING_MAX */
#define BEAR_MS_MAX   3000 /* [ms] of silence that is like lapses before */
#define RESEAT_MS     5000 /* [ms] in which a server is asked only once to take up again */

/* ---- clocks ---- */

struct duration witness_miss_time(const struct witness *w) {
    struct duration jitter = duration_scale(schedule_jitter(&w->schedule), MISS_JITTER, 1);
    struct duration miss = duration_add(duration_scale(w->config.frame, MISS_FRAMES, 1), jitter);
    return duration_min(duration_max(miss, w->config.miss_min), w->config.miss_max);
}

struct duration witness_commit_time(const struct witness *w, struct instant now) {
    struct duration commit = duration_scale(witness_miss_time(w), COMMIT_MISSES, 1);
    commit = duration_min(duration_max(commit, w->config.commit_min), w->config.commit_max);
    return budget_left(&w->moves, now) > 0 ? commit : duration_scale(commit, PINGPONG, 1);
}

/* When frame `config.first_frame` was here, and with it every other: by the playout clock, a depth
 * before its instant. */
static struct instant begun(const struct witness *w) {
    struct instant first = playout_due(w->playout, w->playout->config.first_frame);
    return instant_sub(first, w->playout->config.depth);
}

uint64_t witness_live_now(const struct witness *w, struct instant now) {
    const struct playout *p = w->playout;
    if (instant_is_never(begun(w)) || instant_before(now, begun(w)))
        return p->config.first_frame;
    return p->config.first_frame + (uint64_t)(instant_since(now, begun(w)).us / p->config.frame.us);
}

/* Half a trip until it is asked, half until its frame is here: that is the frame which should come
 * in a whole trip from now, rounded up so that a new server leads by less than a frame and never
 * lags. "Should" is by the playout clock, a depth before the frame is due, and not by the path that
 * serves: then moves one after another add up to nothing, and each gives the buffer its full depth
 * back. */
uint64_t witness_live_at(const struct witness *w, uint8_t server, struct instant now) {
    const struct playout *p = w->playout;
    if (instant_is_never(begun(w)))
        return p->next;
    struct duration trip = path_rtt(&w->servers[server].path);
    return witness_live_now(
        w, instant_add(now, duration_add(trip, duration_us(p->config.frame.us - 1))));
}

/* The clocks of listener and server differ, and here is by how much that has told so far: what the
 * serving path's arrivals are behind the playout clock's grid. Nobody knows between two servers. */
static int32_t lag_us(const struct witness *w, int64_t offset_us) {
    const struct playout_config *p = &w->playout->config;
    int64_t us = offset_us + (int64_t)p->first_frame * p->frame.us - begun(w).us;
    return us <= INT32_MIN ? -INT32_MAX : us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

static bool knows_lag(const struct witness *w) {
    return !instant_is_never(begun(w)) && schedule_known(&w->schedule) && !w->schedule.stale;
}

int32_t witness_lag_of(const struct witness *w, const struct schedule *s) {
    const int64_t *us = s->offset_us;
    bool known = !instant_is_never(begun(w)) && schedule_known(s) && !s->stale;
    return known ? lag_us(w, us[0] < us[1] ? us[0] : us[1]) : MESSAGE_LAG_UNKNOWN;
}

int32_t witness_lag_us(const struct witness *w) {
    return witness_lag_of(w, &w->schedule);
}

bool witness_lag_stays(const struct witness *w) {
    const struct schedule *s = &w->schedule;
    return knows_lag(w) && servo_is_content(lag_us(w, s->offset_us[0])) &&
           servo_is_content(lag_us(w, s->offset_us[1])) &&
           servo_is_content(lag_us(w, s->transit_us));
}

/* When the next frame of the serving path should have come. A path whose delay has grown is judged
 * by its last frame: `expected` needs a while to forget the shorter way. A packet that claims a
 * later place cannot put us to sleep: it pulls the offset down by just as much. */
static struct instant media_expected(const struct witness *w) {
    struct instant at = w->follow_at;
    struct instant last = w->servers[w->serving].media_at;
    if (!instant_is_never(last))
        at = instant_max(at, last);
    if (schedule_known(&w->schedule) && !w->schedule.stale)
        at = instant_max(at, schedule_expected(&w->schedule, w->schedule.high));
    return at;
}

struct instant witness_miss_at(const struct witness *w) {
    return instant_add(media_expected(w), witness_miss_time(w));
}

struct instant witness_silent_since(const struct witness *w) {
    struct instant heard = w->servers[w->serving].path.heard;
    return instant_is_never(heard) ? w->follow_at : heard;
}

/* A hedge keeps the listener whole until then, and longer if more of its frames come: they may be
 * late as the serving path may be before it is given up. Before the first useful one (a straggler
 * of an earlier hedge is none) it may have been asked in vain a few times. */
static struct instant covered_by(const struct witness *w, const struct witness_server *s) {
    if (!instant_is_never(s->media_at) && !instant_before(s->media_at, w->miss_since))
        return instant_add(s->media_at, w->config.commit_max);
    struct duration trip = duration_min(path_rtt(&s->path), w->config.commit_max);
    return instant_add(s->hedge.asked, duration_add(trip, w->config.commit_min));
}

static struct instant covered_until(const struct witness *w) {
    struct instant at = w->miss_since;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && w->servers[i].hedge.active)
            at = instant_max(at, covered_by(w, &w->servers[i]));
    return at;
}

/* What would be decided at `at` can wait while nothing is lost by it, and what began at `since` is
 * like what passed by itself before. */
static struct instant bear(const struct witness *w, struct instant since, struct instant at) {
    return instant_max(at, instant_min(covered_until(w), instant_add(since, w->bear)));
}

/* Silence counts only where an answer was due: the path must also have had a round trip to answer
 * the question for a sign of life. */
struct instant witness_silent_at(const struct witness *w, struct instant now) {
    struct duration trip = path_rtt(&w->servers[w->serving].path);
    trip = duration_min(duration_add(trip, duration_ms(ANSWER_MS)), w->config.commit_max);
    struct instant at = instant_add(witness_silent_since(w), witness_commit_time(w, now));
    at = instant_max(at, instant_add(w->probed_at, trip));
    at = instant_max(at, witness_compared_at(w));
    return bear(w, witness_silent_since(w), at);
}

/* What lately was missing counts on until media has come for as long: a path that delivers a frame
 * now and then is no path. One that loses less than half is one, in whatever bursts: where they are
 * the listener's own access each other way loses as much. */
static struct duration debt(const struct witness *w) {
    int64_t left = w->debt_us - instant_since(w->miss_since, w->debt_at).us;
    return duration_us(left > 0 ? left : 0);
}

void witness_owe_missing(struct witness *w, struct instant now) {
    w->debt_us = debt(w).us + instant_since(now, w->miss_since).us;
    w->debt_at = now;
}

/* A path that is silent is no zombie: it is left for what was missing lately once that outlasts
 * what is borne, and not before anybody else is heard. */
static struct instant silent_too_often_at(const struct witness *w) {
    struct instant borne = instant_add(w->miss_since, duration_us(w->bear.us - debt(w).us));
    return instant_max(witness_compared_at(w), instant_min(covered_until(w), borne));
}

static struct instant degraded_at(const struct witness *w, struct instant now) {
    struct duration left = duration_us(w->config.zombie.us - debt(w).us);
    struct instant at = instant_add(w->miss_since, left);
    at = instant_max(at, instant_add(witness_back_since(w), witness_commit_time(w, now)));
    if (!instant_before(w->miss_since, witness_silent_since(w)))
        at = instant_max(at, silent_too_often_at(w));
    return instant_max(at, w->dwell_until);
}

struct instant witness_bare_since(const struct witness *w) {
    return w->again > 0 ? w->servers[w->serving].media_at : w->miss_since;
}

bool witness_may_reseat(const struct witness *w, struct instant now) {
    return instant_is_never(w->reseated_at) ||
           !duration_less(instant_since(now, w->reseated_at), duration_ms(RESEAT_MS));
}

/* Alive but mute for as long as we would bear silence: it may have been started anew. Whose frames
 * come again is not mute, and one that has fallen silent since is not asked before it is heard.
 * (What hedges do meanwhile does not count: an instant that came nearer would find it silent.) */
struct instant witness_reseat_at(const struct witness *w, struct instant now) {
    if (!witness_may_reseat(w, now) || !instant_before(w->miss_since, witness_silent_since(w)))
        return INSTANT_NEVER;
    struct duration commit = witness_commit_time(w, now);
    struct duration borne = duration_min(w->bear, w->config.zombie);
    struct duration wait = w->hedged ? duration_max(commit, borne) : commit;
    struct instant at = instant_add(w->miss_since, wait);
    struct instant bare = instant_max(witness_bare_since(w), witness_back_since(w));
    at = instant_max(at, instant_add(bare, commit));
    return instant_reached(at, instant_add(witness_silent_since(w), commit)) ? INSTANT_NEVER : at;
}

static struct duration bearable(const struct witness *w, struct instant now) {
    if (lapses_are_unknown(&w->lapses, w->config.young, now))
        return w->config.commit_max;
    return duration_min(lapses_bear(&w->lapses, w->config.frame, now), duration_ms(BEAR_MS_MAX));
}

static struct duration probe_every(const struct witness *w) {
    return duration_ms(w->bear.us > 0 ? PROBE_FAST_MS : PROBE_MS);
}

/* ---- media missing, media again ---- */

void witness_begin_missing(const struct turn *t, struct instant since) {
    struct witness *w = t->w;
    w->miss_since = since;
    w->miss_lost = w->playout->stats.lost;
    w->miss_duplicates = w->playout->stats.duplicates;
    w->decided_at = INSTANT_NEVER;
    w->hedged = false;
    w->again = 0;
    w->bear = bearable(w, t->now);
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        w->servers[i].framed_at = INSTANT_NEVER;
    w->probed_at = t->now;
    w->probe_at = instant_add(t->now, probe_every(w));
    witness_others_begin(w);
    witness_send_hello(t, w->serving);
}

void witness_media_missing(const struct turn *t) {
    /* A refusal can come before anything is missing. */
    witness_begin_missing(t, instant_min(media_expected(t->w), t->now));
    witness_hedges_forget(t->w);
    bool covered = witness_hot_cover(t);
    bool spared = !covered && witness_hedge_is_spared(t);
    t->w->stats.budget_denied += spared;
    covered = covered || (!spared && witness_hedge_next(t));
    witness_set_state(t, covered ? WITNESS_HEDGING : WITNESS_MISSING);
}

bool witness_has_holes(const struct turn *t) {
    const struct playout *p = t->w->playout;
    return playout_missing(p, t->now) < p->high;
}

void witness_media_again(const struct turn *t) {
    struct witness *w = t->w;
    int64_t missing_us = instant_since(t->now, w->miss_since).us;
    bool holes = witness_has_holes(t);
    trace_linef(t->out->trace, t->now, "%s: media again after %lld ms%s",
                witness_server_name(w, w->serving), (long long)(missing_us / 1000),
                w->state != WITNESS_HEDGING ? ""
                : holes                     ? " -> cancel once the hole is filled"
                                            : " -> cancel");
    witness_owe_missing(w, t->now);
    w->stats.cancels += w->state == WITNESS_HEDGING;
    if (!holes)
        witness_hedges_cancel(t, SERVER_NONE);
    witness_set_state(t, WITNESS_FOLLOWING);
}

/* While a commit is being asked for that nobody has granted, the old server may come back: then
 * nothing has changed, and whoever was asked is released under an epoch of its own. */
void witness_commit_needless(const struct turn *t) {
    struct witness *w = t->w;
    trace_linef(t->out->trace, t->now, "%s: media again -> no commit",
                witness_server_name(w, w->serving));
    witness_hedges_cancel(t, SERVER_NONE);
    w->epoch_high++;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && i != w->serving && w->servers[i].epoch_asked > w->epoch)
            witness_release(t, i);
    witness_attempt_clear(w);
    w->stats.cancels++;
    witness_set_state(t, WITNESS_FOLLOWING);
}

void witness_keep_probing(const struct turn *t) {
    struct witness *w = t->w;
    if (!witness_is_server(w, w->serving) || !instant_reached(t->now, w->probe_at))
        return;
    witness_send_hello(t, w->serving);
    witness_ask_others(t);
    w->probe_at = instant_add(t->now, probe_every(w));
}

void witness_overslept(const struct turn *t) {
    struct witness *w = t->w;
    if (w->state != WITNESS_MISSING && w->state != WITNESS_HEDGING)
        return;
    w->probed_at = t->now;
    w->probe_at = t->now;
}

void witness_reseat(const struct turn *t) {
    struct witness *w = t->w;
    trace_linef(t->out->trace, t->now,
                "%s: lives, but sends no media -> asking it to take up again",
                witness_server_name(w, w->serving));
    w->reseated_at = t->now;
    witness_attempt_start(t, WITNESS_COMMITTING, MOVE_CAUSE_CRASHED, w->serving);
}

/* ---- time, state by state ---- */

void witness_time_missing(const struct turn *t) {
    struct witness *w = t->w;
    budget_look(&w->moves, t->now); /* the deadlines of these waits count with what was left then */
    if (instant_reached(t->now, witness_silent_at(w, t->now))) {
        trace_linef(t->out->trace, t->now, "%s: silent for %lld ms",
                    witness_server_name(w, w->serving),
                    (long long)duration_in_ms(instant_since(t->now, witness_silent_since(w))));
        witness_attempt_start(t, WITNESS_COMMITTING, MOVE_CAUSE_CRASHED, SERVER_NONE);
        return;
    }
    if (instant_reached(t->now, witness_reseat_at(w, t->now))) {
        witness_reseat(t);
        return;
    }
    bool elsewhere = witness_choose_server(w, t->now, false) != SERVER_NONE;
    if (elsewhere && instant_reached(t->now, degraded_at(w, t->now))) {
        trace_linef(t->out->trace, t->now, "%s: lives without media",
                    witness_server_name(w, w->serving));
        witness_attempt_start(t, WITNESS_COMMITTING, MOVE_CAUSE_DEGRADED, SERVER_NONE);
        return;
    }
    bool look = instant_reached(t->now, w->probe_at);
    witness_keep_probing(t);
    witness_keep_hedges(t);
    if (look && !witness_is_hedging(w) && !witness_hot_cover(t) && !witness_hedge_is_spared(t))
        witness_hedge_next(t);
    bool hedging = witness_is_hedging(w);
    if (hedging != (w->state == WITNESS_HEDGING))
        witness_set_state(t, hedging ? WITNESS_HEDGING : WITNESS_MISSING);
}

void witness_time_moving(const struct turn *t) {
    struct witness *w = t->w;
    if (!instant_reached(t->now, witness_miss_at(w))) {
        witness_keep_attempt(t);
        return;
    }
    /* The old server did not last until the move was over. */
    witness_begin_missing(t, media_expected(w));
    w->decided_at = t->now;
    if (w->attempt.granted) {
        witness_follow(t); /* what the old one did not send is repaired */
        return;
    }
    witness_set_state(t, WITNESS_COMMITTING);
    witness_attempt_send(t);
}
