#include "transcoder/timeline/witness_inner.h"

#include <assert.h>

#define SECOND_MS     20  /* [ms] after the first: a commit is repeated, in case it was lost */
#define THIRD_MS      40  /* [ms] after the second */
#define AGAIN_MS      100 /* [ms] after each further one, until it is answered */
#define ROUND_MS      500 /* [ms] between two rounds over all servers */
#define GRACE_MS      150 /* [ms] a new server that we did not hear yet gets to begin, and a trip */
#define PATIENCE_MAX  3000 /* [ms] for an answer: twice what was too short, and no more */
#define REPAIRS_MAX   4    /* questions for frames that a move left out */
#define REPAIR_MS     20   /* [ms] over a round trip between them */
#define BEGIN_MS      100  /* [ms] over a round trip for the next frame of who begins among many */
#define SETTLE_MS_MAX 100  /* [ms] after which a move is reported although nobody took frames */
#define TALE_REPORTS  8    /* every other one of these tells of a move */

/* ---- whom to ask ---- */

/* Numbered order: 1. hedging and heard, 2. standby granted, 3. answers hellos, 4. others, 5. the
 * one that serves; within each by rank. */
static uint32_t score(const struct witness *w, uint8_t server) {
    const struct witness_server *s = &w->servers[server];
    uint32_t class = 3;
    if (server == w->serving)
        class = 4;
    else if (s->hedge.active && s->hedge.answered)
        class = 0;
    else if (!instant_is_never(s->standby_until) && s->path.hellos_missed < 2)
        class = 1;
    else if (s->path.hellos_answered > 0 && s->path.hellos_missed < 2)
        class = 2;
    return class << 8 | s->rank;
}

uint8_t witness_choose_server(const struct witness *w, struct instant now, bool serving_too) {
    uint8_t best = SERVER_NONE;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        if (!witness_is_server(w, i) || (i == w->serving && !serving_too) ||
            (w->attempt.tried >> i & 1) || !witness_may_be_asked(&w->servers[i], now))
            continue;
        if (best == SERVER_NONE || score(w, i) < score(w, best))
            best = i;
    }
    return best;
}

/* ---- asking ---- */

void witness_attempt_clear(struct witness *w) {
    w->attempt = (struct witness_attempt){
        .server = SERVER_NONE,
        .from = SERVER_NONE,
        .again = INSTANT_NEVER,
        .until = INSTANT_NEVER,
        .give_up = INSTANT_NEVER,
    };
}

void witness_attempt_send(const struct turn *t) {
    struct witness *w = t->w;
    struct witness_attempt *a = &w->attempt;
    struct witness_server *s = &w->servers[a->server];
    if (a->sends < UINT8_MAX)
        a->sends++;
    a->again = instant_add(t->now, duration_ms(a->sends == 1   ? SECOND_MS
                                               : a->sends == 2 ? THIRD_MS
                                                               : AGAIN_MS));
    if (!path_has_cookie(&s->path, t->now)) {
        witness_send_hello(t, a->server); /* its answer makes the commit go out at once */
        return;
    }
    if (a->sends == 1) {
        witness_send_hello(t, a->server); /* its way may have changed with whatever happened */
        witness_hedge_displaced(t, a->server);
    }
    uint64_t live = witness_live_at(w, a->server, t->now);
    uint64_t from = playout_missing(w->playout, t->now);
    /* Make before break: the target begins a little ahead, while the old one sends on. */
    if (w->state == WITNESS_MOVING)
        from = live + w->config.lead_frames;
    a->begins = from;
    witness_send_wanted(t, a->server, RESUME_COMMIT, a->epoch, a->cause, from, live);
}

