#include "peerd/sim/client.h"
#include "peerd/sim/discovery.h"
#include "peerd/sim/inbox.h"
#include "peerd/sim/probing.h"

static struct instant site_deadline(const struct sim_site *site) {
    if (site->peerd.life != SIM_LIFE_RUNNING || site->core == NULL)
        return INSTANT_NEVER;
    return sim_clock_true(&site->clock,
                          instant_min(core_deadline(site->core), sim_discovery_deadline(site)));
}

static struct instant worker_deadline(const struct sim *sim, const struct sim_worker *w) {
    if (w->process.life != SIM_LIFE_RUNNING)
        return INSTANT_NEVER;
    struct instant work =
        sim_inbox_waits(w) ? w->busy_until : instant_max(due_first(&w->due), w->busy_until);
    return sim_clock_true(&sim->nodes[w->node].clock,
                          instant_min(tenure_deadline(&w->tenure), work));
}

static struct instant client_deadline(const struct sim *sim, const struct sim_client *c) {
    struct sim_clock clock = sim_client_clock(sim, c);
    if (c->nap != NULL)
        return instant_before(sim->end, c->sleeps_until) ? INSTANT_NEVER : c->sleeps_until;
    if (c->state != SIM_CLIENT_OPEN)
        return INSTANT_NEVER;
    struct instant at = witness_deadline(c->witness);
    if (c->probes)
        at = instant_min(at, prober_deadline(&sim_client_probing(c)->prober));
    return sim_clock_true(&clock, at);
}

struct instant sim_machine_deadline(const struct sim *sim, uint32_t machine) {
    if (machine < sim->site_count)
        return site_deadline(&sim->sites[machine]);
    if (machine < sim->site_count + sim->worker_count)
        return worker_deadline(sim, &sim->workers[machine - sim->site_count]);
    return client_deadline(sim, &sim->clients[machine - sim->site_count - sim->worker_count]);
}

/* Most deadlines are put off again and again, with each frame that comes. So what stands in the
 * heap may be too early: then it is put right when it is reached, and nobody is woken. */
static void put_off(struct sim *sim, uint32_t machine, struct instant at) {
    if (instant_is_never(at) || instant_before(at, due_at(&sim->due, machine)))
        due_set(&sim->due, machine, at);
}

void sim_due_site(struct sim *sim, const struct sim_site *site) {
    put_off(sim, site->index, site_deadline(site));
}

void sim_due_worker(struct sim *sim, const struct sim_worker *w) {
    put_off(sim, sim->site_count + w->index, worker_deadline(sim, w));
}

void sim_due_client(struct sim *sim, const struct sim_client *c) {
    put_off(sim, sim->site_count + sim->worker_count + c->index, client_deadline(sim, c));
}
