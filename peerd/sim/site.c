#include "peerd/sim/site.h"

#include "peerd/core/briefing.h"
#include "peerd/sim/discovery.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/kitchen.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/node.h"
#include "peerd/sim/pages.h"
#include "peerd/sim/post.h"
#include "peerd/sim/rekey.h"
#include "peerd/wire/coarse.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_MAX         1000 /* of a core that is always due: more is a busy loop */
#define TWICE_EVERY       4
#define REPORTS_PER_TWICE 16
#define LIE_RTT_MS        20 /* [ms] of whoever has no view of its own to lie about */

/* ---- making one ---- */

static uint32_t cluster_named(const struct sim *sim, const struct name *name) {
    for (uint32_t i = 0; i < sim->scenario->cluster_count; i++)
        if (name_equal(&sim->scenario->clusters[i].identity.name, name))
            return i;
    return UINT32_MAX;
}

static void fill_policy(struct sim *sim, struct sim_site *site) {
    struct policy *p = &site->policy, *drawn = sim_alloc(1, sizeof(*drawn));
    if (sim->options.policies != NULL)
        *drawn = *sim->options.policies[site->index];
    else
        scenario_policy(sim->scenario, site->index, drawn);
    policy_copy(p, drawn);
    free(drawn);
    for (uint32_t i = 0; i < p->peer_count; i++) {
        uint32_t other = cluster_named(sim, &p->peers[i].name);
        p->peers[i].key = sim_rekey_key(other, 0, 0);
        site->cluster_of[i] = other;
        site->peer_of[other] = i;
    }
    for (uint32_t i = 0; i < p->node_count; i++)
        p->nodes[i].key = sim_rekey_key(site->index, i + 1, 0);
    for (uint32_t i = 0; i < p->service_count; i++)
        site->capacity += p->services[i].capacity;
}

void sim_site_init(struct sim *sim, uint32_t index) {
    struct sim_site *site = &sim->sites[index];
    site->index = index;
    site->key = sim_rekey_key(index, 0, 0);
    site->hint = key_hint_of(&site->key);
    site->peer_of = sim_alloc(sim->site_count, sizeof(*site->peer_of));
    for (uint32_t i = 0; i < sim->site_count; i++)
        site->peer_of[i] = UINT32_MAX;
    fill_policy(sim, site);
    sim_rekey_init(sim, site);
    sim_discovery_init(sim, site);
    sim_kitchen_init(sim, site);
}

static void free_core(struct sim_site *site) {
    core_free(site->core);
    if (site->storage != NULL)
        sim_pages_return(site->storage, core_size());
    site->storage = NULL;
    site->core = NULL;
}

void sim_site_free(struct sim *sim, struct sim_site *site) {
    sim_process_kill(sim, &site->peerd);
    free_core(site);
    free(site->peer_of);
    free(site->keys);
    sim_discovery_free(site);
    sim_kitchen_free(site);
    free(site->at_start);
}

/* ---- life ---- */

void sim_site_start(struct sim *sim, struct sim_site *site) {
    if (site->peerd.life != SIM_LIFE_DEAD)
        return;
    sim_process_start(sim, &site->peerd, SIM_LIFE_STARTING);
    struct duration later =
        sim_process_begins(sim, &site->peerd, site->policy.detection.interval, site->index);
    sim_put(sim, duration_add(SIM_PEERD_START, later),
            &(struct sim_event){.kind = SIM_PEERD_STARTS, .a = site->index, .n = site->peerd.run});
}

/* A planner's policies follow them by default; its crowds fare as its links say, and are many. */
static uint32_t locations_of(const struct sim *sim, const struct sim_site *site) {
    return sim->options.policies != NULL ? 0 : site->policy.performance.locations_max;
}

