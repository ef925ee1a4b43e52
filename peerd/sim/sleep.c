#include "peerd/sim/sleep.h"

#include "peerd/base/fetch.h"
#include "peerd/sim/client.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/liar.h"
#include "peerd/sim/nap.h"
#include "peerd/sim/node.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LATENCY    duration_ms(10)  /* of a look at everybody, in a crowd */
#define WORTH_IT   duration_ms(100) /* less is not slept */
#define END_MARGIN duration_s(2)    /* before a source ends or a ticket expires */
#define WALL_S     1000000          /* [µs] */
#define AHEAD      8                /* listeners */

/* ---- at all ---- */

bool sim_sleep_is_drawn(const struct sim_options *o) {
    bool followed = o->policies == NULL && o->scenario->performance.locations_max > 0;
    uint64_t count = 0;
    for (uint32_t i = 0; i < o->scenario->client_group_count; i++)
        count += o->scenario->clients[i].count;
    bool labour = false; /* who sleeps is sent frames that cost nobody anything */
    for (uint32_t i = 0; i < o->scenario->cluster_count; i++)
        labour |= o->scenario->clusters[i].frame_cpu.us > 0;
    for (uint32_t i = 0; i < o->scenario->event_count; i++)
        labour |= o->scenario->events[i].verb == SCENARIO_VERB_SLOW;
    bool settled = !labour && !followed && !o->scenario->discovery.given;
    bool drawn = settled && (count > SCENARIO_CROWD || o->seed % SIM_SLEEPY_SEEDS == 0);
    return o->sleep == SIM_SLEEP_ALWAYS || (o->sleep == SIM_SLEEP_DRAWN && drawn);
}

/* ---- the world around a listener ------------------------------------------------------------- */

enum reach {
    REACH_BRIGHT, /* whatever is asked is answered */
    REACH_DARK,   /* whatever is asked is lost */
    REACH_UNSURE  /* it may be answered later */
};

static bool shows_true_time(const struct sim_clock *c) {
    return c->drift_ppm == 0 && c->step_us == 0 && c->local.us == c->since.us;
}

static enum reach reach_of(const struct sim *sim, const struct sim_client *c, uint32_t worker) {
    const struct sim_worker *w = &sim->workers[worker];
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t end = sim_network_group(&sim->network, c->group);
    if (!sim_network_open(&sim->network, end, w->cluster) ||
        !sim_network_open(&sim->network, w->cluster, end) || node->process.life == SIM_LIFE_DEAD ||
        node->process.life == SIM_LIFE_STARTING)
        return REACH_DARK;
    if (node->process.life != SIM_LIFE_RUNNING || w->process.life != SIM_LIFE_RUNNING ||
        !shows_true_time(&node->clock))
        return REACH_UNSURE;
    return node->briefed ? REACH_BRIGHT : REACH_DARK;
}

/* Delay alone, both ways: then `rtt` is it. */
static bool is_plain(struct sim *sim, const struct sim_client *c, uint32_t worker,
                     struct duration *rtt) {
    uint32_t end = sim_network_group(&sim->network, c->group);
    uint32_t cluster = sim->workers[worker].cluster;
    struct duration there, back;
    if (!sim_network_delay(&sim->network, end, cluster, &there) ||
        !sim_network_delay(&sim->network, cluster, end, &back))
        return false;
    *rtt = duration_add(there, back);
    return true;
}

static struct duration standby_lease(const struct sim *sim, uint32_t worker) {
    return sim->workers[worker].tenure.config.standby_lease;
}

static uint32_t worker_of(const struct sim *sim, const struct witness_server *s) {
    return sim_worker_at(sim, &s->address.media);
}

/* The ways of one that is awake; false if one of them is not plain. */
static bool look_around(struct sim *sim, const struct sim_client *c, struct witness_ways *ways) {
    *ways = (struct witness_ways){0};
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &c->witness->servers[i];
        if (s->role == WITNESS_ROLE_FREE)
            continue;
        uint32_t worker = worker_of(sim, s);
        enum reach reach = reach_of(sim, c, worker);
        if (reach == REACH_UNSURE || !is_plain(sim, c, worker, &ways->rtt[i]))
            return false;
        if (reach == REACH_DARK)
            ways->dark |= (uint8_t)(1U << i);
        if (s->role == WITNESS_ROLE_WARM)
            ways->standby_lease = standby_lease(sim, worker);
    }
    return true;
}

