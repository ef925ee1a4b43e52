#include "peerd/sim/telling.h"

#include "peerd/sim/client.h"
#include "peerd/sim/node.h"
#include "peerd/sim/post.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/sleep.h"
#include "peerd/sim/worker.h"

#include <string.h>

/* Under the keys by which its listener knows them, see transcoder/worker/briefing.c. */
static struct message_named list_of(const struct sim *sim, const struct sim_session *s) {
    struct message_named out = {.session = sim->clients[s->client].ticket.session,
                                .count = s->tells_count};
    const struct sim_ticket *t = &sim->clients[s->client].ticket;
    int64_t issued_s = t->expires_s - sim->sites[t->issuer].policy.limits.ticket_life.us / 1000000;
    for (uint8_t i = 0; i < s->tells_count; i++) {
        struct addr media = sim_worker_addr(sim, &sim->workers[s->tells[i]]);
        const struct sim_site *site = &sim->sites[sim->workers[s->tells[i]].cluster];
        struct key_hint hint = site->keys == NULL ? site->hint : sim_rekey_known_as(site, issued_s);
        out.list[i] = (struct named_cluster){site->policy.cluster.name, hint, media};
    }
    return out;
}

void sim_telling_ordered(struct sim *sim, struct sim_worker *w, const struct node_named *list) {
    uint32_t slot = tenure_find(&w->tenure, &list->session);
    if (w->process.life != SIM_LIFE_RUNNING || slot == TENURE_SLOT_NONE)
        return;
    if (w->tenures[slot].resting)
        sim_sleep_wake(sim, &sim->clients[sim_session_at(w, slot)->client]);
    struct sim_session *s = sim_session_at(w, slot);
    if (!s->used)
        return;
    s->tells_count = list->count;
    for (uint8_t i = 0; i < list->count; i++)
        s->tells[i] = sim_worker_at(sim, &list->list[i].media);
    const struct message_named told = list_of(sim, s);
    telling_ordered(&s->telling, named_mark(&told));
}

void sim_telling_reported(struct sim *sim, struct sim_worker *w, uint32_t slot,
                          const struct message_report *r, uint64_t nonce) {
    struct sim_session *s = sim_session_at(w, slot);
    struct message m = {.kind = MESSAGE_BACKUPS, .nonce = nonce};
    switch (telling_reported(&s->telling, r->backups)) {
    case TELLING_NOTHING:
        return;
    case TELLING_TELL:
        m.u.named = list_of(sim, s);
        sim_post(sim, w->cluster, sim_network_group(&sim->network, sim->clients[s->client].group),
                 SIM_NAMED_BYTES,
                 &(struct sim_event){.kind = SIM_TO_CLIENT, .a = s->client, .b = w->index}, &m,
                 sim_message_size(&m));
        return;
    case TELLING_TAKEN:
        s->backup_count = s->tells_count;
        for (uint8_t i = 0; i < s->tells_count; i++)
            s->backups[i] = (uint16_t)sim->workers[s->tells[i]].cluster;
        sim_node_session_changed(sim, w, slot);
        return;
    }
}