/* Asks one server under a fresh epoch. */
static void ask(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    struct witness_attempt *a = &w->attempt;
    struct witness_server *s = &w->servers[server];
    struct duration trips = duration_scale(path_rtt(&s->path), 2, 1);
    struct duration patience = duration_add(w->config.attempt, trips);
    a->server = server;
    a->epoch = ++w->epoch_high;
    a->counter = w->counter + 1;
    a->sends = 0;
    a->granted = false;
    a->heard = 0;
    a->tried |= 1U << server;
    a->asked = t->now;
    a->trip = path_rtt(&s->path);
    a->until = instant_add(t->now, duration_max(patience, a->of[server].patience));
    a->of[server].at = t->now;
    s->epoch_asked = a->epoch;
    trace_linef(t->out->trace, t->now, "-> commit at %s under epoch %u (%s)", s->address.name.text,
                a->epoch, move_cause_name(a->cause));
    witness_attempt_send(t);
}

void witness_attempt_start(const struct turn *t, enum witness_state state, enum move_cause cause,
                           uint8_t server) {
    struct witness *w = t->w;
    witness_attempt_clear(w);
    w->attempt.cause = cause;
    w->attempt.from = w->serving;
    w->attempt.give_up = instant_add(t->now, w->config.give_up);
    if (instant_is_never(w->decided_at))
        w->decided_at = t->now;
    if (state != w->state)
        witness_set_state(t, state);
    if (server != SERVER_NONE)
        ask(t, server);
    else
        witness_attempt_next(t);
}

/* An error that neither time nor a newer epoch mends. */
static bool is_final(enum err e) {
    return e == ERR_SOURCE_FAILED || (e != ERR_OK && !err_retryable(e) && e != ERR_REPLAYED);
}

/* True, with the error, if every server has refused for good: the end is clear at once. */
static bool all_refused(const struct witness *w, enum err *why) {
    bool any = false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        if (!witness_is_server(w, i))
            continue;
        bool ended_itself = i == w->serving && is_final(w->end_error);
        if (!ended_itself && !is_final(w->servers[i].refusal))
            return false;
        if (!any || ended_itself)
            *why = ended_itself ? w->end_error : w->servers[i].refusal;
        any = true;
    }
    return any;
}

/* It has a slot for us, and will have time for us in a moment. */
static bool is_busy(const struct witness_server *s, struct instant now) {
    return s->refusal == ERR_BUSY && instant_before(now, s->not_before);
}

static void rest_until_next_round(const struct turn *t) {
    struct witness *w = t->w;
    struct instant soonest = INSTANT_NEVER;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i))
            soonest = instant_min(soonest, w->servers[i].not_before);
    w->attempt.server = SERVER_NONE;
    w->attempt.tried = 0;
    w->attempt.until = INSTANT_NEVER;
    w->attempt.again = instant_max(soonest, instant_add(t->now, duration_ms(ROUND_MS)));
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && is_busy(&w->servers[i], t->now))
            w->attempt.again = instant_min(w->attempt.again, w->servers[i].not_before);
    trace_linef(t->out->trace, t->now, "nobody serves us yet -> all servers again in %lld ms",
                (long long)duration_in_ms(instant_since(w->attempt.again, t->now)));
}

void witness_attempt_next(const struct turn *t) {
    struct witness *w = t->w;
    bool planned = w->state == WITNESS_MOVING;
    uint8_t next = planned && w->attempt.only && w->attempt.tried != 0
                       ? SERVER_NONE
                       : witness_choose_server(w, t->now, !planned);
    enum err why = ERR_UNREACHABLE;
    if (next != SERVER_NONE) {
        ask(t, next);
    } else if (planned) {
        trace_linef(t->out->trace, t->now, "nobody takes us -> staying at %s",
                    witness_server_name(w, w->serving));
        witness_attempt_clear(w);
        w->epoch_high++; /* whoever was asked is fenced by the releases below */
        for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
            if (witness_is_server(w, i) && i != w->serving && w->servers[i].epoch_asked > w->epoch)
                witness_release(t, i);
        witness_set_state(t, WITNESS_FOLLOWING);
    } else if (all_refused(w, &why)) {
        witness_finish(t, why);
    } else {
        rest_until_next_round(t);
    }
}