void sim_site_started(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    if (e->n != site->peerd.run || site->peerd.life != SIM_LIFE_STARTING)
        return;
    uint64_t boot = rng_u64(&sim->rng) | 1;
    uint64_t seed = rng_u64(&sim->rng);
    site->peerd.life = SIM_LIFE_RUNNING;
    if (sim->client_count > SCENARIO_CROWD)
        site->storage = sim_pages_apart(core_size());
    sim_rekey_started(sim, site);
    sim_discovery_starts(sim, site);
    site->core = core_init(&(struct core_setup){.policy = &site->policy,
                                                .self = site->key,
                                                .boot = boot,
                                                .seed = seed,
                                                .now = sim_site_now(sim, site),
                                                .trace = &sim->trace,
                                                .locations_max = locations_of(sim, site),
                                                .storage = site->storage});
    assert(site->core != NULL);
    site->verdicts_changed = 0;
    memset(site->verdicts, 0, sizeof(site->verdicts));
    site->falls = 0;
    sim_site_step(sim, site, &(struct core_event){.kind = CORE_TICK});
    sim_discovery_begins(sim, site);
}

void sim_site_kill(struct sim *sim, struct sim_site *site) {
    sim_process_kill(sim, &site->peerd);
    free_core(site);
    sim_due_site(sim, site);
}

void sim_site_drain(struct sim *sim, struct sim_site *site, struct duration deadline,
                    const struct name *to) {
    struct core_event e = {.kind = CORE_DRAIN, .u.drain = {.deadline = deadline, .to = *to}};
    const char *why;
    if (site->peerd.life != SIM_LIFE_RUNNING)
        return;
    if (core_drain_refusal(site->core, &e.u.drain, &why) != ERR_OK)
        sim_narrative_fact(sim, "%s refuses that: %s", site->policy.cluster.name.text, why);
    else
        sim_site_step(sim, site, &e);
}

void sim_site_undrain(struct sim *sim, struct sim_site *site) {
    if (site->peerd.life != SIM_LIFE_RUNNING)
        return;
    sim_site_step(sim, site, &(struct core_event){.kind = CORE_UNDRAIN});
}

void sim_site_move(struct sim *sim, struct sim_site *site, const struct session_id *session,
                   const struct name *to) {
    const char *name = site->policy.cluster.name.text, *why;
    if (site->peerd.life != SIM_LIFE_RUNNING) {
        sim_narrative_fact(sim, "the peerd of %s does not answer", name);
    } else if (core_move_refusal(site->core, session, to, &why) != ERR_OK) {
        sim_narrative_fact(sim, "%s refuses that: %s", name, why);
    } else {
        sim_invariants_move_asked(sim, site, session, to);
        sim_site_step(
            sim, site,
            &(struct core_event){.kind = CORE_MOVE, .u.move = {.session = *session, .to = *to}});
    }
}

/* ---- other policies ---- */

bool sim_site_counts_guests(const struct sim *sim, const struct sim_site *site) {
    const struct policy *p = &site->policy;
    bool any = p->agreement_count > 0 || sim->scenario->clusters[site->index].reserved_slots > 0;
    for (uint32_t i = 0; i < p->peer_count && !any; i++)
        any = p->peers[i].reserved_slots > 0;
    for (uint32_t i = 0; i < sim->scenario->event_count && !any; i++) {
        const struct scenario_event *e = &sim->scenario->events[i];
        any = e->verb == SCENARIO_VERB_POLICY && e->change.reserved_slots != UINT32_MAX &&
              e->change.reserved_slots > 0;
    }
    return any;
}

static void change_sites_policy(struct sim_site *site, const struct scenario_change *c) {
    struct policy *p = &site->policy;
    if (c->nodes < p->node_count)
        p->node_count = c->nodes;
    if (c->peers < p->peer_count)
        p->peer_count = c->peers;
    for (uint32_t i = 0; i < p->service_count && c->capacity != UINT32_MAX; i++)
        p->services[i].capacity = c->capacity;
    for (uint32_t i = 0; i < p->peer_count && c->reserved_slots != UINT32_MAX; i++)
        p->peers[i].reserved_slots = c->reserved_slots;
    if (c->opens_per_s != UINT32_MAX)
        p->limits.opens_per_s = c->opens_per_s;
    if (c->drain_per_s != UINT32_MAX)
        p->limits.drain_per_s = c->drain_per_s;
}