/* The ways of a sleeper, as they were all the time. */
static struct witness_ways ways_of(struct sim *sim, const struct sim_client *c,
                                   const struct witness_rest *r) {
    struct witness_ways ways = {0};
    for (uint8_t i = 0; i < r->server_count; i++) {
        const struct witness_rest_server *s = &r->servers[i];
        bool plain = is_plain(sim, c, s->tag, &ways.rtt[s->slot]);
        assert(plain);
        if (s->dark)
            ways.dark |= (uint8_t)(1U << s->slot);
        if (s->role == WITNESS_ROLE_WARM)
            ways.standby_lease = standby_lease(sim, s->tag);
    }
    return ways;
}

/* ---- falling asleep -------------------------------------------------------------------------- */

/* Its session there, if nothing is about to happen to it. */
static struct sim_session *calm_session(const struct sim *sim, const struct sim_client *c,
                                        uint32_t worker, enum tenure_state state, uint32_t *slot) {
    struct sim_worker *w = &sim->workers[worker];
    *slot = tenure_find(&w->tenure, &c->ticket.session);
    if (*slot == TENURE_SLOT_NONE || !sim_session_at(w, *slot)->used)
        return NULL;
    const struct tenure_session *t = &w->tenures[*slot];
    return t->state == state && t->notice.number == 0 && !t->resting ? sim_session_at(w, *slot)
                                                                     : NULL;
}

static bool serves_calmly(const struct sim *sim, const struct sim_client *c, uint32_t worker,
                          uint32_t *slot) {
    const struct sim_session *s = calm_session(sim, c, worker, TENURE_SERVING, slot);
    return s != NULL && s->pace.running && s->pace.fill_next >= s->pace.fill_end &&
           pace_is_steady(&s->pace) &&
           sim->workers[worker].tenures[*slot].epoch == c->witness->epoch &&
           s->telling.mark == 0 && /* it has nothing to say behind the next report */
           instant_reached(sim->now, s->warm);
}

static bool stands_by_calmly(const struct sim *sim, const struct sim_client *c, uint32_t worker,
                             uint32_t *slot) {
    const struct tenure *t = &sim->workers[worker].tenure;
    return calm_session(sim, c, worker, TENURE_STANDBY, slot) != NULL && !t->draining &&
           instant_before(instant_add(sim->now, SIM_SLEEP_CREDIT), t->credit_until);
}

/* Until when nothing ends by itself. */
static struct instant calm_until(const struct sim *sim, const struct sim_client *c,
                                 const struct sim_session *s) {
    struct wall wall = sim_wall(sim, &(struct sim_clock){0});
    int64_t left_us = c->ticket.expires_s * WALL_S - wall.us;
    struct instant until = instant_add(sim->now, duration_us(left_us));
    if (s->pace.end != FRAME_NEVER)
        until = instant_min(until, pace_due(&s->pace, s->pace.end));
    return instant_sub(until, END_MARGIN);
}

struct place {
    uint32_t worker, slot; /* worker UINT32_MAX: there is none, or none that answers */
};

static bool find_places(const struct sim *sim, const struct sim_client *c, struct place *serving,
                        struct place *warm) {
    serving->worker = warm->worker = UINT32_MAX;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &c->witness->servers[i];
        if (s->role == WITNESS_ROLE_SERVING)
            serving->worker = worker_of(sim, s);
        else if (s->role == WITNESS_ROLE_WARM && !instant_is_never(s->standby_until) &&
                 !c->witness->config.cold && reach_of(sim, c, worker_of(sim, s)) != REACH_DARK)
            warm->worker = worker_of(sim, s);
    }
    return serving->worker != UINT32_MAX && c->holder_count == 1 &&
           c->holders[0].worker == serving->worker &&
           serves_calmly(sim, c, serving->worker, &serving->slot) &&
           (warm->worker == UINT32_MAX || stands_by_calmly(sim, c, warm->worker, &warm->slot));
}

static void take(struct sim *sim, struct sim_client *c, const struct witness_ways *ways) {
    union sim_nap_room room;
    struct witness_rest *r = &room.rest;
    assert(witness_rest_size(c->witness) <= sizeof(room));
    witness_rest_take(r, c->witness, sim->now);
    for (uint8_t i = 0; i < r->server_count; i++) {
        struct witness_rest_server *s = &r->servers[i];
        s->tag = worker_of(sim, &c->witness->servers[s->slot]);
        s->dark = (ways->dark >> s->slot & 1) != 0;
    }
    c->put_off = witness_rest_is_put_off(r);
    sim_nap_write(sim, c, r);
}

