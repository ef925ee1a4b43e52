#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"

#include <inttypes.h>

/* What a listener waits for, told by what it knows of its servers. */

#define SETTLED_BY duration_ms(101) /* after what it was about was played a move is told */
#define ENDED_BY   duration_ms(40)  /* after its last frame a session is over */

/* ---- 27: timers ------------------------------------------------------------------------------ */

/* The soonest thing that is waited for at one server: an answer to a hedge, or the end of a standby
 * that it granted. */
static struct instant server_waits(const struct witness *w, uint8_t server) {
    const struct witness_server *s = &w->servers[server];
    const struct witness_hedge *h = &s->hedge;
    bool asks =
        w->state == WITNESS_HEDGING || w->state == WITNESS_COMMITTING || w->state == WITNESS_ENDING;
    struct instant at = INSTANT_NEVER;
    if (s->role == WITNESS_ROLE_FREE)
        return at;
    if (asks && h->active)
        at = instant_min(h->extend, instant_min(h->again, h->overdue));
    if (s->role == WITNESS_ROLE_WARM && w->state != WITNESS_ENDING && w->attempt.server != server)
        at = instant_min(at, s->standby_until);
    return at;
}

/* A session that is open always waits for something: at the latest, for its next report. */
void watch_waits(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    if (c->state != SIM_CLIENT_OPEN || w->state == WITNESS_ENDED || w->epoch_high == 0)
        return;
    struct duration most = w->serving == WITNESS_SERVER_NONE ? w->config.give_up : w->config.report;
    struct instant at = witness_deadline(w),
                   due = instant_add(sim_client_now(sim, c), duration_add(most, TIMER));
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        due = instant_min(due, server_waits(w, i));
    if (w->state == WITNESS_FOLLOWING)
        due = instant_min(due, w->repair_at);
    if (w->state == WITNESS_ENDING)
        due = instant_min(due, instant_add(playout_due(c->playout, c->playout->end), ENDED_BY));
    if (w->move_open)
        due =
            instant_min(due, instant_add(playout_due(c->playout, w->move_settled_at), SETTLED_BY));
    if (w->attempt.server != WITNESS_SERVER_NONE)
        due = instant_min(due, w->attempt.until);
    if (instant_before(due, at))
        sim_breach(
            sim, "%s (%s) has lost a timer: due in %" PRId64 " ms, set to %" PRId64,
            sim_client_name(sim, c).text, witness_state_name(w->state),
            duration_in_ms(instant_since(due, sim_client_now(sim, c))),
            instant_is_never(at) ? -1 : duration_in_ms(instant_since(at, sim_client_now(sim, c))));
}