void sim_site_policy(struct sim *sim, struct sim_site *site, const struct scenario_change *change) {
    uint32_t capacity = 0;
    if (site->peerd.life == SIM_LIFE_STOPPED)
        return;
    if (site->at_start == NULL) {
        site->at_start = sim_alloc(1, sizeof(*site->at_start));
        policy_copy(site->at_start, &site->policy);
    }
    policy_copy(&site->policy, site->at_start);
    sim_rekey_policy(sim, site);
    change_sites_policy(site, change);
    for (uint32_t i = 0; i < site->policy.service_count; i++)
        capacity += site->policy.services[i].capacity;
    site->shared_anew |= change->nodes != UINT32_MAX || change->capacity != UINT32_MAX;
    /* Only a run that has seen all of it knows what was promised to whom. */
    if (site->shared_run == 0)
        site->shared_run = site->peerd.life == SIM_LIFE_RUNNING ? site->peerd.run : UINT64_MAX;
    site->capacity = capacity > site->capacity ? capacity : site->capacity;
    sim_invariants_policy_changes(sim, site);
    if (site->peerd.life == SIM_LIFE_RUNNING)
        sim_site_step(sim, site,
                      &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &site->policy});
}

/* It is named no longer: whoever knocks is a stranger. */
bool sim_site_knows(const struct sim_site *site, uint32_t peer) {
    return peer < site->policy.peer_count;
}

/* ---- carrying out intentions ---- */

/* Which view it is that says so, of a beat that tells of others at all. */
static struct beat_view *view_about(struct beat *b, const struct key_hint *whom) {
    for (uint8_t v = 0; v < b->view_count; v++)
        if (key_hint_equal(&b->views[v].peer, whom))
            return &b->views[v];
    if (b->view_count == 0 || b->view_count == BEAT_VIEWS_MAX)
        return NULL;
    struct beat_view *added = &b->views[b->view_count++];
    *added = (struct beat_view){.peer = *whom, .rtt_ms = LIE_RTT_MS};
    return added;
}

static bool lies(const struct scenario_lie *lie, uint32_t to) {
    return lie->says != SCENARIO_LIE_NONE && lie->of != to;
}

static void lie(const struct sim *sim, const struct scenario_lie *lie, struct beat *b) {
    struct beat_view *v = view_about(b, &sim->sites[lie->of].hint);
    if (v == NULL)
        return;
    bool hears = lie->says == SCENARIO_LIE_HEARS;
    v->age_ms = hears ? 0 : COARSE_MS_MAX;
    v->loss_permille_x4 = 0;
    v->verdict = hears ? VERDICT_ALIVE : VERDICT_CRASHED;
}

static void send_beat(struct sim *sim, struct sim_site *site, const struct core_send_beat *send) {
    const struct scenario_lie *told = &sim->scenario->clusters[site->index].lies;
    const struct beat *said = &send->beat;
    uint32_t to = site->cluster_of[send->peer];
    struct sim_beat body;
    struct beat lied;
    body.from = (struct addr){0};
    if (lies(told, to)) {
        lied = *said;
        lie(sim, told, &lied);
        said = &lied;
    }
    sim_beat_pack(&body, said);
    struct sim_event e = {
        .kind = SIM_BEAT, .a = to, .b = site->index, .n = sim_rekey_seal(sim, site->index, to)};
    if (!addr_is_none(&send->to)) {
        e.kind = SIM_BEAT_TO_NODE;
        e.n = 0;
        e.a = sim_node_at(sim, &send->to);
        assert(e.a != UINT32_MAX);
    }
    sim_post(sim, site->index, to, SIM_BEAT_BYTES + said->digest_len + said->blocks_len, &e, &body,
             sim_beat_size(said));
}