/* Whom somebody has put off turns to any other that can be reached again: it stays awake while one
 * is being started. */
static bool looks_for_another(const struct sim *sim, const struct sim_client *c) {
    bool put_off = false, starts = false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &c->witness->servers[i];
        if (s->role == WITNESS_ROLE_FREE)
            continue;
        const struct sim_node *node = &sim->nodes[sim->workers[worker_of(sim, s)].node];
        starts |= node->process.life == SIM_LIFE_STARTING;
        put_off |= instant_before(sim->now, s->not_before);
    }
    return put_off && starts;
}

void sim_sleep_try(struct sim *sim, struct sim_client *c) {
    struct witness_ways ways;
    struct place serving, warm;
    if (!sim->sleeps || sim_liar_is(sim, c) || c->state != SIM_CLIENT_OPEN || c->drift_ppm != 0 ||
        c->witness->state != WITNESS_FOLLOWING || sim->replaying || witness_awaits(c->witness) ||
        !find_places(sim, c, &serving, &warm) || !look_around(sim, c, &ways) ||
        !witness_is_settled(c->witness, &ways, sim->now) || looks_for_another(sim, c))
        return;
    struct sim_worker *w = &sim->workers[serving.worker];
    c->sleeps_until = instant_min(calm_until(sim, c, sim_session_at(w, serving.slot)),
                                  witness_settled_until(c->witness, &ways, sim->now));
    if (!instant_before(instant_add(sim->now, WORTH_IT), c->sleeps_until))
        return;
    take(sim, c, &ways);
    sim_client_drowse(sim, c);
    sim_worker_rest(sim, w, serving.slot);
    sim_shelf_fold(w->shelf, serving.slot);
    if (warm.worker != UINT32_MAX) {
        sim_worker_rest(sim, &sim->workers[warm.worker], warm.slot);
        sim_shelf_fold(sim->workers[warm.worker].shelf, warm.slot);
    }
    c->naps++; /* frames in the air are not for it: restoring it sends them again */
    sim->sleeping++;
    sim_due_client(sim, c);
}

/* ---- waking ---------------------------------------------------------------------------------- */

/* A worker's part, as the newest message before now has left it. */
static void wake_session(struct sim *sim, struct sim_client *c, const struct witness_rest *r,
                         uint32_t worker, struct instant asked, struct duration way,
                         struct duration lease) {
    struct sim_worker *w = &sim->workers[worker];
    uint32_t slot = tenure_find(&w->tenure, &c->ticket.session);
    struct instant until = w->tenures[slot].lease;
    uint64_t last = w->tenures[slot].last_frame;
    if (!instant_is_never(asked)) {
        /* A frame that comes at that very instant is taken before timers are looked at. */
        uint64_t arrived = witness_rest_arrived(r, instant_add(asked, duration_us(1)));
        until = instant_add(instant_add(asked, way), lease);
        last = arrived > 0 ? arrived - 1 : 0;
    }
    tenure_wake(&w->tenure, slot, c->witness->counter, last, until);
    sim_worker_wake(sim, w, slot);
}

/* The newest figures that it has reported. */
static void wake_figures(struct sim *sim, struct sim_client *c, const struct witness_rest *r,
                         uint32_t worker, struct instant asked) {
    struct sim_worker *w = &sim->workers[worker];
    uint32_t slot = tenure_find(&w->tenure, &c->ticket.session);
    struct sim_session *s = sim_session_at(w, slot);
    if (instant_is_never(asked))
        return;
    s->expected = (uint32_t)witness_rest_expected(r, duration_ms(FRAME_MS), asked);
    s->lost_before = r->lost_before;
    s->lost_after = r->lost;
    s->buffer_ms = sim_client_buffer_ms(sim, c);
    s->burst_x16 = r->burst_x16;
    s->told_at = sim->now;
    sim_node_session_changed(sim, w, slot);
}

/* Frames that were sent and have not arrived. */
static void send_again(struct sim *sim, const struct sim_client *c, uint32_t worker,
                       struct duration way) {
    const struct sim_worker *w = &sim->workers[worker];
    const struct pace *p = &sim_session_at(w, tenure_find(&w->tenure, &c->ticket.session))->pace;
    for (uint64_t frame = c->playout->high; frame < p->next; frame++)
        sim_put_at(sim, instant_add(pace_due(p, frame), way),
                   &(struct sim_event){.kind = SIM_MEDIA,
                                       .a = c->index,
                                       .b = worker,
                                       .n = sim_client_frame_tag(c, frame, false)});
}

