#include "peerd/sim/probing.h"

#include "peerd/sim/client.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/post.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/worker.h"

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

void sim_probing_heard(struct sim *sim, struct sim_client *c, struct sim_probing *p,
                       const struct addr *from, const struct message *m) {
    if (m->kind == MESSAGE_ECHO)
        prober_echoed(&p->prober, from, m->nonce, &m->u.echo.cluster, sim_client_now(sim, c));
    if (m->kind == MESSAGE_NAMED)
        prober_named(&p->prober, c->witness, from, m->nonce, &m->u.named, sim_client_now(sim, c));
}

/* ---- at its worker --------------------------------------------------------------------------- */

/* NULL: the client is not open, or measures nothing. */
static struct sim_probing *probing_at(struct sim *sim, const struct sim_worker *w,
                                      uint32_t client) {
    const struct sim_client *c = &sim->clients[client];
    struct sim_probing *p = c->state == SIM_CLIENT_OPEN ? sim_client_probing(c) : NULL;
    if (p != NULL && (p->worker != w->index || p->run != w->process.run)) {
        p->naming = (struct naming){.began = false};
        p->worker = w->index;
        p->run = w->process.run;
    }
    return p;
}

bool sim_probing_told(struct sim *sim, const struct sim_worker *w, uint32_t client,
                      uint64_t nonce) {
    struct sim_probing *p = probing_at(sim, w, client);
    return p != NULL && naming_told(&p->naming, nonce, sim_worker_now(sim, w));
}

void sim_probing_names(struct sim *sim, struct sim_worker *w, const struct node_named *n) {
    uint32_t client = sim_session_at(w, tenure_find(&w->tenure, &n->session))->client;
    struct sim_probing *p = probing_at(sim, w, client);
    struct message m = {.kind = MESSAGE_NAMED,
                        .u.named = {.session = n->session, .count = n->count}};
    if (p == NULL || !naming_named(&p->naming, sim_worker_now(sim, w), &m.nonce))
        return;
    for (uint8_t i = 0; i < n->count; i++)
        m.u.named.list[i] = (struct named_cluster){n->list[i].cluster, key_hint_of(&n->list[i].key),
                                                   n->list[i].media};
    sim_post(sim, w->cluster, sim_network_group(&sim->network, sim->clients[client].group),
             SIM_NAMED_BYTES,
             &(struct sim_event){.kind = SIM_TO_CLIENT, .a = client, .b = w->index}, &m,
             sim_message_size(&m));
}