static void answer_open(struct sim *sim, struct sim_site *site,
                        const struct core_answer_open *answer) {
    uint32_t client = (uint32_t)(answer->request >> 32);
    uint32_t end = sim_network_group(&sim->network, sim->clients[client].group);
    struct instant at;
    if (!sim_network_stream(&sim->network, site->index, end, 1, sim->now, &at))
        return; /* the client's time runs out */
    struct core_answer_open *body = sim_alloc(1, sizeof(*body));
    *body = *answer;
    body->profile = NULL; /* the core's */
    sim_put_at(sim, at,
               &(struct sim_event){.kind = SIM_OPEN_ANSWERED,
                                   .a = client,
                                   .b = site->index,
                                   .n = (uint32_t)answer->request,
                                   .body = body});
}

/* Whom a node tells that media is alive. Keys are left out: nothing is sealed here. */
static void fill_media_alive(const struct sim *sim, const struct sim_site *site,
                             struct node_answer *out) {
    const struct policy *p = &site->policy;
    out->media_alive = sim_alloc(p->peer_count, sizeof(*out->media_alive));
    for (uint32_t i = 0; i < p->peer_count; i++) {
        const struct sim_site *peer = &sim->sites[site->cluster_of[i]];
        out->media_alive[out->media_alive_count++] = (struct node_media_alive){
            .cluster = p->peers[i].name, .beats = sim_node_addr(&sim->nodes[peer->first_node])};
    }
}

static void answer_node(struct sim *sim, struct sim_site *site, const struct core_answer_node *a) {
    if (a->refused != ERR_OK || site->polling == NULL)
        return; /* as good as no answer: the node asks again */
    struct sim_node *node = &sim->nodes[site->first_node + a->node];
    struct node_answer *body = sim_alloc(1, sizeof(*body));
    *body = briefing_of(a, &site->policy);
    body->cluster_key = site->key;
    body->orders = sim_copy(a->orders, a->order_count, sizeof(*a->orders));
    body->guests = sim_copy(a->guests, a->guest_count, sizeof(*a->guests));
    body->named = sim_copy(a->named, a->named_count, sizeof(*a->named));
    body->told = sim_copy(a->told, a->told_count, sizeof(*a->told));
    fill_media_alive(sim, site, body);
    sim_put(
        sim, SIM_LAN,
        &(struct sim_event){
            .kind = SIM_POLL_ANSWERED, .a = node->index, .n = site->polling->run, .body = body});
    site->polling = NULL;
}

static void carry_out(struct sim *sim, struct sim_site *site, const struct core_intention *i) {
    switch (i->kind) {
    case CORE_SEND_BEAT:
        send_beat(sim, site, &i->u.beat);
        return;
    case CORE_ANSWER_OPEN:
        answer_open(sim, site, &i->u.open);
        return;
    case CORE_ANSWER_NODE:
        answer_node(sim, site, &i->u.node);
        return;
    case CORE_ANSWER_STANDBYS:
        sim_call_answer_standbys(sim, site, &i->u.standbys);
        return;
    case CORE_FETCH_DESCRIPTION:
        sim_call_fetch(sim, site, &i->u.fetch);
        return;
    case CORE_LODGE_STANDBYS:
        sim_call_lodge(sim, site, &i->u.lodge);
        return;
    case CORE_ANSWER_AGREEMENT:
        sim_call_answer_agreement(sim, site, &i->u.agreement);
        return;
    case CORE_SAY_AGREEMENT:
        sim_call_say(sim, site, &i->u.say);
        return;
    }
}

/* ---- steps ---- */

