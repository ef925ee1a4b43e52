#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/liar.h"
#include "peerd/sim/post.h"
#include "peerd/sim/worker.h"

#include <inttypes.h>

/* 5, 6: a listener hears something while somebody could serve it, or is told that it is lost. */

#define LOST_AFTER   duration_s(20) /* the witness gives up after 10 s, and says so */
#define SERVED_AFTER duration_s(5)  /* of being servable: clients ask twice a second */

/* True if most packets arrive: a question and its answer are four of them. */
static bool passes(const struct sim *sim, uint32_t from, uint32_t to) {
    if (!sim_network_open(&sim->network, from, to))
        return false;
    struct path_quality q = sim_network_quality(&sim->network, from, to);
    return q.loss_ppm < 500000 && q.bursts.enter_ppm <= q.bursts.leave_ppm;
}

/* True if a link is too narrow for all the listeners of the group, who share it; what they ask, and
 * ask again, is half as much. */
static bool is_narrow(const struct sim *sim, const struct sim_client *c, uint32_t from,
                      uint32_t to) {
    int64_t bits = 8 * (SIM_RTP_BYTES + sim->streams[c->group].frame_bytes) * 1000 / FRAME_MS;
    int64_t all = bits * sim->scenario->clients[c->group].count * 3 / 2;
    struct path_quality q = sim_network_quality(&sim->network, from, to);
    return q.rate_bps > 0 && (int64_t)q.rate_bps < all;
}

/* True if the server could take the listener on right now. */
static bool could_serve(const struct sim *sim, const struct sim_client *c, uint8_t server) {
    uint32_t at = sim_worker_at(sim, &c->witness->servers[server].address.media);
    const struct sim_worker *w = &sim->workers[at];
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t end = sim_network_group(&sim->network, c->group);
    if (sim->sites[w->cluster].at_start != NULL)
        return false; /* its policy may not know the issuer, or may not have known it a minute ago
                       */
    if (!sim_door_knows(sim, node, c->ticket.issuer))
        return false; /* no peer of the issuer's, or its peerd has not found it, or not said so */
    if (c->witness->servers[server].role == WITNESS_ROLE_FREE ||
        w->process.life != SIM_LIFE_RUNNING || node->process.life != SIM_LIFE_RUNNING ||
        !node->briefed || !passes(sim, end, w->cluster) || !passes(sim, w->cluster, end) ||
        is_narrow(sim, c, end, w->cluster) || is_narrow(sim, c, w->cluster, end))
        return false;
    if (wall_after(sim_wall(sim, &node->clock), c->ticket.expires_s,
                   sim->scenario->limits.clock_skew))
        return false; /* by its clock the ticket has expired */
    uint32_t slot = tenure_find(&w->tenure, &c->ticket.session);
    bool held = slot != TENURE_SLOT_NONE && tenure_session_at(&w->tenure, slot) != NULL;
    if (!watch_lets_in(sim, w, c, server, slot, held))
        return false;
    return !w->tenure.draining && (held || watch_finds_slot(sim, w, c));
}

static void note_who_could(struct sim *sim, struct sim_client *c) {
    bool any = false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX && !any; i++)
        any = c->witness->servers[i].role != WITNESS_ROLE_FREE && could_serve(sim, c, i);
    if (!any)
        c->servable = INSTANT_NEVER;
    else if (instant_is_never(c->servable))
        c->servable = sim->now;
}

/* A source that has ended is served by nobody, and one whose end has been told neither. */
static bool wants_media(const struct sim_client *c) {
    return c->state == SIM_CLIENT_OPEN && c->witness->state != WITNESS_ENDING;
}

void watch_served(struct sim *sim, struct sim_client *c) {
    struct duration silent = instant_since(sim->now, c->heard);
    note_who_could(sim, c);
    if (duration_less(LOST_AFTER, silent) && !sim_liar_is(sim, c))
        sim_breach(sim, "%s has heard nothing for %" PRId64 " ms and was told nothing (%s)",
                   sim_client_name(sim, c).text, duration_in_ms(silent),
                   witness_state_name(c->witness->state));
    if (!wants_media(c) || instant_is_never(c->servable) || sim_liar_is(sim, c))
        return;
    struct duration servable = instant_since(sim->now, c->servable);
    if (duration_less(SERVED_AFTER, silent) && duration_less(SERVED_AFTER, servable))
        sim_breach(sim,
                   "%s hears nothing for %" PRId64 " ms although it could be served for %" PRId64
                   " ms (%s)",
                   sim_client_name(sim, c).text, duration_in_ms(silent), duration_in_ms(servable),
                   witness_state_name(c->witness->state));
}
