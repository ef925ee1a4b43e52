#include "peerd/sim/client.h"
#include "peerd/sim/inbox.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/labour.h"
#include "peerd/sim/probing.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/telling.h"
#include "peerd/sim/worker.h"

#include "peerd/sim/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The door: what a worker verifies before tenure hears of it. Signatures are taken as right. */

static uint64_t period_of(struct instant now) {
    return (uint64_t)(now.us / 1000000 / SIM_COOKIE_S);
}

/* Bound to machine, client and time, as a real one. */
static struct cookie cookie_of(const struct sim_node *node, uint32_t client, uint64_t period) {
    struct cookie c;
    uint64_t secret = node->cookie_secret + client;
    memcpy(c.bytes, &secret, sizeof(secret));
    memcpy(c.bytes + sizeof(secret), &period, sizeof(period));
    return c;
}

struct cookie sim_door_cookie(const struct sim_node *node, uint32_t client, struct instant now) {
    return cookie_of(node, client, period_of(now));
}

static bool cookie_is_good(const struct sim *sim, const struct sim_node *node, uint32_t client,
                           const struct cookie *cookie) {
    uint64_t period = period_of(sim_node_now(sim, node));
    for (uint64_t back = 0; back <= 1; back++) {
        struct cookie good = cookie_of(node, client, period - back);
        if (memcmp(&good, cookie, sizeof(good)) == 0)
            return true;
    }
    return false;
}

static void refuse(struct sim *sim, const struct sim_worker *w, uint32_t client, uint64_t nonce,
                   struct message_refuse refusal) {
    struct message m = {.kind = MESSAGE_REFUSE, .nonce = nonce, .u.refuse = refusal};
    m.u.refuse.cluster = sim->sites[w->cluster].hint;
    sim_worker_send(sim, w, client, &m);
}

static void hello_received(struct sim *sim, struct sim_worker *w, uint32_t client, uint64_t nonce) {
    struct message m = {.kind = MESSAGE_COOKIE, .nonce = nonce};
    m.u.cookie.cookie = cookie_of(&sim->nodes[w->node], client, period_of(sim_worker_now(sim, w)));
    m.u.cookie.cluster = sim->sites[w->cluster].hint;
    m.u.cookie.free_slots = tenure_free(&w->tenure, sim_worker_now(sim, w));
    sim_worker_send(sim, w, client, &m);
}

bool sim_door_knows(const struct sim *sim, const struct sim_node *node, uint32_t issuer) {
    const struct sim_site *site = &sim->sites[node->cluster];
    const struct name *name = &sim->scenario->clusters[issuer].identity.name;
    const struct policy_peer *peer = policy_peer_find(&site->policy, name);
    if (name_equal(&site->policy.cluster.name, name))
        return true;
    return site->discovery != NULL ? node->told_alive[issuer] : peer != NULL && peer->accept_moves;
}

static enum err check_ticket(const struct sim *sim, const struct sim_worker *w,
                             const struct message_resume *r, const struct sim_client *c,
                             bool known) {
    const struct policy *p = &sim->sites[w->cluster].policy;
    const struct scenario_clients *group = &sim->scenario->clients[c->group];
    if (!known && r->ticket_len == 0)
        return ERR_UNKNOWN_SESSION;
    if (!sim_door_knows(sim, &sim->nodes[w->node], c->ticket.issuer))
        return ERR_UNKNOWN_ISSUER;
    if (!session_id_equal(&c->ticket.session, &r->session))
        return ERR_FOREIGN;
    if (wall_after(sim_wall(sim, &sim->nodes[w->node].clock), c->ticket.expires_s,
                   p->limits.clock_skew))
        return ERR_EXPIRED;
    if (policy_source_find(p, &group->source) == NULL)
        return ERR_UNKNOWN_SOURCE;
    return policy_profile_find(p, &group->profile) == NULL ? ERR_UNKNOWN_PROFILE : ERR_OK;
}

