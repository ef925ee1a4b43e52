#include "peerd/sim/foresight.h"

#include "peerd/base/fetch.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/shelf.h"

#include <stddef.h>

/* How many events ahead each step is gone: in between lie two or three microseconds. */
#define RECORDS  12
#define POINTERS 8
#define TABLES   5
#define SLOTS    2

#define BODY_BYTES 192 /* a usual one */

/* A world that fits in no cache of a processor core: a listener has 10 kB, a cluster 100. */
#define LISTENERS_MANY 500
#define CLUSTERS_MANY  50
#define SEEDS_BETWEEN  8

bool sim_foresight_pays(const struct sim *sim) {
    return sim->client_count >= LISTENERS_MANY || sim->site_count >= CLUSTERS_MANY ||
           sim->options.seed % SEEDS_BETWEEN == 0;
}

/* ---- listeners ------------------------------------------------------------------------------- */

static void foresee_client(const struct sim *sim, uint32_t client) {
    fetch(&sim->clients[client], sizeof(sim->clients[0]));
    fetch(&sim->due_entries[sim->site_count + sim->worker_count + client], 8);
    sim_invariants_foresee_client(sim, client);
}

static void foresee_witness(const struct sim_client *c) {
    const struct witness *w = c->witness;
    if (c->holders != NULL)
        fetch(c->holders, sizeof(c->holders[0]));
    if (w == NULL)
        return;
    fetch(w, offsetof(struct witness, servers));
    for (uint8_t i = 0; i < TICKET_BACKUPS_MAX + 1 && i < WITNESS_SERVERS_MAX; i++)
        fetch(&w->servers[i], 64);
    fetch(&w->servers[0].path.pending[0], 64);
    fetch(&w->servers[0].address, 128);
    fetch(c->playout, sizeof(*c->playout));
}

/* ---- clusters -------------------------------------------------------------------------------- */

static void foresee_site(const struct sim *sim, uint32_t cluster) {
    const struct sim_site *site = &sim->sites[cluster];
    fetch(&site->policy.peer_count, 64);
    fetch(&site->at_start, 192);
    sim_invariants_foresee_site(sim, cluster);
}

static uint32_t peer_of(const struct sim_site *site, uint32_t cluster) {
    uint32_t peer = site->peer_of[cluster];
    return site->core != NULL && peer < site->policy.peer_count ? peer : UINT32_MAX;
}

/* ---- step by step ---------------------------------------------------------------------------- */

/* Flat switches: one kind of event a case. What is rare is not worth a look ahead. */
static void foresee_records(const struct sim *sim, const struct sim_event *e) {
    if (e->body != NULL)
        fetch(e->body, BODY_BYTES);
    switch (e->kind) {
    case SIM_MEDIA:
    case SIM_TO_CLIENT:
        foresee_client(sim, e->a);
        fetch(&sim->workers[e->b], 64);
        return;
    case SIM_TO_WORKER:
        fetch(&sim->workers[e->a], sizeof(sim->workers[0]));
        fetch(&sim->clients[e->b], sizeof(sim->clients[0]));
        return;
    case SIM_BEAT:
    case SIM_CALL:
    case SIM_CALL_ANSWERED:
    case SIM_POLL_ASKED:
        foresee_site(sim, e->a);
        return;
    case SIM_OPEN:
        foresee_site(sim, e->a);
        foresee_client(sim, e->b);
        return;
    case SIM_OPEN_ANSWERED:
    case SIM_CLIENT_STARTS:
        foresee_client(sim, e->a);
        return;
    case SIM_NACK:
    case SIM_BEAT_TO_NODE:
    case SIM_CALL_FAILED:
    case SIM_RESOLVED:
    case SIM_PEERS_FOUND:
    case SIM_OPEN_FAILED:
    case SIM_OPEN_AGAIN:
    case SIM_CLIENT_VANISHES:
    case SIM_CLIENT_LEAVES:
    case SIM_POLL:
    case SIM_POLL_ANSWERED:
    case SIM_POLL_FAILED:
    case SIM_POLL_REFUSED:
    case SIM_NODE_TICK:
    case SIM_PEERD_STARTS:
    case SIM_NODE_STARTS:
    case SIM_WORKER_STARTS:
    case SIM_TIMELINE:
    case SIM_PLAYER:
    case SIM_STEER:
    case SIM_STEERED:
    case SIM_SEGMENT:
    case SIM_SEGMENT_ANSWERED:
    case SIM_KITCHEN:
    case SIM_LEASE_DUE:
    case SIM_CHECK:
        return;
    }
}