/* What it believes of its peers goes into the report, change by change. */
static void note_verdicts(struct sim *sim, struct sim_site *site) {
    uint64_t changed = core_counters(site->core)->verdicts_changed;
    if (changed == site->verdicts_changed)
        return;
    site->verdicts_changed = changed;
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        if (core_peer_verdict(site->core, i) == site->verdicts[i])
            continue;
        struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
        site->verdicts[i] = p.verdict;
        if (instant_before(sim->now, sim->zero) || sim->closing)
            continue;
        struct report_verdict v = {.at_ms = duration_in_ms(instant_since(sim->now, sim->zero)),
                                   .observer = site->policy.cluster.name,
                                   .peer = p.policy->name};
        name_set(&v.verdict, verdict_name(p.verdict));
        snprintf(v.evidence, sizeof(v.evidence), "%s", p.evidence);
        report_add_verdict(&sim->report, &v);
    }
}

static void note_fall(struct sim *sim, const struct sim_site *site, const struct core_fall *f) {
    bool begins = f->cause == DEGRADE_CAUSE_PATH && f->change != DEGRADE_CHANGE_ENDED;
    uint32_t group = sim_group_at(sim, &f->location);
    if (f->change == DEGRADE_CHANGE_BEGAN && !begins)
        return; /* not by its path: nothing to say of itself */
    struct report_verdict v = {.at_ms = duration_in_ms(instant_since(sim->now, sim->zero)),
                               .observer = site->policy.cluster.name,
                               .peer = site->policy.cluster.name};
    name_set(&v.verdict, verdict_name(begins ? VERDICT_DEGRADED : VERDICT_ALIVE));
    if (group != UINT32_MAX)
        v.location = sim->scenario->clients[group].name;
    snprintf(v.evidence, sizeof(v.evidence), "%.*s", REPORT_TEXT_LEN_MAX, f->evidence);
    report_add_verdict(&sim->report, &v);
}

/* What it believes of its own paths to its clients. */
static void note_falls(struct sim *sim, struct sim_site *site) {
    uint64_t falls = core_counters(site->core)->falls;
    for (; site->falls < falls; site->falls++) {
        const struct core_fall *f = core_fall(site->core, (uint32_t)(falls - site->falls - 1));
        if (f != NULL && !instant_before(sim->now, sim->zero) && !sim->closing)
            note_fall(sim, site, f);
    }
}

void sim_site_step(struct sim *sim, struct sim_site *site, struct core_event *event) {
    event->now = sim_site_now(sim, site);
    event->wall = sim_wall(sim, &site->clock);
    sim->steps++;
    outbox_clear(&sim->core_outbox);
    sim_invariants_site_steps(sim, site, event);
    core_step(site->core, event, &sim->core_outbox);
    sim_invariants_site_stepped(sim, site, event);
    for (uint32_t i = 0; i < sim->core_outbox.count; i++)
        carry_out(sim, site, &sim->core_outbox.items[i]);
    sim_narrative_drain(sim, &sim->trace, NULL);
    note_verdicts(sim, site);
    note_falls(sim, site);
    sim_due_site(sim, site);
}

void sim_site_due(struct sim *sim, struct sim_site *site) {
    uint32_t ticks = 0;
    sim_discovery_due(sim, site);
    do {
        sim_site_step(sim, site, &(struct core_event){.kind = CORE_TICK});
        assert(++ticks < TICKS_MAX);
    } while (instant_reached(sim_site_now(sim, site), core_deadline(site->core)));
}

/* ---- what comes in ---- */