static void resume_received(struct sim *sim, struct sim_worker *w, uint32_t client,
                            const struct message *m) {
    const struct message_resume *r = &m->u.resume;
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t slot = tenure_find(&w->tenure, &r->session);
    bool known = slot != TENURE_SLOT_NONE && sim_session_at(w, slot)->used;
    bool cookie = cookie_is_good(sim, node, client, &r->cookie);
    bool away = cookie && tenure_turns_away(&w->tenure, r, sim_issuer(sim, w, client),
                                            sim_worker_now(sim, w));
    enum err e = away ? ERR_NO_CREDIT : ERR_BAD_COOKIE;
    sim_labour_resume(sim, w,
                      away || !cookie ? SIM_LABOUR_COOKIE
                      : known         ? SIM_LABOUR_SIGNATURE
                                      : SIM_LABOUR_TICKET);
    if (cookie && !away)
        e = check_ticket(sim, w, r, &sim->clients[client], known);
    if (e == ERR_OK && !sim_rekey_is_called(&sim->sites[w->cluster], &r->target))
        e = ERR_FOREIGN;
    if (e != ERR_OK) {
        refuse(sim, w, client, m->nonce,
               (struct message_refuse){
                   .session = r->session,
                   .purpose = r->purpose,
                   .error = e,
                   .counter = r->counter,
                   .retry_after_ms = tenure_retry_ms(&w->tenure, r, e, sim_worker_now(sim, w))});
        return;
    }
    const struct sim_question q = {.client = client, .nonce = m->nonce, .silent_ms = r->silent_ms};
    sim_worker_step(sim, w,
                    &(struct tenure_event){.kind = TENURE_RESUME_RECEIVED,
                                           .now = sim_worker_now(sim, w),
                                           .issuer = sim_issuer(sim, w, client),
                                           .service = sim_service(sim, client),
                                           .priority = sim_priority(sim, w, client),
                                           .u.resume = r},
                    &q);
}

/* What stands in the receiver reports (RTCP) that come beside those of the session. Who is asleep
 * when its report arrives has said before how long its losses run. */
static void playout_told(const struct sim *sim, struct sim_session *s) {
    const struct sim_client *c = &sim->clients[s->client];
    s->buffer_ms = sim_client_buffer_ms(sim, c);
    if (c->playout != NULL)
        s->burst_x16 = c->playout->stats.burst_x16;
}

static void report_received(struct sim *sim, struct sim_worker *w, uint32_t client,
                            const struct message *m) {
    const struct message_report *r = &m->u.report;
    const struct sim_question q = {.client = client, .nonce = m->nonce};
    uint32_t slot = tenure_find(&w->tenure, &r->session);
    if (slot == TENURE_SLOT_NONE || !sim_session_at(w, slot)->used) {
        refuse(sim, w, client, m->nonce,
               (struct message_refuse){.session = r->session,
                                       .purpose = RESUME_COMMIT,
                                       .error = ERR_UNKNOWN_SESSION,
                                       .counter = r->counter});
        return;
    }
    sim_worker_step(sim, w,
                    &(struct tenure_event){.kind = TENURE_REPORT_RECEIVED,
                                           .now = sim_worker_now(sim, w),
                                           .u.report = r},
                    &q);
    struct sim_session *s = sim_session_at(w, slot);
    const struct tenure_outbox *out = &sim->tenure_outbox;
    if (!s->used || out->count == 0 || out->items[0].kind != TENURE_ACK ||
        w->tenures[slot].state == TENURE_HOT) /* who serves is told of the session's figures */
        return;
    sim_telling_reported(sim, w, slot, r, m->nonce);
    uint32_t every_ms = r->lost_before == s->lost_before ? SIM_FIGURES_MS : SIM_LOST_MS;
    s->expected = r->expected;
    s->lost_before = r->lost_before;
    s->lost_after = r->lost_after;
    s->rtt_us = r->rtt_us;
    s->jitter_us = r->jitter_us;
    playout_told(sim, s);
    if (r->moved.epoch != 0)
        s->moved = r->moved;
    else if (duration_less(instant_since(sim_worker_now(sim, w), s->told_at),
                           duration_ms(every_ms)))
        return;
    s->told_at = sim_worker_now(sim, w);
    sim_node_session_changed(sim, w, slot);
}

static void probe_received(struct sim *sim, struct sim_worker *w, uint32_t client,
                           const struct message *m) {
    const struct key_hint *target = &m->u.probe.target;
    const struct message echo = {.kind = MESSAGE_ECHO, .nonce = m->nonce, .u.echo = {*target}};
    if (!sim_rekey_is_called(&sim->sites[w->cluster], target) ||
        !probed_admits(&w->probed, sim->nodes[w->node].limits.probes_per_s, sim_worker_now(sim, w)))
        return;
    sim_invariants_probe_answered(sim, w);
    sim_worker_send(sim, w, client, &echo);
}

