/*
 * Whether others are heard while the serving path is silent. Where nobody is, it is the listener's
 * own access that loses, and to go elsewhere is of no use.
 */
#include "transcoder/timeline/witness_inner.h"

#define ALONE_MS 3000 /* [ms] of silence from everybody that is borne: all of them may be dead */

static bool is_waiting(const struct witness *w) {
    return w->state == WITNESS_MISSING || w->state == WITNESS_HEDGING;
}

void witness_others_begin(struct witness *w) {
    w->others = 0;
    w->others_at = w->back_at = INSTANT_NEVER;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        bool answers = !witness_is_silent(s) && !instant_is_never(s->path.heard);
        if (witness_is_server(w, i) && i != w->serving && answers)
            w->others |= 1U << i;
    }
}

static bool are_heard(const struct witness *w) {
    return !instant_is_never(w->others_at) && instant_before(witness_silent_since(w), w->others_at);
}

/* Nobody was, for so long that it would count. */
static bool was_alone(const struct witness *w, struct instant now) {
    struct duration silent = instant_since(now, witness_silent_since(w));
    return w->others != 0 && !are_heard(w) && !duration_less(silent, w->config.commit_min);
}

void witness_heard(const struct turn *t, uint8_t server) {
    struct witness *w = t->w;
    if (is_waiting(w) && server == w->serving && was_alone(w, t->now))
        w->back_at = t->now;
    path_heard(&w->servers[server].path, t->now);
    if (is_waiting(w) && server != w->serving && !are_heard(w))
        w->others_at = t->now;
}

struct instant witness_back_since(const struct witness *w) {
    return instant_is_never(w->back_at) ? w->miss_since : w->back_at;
}

struct instant witness_compared_at(const struct witness *w) {
    struct instant since = witness_silent_since(w);
    if (are_heard(w)) /* a frame of the serving path should have come, too */
        return instant_add(w->others_at, witness_miss_time(w));
    return w->others != 0 ? instant_add(since, duration_ms(ALONE_MS)) : since;
}

void witness_ask_others(const struct turn *t) {
    struct witness *w = t->w;
    if (!is_waiting(w) || are_heard(w))
        return;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if ((w->others >> i & 1) != 0 && witness_is_server(w, i) && i != w->serving &&
            !w->servers[i].hedge.active)
            witness_send_look(t, i);
}