void sim_site_beat_received(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    struct sim_beat *body = e->body;
    uint32_t peer = site->peer_of[e->b];
    if (site->core == NULL || !sim_site_knows(site, peer) ||
        !sim_network_open(&sim->network, e->b, e->a)) {
        sim_body_free(&sim->bodies, body);
        return;
    }
    if (sim_process_holds(sim, &site->peerd, e))
        return;
    if (!sim_rekey_opens(sim, site, peer, e->n) || !sim_discovery_opens(sim, site, e->b)) {
        sim_body_free(&sim->bodies, body);
        return;
    }
    struct beat room;
    struct core_event received = {.kind = CORE_BEAT_RECEIVED};
    received.u.beat = (struct core_beat_received){
        .peer = peer, .from = body->from, .beat = sim_beat_unpack(body, &room)};
    sim_site_step(sim, site, &received);
    sim_body_free(&sim->bodies, body);
}

static void refuse_connection(struct sim *sim, const struct sim_site *site, uint32_t client,
                              uint64_t attempt) {
    uint32_t end = sim_network_group(&sim->network, sim->clients[client].group);
    struct instant at;
    if (sim_network_stream(&sim->network, site->index, end, 1, sim->now, &at))
        sim_put_at(sim, at,
                   &(struct sim_event){
                       .kind = SIM_OPEN_FAILED, .a = client, .b = site->index, .n = attempt});
}

static void fill_random(uint8_t out[32], uint64_t seed) {
    struct rng rng;
    rng_seed(&rng, seed);
    for (size_t i = 0; i < 32; i += 8) {
        uint64_t random = rng_u64(&rng);
        memcpy(&out[i], &random, 8);
    }
}

void sim_site_open_asked(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    const struct sim_client *c = &sim->clients[e->b];
    const struct scenario_clients *group = &sim->scenario->clients[c->group];
    if (!sim_network_open(&sim->network, sim_network_group(&sim->network, c->group), e->a))
        return;
    if (site->core == NULL) {
        refuse_connection(sim, site, e->b, e->n);
        return;
    }
    if (sim_process_holds(sim, &site->peerd, e))
        return;
    struct core_event event = {.kind = CORE_SESSION_OPEN};
    struct core_session_open *open = &event.u.open;
    *open = (struct core_session_open){.request = (uint64_t)e->b << 32 | (uint32_t)e->n,
                                       .service = group->service,
                                       .profile = group->profile,
                                       .source = group->source,
                                       .protection = group->protection,
                                       .from = sim_client_addr(sim, e->b),
                                       .idempotent = true};
    fill_random(open->digest, ~c->seed); /* the same at every cluster, and whenever it asks … */
    fill_random(open->entropy, ~c->seed + e->n); /* … and what is another each time */
    memcpy(open->client.bytes, &e->b, sizeof(e->b));
    sim_site_step(sim, site, &event);
}

/* Under every fourth seed: whoever does not know whether it was sent sends it again. */
static bool comes_twice(const struct sim *sim, const struct node_request *r) {
    struct duration since;
    return sim->options.seed % TWICE_EVERY == 3 && (r->boot ^ r->seq) % REPORTS_PER_TWICE == 0 &&
           sim_invariants_expect_faults(sim, &since);
}

void sim_site_polled(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    struct sim_node *node = &sim->nodes[e->b];
    struct sim_poll *poll = e->body;
    if (sim_process_holds(sim, &site->peerd, e))
        return;
    if (site->core != NULL && node->number < site->policy.node_count) {
        struct core_event event = {.kind = CORE_NODE_REPORTED,
                                   .u.node = {.request = poll->request.seq,
                                              .node = node->number,
                                              .report = &poll->request}};
        site->polling = poll;
        sim_site_step(sim, site, &event);
        site->polling = NULL;
        if (comes_twice(sim, &poll->request))
            sim_site_step(sim, site, &event);
    } else {
        sim_put(sim, SIM_LAN,
                &(struct sim_event){.kind = site->core == NULL ? SIM_POLL_REFUSED : SIM_POLL_FAILED,
                                    .a = node->index,
                                    .b = (uint32_t)poll->request.seq,
                                    .n = poll->run});
    }
    site->polling = NULL;
    node_request_free(&poll->request);
    free(poll);
}
