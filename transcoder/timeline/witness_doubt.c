/*
 * How backups are heard while the serving path loses frames (see doubt.h). What has become of the
 * looks is for the prober to tell.
 */
#include "transcoder/timeline/witness_inner.h"

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

void witness_doubt_lost(const struct turn *t, uint64_t frames) {
    if (t->w->config.looks && frames > 0 && doubt_lost(&t->w->doubt, frames, t->now))
        forget_outcomes(t);
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
