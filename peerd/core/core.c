#include "peerd/core/core.h"

#include "peerd/core/agreements.h"
#include "peerd/core/change.h"
#include "peerd/core/moves.h"
#include "peerd/core/rekey.h"
#include "peerd/core/state.h"
#include "peerd/core/way_home.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- lifecycle ------------------------------------------------------------------------------- */

struct core *core_init(const struct core_setup *setup) {
    struct core *core = setup->storage != NULL ? setup->storage : calloc(1, sizeof(*core));
    if (core == NULL)
        return NULL;
    core->lent = setup->storage != NULL;
    assert(setup->boot != 0);
    core->self = setup->self;
    core->boot = setup->boot;
    core->trace = setup->trace;
    core->journal = setup->journal;
    core->now = core->started = core->promised = core->stalled = setup->now;
    core->recovering = true;
    rng_seed(&core->rng, setup->seed);
    groups_init(&core->groups);
    memories_init(&core->memories);
    sessions_init(&core->sessions);
    drain_init(&core->drain);
    leaving_init(&core->leaving);
    wishes_init(&core->wishes);
    ailing_init(&core->ailing);
    homing_init(&core->homing, setup->now);
    replan_init(&core->replan, setup->now);
    ledger_init(&core->ledger);
    causes_init(&core->causes);
    fares_init(&core->fares, setup->locations_max);
    for (uint32_t i = 0; i < POLICY_NODES_MAX; i++)
        core->orphans[i].until = setup->now;
    core->agreements.refused_traced = INSTANT_NEVER;
    if (!policy_take(core, setup->policy)) {
        core_free(core);
        return NULL;
    }
    admission_init(&core->admission, &core->policy, setup->now);
    gains_init(&core->gains, core->policy.limits.moves_per_minute, setup->now);
    return core;
}

void core_free(struct core *core) {
    if (core == NULL)
        return;
    sessions_free(core);
    groups_free(&core->groups);
    memories_free(core);
    fares_free(&core->fares);
    coords_free(core);
    free(core->canaries);
    free(core->newcomers);
    free(core->ways_home);
    free(core->counterparts);
    free(core->audiences);
    free(core->makings);
    interns_free(&core->interns);
    for (uint32_t i = 0; i < core->peer_count; i++)
        peering_free(core->peers[i]);
    for (uint32_t i = 0; i < core->node_count; i++)
        node_free(core->nodes[i]);
    free(core->own.media);
    free(core->standbys.groups);
    replan_free(&core->replan);
    free(core->standbys.slots);
    if (!core->lent)
        free(core);
}

size_t core_size(void) {
    return sizeof(struct core);
}

/* ---- boots ----------------------------------------------------------------------------------- */

/* The output step of splitmix64 (Steele, Lea and Flood 2014): it is a bijection and the increment
 * is odd, so no id comes twice before 2^64 of them; where it begins is random by run. */
uint64_t core_new_boot(struct core *core) {
    uint64_t z;
    do {
        z = core->boot + ++core->boots * 0x9e3779b97f4a7c15ULL;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
        z ^= z >> 31;
    } while (z == 0);
    return z;
}

/* ---- sums ------------------------------------------------------------------------------------ */

uint32_t core_credit_granted(const struct core *core) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        if (core->nodes[i]->registered)
            sum += core->nodes[i]->credit.granted;
    return sum;
}

uint32_t core_free_slots(const struct core *core) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        sum += node_free_slots(core->nodes[i]);
    return sum;
}

/* ---- our own absence ------------------------------------------------------------------------- */

static struct instant later(struct instant t, struct duration d) {
    return instant_is_never(t) ? t : instant_add(t, d);
}

/* While we did not run nobody could reach us: what was fresh when we stopped is as fresh now. We
 * may have stopped right after the step before, so that a beat that came in time lies unread: only
 * what a detector had not heard by then was silence. */
static void excuse(struct core *core, struct peering *p, struct instant ran, struct duration d) {
    peering_touch(core, p);
    detector_own_stall(&p->detector, ran, core->now);
    p->suspected_since = later(p->suspected_since, d);
    for (int i = 0; i < PEERING_MEDIA_MAX; i++)
        if (p->media[i] != NULL) {
            p->media[i]->heard = later(p->media[i]->heard, d);
            p->media[i]->life_at = later(p->media[i]->life_at, d);
        }
    for (uint32_t i = 0; i < core->peer_count; i++)
        p->views[i].told_at = later(p->views[i].told_at, d);
}

