#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/node.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/worker.h"

#include <inttypes.h>

/* Whose the slots of a machine are: nobody takes what is kept for another, nor more than may come.
 */

static struct sim_client_name whose(const struct sim *sim, const struct sim_worker *w,
                                    uint32_t slot) {
    return sim_client_name(sim, &sim->clients[sim_session_at(w, slot)->client]);
}

/* Counted at all workers of the node, whatever its board says. */
static void check_guest(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                        const struct guest *guest) {
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t here[SIM_WORKERS_MAX], sum = sim_node_guests(sim, node, &guest->issuer, here);
    for (uint32_t i = 0; i < node->guests->count; i++)
        if (name_equal(&node->guests->limits[i].issuer, &guest->issuer) &&
            sum > node->guests->limits[i].slots)
            sim_breach(sim, "%s admits %s as number %" PRIu32 " of %s, which may have %" PRIu32,
                       watch_cluster(sim, w->cluster), whose(sim, w, slot).text, sum,
                       guest->issuer.text, node->guests->limits[i].slots);
}

/* What is kept for a peer lies at the machine, so a worker may have more than its part, if whoever
 * comes is one for whom a slot was kept; those who are adopted had theirs. */
bool watch_has_slot(const struct sim *sim, const struct sim_worker *w, uint32_t slot,
                    const struct tenure_event *e) {
    const struct tenure *t = &w->tenure;
    const struct sim_node *node = &sim->nodes[w->node];
    uint64_t used = 0, credit = 0;
    if (t->credit_used <= t->credit_slots)
        return true;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        const struct sim_worker *other = &sim->workers[node->first_worker + i];
        used += other->process.life == SIM_LIFE_DEAD ? 0 : other->tenure.credit_used;
        credit += node->credit.slots;
    }
    if (e->adopted) /* they go on, also where less is leased by now than when they came */
        return t->guests != NULL && (used <= credit || t->credit_used <= w->adopting);
    return t->guests != NULL && used <= credit && guests_own(t->guests, t->sessions[slot].guest);
}

/* Nobody else gets what is kept for a peer: counted at all workers, whatever the board says. */
static void check_kept(struct sim *sim, const struct sim_worker *w, uint32_t slot) {
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t here[SIM_WORKERS_MAX];
    uint64_t used = 0, kept = 0, credit = 0;
    uint8_t guest = w->tenure.sessions[slot].guest;
    if (guests_own(w->guests, guest))
        return;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        const struct sim_worker *other = &sim->workers[node->first_worker + i];
        if (other->process.life == SIM_LIFE_DEAD || other->process.life == SIM_LIFE_STARTING)
            return; /* what was there before stands on the board until its replacement has begun */
        used += other->tenure.credit_used;
        credit += other->tenure.credit_slots;
    }
    for (uint32_t i = 0; i < node->guests->count; i++) {
        const struct node_guest_limit *l = &node->guests->limits[i];
        uint32_t sum = sim_node_guests(sim, node, &l->issuer, here);
        if (guest == GUESTS_NONE || !name_equal(&l->issuer, &w->guests->rows[guest].issuer))
            kept += l->kept > sum ? l->kept - sum : 0;
    }
    if (used + kept > credit)
        sim_breach(sim,
                   "%s admits %s, and keeps %" PRIu64 " slots for its peers, of which %" PRIu64
                   " are left",
                   watch_cluster(sim, w->cluster), whose(sim, w, slot).text, kept,
                   credit > used ? credit - used : 0);
}

bool watch_finds_slot(const struct sim *sim, const struct sim_worker *w,
                      const struct sim_client *c) {
    return tenure_slot_for(&w->tenure, sim_issuer(sim, w, c->index), sim_worker_now(sim, w));
}

void watch_slot_taken(struct sim *sim, const struct sim_worker *w, uint32_t slot) {
    uint8_t guest = w->tenure.sessions[slot].guest;
    if (guest != GUESTS_NONE)
        check_guest(sim, w, slot, &w->guests->rows[guest]);
    check_kept(sim, w, slot);
}