/* The time that it got did not suffice (RFC 6298 section 5.5). */
static void be_patient(struct witness_attempt *a, uint8_t server, struct instant now) {
    struct duration twice = duration_scale(instant_since(now, a->of[server].at), 2, 1);
    a->of[server].patience = duration_min(twice, duration_ms(PATIENCE_MAX));
}

static void no_answer(const struct turn *t) {
    struct witness_attempt *a = &t->w->attempt;
    struct instant heard = t->w->servers[a->server].path.heard;
    trace_linef(t->out->trace, t->now, "%s: no answer", witness_server_name(t->w, a->server));
    /* Who is not heard at all would only keep the others waiting. */
    if (!instant_is_never(heard) && instant_before(a->of[a->server].at, heard))
        be_patient(a, a->server, t->now);
    witness_attempt_next(t);
}

void witness_keep_attempt(const struct turn *t) {
    struct witness *w = t->w;
    struct witness_attempt *a = &w->attempt;
    if (instant_reached(t->now, a->give_up)) {
        if (w->state == WITNESS_MOVING) {
            a->tried = UINT32_MAX;
            witness_attempt_next(t);
            return;
        }
        /* Who was refused was not out of reach. */
        witness_finish(t, w->end_error != ERR_OK ? w->end_error
                          : w->refusal != ERR_OK ? w->refusal
                                                 : ERR_UNREACHABLE);
        return;
    }
    if (instant_reached(t->now, a->until)) {
        no_answer(t);
    } else if (instant_reached(t->now, a->again)) {
        if (a->server == SERVER_NONE)
            witness_attempt_next(t);
        else
            witness_attempt_send(t);
    }
}

struct instant witness_attempt_deadline(const struct witness *w) {
    const struct witness_attempt *a = &w->attempt;
    return instant_min(a->give_up, instant_min(a->again, a->until));
}

/* ---- granted ---- */

/* What the move looked like is known only when the output has passed it. */
static void open_move(const struct turn *t, uint64_t settled_at) {
    struct witness *w = t->w;
    const struct witness_attempt *a = &w->attempt;
    witness_move_settle(t, true);
    w->move = (struct witness_move){
        /* Whoever takes up again is no other than before. */
        .cause = a->server == a->from ? MOVE_CAUSE_NONE : a->cause,
        .from = w->servers[a->from].address.name,
        .to = w->servers[a->server].address.name,
        .epoch = a->epoch,
        .at = t->now,
        .detect_ms = duration_in_ms(instant_since(w->decided_at, w->miss_since)),
        .first_frame_ms = -1,
        .hedged = w->hedged,
    };
    w->move_open = true;
    w->move_to = a->server;
    w->move_miss = w->miss_since;
    w->move_framed = false;
    w->move_settled_at = settled_at;
    w->move_lost = w->miss_lost;
    w->move_duplicates = w->miss_duplicates;
    struct instant framed = w->servers[a->server].framed_at;
    if (!instant_is_never(framed))
        witness_move_framed(w, a->server, framed);
}

static void release_others(const struct turn *t) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        struct witness_server *s = &w->servers[i];
        if (!witness_is_server(w, i) || i == w->serving)
            continue;
        if (i == w->attempt.from || s->epoch_asked > 0)
            witness_release(t, i);
    }
}

static struct duration grace(const struct turn *t, uint8_t server) {
    const struct witness_server *s = &t->w->servers[server];
    bool heard = !instant_is_never(s->media_at) &&
                 duration_less(instant_since(t->now, s->media_at), t->w->config.miss_min);
    if (heard)
        return DURATION_ZERO;
    if (t->w->attempt.from == SERVER_NONE)
        return t->w->config.zombie; /* the first start may have a source to open */
    return duration_add(duration_ms(GRACE_MS), path_rtt(&s->path));
}

