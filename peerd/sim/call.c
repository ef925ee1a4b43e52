#include "peerd/sim/discovery.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/site.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Requests between peerds over HTTPS: the connection is kept, so a call costs one round trip. */

static void free_call(struct sim_call *call) {
    description_free(&call->description);
    free(call->groups);
    free(call->slots);
    free(call->message);
    free(call);
}

/* No answer will come: whoever asked waits until its time is over, or hears of it at once. */
static void fail(struct sim *sim, struct sim_call *call, enum err err, bool at_once) {
    struct instant at = instant_add(call->asked, SIM_CALL_WAIT);
    if (call->orphan) {
        free_call(call);
        return;
    }
    call->err = err;
    if (at_once || instant_before(at, sim->now))
        at = sim->now;
    sim_put_at(sim, at,
               &(struct sim_event){.kind = SIM_CALL_FAILED, .a = call->from, .body = call});
}

void sim_call_drop(struct sim *sim, struct sim_call *call) {
    if (sim->freeing)
        free_call(call);
    else
        fail(sim, call, ERR_TIMEOUT, false);
}

/* ---- asking ---- */

static struct sim_call *new_call(struct sim *sim, const struct sim_site *site, uint32_t to) {
    struct sim_call *call = sim_alloc(1, sizeof(*call));
    call->from = site->index;
    call->run = site->peerd.run;
    call->to = to;
    call->asked = sim->now;
    return call;
}

static void ask(struct sim *sim, const struct sim_site *site, struct sim_call *call) {
    struct instant at;
    if (sim_network_stream(&sim->network, site->index, call->to, 1, sim->now, &at))
        sim_put_at(sim, at, &(struct sim_event){.kind = SIM_CALL, .a = call->to, .body = call});
    else
        fail(sim, call, ERR_TIMEOUT, false);
}

void sim_call_fetch(struct sim *sim, struct sim_site *site,
                    const struct core_fetch_description *fetch) {
    ask(sim, site, new_call(sim, site, site->cluster_of[fetch->peer]));
}

/* Of itself nobody asks over a network: somebody has told it that it has another key. */
void sim_call_find(struct sim *sim, struct sim_site *site, uint32_t to,
                   const struct public_key *key) {
    struct sim_call *call = new_call(sim, site, to);
    call->finds = true;
    call->key = *key;
    if (to == site->index)
        fail(sim, call, ERR_UNREACHABLE, true);
    else
        ask(sim, site, call);
}

void sim_call_lodge(struct sim *sim, struct sim_site *site,
                    const struct core_lodge_standbys *lodge) {
    struct sim_call *call = new_call(sim, site, site->cluster_of[lodge->peer]);
    call->lodging = true;
    call->ttl_ms = lodge->ttl_ms;
    call->group_count = lodge->group_count;
    call->groups = sim_copy(lodge->groups, lodge->group_count, sizeof(*call->groups));
    ask(sim, site, call);
}

void sim_call_say(struct sim *sim, struct sim_site *site, const struct core_say_agreement *say) {
    struct sim_call *call = new_call(sim, site, site->cluster_of[say->peer]);
    call->message = sim_copy(say->message, 1, sizeof(*call->message));
    ask(sim, site, call);
}

/* ---- answering ---- */

static void answer(struct sim *sim, const struct sim_site *site, struct sim_call *call) {
    struct instant at;
    if (call->orphan)
        free_call(call);
    else if (sim_network_stream(&sim->network, site->index, call->from, 1, sim->now, &at))
        sim_put_at(sim, at,
                   &(struct sim_event){.kind = SIM_CALL_ANSWERED, .a = call->from, .body = call});
    else
        fail(sim, call, ERR_TIMEOUT, false);
}

/* The core's own arrays hold until its next step only. */
static void describe_site(struct sim *sim, struct sim_site *site, struct sim_call *call) {
    struct description d;
    if (core_describe(site->core, sim_wall(sim, &site->clock), &d) != ERR_OK) {
        fail(sim, call, ERR_NO_MEMORY, true);
        return;
    }
    if (sim->scenario->stream_count > 0) /* the door at which players ask */
        snprintf(d.clients_url, sizeof(d.clients_url), "https://%s.test",
                 site->policy.cluster.name.text);
    sim_rekey_describe(site, &d);
    sim_invariants_described(sim, site, &d);
    call->description = d;
    call->description.services = sim_copy(d.services, d.service_count, sizeof(*d.services));
    call->description.profiles = sim_copy(d.profiles, d.profile_count, sizeof(*d.profiles));
    call->description.sources = sim_copy(d.sources, d.source_count, sizeof(*d.sources));
    call->description.media = sim_copy(d.media, d.media_count, sizeof(*d.media));
    call->description.origins = sim_copy(d.origins, d.origin_count, sizeof(*d.origins));
    answer(sim, site, call);
}

/* Whoever asks a stopped one waits in vain, but the request is in its socket and will be read. */
static void leave_for_later(struct sim *sim, struct sim_site *site, const struct sim_event *e) {
    struct sim_call *call = e->body, *later = sim_alloc(1, sizeof(*later));
    struct sim_event event = *e;
    *later = (struct sim_call){.from = call->from,
                               .run = call->run,
                               .to = call->to,
                               .lodging = call->lodging,
                               .asked = call->asked,
                               .ttl_ms = call->ttl_ms,
                               .group_count = call->group_count,
                               .orphan = true};
    later->groups = sim_copy(call->groups, call->group_count, sizeof(*later->groups));
    if (call->message != NULL)
        later->message = sim_copy(call->message, 1, sizeof(*later->message));
    event.body = later;
    fail(sim, call, ERR_TIMEOUT, false);
    sim_process_holds(sim, &site->peerd, &event);
}

