/*
 * How backups are heard while the serving path loses frames (see doubt.h). What has become of the
 * looks is for the prober to tell.
 */
#include "transcoder/timeline/witness_inner.h"

#define OVERTAKEN     2  /* frames that may come later than the next one, without any jitter … */
#define OVERTAKEN_MAX 20 /* … and with it */

/* Who does not answer anyhow says nothing, and is not asked more often for it. */
static bool is_looked_at(const struct witness *w, uint8_t server) {
    const struct witness_server *s = &w->servers[server];
    return witness_is_server(w, server) && server != w->serving && !witness_is_silent(s) &&
           s->path.hellos_answered > 0;
}

/* What was heard before the path was bad is no evidence. */
static void forget_outcomes(const struct turn *t) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (is_looked_at(t->w, i))
            path_look(&t->w->servers[i].path);
}

/* What made it doubt says nothing: frames count from the next one on. */
void witness_doubt_lost(const struct turn *t, uint64_t frames, uint64_t next) {
    struct witness *w = t->w;
    if (!w->config.looks || frames == 0 || !doubt_lost(&w->doubt, frames, t->now))
        return;
    forget_outcomes(t);
    w->doubt_from = next;
    w->doubt_run = false;
}

/* Frames by which one may be overtaken. */
static uint64_t overtaking(const struct witness *w) {
    int64_t frames = OVERTAKEN + 2 * schedule_jitter(&w->schedule).us / w->schedule.frame.us;
    return frames < OVERTAKEN_MAX ? (uint64_t)frames : OVERTAKEN_MAX;
}

struct trip_own witness_own_frames(struct witness *w) {
    struct trip_own own = {0};
    if (!schedule_known(&w->schedule))
        return own;
    uint64_t wait = overtaking(w), to = w->schedule.high > wait ? w->schedule.high - wait : 0;
    uint64_t held = w->schedule.high > w->playout->config.slot_count
                        ? w->schedule.high - w->playout->config.slot_count
                        : 0;
    if (w->doubt_from < held)
        w->doubt_from = held;
    for (; w->doubt_from < to; w->doubt_from++) {
        bool lost = !playout_was_sent(w->playout, w->doubt_from, w->serving);
        own.due++;
        own.lost += lost;
        own.runs += lost && !(w->doubt_run && own.runs > 0);
        w->doubt_run = lost;
    }
    return own;
}

static bool is_listening(const struct witness *w) {
    return w->state == WITNESS_FOLLOWING || w->state == WITNESS_HEDGING ||
           w->state == WITNESS_MISSING;
}

void witness_keep_doubt(const struct turn *t) {
    bool follows = t->w->state == WITNESS_FOLLOWING;
    if (!doubt_look(&t->w->doubt, t->now, follows) || !is_listening(t->w))
        return;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (is_looked_at(t->w, i))
            witness_send_look(t, i);
}