/* Its way is another one than was reckoned with when it was asked: all that comes is too late, and
 * it may be asked to take up anew, however lately it was. */
static void forgive_detour(struct witness *w, uint8_t server) {
    const struct path *p = &w->servers[server].path;
    if (p->rtt_smooth.us != DURATION_ENDLESS.us && path_is_far(p, w->attempt.trip))
        w->reseated_at = INSTANT_NEVER;
}

/* It went because it was asked to, and not because it heard nothing for long: on a bad path frames
 * may be missing as it is asked, or on the way. */
static void note_gain(struct witness *w, struct instant now) {
    if (!w->attempt.wished || !witness_is_for_gain(w->attempt.cause))
        return;
    memmove(&w->gained[1], &w->gained[0], sizeof(w->gained) - sizeof(w->gained[0]));
    w->gained[0] = now;
}

/* Whose way is bad is the last to go back to, as long as no list of backups says otherwise: who
 * left it would be the first to, if the one that he went to died. */
static void note_bad_way(struct witness *w, uint8_t old, uint8_t server, struct instant now) {
    if (w->servers[server].rank == WITNESS_RANK_LEFT)
        w->servers[server].rank = 0; /* it serves again */
    if (old == server || !witness_is_server(w, old) || w->attempt.cause != MOVE_CAUSE_DEGRADED)
        return;
    w->servers[old].rank = WITNESS_RANK_LEFT;
    w->servers[old].hello_at = instant_min(w->servers[old].hello_at, now);
}

void witness_follow(const struct turn *t) {
    struct witness *w = t->w;
    uint8_t server = w->attempt.server;
    uint8_t old = w->attempt.from;
    uint64_t live = witness_live_at(w, server, t->now);
    w->epoch = w->attempt.epoch;
    w->serving = server;
    w->follow_counter = w->counter;
    w->servers[server].refusal = ERR_OK;
    w->end_error = w->refusal = ERR_OK;
    w->follow_at = instant_add(t->now, grace(t, server));
    w->again = 0;
    w->unheard = 0;
    w->repairs = 0;
    w->repair_at = t->now;
    w->begins = w->attempt.begins;
    w->notice = 0; /* a server's numbers are its own */
    witness_owe_missing(w, t->now);
    if (old != server)
        w->debt_us = 0;
    playout_serving(w->playout, server, live);
    forgive_detour(w, server);
    note_bad_way(w, old, server, t->now);
    w->servers[server].hedge = WITNESS_HEDGE_NONE;
    witness_hot_over(w, server); /* it serves now */
    w->servers[server].hot_told = false;
    release_others(t);
    if (old != server) {
        w->servers[server].standby_until = INSTANT_NEVER;
        lapses_restart(&w->lapses, t->now);
        doubt_init(&w->doubt);
        schedule_restart(&w->schedule);
        nack_restart(&w->nack);
        if (w->filler.server != server)
            nack_forget(&w->nack);
    }
    if (w->filler.server != server)
        witness_filler_over(w); /* also where the old one took up again */
    if (old != SERVER_NONE) {
        w->stats.commits++;
        open_move(t, live);
        budget_spend(&w->moves, t->now);
        note_gain(w, t->now);
        if (old != server)
            w->dwell_until = instant_add(t->now, w->config.dwell);
    }
    trace_linef(t->out->trace, t->now, "%s serves under epoch %u", witness_server_name(w, server),
                w->epoch);
    witness_attempt_clear(w);
    witness_assign_roles(t);
    w->report_at = w->report_next = t->now;
    witness_set_state(t, WITNESS_FOLLOWING);
}

/* True if `from`, which should be here by now or before a frame that is, was left out: a later one
 * has come, or the server was not asked for it (the old one was to send it), or says nothing. Where
 * many begin at once each is sent what it lacks by position and a little at a time, and whoever
 * asked for what is about to come would keep the others waiting for theirs. */
