#include "peerd/sim/probing.h"

#include "peerd/sim/client.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/post.h"

#define SEED UINT64_C(0x9e3779b97f4a7c15) /* its numbers are others than the witness's */

struct sim_probing *sim_probing_new(struct sim *sim, const struct sim_client *c,
                                    const struct core_answer_open *answer) {
    struct witness_address targets[API_PROBES_MAX];
    if (!answer->measures)
        return NULL;
    for (uint32_t i = 0; i < answer->probe_count; i++)
        targets[i] = sim_client_address_of(sim, &answer->probes[i].media);
    struct sim_probing *p = sim_alloc(1, sizeof(*p));
    prober_init(&p->prober, targets, answer->probe_count, c->seed ^ SEED, sim_client_now(sim, c));
    return p;
}

static void send_to(struct sim *sim, const struct sim_client *c, const struct addr *to,
                    uint32_t bytes, const struct message *m) {
    uint32_t worker = sim_worker_at(sim, to);
    sim_post(sim, sim_network_group(&sim->network, c->group), sim->workers[worker].cluster, bytes,
             &(struct sim_event){.kind = SIM_TO_WORKER, .a = worker, .b = c->index}, m,
             sim_message_size(m));
}

void sim_probing_step(struct sim *sim, struct sim_client *c, struct sim_probing *p) {
    struct prober_out out;
    struct instant now = sim_client_now(sim, c);
    prober_ticked(&p->prober, c->witness, now, &out);
    if (out.probes) {
        sim_invariants_probed(sim, c, p, &out);
        p->asked = true;
        p->asked_at = now;
        send_to(sim, c, &out.to, SIM_PROBE_BYTES, &out.probe);
    }
    if (out.tells)
        send_to(sim, c, &c->witness->servers[out.server].address.media, SIM_TRIPS_BYTES,
                &out.trips);
}

void sim_probing_echoed(struct sim *sim, const struct sim_client *c, struct sim_probing *p,
                        const struct addr *from, const struct message *m) {
    if (m->kind == MESSAGE_ECHO)
        prober_echoed(&p->prober, from, m->nonce, &m->u.echo.cluster, sim_client_now(sim, c));
}