/* `ran` is when we did so last. */
static void note_own_stall(struct core *core, struct instant ran) {
    if (instant_is_never(core->promised))
        return;
    struct duration late = instant_since(core->now, core->promised);
    if (late.us <= CORE_STALL_MIN.us)
        return;
    core->counters.own_stalls++;
    core->stalled = core->now;
    core_trace(core, "did not run for %" PRId64 " ms: silence in that time is our own",
               duration_in_ms(late));
    for (uint32_t i = 0; i < core->peer_count; i++)
        excuse(core, core->peers[i], ran, late);
    for (uint32_t i = 0; i < core->node_count; i++)
        core->nodes[i]->lease = later(core->nodes[i]->lease, late);
}

/* ---- recovery -------------------------------------------------------------------------------- */

static struct instant recovery_ends(const struct core *core) {
    return instant_add(core->started, core->policy.limits.node_lease);
}

static uint32_t nodes_complete(const struct core *core) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        count += core->nodes[i]->complete;
    return count;
}

static void recovery_step(struct core *core) {
    uint32_t complete = nodes_complete(core);
    if (!core->recovering ||
        (complete < core->node_count && !instant_reached(core->now, recovery_ends(core))))
        return;
    core->recovering = false;
    core_trace(core,
               "recovered: %" PRIu32 " sessions from %" PRIu32 " of %" PRIu32
               " nodes after %" PRId64 " ms",
               core->sessions.count, complete, core->node_count,
               duration_in_ms(instant_since(core->now, core->started)));
}

/* ---- step ------------------------------------------------------------------------------------ */

static void peer_unreachable(struct core *core, const struct core_peer_unreachable *e) {
    assert(e->peer < core->peer_count);
    struct peering *p = core->peers[e->peer];
    if (e->lodging) {
        description_refused(core, p, e->err);
        standbys_missed(core, p);
    } else {
        description_missed(core, p, e->err);
    }
}

/* Whoever is late at this very instant must not be named as a backup; nor is anything opened at a
 * node whose lease is over. */
static void judge_due(struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (instant_reached(core->now, detector_deadline(&core->peers[i]->detector)))
            peering_judge(core, core->peers[i]);
}

/* What an agreement allowed is over before anybody is named a peer or let in because of it. */
static void expire_agreements(struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (instant_reached(core->now, core->faces[i].due))
            agreements_expire(core, core->peers[i]);
}

static void take(struct core *core, const struct core_event *event, struct core_outbox *outbox) {
    switch (event->kind) {
    case CORE_TICK:
        return;
    case CORE_BEAT_RECEIVED:
        peering_beat_received(core, event);
        return;
    case CORE_PEER_DESCRIBED:
        assert(event->u.described.peer < core->peer_count);
        description_received(core, core->peers[event->u.described.peer],
                             event->u.described.description);
        return;
    case CORE_PEER_UNREACHABLE:
        peer_unreachable(core, &event->u.unreachable);
        return;
    case CORE_NODE_REPORTED:
        node_reported(core, event, outbox);
        return;
    case CORE_SESSION_OPEN:
        judge_due(core);
        nodes_expire(core);
        session_open(core, event, outbox);
        return;
    case CORE_STANDBYS_LODGED:
        standbys_lodged(core, event, outbox);
        return;
    case CORE_STANDBYS_ANSWERED:
        standbys_answered(core, event);
        return;
    case CORE_AGREEMENT_HEARD:
        agreements_heard(core, event, outbox);
        return;
    case CORE_DRAIN:
        drain_begin(core, event);
        return;
    case CORE_UNDRAIN:
        drain_end(core);
        return;
    case CORE_MOVE:
        leaving_asked(core, event);
        return;
    case CORE_POLICY_CHANGED:
        policy_change(core, event->u.policy);
        return;
    case CORE_REKEYED:
        rekey_self(core, &event->u.self);
        return;
    case CORE_ORIGIN_CHECKED:
        origins_checked(core, &event->u.checked);
        return;
    case CORE_PLAYER_TOLD:
        audiences_told(core, &event->u.player);
        return;
    case CORE_PLAYER_SENT:
        making_sent(core, &event->u.sent);
        return;
    case CORE_PEER_REKEYED:
        assert(event->u.rekeyed.peer < core->peer_count);
        rekey_peer(core, core->peers[event->u.rekeyed.peer], &event->u.rekeyed.key);
        return;
    }
}