static bool is_left_out(const struct witness *w, uint64_t from, struct instant now) {
    const struct witness_server *s = &w->servers[w->serving];
    if (from < w->playout->high)
        return true;
    if (from >= witness_live_now(w, now))
        return false;
    if (from < w->begins)
        return true;
    struct instant heard =
        instant_is_never(s->media_at) ? w->move.at : instant_max(s->media_at, w->move.at);
    struct duration wait = duration_add(path_rtt(&s->path), duration_ms(BEGIN_MS));
    return instant_reached(now, instant_add(heard, wait));
}

/* Holes that a move left: frames that neither server sent, or that were lost on the way. The new
 * server is asked for them by repeating its commit, which is idempotent. It is looked for them
 * until the output has passed the move, and a few times more. */
void witness_keep_repairs(const struct turn *t) {
    struct witness *w = t->w;
    if (!instant_reached(t->now, w->repair_at))
        return;
    struct witness_server *s = &w->servers[w->serving];
    uint64_t from = playout_missing(w->playout, t->now);
    bool hole = is_left_out(w, from, t->now);
    if (hole && path_has_cookie(&s->path, t->now))
        witness_send_wanted(t, w->serving, RESUME_COMMIT, w->epoch, MOVE_CAUSE_NONE, from,
                            witness_live_at(w, w->serving, t->now));
    struct duration wait = duration_add(path_rtt(&s->path), duration_ms(REPAIR_MS));
    if (hole || !w->move_open)
        w->repairs++;
    bool done = w->repairs >= REPAIRS_MAX;
    w->repair_at = done ? INSTANT_NEVER : instant_add(t->now, wait);
    w->begins = done ? 0 : w->begins;
}

/* The server that serves was asked to take up again; others were asked after it, or it delivered
 * before its answer came. It knows us under that epoch now and would refuse reports of the old
 * one; whoever was asked later is fenced by a newer one. */
static void adopt(const struct turn *t, uint32_t epoch) {
    struct witness *w = t->w;
    w->epoch = epoch;
    w->follow_counter = w->counter;
    w->report_at = w->report_next = t->now;
    trace_linef(t->out->trace, t->now, "%s serves on under epoch %u",
                witness_server_name(w, w->serving), epoch);
}

/* A grant of the epoch before: it may not be followed, for another was asked under a newer one, but
 * whoever gave it lives, and that other has not said a word. Once an attempt, lest two slow ones
 * take turns. */
static bool asked_anew(const struct turn *t, uint8_t server, uint32_t epoch) {
    struct witness *w = t->w;
    struct witness_attempt *a = &w->attempt;
    struct witness_server *s = &w->servers[server];
    bool asking = w->state == WITNESS_OPENING || w->state == WITNESS_COMMITTING;
    if (!asking || a->returned || a->server == server || server == w->serving ||
        epoch != s->epoch_asked || epoch <= w->epoch)
        return false;
    trace_linef(t->out->trace, t->now, "%s grants epoch %u too late -> asking it anew",
                s->address.name.text, epoch);
    be_patient(a, server, t->now);
    a->returned = true;
    ask(t, server);
    return true;
}

void witness_commit_granted(const struct turn *t, uint8_t server, uint32_t epoch) {
    struct witness *w = t->w;
    struct witness_attempt *a = &w->attempt;
    bool asking =
        w->state == WITNESS_OPENING || w->state == WITNESS_COMMITTING || w->state == WITNESS_MOVING;
    bool newest = epoch == w->epoch_high && w->servers[server].epoch_asked == epoch;
    if (asking && newest && epoch > w->epoch) {
        a->server = server; /* perhaps after it was given up, before anybody else was asked */
        a->granted = true;
        a->again = INSTANT_NEVER;
        if (w->state != WITNESS_MOVING)
            witness_follow(t);
        return;
    }
    if (server == w->serving && epoch == w->epoch)
        return; /* a repeated answer */
    if (server == w->serving && epoch > w->epoch && epoch == w->servers[server].epoch_asked) {
        adopt(t, epoch);
        return;
    }
    w->stats.stale_grants++;
    if (asked_anew(t, server, epoch))
        return;
    bool idle = server != w->serving && server != a->server;
    trace_linef(t->out->trace, t->now, "%s grants epoch %u too late%s",
                witness_server_name(w, server), epoch, idle ? " -> release" : "");
    if (idle)
        witness_release(t, server);
}