static void foresee_pointers(const struct sim *sim, const struct sim_event *e) {
    if (e->kind == SIM_MEDIA || e->kind == SIM_TO_CLIENT) {
        foresee_witness(&sim->clients[e->a]);
        fetch(&sim->nodes[sim->workers[e->b].node], 64);
    } else if (e->kind == SIM_TO_WORKER) {
        const struct sim_worker *w = &sim->workers[e->a];
        tenure_foresee(&w->tenure, &sim->clients[e->b].ticket.session);
        fetch(&sim->nodes[w->node], 128);
    } else if (e->kind == SIM_BEAT) {
        const struct sim_site *site = &sim->sites[e->a];
        fetch(&site->peer_of[e->b], sizeof(site->peer_of[0]));
    } else if (e->kind == SIM_OPEN && sim->sites[e->a].core != NULL) {
        core_foresee(sim->sites[e->a].core, 0);
    }
}

static void foresee_tables(const struct sim *sim, const struct sim_event *e) {
    if (e->kind == SIM_MEDIA && sim->clients[e->a].playout != NULL) {
        const struct playout_config *p = &sim->clients[e->a].playout->config;
        fetch(&p->slots[(uint32_t)e->n % p->slot_count], sizeof(p->slots[0]));
    } else if (e->kind == SIM_TO_WORKER) {
        const struct sim_worker *w = &sim->workers[e->a];
        uint32_t slot = tenure_foreseen(&w->tenure, &sim->clients[e->b].ticket.session);
        if (slot != TENURE_SLOT_NONE)
            sim_shelf_foresee(w->shelf, slot);
    } else if (e->kind == SIM_BEAT) {
        const struct sim_site *site = &sim->sites[e->a];
        uint32_t peer = peer_of(site, e->b);
        if (peer == UINT32_MAX)
            return;
        core_foresee(site->core, peer);
        sim_invariants_foresee_peer(sim, e->a, peer);
    } else if (e->kind == SIM_OPEN && sim->sites[e->a].core != NULL) {
        core_foresee_open(sim->sites[e->a].core);
    }
}

static void foresee_slots(const struct sim *sim, const struct sim_event *e) {
    if (e->kind == SIM_TO_WORKER) {
        const struct sim_worker *w = &sim->workers[e->a];
        uint32_t slot = tenure_foreseen(&w->tenure, &sim->clients[e->b].ticket.session);
        if (slot != TENURE_SLOT_NONE)
            sim_shelf_foresee_slot(w->shelf, slot);
    } else if (e->kind == SIM_BEAT) {
        const struct sim_site *site = &sim->sites[e->a];
        uint32_t peer = peer_of(site, e->b);
        if (peer != UINT32_MAX)
            core_foresee_beat(site->core, peer);
    }
}

void sim_foresee_events(const struct sim *sim) {
    static void (*const steps[])(const struct sim *, const struct sim_event *) = {
        foresee_records, foresee_pointers, foresee_tables, foresee_slots};
    static const uint32_t ahead[] = {RECORDS, POINTERS, TABLES, SLOTS};
    for (int i = 0; i < 4; i++) {
        const struct sim_event *e = sim_queue_soon(&sim->queue, ahead[i]);
        if (e != NULL)
            steps[i](sim, e);
    }
}

/* ---- machines -------------------------------------------------------------------------------- */

#define LATER                                                                                      \
    3 /* places of the heap: these and the three after them are about the fourth to seventh */

static void foresee_machine(const struct sim *sim, uint32_t machine) {
    fetch(&sim->due_entries[machine], 8);
    if (machine < sim->site_count)
        foresee_site(sim, machine);
    else if (machine < sim->site_count + sim->worker_count)
        fetch(&sim->workers[machine - sim->site_count], sizeof(sim->workers[0]));
    else
        foresee_client(sim, machine - sim->site_count - sim->worker_count);
}

static void foresee_within(const struct sim *sim, uint32_t machine, bool next) {
    if (machine < sim->site_count) {
        const struct core *core = sim->sites[machine].core;
        if (core != NULL)
            core_foresee(core, 0);
    } else if (machine < sim->site_count + sim->worker_count) {
        const struct sim_worker *w = &sim->workers[machine - sim->site_count];
        uint32_t slot = due_soon(&w->due, 0);
        if (slot == UINT32_MAX)
            return;
        if (next)
            sim_shelf_foresee_slot(w->shelf, slot);
        else
            sim_shelf_foresee(w->shelf, slot);
    } else {
        foresee_witness(&sim->clients[machine - sim->site_count - sim->worker_count]);
    }
}

void sim_foresee_machines(const struct sim *sim) {
    for (uint32_t place = 0; place < 7; place++) {
        uint32_t machine = due_soon(&sim->due, place);
        if (machine == UINT32_MAX)
            return;
        if (place < LATER)
            foresee_within(sim, machine, place == 0);
        else
            foresee_machine(sim, machine);
    }
}
