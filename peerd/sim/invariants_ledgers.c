#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"

#include <inttypes.h>

/* Second ledgers of a listener: what it may still spend, and what it has just been told. */

#define MINUTE_US INT64_C(60000000) /* [µs] of a budget of one a minute */

/* ---- 11: hedges ------------------------------------------------------------------------------ */

void watch_purse_filled(struct sim *sim, const struct sim_client *c) {
    if (sim->watch->purses != NULL)
        sim->watch->purses[c->index] = (struct watch_purse){
            c->witness->config.hedges_per_minute * MINUTE_US, sim_client_now(sim, c), 0};
}

/* Its budget fills again at its rate and holds no more than a minute's worth, however long it was
 * not needed. */
void watch_purse(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct instant now = sim_client_now(sim, c);
    uint64_t spent = w->stats.hedges + w->stats.extensions;
    if (sim->watch->purses == NULL)
        return;
    struct watch_purse *p = &sim->watch->purses[c->index];
    int64_t rate = w->config.hedges_per_minute, most = rate * MINUTE_US;
    p->left_us += rate * instant_since(now, p->at).us;
    p->left_us = p->left_us < most ? p->left_us : most;
    p->left_us -= (int64_t)(spent - p->spent) * MINUTE_US;
    p->at = now;
    p->spent = spent;
    if (p->left_us < 0)
        sim_breach(sim, "%s has saved up more than a minute's worth of hedges, %" PRId64 " of them",
                   sim_client_name(sim, c).text, rate);
}

/* ---- 26: answers ----------------------------------------------------------------------------- */

void sim_invariants_client_steps(struct sim *sim, const struct sim_client *c,
                                 const struct witness_event *e) {
    struct watch_word *word = &sim->watch->word;
    *word = (struct watch_word){.kind = e->kind, .server = e->server};
    bool answers = e->kind == WITNESS_GRANTED || e->kind == WITNESS_REFUSED;
    if (!answers || e->server >= WITNESS_SERVERS_MAX)
        return;
    word->any = c->witness->state != WITNESS_ENDED;
    word->purpose = e->kind == WITNESS_GRANTED ? e->u.grant.purpose : e->u.refuse.purpose;
    word->error = e->kind == WITNESS_REFUSED ? e->u.refuse.error : ERR_OK;
    word->forged = c->witness->stats.forged;
}

/* Whoever grants what is wanted no more is told so, and whoever refuses to stand by is not counted
 * upon. */
void watch_word(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_word word = sim->watch->word;
    sim->watch->word.any = false;
    if (!word.any || w->stats.forged != word.forged || w->state == WITNESS_ENDED ||
        w->servers[word.server].role == WITNESS_ROLE_FREE)
        return;
    const struct witness_server *s = &w->servers[word.server];
    bool commit = word.kind == WITNESS_GRANTED && word.purpose == RESUME_COMMIT;
    bool wanted = word.server == w->serving || word.server == w->attempt.server;
    bool refused = word.kind == WITNESS_REFUSED && word.purpose == RESUME_STANDBY;
    if (commit && !wanted && !watch_is_sent(sim, word.server, RESUME_RELEASE))
        sim_breach(sim, "%s is granted by %s what it wants no more, and does not say so",
                   sim_client_name(sim, c).text, s->address.name.text);
    if (refused && word.error != ERR_BAD_COOKIE && !instant_is_never(s->standby_until))
        sim_breach(sim, "%s counts on %s, which refuses to stand by", sim_client_name(sim, c).text,
                   s->address.name.text);
}
