#include "peerd/sim/invariants_private.h"

#include <inttypes.h>

/* What a client is promised when its session is opened. */

static struct watch_site *watch_of(struct sim *sim, const struct sim_site *site) {
    return &sim->watch->sites[site->index];
}

/* ---- 10: the ticket -------------------------------------------------------------------------- */

static bool is_as_asked(const struct ticket *t, const struct core_session_open *o) {
    return name_equal(&t->service, &o->service) && name_equal(&t->profile, &o->profile) &&
           name_equal(&t->source, &o->source) && public_key_equal(&t->client, &o->client) &&
           t->protection == o->protection && t->anchor_frame == o->start_frame;
}

/* It says what was asked for, by whom it was issued, and for how long it is good. */
static void check_ticket(struct sim *sim, const struct sim_site *site,
                         const struct core_answer_open *a, const struct core_event *e) {
    const struct policy_limits *l = &site->policy.limits;
    const struct ticket *t = &a->ticket;
    bool timely = a->repeated || t->issued_s == e->wall.us / 1000000;
    if (!is_as_asked(t, &e->u.open) || !name_equal(&t->issuer, &site->policy.cluster.name))
        sim_breach(sim, "%s gives a ticket for something else than was asked for",
                   watch_cluster(sim, site->index));
    if (!timely || t->expires_s != t->issued_s + l->ticket_life.us / 1000000)
        sim_breach(sim, "%s gives a ticket from %" PRId64 " to %" PRId64 " s, at %" PRId64,
                   watch_cluster(sim, site->index), t->issued_s, t->expires_s,
                   e->wall.us / 1000000);
    if (a->lease_ms != duration_in_ms(l->session_lease))
        sim_breach(sim, "%s tells of a lease of %" PRIu32 " ms, not of %" PRId64,
                   watch_cluster(sim, site->index), a->lease_ms, duration_in_ms(l->session_lease));
}

/* ---- 10: where ------------------------------------------------------------------------------- */

/* The table has it there, under the epoch before; and what runs there is a worker that can be
 * expected to. */
static void check_place(struct sim *sim, const struct sim_site *site,
                        const struct core_answer_open *a) {
    uint32_t at = sim_worker_at(sim, &a->media);
    const char *name = watch_cluster(sim, site->index);
    struct core_session_status s;
    if (at == UINT32_MAX)
        return; /* which is a breach of its own */
    const struct sim_worker *w = &sim->workers[at];
    uint32_t node = sim->nodes[w->node].number;
    if (!core_session_find(site->core, &a->ticket.session, &s) || s.worker != w->number ||
        !name_equal(&s.node, &site->policy.nodes[node].name) || s.epoch + 1 != a->epoch)
        sim_breach(sim, "%s opens a session under epoch %" PRIu32 " elsewhere than its table says",
                   name, a->epoch);
    bool runs = watch_of(sim, site)->nodes[node].running >> (w->number % 64) & 1;
    if (!a->repeated && (!runs || !core_node_status(site->core, node).registered))
        sim_breach(sim, "%s opens a session at a worker that does not run", name);
}

/* Each backup offers the same. */
static void check_offers(struct sim *sim, const struct sim_site *site,
                         const struct core_answer_open *a) {
    for (uint32_t i = 0; i < a->backup_count; i++) {
        uint32_t cluster = sim_cluster_at(sim, &a->backups[i].media);
        if (cluster == UINT32_MAX)
            continue;
        const struct policy_service *service =
            policy_service_find(&sim->sites[cluster].policy, &a->ticket.service);
        if (service == NULL)
            sim_breach(sim, "%s names %s as a backup, which does not offer %s",
                       watch_cluster(sim, site->index), a->backups[i].cluster.text,
                       a->ticket.service.text);
    }
}

/* ---- 10: asked again ------------------------------------------------------------------------- */

/* The same question gets the same answer for a while, and no longer; but where the session has gone
 * meanwhile, another one, as its id stands for what is over. */
static void check_again(struct sim *sim, const struct sim_site *site,
                        const struct core_answer_open *a) {
    if (sim->watch->answers == NULL)
        return;
    struct watch_answer *before = &sim->watch->answers[a->request >> 32];
    struct instant now = sim_site_now(sim, site);
    bool known = before->run == site->peerd.run && before->cluster == site->index;
    bool same = known && session_id_equal(&before->session, &a->ticket.session);
    bool lately = known && instant_before(now, instant_add(before->at, CORE_IDEMPOTENT_LIFE));
    if (a->repeated && known && (!same || !lately))
        sim_breach(sim, "%s repeats an answer %s", watch_cluster(sim, site->index),
                   same ? "of more than a minute ago" : "after it gave another one");
    if (!a->repeated && same && lately)
        sim_breach(sim, "%s gives the id of a session that is over to another one",
                   watch_cluster(sim, site->index));
    if (!a->repeated)
        *before = (struct watch_answer){site->index, site->peerd.run, now, a->ticket.session};
}

void watch_promises(struct sim *sim, struct sim_site *site, const struct core_answer_open *a,
                    const struct core_event *e) {
    check_again(sim, site, a);
    check_ticket(sim, site, a, e);
    if (a->redirect == CORE_REDIRECT_NOT)
        check_place(sim, site, a);
    check_offers(sim, site, a);
}

/* ---- 15: what we say of ourselves ------------------------------------------------------------ */

void sim_invariants_described(struct sim *sim, struct sim_site *site, const struct description *d) {
    const char *name = watch_cluster(sim, site->index);
    const struct watch_site *watch = watch_of(sim, site);
    if (d->draining != watch->draining)
        sim_breach(sim, "%s describes itself as one that %s", name,
                   d->draining ? "drains" : "does not drain");
    for (size_t i = 0; i < d->media_count; i++) {
        uint32_t at = sim_worker_at(sim, &d->media[i]);
        const struct sim_worker *w = at == UINT32_MAX ? NULL : &sim->workers[at];
        bool runs = w != NULL && w->cluster == site->index &&
                    (watch->nodes[sim->nodes[w->node].number].running >> (w->number % 64) & 1);
        if (!runs)
            sim_breach(sim, "%s describes a worker that does not run", name);
    }
    for (size_t i = 0; i < d->service_count; i++)
        if (d->services[i].free > d->services[i].capacity ||
            d->services[i].free > core_status(site->core).free ||
            (d->draining && d->services[i].free > 0))
            sim_breach(sim, "%s describes %" PRIu32 " free slots for %s", name, d->services[i].free,
                       d->services[i].name.text);
}