static struct duration way_from(struct sim *sim, const struct sim_client *c, uint32_t worker) {
    struct duration back = DURATION_ZERO;
    sim_network_delay(&sim->network, sim->workers[worker].cluster,
                      sim_network_group(&sim->network, c->group), &back);
    return back;
}

/* Cookies as they were when they came; one from before its node was started anew is no good. */
static void fill_cookies(struct sim *sim, struct sim_client *c) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        struct witness_server *s = &c->witness->servers[i];
        if (s->role == WITNESS_ROLE_FREE || instant_is_never(s->path.cookie_at))
            continue;
        uint32_t worker = worker_of(sim, s);
        const struct sim_node *node = &sim->nodes[sim->workers[worker].node];
        struct instant given = instant_sub(s->path.cookie_at, way_from(sim, c, worker));
        s->path.cookie = sim_door_cookie(node, c->index, given);
        if (instant_before(given, node->process.since))
            s->path.cookie.bytes[0] ^= 0xff;
    }
}

/* At sim->now, which is the quiet instant. */
static void restore(struct sim *sim, struct sim_client *c, const struct witness_rest *r) {
    struct witness_ways ways = ways_of(sim, c, r);
    const struct witness_rest_server *serving = witness_rest_server(r, WITNESS_ROLE_SERVING);
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    struct instant reported = witness_rest_reported(r, sim->now);
    struct duration back = way_from(sim, c, serving->tag);
    struct duration there = duration_us(ways.rtt[serving->slot].us - back.us);
    sim_client_rouse(sim, c, r, &ways);
    fill_cookies(sim, c);
    sim_invariants_client_woke(sim, c);
    const struct tenure_config *config = &sim->workers[serving->tag].tenure.config;
    wake_session(sim, c, r, serving->tag, reported, there, config->session_lease);
    wake_figures(sim, c, r, serving->tag, reported);
    send_again(sim, c, serving->tag, back);
    if (warm == NULL || r->cold || warm->dark || witness_rest_is_refused(r))
        return;
    there = duration_us(ways.rtt[warm->slot].us - way_from(sim, c, warm->tag).us);
    wake_session(sim, c, r, warm->tag, witness_rest_stood_by(r, &ways, sim->now), there,
                 ways.standby_lease);
}

void sim_sleep_wake(struct sim *sim, struct sim_client *c) {
    union sim_nap_room room;
    if (c->nap == NULL)
        return;
    const struct witness_rest *r = sim_nap_read(sim, c, &room);
    struct witness_ways ways = ways_of(sim, c, r);
    struct instant quiet = witness_rest_quiet(r, &ways, sim->now);
    sim->sleeping--;
    sim->wakes++;
    sim_replay_begin(sim, quiet);
    restore(sim, c, r);
    sim_sleep_free(c);
    sim_due_client(sim, c);
    sim_replay_end(sim);
}

void sim_sleep_free(struct sim_client *c) {
    free(c->nap);
    c->nap = NULL;
}

void sim_sleep_wake_worker(struct sim *sim, const struct sim_worker *w) {
    for (uint32_t slot = 0; slot < w->slots && sim->sleeping > 0; slot++)
        if (w->tenures[slot].resting)
            sim_sleep_wake(sim, &sim->clients[sim_session_at(w, slot)->client]);
}

void sim_sleep_wake_all(struct sim *sim) {
    for (uint32_t i = 0; i < sim->client_count && sim->sleeping > 0; i++)
        sim_sleep_wake(sim, &sim->clients[i]);
}

/* ---- disturbances ---------------------------------------------------------------------------- */

/* All are looked at, one after another: their naps are fetched a few before their turn. */
static void foresee(const struct sim *sim, uint32_t client) {
    if (client + AHEAD < sim->client_count)
        fetch(sim->clients[client + AHEAD].nap, 96);
}

/* With a backup at one of these clusters. */
static bool knows_any(const struct sim *sim, const struct sim_client *c, const bool *hit) {
    union sim_nap_room room;
    if (c->nap == NULL)
        return false;
    const struct witness_rest *r = sim_nap_read(sim, c, &room);
    for (uint8_t i = 0; i < r->server_count; i++)
        if (hit[sim->workers[r->servers[i].tag].cluster])
            return true;
    return false;
}