/* ---- what a move looked like ---- */

void witness_move_framed(struct witness *w, uint8_t server, struct instant now) {
    if (!w->move_open || w->move_framed || server != w->move_to)
        return;
    w->move_framed = true;
    w->move.first_frame_ms = duration_in_ms(instant_since(now, w->move_miss));
}

static uint16_t clamp_u16(int64_t value) {
    return (uint16_t)(value < 0 ? 0 : value > UINT16_MAX ? UINT16_MAX : value);
}

/* The server is told what its taking over was like. */
static void begin_tale(struct witness *w, uint64_t lost) {
    w->tale = (struct message_moved){
        .epoch = w->move.epoch,
        .detect_ms = clamp_u16(w->move.detect_ms),
        .first_frame_ms =
            w->move.first_frame_ms < 0 ? MESSAGE_MOVED_NO_FRAME : clamp_u16(w->move.first_frame_ms),
        .lost = lost > UINT16_MAX ? UINT16_MAX : (uint16_t)lost,
        .duplicates = w->move.duplicates > UINT16_MAX ? UINT16_MAX : (uint16_t)w->move.duplicates,
    };
    w->tale_reports = 0;
    w->tale_counter = 0;
}

/* Told in every other report until one of them is acknowledged: a server that does not know that
 * form drops it, and its lease hangs on the ones in between. */
void witness_tale_tell(struct witness *w, struct message_moved *out, uint64_t counter) {
    if (w->tale.epoch == 0)
        return;
    if (w->tale_reports % 2 == 0) {
        *out = w->tale;
        w->tale_counter = counter;
    }
    if (++w->tale_reports >= TALE_REPORTS)
        w->tale = (struct message_moved){0};
}

void witness_report_heard(struct witness *w, const struct message_ack *m) {
    w->unheard = 0;
    w->lease_ms = m->lease_ms;
    w->report_at = w->report_next; /* unless it was to be sent again */
    if (w->tale.epoch != 0 && m->counter == w->tale_counter)
        w->tale = (struct message_moved){0};
}

static struct instant settle_by(const struct witness *w) {
    struct instant due = playout_due(w->playout, w->move_settled_at);
    return instant_add(due, duration_ms(SETTLE_MS_MAX));
}

void witness_move_settle(const struct turn *t, bool at_once) {
    struct witness *w = t->w;
    if (!w->move_open)
        return;
    bool passed = w->playout->next > w->move_settled_at || instant_reached(t->now, settle_by(w));
    if (!at_once && !passed)
        return;
    uint64_t lost = w->playout->stats.lost - w->move_lost;
    w->move.gap_ms = (int64_t)lost * w->config.frame.us / 1000;
    w->move.duplicates = w->playout->stats.duplicates - w->move_duplicates;
    w->move_open = false;
    begin_tale(w, lost);
    witness_put(t, WITNESS_MOVED, w->move_to)->u.moved = w->move;
    trace_linef(t->out->trace, t->now,
                "moved %s -> %s (%s): detected in %lld ms, first frame after %lld ms, gap %lld ms",
                w->move.from.text, w->move.to.text, move_cause_name(w->move.cause),
                (long long)w->move.detect_ms, (long long)w->move.first_frame_ms,
                (long long)w->move.gap_ms);
}

struct instant witness_move_deadline(const struct witness *w) {
    return w->move_open ? settle_by(w) : INSTANT_NEVER;
}