static void trips_received(struct sim *sim, struct sim_worker *w, uint32_t client,
                           const struct message *m) {
    struct sim_node *node = &sim->nodes[w->node];
    const struct message_trips *t = &m->u.trips;
    uint32_t slot = tenure_find(&w->tenure, &t->session);
    if (slot == TENURE_SLOT_NONE || !sim_session_at(w, slot)->used ||
        !sim_rekey_is_called(&sim->sites[w->cluster], &t->target))
        return;
    if (node->trips == NULL)
        node->trips = sim_alloc(NODE_TRIPS_MAX, sizeof(*node->trips));
    for (uint8_t i = 0; i < t->count && node->trip_count < NODE_TRIPS_MAX; i++)
        node->trips[node->trip_count++] = (struct node_trip){.client = sim_client_addr(sim, client),
                                                             .cluster = t->list[i].cluster,
                                                             .rtt_us = t->list[i].rtt_us,
                                                             .samples = t->list[i].samples,
                                                             .asked = t->list[i].asked,
                                                             .lost = t->list[i].lost,
                                                             .due = t->own.due,
                                                             .missing = t->own.lost,
                                                             .runs = t->own.runs,
                                                             .session = t->session};
    if (!sim_probing_told(sim, w, client, m->nonce) || node->ask_count == NODE_ASKS_MAX)
        return;
    if (node->asks == NULL)
        node->asks = sim_alloc(NODE_ASKS_MAX, sizeof(*node->asks));
    node->asks[node->ask_count++] = t->session;
}

static void take(struct sim *sim, struct sim_worker *w, uint32_t client, const struct message *m) {
    switch (m->kind) {
    case MESSAGE_HELLO:
        hello_received(sim, w, client, m->nonce);
        return;
    case MESSAGE_RESUME:
        resume_received(sim, w, client, m);
        return;
    case MESSAGE_REPORT:
        report_received(sim, w, client, m);
        return;
    case MESSAGE_PROBE:
        probe_received(sim, w, client, m);
        return;
    case MESSAGE_TRIPS:
        trips_received(sim, w, client, m);
        return;
    case MESSAGE_ECHO:
    case MESSAGE_COOKIE:
    case MESSAGE_GRANT:
    case MESSAGE_REFUSE:
    case MESSAGE_ACK:
    case MESSAGE_NOTICE:
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
    case MESSAGE_PASS:
        return; /* a client never sends these */
    case MESSAGE_KNOCK:
        return; /* nor a simulated one this */
    }
}

static void take_nack(struct sim *sim, struct sim_worker *w, const struct sim_event *e) {
    uint32_t slot = tenure_find(&w->tenure, &sim->clients[e->b].ticket.session);
    uint64_t missing;
    if (slot == TENURE_SLOT_NONE || w->tenures[slot].resting || !sim_session_at(w, slot)->used)
        return;
    memcpy(&missing, e->body, sizeof(missing));
    sim_worker_resend(sim, w, slot, e->n, missing);
}

static void hear(struct sim *sim, struct sim_worker *w, const struct sim_event *e) {
    if (w->process.life != SIM_LIFE_RUNNING || !sim->nodes[w->node].briefed)
        return;
    if (e->kind == SIM_NACK)
        take_nack(sim, w, e);
    else
        take(sim, w, e->b, e->body);
}

/* While a worker is being replaced its socket lives on at the supervisor, and datagrams wait. */
void sim_door_received(struct sim *sim, const struct sim_event *e) {
    struct sim_worker *w = &sim->workers[e->a];
    struct sim_node *node = &sim->nodes[w->node];
    uint32_t end = sim_network_group(&sim->network, sim->clients[e->b].group);
    bool here =
        sim_network_open(&sim->network, end, w->cluster) && sim_process_lives(&node->process);
    if (here && w->process.life == SIM_LIFE_STARTING) {
        sim_put(sim, duration_ms(1), e);
        return;
    }
    if (here && sim_process_holds(sim, &w->process, e))
        return;
    if (here && w->process.life == SIM_LIFE_RUNNING && sim_inbox_holds(sim, w, e))
        return;
    if (here)
        hear(sim, w, e);
    sim_body_free(&sim->bodies, e->body);
}

void sim_door_read(struct sim *sim, struct sim_worker *w) {
    struct sim_event e = sim_inbox_take(w);
    hear(sim, w, &e);
    sim_body_free(&sim->bodies, e.body);
}