/* The connection is made by keys, each side's being known to the other. */
static bool may_ask(const struct sim *sim, const struct sim_site *site,
                    const struct sim_call *call) {
    if (call->finds)
        return public_key_equal(&call->key, &site->key) &&
               sim_discovery_may_ask(sim, site, call->from);
    return sim_site_knows(site, site->peer_of[call->from]) &&
           sim_discovery_opens(sim, site, call->from);
}

void sim_call_asked(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    struct sim_call *call = e->body;
    uint32_t peer = site->peer_of[call->from];
    if (!call->orphan && !sim_network_open(&sim->network, call->from, e->a)) {
        fail(sim, call, ERR_TIMEOUT, false);
    } else if (site->core == NULL || !may_ask(sim, site, call)) {
        fail(sim, call, ERR_UNREACHABLE, true); /* refused; the way back is not worth an event */
    } else if (site->peerd.life == SIM_LIFE_STOPPED && call->finds) {
        fail(sim, call, ERR_TIMEOUT, false); /* what it would say later is nothing to anybody */
    } else if (site->peerd.life == SIM_LIFE_STOPPED) {
        leave_for_later(sim, site, e);
    } else if (call->message != NULL) {
        site->calling = call;
        sim_site_step(sim, site,
                      &(struct core_event){
                          .kind = CORE_AGREEMENT_HEARD,
                          .u.agreement = {.peer = peer, .asked = true, .message = call->message}});
        assert(site->calling == NULL && "whoever asks is answered");
    } else if (!call->lodging) {
        describe_site(sim, site, call);
    } else {
        site->calling = call;
        sim_site_step(sim, site,
                      &(struct core_event){.kind = CORE_STANDBYS_LODGED,
                                           .u.lodged = {.peer = peer,
                                                        .ttl_ms = call->ttl_ms,
                                                        .groups = call->groups,
                                                        .group_count = call->group_count}});
        assert(site->calling == NULL && "every lodging is answered");
    }
}

void sim_call_answer_standbys(struct sim *sim, struct sim_site *site,
                              const struct core_answer_standbys *a) {
    struct sim_call *call = site->calling;
    site->calling = NULL;
    call->err = a->err;
    call->ttl_ms = a->lease_ms;
    call->slot_count = a->slot_count;
    call->slots = sim_copy(a->slots, a->slot_count, sizeof(*call->slots));
    answer(sim, site, call);
}

void sim_call_answer_agreement(struct sim *sim, struct sim_site *site,
                               const struct core_answer_agreement *a) {
    struct sim_call *call = site->calling;
    site->calling = NULL;
    call->err = a->err;
    if (a->err == ERR_OK)
        *call->message = *a->message;
    answer(sim, site, call);
}

/* ---- hearing of it ---- */

/* True if whoever asked is still there; the call is given back otherwise. */
static bool is_awaited(struct sim *sim, const struct sim_event *e) {
    struct sim_call *call = e->body;
    struct sim_site *site = &sim->sites[e->a];
    bool knows = call->finds || sim_site_knows(site, site->peer_of[call->to]);
    if (site->core != NULL && site->peerd.run == call->run && knows)
        return !sim_process_holds(sim, &site->peerd, e);
    free_call(call);
    return false;
}

void sim_call_failed(struct sim *sim, const struct sim_event *e) {
    struct sim_call *call = e->body;
    struct sim_site *site = &sim->sites[e->a];
    if (!is_awaited(sim, e))
        return;
    if (call->finds)
        sim_discovery_fetched(sim, site, &call->key, NULL);
    else if (call->message == NULL) /* else it is said again in time */
        sim_site_step(sim, site,
                      &(struct core_event){.kind = CORE_PEER_UNREACHABLE,
                                           .u.unreachable = {.peer = site->peer_of[call->to],
                                                             .lodging = call->lodging,
                                                             .err = call->err}});
    free_call(call);
}

void sim_call_answered(struct sim *sim, const struct sim_event *e) {
    struct sim_call *call = e->body;
    struct sim_site *site = &sim->sites[e->a];
    uint32_t peer = site->peer_of[call->to];
    if (!sim_network_open(&sim->network, call->to, e->a)) {
        fail(sim, call, ERR_TIMEOUT, false);
        return;
    }
    if (call->err != ERR_OK) {
        sim_call_failed(sim, e);
        return;
    }
    if (!is_awaited(sim, e))
        return;
    if (call->finds) {
        sim_discovery_fetched(sim, site, &call->key, &call->description);
        free_call(call);
        return;
    }
    bool described = !call->lodging && call->message == NULL;
    if (described)
        sim_rekey_described(sim, site, peer, &call->description);
    struct core_event event = {.kind = CORE_PEER_DESCRIBED,
                               .u.described = {.peer = peer, .description = &call->description}};
    if (call->message != NULL)
        event = (struct core_event){.kind = CORE_AGREEMENT_HEARD,
                                    .u.agreement = {.peer = peer, .message = call->message}};
    else if (call->lodging)
        event = (struct core_event){.kind = CORE_STANDBYS_ANSWERED,
                                    .u.standbys = {.peer = peer,
                                                   .slots = call->slots,
                                                   .slot_count = call->slot_count,
                                                   .ttl_ms = call->ttl_ms}};
    sim_site_step(sim, site, &event);
    if (described)
        sim_discovery_described(sim, site, peer, &call->description);
    free_call(call);
}
