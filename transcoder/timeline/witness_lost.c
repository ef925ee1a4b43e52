/*
 * Single frames that were lost on their way: of whom they are asked for once more (see nack.h).
 *
 * Of the server that serves, while it does. While its path is silent, of the backup whose hedge is
 * heard first, the *filler*: a question for what it has sent takes a round trip, and a hedge that
 * is repeated would be taken for one that has crossed its answer. Whoever fills is asked on when it
 * serves, until its frames are a schedule.
 *
 * What is asked for again and again is asked of a backup by a hedge, which changes nothing else.
 */
#include "transcoder/timeline/pace.h"
#include "transcoder/timeline/witness_inner.h"

#define SPREAD_MS_MAX 20   /* [ms] in which a backfill is sent, more or less */
#define LATE_JITTERS  4    /* times the jitter a frame may be late on a path that loses some, … */
#define SHORT_MS      60   /* [ms] of the buffer beside a round trip: no time for a later frame */
#define LATE_MS_MIN   4    /* [ms] … and at least so much */
#define MISSED_HOT    3    /* frames that the hot way may have lost at its end: it has sent them */
#define BUSY_MS       60   /* [ms] that the newest frame is late: whoever serves is short of time */
#define SILENT_MS     1000 /* [ms] after which who fills does so no more: twice a hedge */

/* Its hedge may have run out or been refused by now, and somebody else be asked to serve. */
static bool fills_yet(const struct witness *w, uint8_t server) {
    return witness_is_server(w, server) &&
           (w->servers[server].hedge.active || server == w->serving || server == w->attempt.server);
}

/* Who is asked, WITNESS_SERVER_NONE if nobody is. While somebody is being asked to serve who is not
 * heard it is of no use to ask the old one for single frames. */
static uint8_t asked_server(const struct witness *w) {
    uint8_t server = w->filler.server;
    bool settled = w->state == WITNESS_FOLLOWING || w->state == WITNESS_MISSING ||
                   w->state == WITNESS_HEDGING || w->state == WITNESS_MOVING;
    if (server != SERVER_NONE && fills_yet(w, server))
        return settled || w->state == WITNESS_COMMITTING ? server : SERVER_NONE;
    return settled ? w->serving : SERVER_NONE;
}

static struct nack_path path_of(const struct witness *w, uint8_t server, struct duration spread) {
    const struct path *p = &w->servers[server].path;
    bool known = p->rtt_min.us != DURATION_ENDLESS.us;
    return (struct nack_path){.rtt = path_rtt(p),
                              .rtt_min = known ? p->rtt_min : DURATION_ZERO,
                              .jitter = schedule_jitter(&w->schedule),
                              .spread = spread,
                              .other = INSTANT_NEVER};
}

static void lost(const struct turn *t, uint64_t from, uint64_t to, struct duration spread) {
    uint8_t server = asked_server(t->w);
    if (server == SERVER_NONE || from >= to)
        return;
    struct nack_path path = path_of(t->w, server, spread);
    if (server == t->w->serving)
        path.other = witness_hot_brings(t->w, to - 1, t->now);
    nack_missed(&t->w->nack, from, to, &path, t->now);
}

void witness_filler_clear(struct witness *w) {
    w->filler = (struct witness_filler){.server = SERVER_NONE};
}

/* What it was asked for is no longer of interest, unless it is the one that serves. */
void witness_filler_over(struct witness *w) {
    if (w->filler.server == SERVER_NONE)
        return;
    if (w->filler.server != w->serving)
        nack_forget(&w->nack);
    witness_filler_clear(w);
}

static bool was_heard(const struct turn *t, struct duration within) {
    const struct witness *w = t->w;
    struct instant heard = w->servers[w->filler.server].media_at;
    return witness_is_server(w, w->filler.server) && !instant_is_never(heard) &&
           duration_less(instant_since(t->now, heard), within);
}

/* Whoever has long been silent is asked for nothing. */
static void expire(const struct turn *t) {
    if (t->w->filler.server != SERVER_NONE && !was_heard(t, duration_ms(SILENT_MS)))
        witness_filler_over(t->w);
}

void witness_frame_in_order(const struct turn *t, uint64_t frame) {
    struct witness *w = t->w;
    uint64_t from = w->schedule.high;
    if (frame < from)
        return;
    if (frame > from) {
        lapses_seen(&w->lapses, frame - from, t->now);
        expire(t);
        lost(t, from, frame, DURATION_ZERO);
        witness_doubt_lost(t, frame - from, frame);
    }
    nack_heard(&w->nack, frame, frame - from);
}

/* (A commit that is repeated would bring back only what the server takes for lost: see pace.h.) */
void witness_first_frame(const struct turn *t, uint64_t frame) {
    const struct playout_config *p = &t->w->playout->config;
    if (frame > p->first_frame)
        lost(t, p->first_frame, frame, DURATION_ZERO);
}

/* A backfill comes in bursts, the frame that is live among its first: what lies before that one is
 * given the time in which it is sent. */
static struct duration spread_of(uint64_t frames) {
    int64_t gap_us = frames <= PACE_BURST_FRAMES ? PACE_BURST_GAP_US : PACE_BACKFILL_GAP_US;
    int64_t us = frames < NACK_FRAMES_MAX ? (int64_t)frames * gap_us : SPREAD_MS_MAX * 1000;
    return duration_us(us < SPREAD_MS_MAX * 1000 ? us : SPREAD_MS_MAX * 1000);
}

static bool may_fill(const struct witness *w, uint8_t server) {
    return server != w->serving && w->servers[server].hedge.active &&
           (w->state == WITNESS_HEDGING || w->state == WITNESS_COMMITTING);
}