/* It is asked for several times a step, and nothing changes in between. */
static struct instant next_due(const struct core *core) {
    struct instant due = core->recovering ? recovery_ends(core) : INSTANT_NEVER;
    due = instant_min(due, nodes_deadline(core));
    due = instant_min(due, sessions_deadline(core));
    due = instant_min(due, drain_deadline(core));
    due = instant_min(due, leaving_deadline(core));
    due = instant_min(due, wishes_deadline(core));
    due = instant_min(due, canary_deadline(core));
    due = instant_min(due, newcomers_deadline(core));
    due = instant_min(due, homing_deadline(core));
    due = instant_min(due, causes_deadline(core));
    due = instant_min(due, audiences_deadline(core));
    for (uint32_t i = 0; i < core->peer_count; i++)
        due = instant_min(due, core->faces[i].due);
    return instant_max(due, core->now);
}

/* What one peer's agreement or verdict changes concerns what is lodged with another, so that is
 * said when all have been looked at. */
static void step_peers(struct core *core, struct core_outbox *outbox) {
    uint32_t due[POLICY_PEERS_MAX], count = 0;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (instant_reached(core->now, core->faces[i].due)) {
            due[count++] = i;
            peering_step(core, core->peers[i], outbox);
        }
    for (uint32_t k = 0; k < count; k++)
        peering_lodge(core, core->peers[due[k]], outbox);
}

void core_step(struct core *core, const struct core_event *event, struct core_outbox *outbox) {
    struct instant ran = core->now;
    assert(outbox->count == 0 && !instant_before(event->now, core->now));
    core->now = event->now;
    core->wall = event->wall;
    core->standbys.lodging = core->agreements.saying = false;
    note_own_stall(core, ran);
    expire_agreements(core);
    take(core, event, outbox);
    nodes_expire(core);
    sessions_expire_opened(core);
    recovery_step(core);
    drain_step(core);
    canary_step(core);
    newcomers_step(core);
    audiences_step(core);
    homing_step(core);
    leaving_step(core);
    wishes_step(core);
    step_peers(core, outbox);
    causes_step(core);
    journal_settle(core->journal, core->now);
    core->promised = next_due(core);
    core->stepped = true;
}

struct instant core_deadline(const struct core *core) {
    return core->stepped ? core->promised : next_due(core);
}

/* Nothing that is due has been left out of the deadline. */
static void check_timers(const struct core *core) {
    const struct instant parts[] = {nodes_deadline(core),     sessions_deadline(core),
                                    drain_deadline(core),     leaving_deadline(core),
                                    canary_deadline(core),    newcomers_deadline(core),
                                    homing_deadline(core),    causes_deadline(core),
                                    audiences_deadline(core), wishes_deadline(core)};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert(!instant_before(instant_max(parts[i], core->now), core_deadline(core)));
    assert(core_deadline(core).us == next_due(core).us);
    assert(!core->recovering || !instant_before(recovery_ends(core), core_deadline(core)));
}

void core_check_invariants(const struct core *core) {
    check_timers(core);
    peering_check_invariants(core);
    nodes_check_invariants(core);
    sessions_check_invariants(core);
    drain_check_invariants(core);
    leaving_check_invariants(core);
    wishes_check_invariants(core);
    ailing_check_invariants(core);
    canary_check_invariants(core);
    newcomers_check_invariants(core);
    way_home_check_invariants(core);
    gains_check_invariants(core);
    audiences_check_invariants(core);
    making_check_invariants(core);
    ledger_check_invariants(&core->ledger);
    causes_check_invariants(core);
    load_check_invariants(core);
    if (core->journal != NULL)
        journal_check_invariants(core->journal);
    agreements_check_invariants(core);
    assert(core->memories.by_digest.count <= CORE_IDEMPOTENT_MAX);
}