/* Whom somebody has put off has nothing there by which it could be found. */
void sim_sleep_before(struct sim *sim, const bool *hit, bool unsure) {
    for (uint32_t i = 0; i < sim->client_count && sim->sleeping > 0; i++) {
        foresee(sim, i);
        if ((unsure || sim->clients[i].put_off) &&
            (hit == NULL || knows_any(sim, &sim->clients[i], hit)))
            sim_sleep_wake(sim, &sim->clients[i]);
    }
    for (uint32_t i = 0; i < sim->worker_count && sim->sleeping > 0; i++)
        if (hit[sim->workers[i].cluster])
            sim_sleep_wake_worker(sim, &sim->workers[i]);
}

void sim_sleep_turned(struct sim *sim, struct sim_worker *w) {
    w->turned = sim->now;
    if (!sim->stirred)
        sim->stirred_at = sim->now;
    sim->stirred = true;
}

bool sim_sleep_may_wait(const struct sim *sim) {
    return sim->client_count > SCENARIO_CROWD &&
           duration_less(instant_since(sim->now, sim->stirred_at), LATENCY);
}

/* One of its further backups is as it was, has turned, or cannot be judged. */
static void look_at(struct sim *sim, struct sim_client *c, struct witness_rest *r,
                    struct witness_rest_server *s) {
    enum reach reach = reach_of(sim, c, s->tag);
    if (reach == (s->dark ? REACH_DARK : REACH_BRIGHT))
        return;
    if (reach == REACH_UNSURE && s->dark)
        return; /* it is being started: once it can answer it has turned */
    const struct witness_rest_server *warm = witness_rest_server(r, WITNESS_ROLE_WARM);
    bool wanted =
        reach == REACH_BRIGHT && (warm == NULL || warm->dark || s->rank < warm->rank || c->put_off);
    if (reach == REACH_UNSURE || s->role != WITNESS_ROLE_BACKUP) {
        sim_sleep_wake(sim, c);
        return;
    }
    struct witness_ways ways = ways_of(sim, c, r);
    witness_rest_turn(r, &ways, s->slot, sim->workers[s->tag].turned);
    s->dark = reach == REACH_DARK;
    sim_nap_write(sim, c, r);
    if (wanted)
        sim_sleep_wake(sim, c);
}

void sim_sleep_after(struct sim *sim) {
    sim->stirred = false;
    for (uint32_t i = 0; i < sim->client_count && sim->sleeping > 0; i++) {
        struct sim_client *c = &sim->clients[i];
        union sim_nap_room room;
        foresee(sim, i);
        if (c->nap == NULL)
            continue;
        struct witness_rest *r = sim_nap_read(sim, c, &room);
        for (uint8_t k = 0; c->nap != NULL && k < r->server_count; k++)
            look_at(sim, c, r, &r->servers[k]);
    }
}

/* ---- looking at it --------------------------------------------------------------------------- */

bool sim_sleep_is_disturbed(struct sim *sim, const struct sim_client *c) {
    union sim_nap_room room;
    const struct witness_rest *r = sim_nap_read(sim, c, &room);
    for (uint8_t i = 0; i < r->server_count; i++) {
        const struct witness_rest_server *s = &r->servers[i];
        const struct sim_worker *w = &sim->workers[s->tag];
        bool serves = s->role == WITNESS_ROLE_SERVING;
        if (!serves &&
            (s->role != WITNESS_ROLE_WARM || r->cold || s->dark || witness_rest_is_refused(r)))
            continue;
        uint32_t slot = tenure_find(&w->tenure, &c->ticket.session);
        if (reach_of(sim, c, s->tag) != REACH_BRIGHT || slot == TENURE_SLOT_NONE ||
            !w->tenures[slot].resting || (!serves && w->tenure.draining) ||
            w->tenures[slot].state != (serves ? TENURE_SERVING : TENURE_STANDBY))
            return true;
    }
    return false;
}

uint32_t sim_sleep_served_by(const struct sim *sim, const struct sim_client *c) {
    union sim_nap_room room;
    const struct witness_rest *r = sim_nap_read(sim, c, &room);
    return sim->workers[witness_rest_server(r, WITNESS_ROLE_SERVING)->tag].cluster;
}

struct sim_heard sim_sleep_heard(const struct sim *sim, const struct sim_client *c) {
    union sim_nap_room room;
    const struct witness_rest *r = sim_nap_read(sim, c, &room);
    return (struct sim_heard){
        .expected = (uint32_t)witness_rest_expected(r, duration_ms(FRAME_MS), sim->now),
        .lost = r->lost,
        .duplicated = r->duplicates,
        .hedges = r->hedges_started,
        .lost_run_max = r->lost_run_max};
}
