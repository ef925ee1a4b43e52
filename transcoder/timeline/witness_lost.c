/*
 * Single frames that were lost on their way: of whom they are asked for once more (see nack.h).
 *
 * Of the server that serves, while it does. While its path is silent, of the backup whose hedge is
 * heard first, the *filler*: a question for what it has sent takes a round trip, and a hedge that
 * is repeated would be taken for one that has crossed its answer. Whoever fills is asked on when it
 * serves, until its frames are a schedule.
 */
#include "transcoder/timeline/pace.h"
#include "transcoder/timeline/witness_inner.h"

#define SPREAD_MS_MAX 20   /* [ms] in which a backfill is sent, more or less */
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
    nack_heard(&w->nack, frame - from);
    if (frame == from)
        return;
    lapses_seen(&w->lapses, frame - from, t->now);
    expire(t);
    lost(t, from, frame, DURATION_ZERO);
    witness_doubt_lost(t, frame - from);
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

void witness_keep_nacks(const struct turn *t) {
    struct witness *w = t->w;
    struct nack_question question;
    expire(t);
    uint8_t server = asked_server(w);
    if (w->nack.count == 0 || server == SERVER_NONE)
        return;
    struct nack_path path = path_of(w, server, DURATION_ZERO);
    while (nack_take(&w->nack, w->playout, &path, t->now, &question)) {
        witness_put(t, WITNESS_SEND_NACK, server)->u.nack = question;
        w->stats.nacked += (uint64_t)__builtin_popcountll(question.missing);
    }
}

struct instant witness_nacks_deadline(const struct witness *w) {
    return asked_server(w) != SERVER_NONE ? nack_deadline(&w->nack) : INSTANT_NEVER;
}