void witness_filler_heard(const struct turn *t, uint8_t server, uint64_t frame) {
    struct witness *w = t->w;
    struct witness_filler *f = &w->filler;
    if (f->server != server) {
        if (!may_fill(w, server) || (f->server != SERVER_NONE && was_heard(t, w->config.miss_min)))
            return;
        nack_forget(&w->nack);
        *f = (struct witness_filler){.server = server, .high = playout_missing(w->playout, t->now)};
    }
    if (frame < f->high)
        return;
    lost(t, f->high, frame, spread_of(frame - f->high));
    f->high = frame + 1;
}

/* ---- late already, and no later one has come ---- */

/* What says when frames are due: of the way that serves; of the hot one while that covers for it.
 * NULL if neither does. */
static const struct schedule *followed(const struct witness *w) {
    bool follows = w->state == WITNESS_FOLLOWING || w->state == WITNESS_MOVING;
    bool covers = (w->state == WITNESS_HEDGING || w->state == WITNESS_COMMITTING) &&
                  w->hot.server != SERVER_NONE && w->filler.server == w->hot.server;
    const struct schedule *s = covers ? &w->hot.schedule : &w->schedule;
    bool known = schedule_known(s) && !s->stale;
    return known && (covers || (follows && w->filler.server == SERVER_NONE)) ? s : NULL;
}

static uint64_t next_late(const struct witness *w, const struct schedule *s) {
    return w->nack.early > s->high ? w->nack.early : s->high;
}

/* Who waits for a later frame first may ask once at best, and too late if two in a row are lost. */
static bool short_of_time(const struct witness *w) {
    const struct path *path = &w->servers[asked_server(w)].path;
    struct duration left = duration_us(w->playout->config.depth.us - path_rtt(path).us);
    return duration_less(left, duration_ms(SHORT_MS));
}

/* When the next frame is asked for without waiting for another; "never" where the path has lost
 * nothing lately, or media counts as missing by then: hedges see to that. A path whose delay has
 * grown is judged by its last frame, and a hot way may bring it yet. */
static struct instant late_at(const struct witness *w) {
    const struct schedule *s = followed(w);
    if (s == NULL || asked_server(w) == SERVER_NONE || (w->nack.lost == 0 && !short_of_time(w)))
        return INSTANT_NEVER;
    uint64_t frame = next_late(w, s);
    if (frame >= w->playout->end)
        return INSTANT_NEVER;
    struct duration slack = duration_scale(schedule_jitter(s), LATE_JITTERS, 1);
    slack = duration_max(slack, duration_ms(LATE_MS_MIN));
    struct instant expected = schedule_expected(s, frame);
    struct instant like_last = instant_us(s->transit_us + (int64_t)frame * s->frame.us);
    if (instant_before(instant_add(expected, slack), like_last))
        expected = like_last;
    struct instant at = instant_add(expected, slack);
    if (s == &w->schedule)
        at = instant_max(at, witness_hot_brings(w, frame, at));
    struct instant missing = s == &w->schedule
                                 ? witness_miss_at(w)
                                 : instant_add(schedule_expected(s, s->high), witness_miss_time(w));
    return instant_before(at, missing) ? at : INSTANT_NEVER;
}

/* We may have slept, and what has come be still unread: then there is no instant before media is
 * missing. */
static void ask_early(const struct turn *t) {
    struct witness *w = t->w;
    if (followed(w) == &w->schedule && instant_reached(t->now, witness_miss_at(w)))
        return;
    for (struct instant at = late_at(w); instant_reached(t->now, at); at = late_at(w)) {
        uint64_t frame = next_late(w, followed(w));
        nack_late(&w->nack, frame, frame + 1, t->now);
    }
}

/* Its answers are late as well, then, and the others may have no more time than it. */
static bool is_busy(const struct schedule *s) {
    int64_t over_us = s->transit_us - schedule_expected(s, 0).us;
    return s->stale || over_us > duration_ms(BUSY_MS).us;
}

/* The way to who serves, or back, swallows each question or its answer. */
static void ask_another(const struct turn *t, const struct nack_question *question) {
    const struct witness *w = t->w;
    if (question->hard && w->state == WITNESS_FOLLOWING && w->filler.server == SERVER_NONE &&
        !is_busy(&w->schedule))
        witness_hedge_single(t, question->from + (unsigned)__builtin_ctzll(question->missing));
}

/* Who is hot sends what is asked of the one that serves, too; one of them may be dead. */
static void ask(const struct turn *t, uint8_t server, const struct nack_question *question) {
    struct witness *w = t->w;
    witness_put(t, WITNESS_SEND_NACK, server)->u.nack = *question;
    if (server == w->serving && w->hot.server != SERVER_NONE &&
        question->from < w->hot.schedule.high + MISSED_HOT)
        witness_put(t, WITNESS_SEND_NACK, w->hot.server)->u.nack = *question;
    w->stats.nacked += (uint64_t)__builtin_popcountll(question->missing);
    ask_another(t, question);
}

/* ---- upkeep ---- */

void witness_keep_nacks(const struct turn *t) {
    struct witness *w = t->w;
    struct nack_question question;
    expire(t);
    if (!instant_is_never(late_at(w)))
        ask_early(t);
    uint8_t server = asked_server(w);
    if (w->nack.count == 0 || server == SERVER_NONE)
        return;
    struct nack_path path = path_of(w, server, DURATION_ZERO);
    while (nack_take(&w->nack, w->playout, &path, t->now, &question))
        ask(t, server, &question);
}

struct instant witness_nacks_deadline(const struct witness *w) {
    if (asked_server(w) == SERVER_NONE)
        return INSTANT_NEVER;
    return instant_min(nack_deadline(&w->nack), late_at(w));
}
