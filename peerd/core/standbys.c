#include "peerd/core/standbys.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TTL_THIRD duration_us(CORE_STANDBYS_TTL.us / 3)

/* ---- ours, lodged with a peer ---------------------------------------------------------------- */

void standbys_changed(struct core *core, struct peering *p) {
    p->lodge_at = instant_min(p->lodge_at, instant_add(core->now, STANDBYS_CHANGE_AFTER));
    peering_touch(core, p);
}

void standbys_answered(struct core *core, const struct core_event *event) {
    const struct core_standbys_answered *e = &event->u.standbys;
    assert(e->peer < core->peer_count);
    struct peering *p = core->peers[e->peer];
    uint64_t sum = 0;
    peering_touch(core, p);
    for (uint32_t i = 0; i < e->slot_count; i++)
        sum += e->slots[i];
    p->lodged_slots = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
    if (e->ttl_ms > 0 && list_holds_any(&p->groups))
        p->lodge_at =
            instant_min(p->lodge_at, instant_add(core->now, duration_ms((e->ttl_ms + 2) / 3)));
}

void standbys_missed(struct core *core, struct peering *p) {
    p->lodged_slots = 0;
    /* What is due sooner is not put off: a call from before it hung may fail long after it is back.
     */
    p->lodge_at = instant_min(p->lodge_at, instant_add(core->now, STANDBYS_RETRY));
    peering_touch(core, p);
}

static struct standbys_group *scratch_groups(struct core *core, size_t count) {
    if (count == 0)
        count = 1;
    struct standbys_group *g = realloc(core->standbys.groups, count * sizeof(*g));
    if (g != NULL)
        core->standbys.groups = g;
    return g;
}

/* One lodging a step: its groups fill the scratch. False if it has to wait. */
static bool lodge(struct core *core, struct peering *p, struct core_outbox *outbox) {
    uint32_t count = p->groups.count < STANDBYS_GROUPS_MAX ? p->groups.count : STANDBYS_GROUPS_MAX;
    if (core->standbys.lodging)
        return false;
    if (scratch_groups(core, count) == NULL) {
        standbys_missed(core, p); /* as good as unreachable: later */
        return false;
    }
    struct core_intention *i = outbox_put(outbox, CORE_LODGE_STANDBYS);
    if (i == NULL)
        return false;
    uint32_t filled = 0;
    for (struct link *l = list_first(&p->groups); l != NULL && filled < count;
         l = list_after(&p->groups, l))
        group_describe(core, LIST_ELEMENT(l, struct group, lodged),
                       &core->standbys.groups[filled++]);
    core->standbys.lodging = true;
    i->u.lodge = (struct core_lodge_standbys){.peer = p->index,
                                              .ttl_ms = (uint32_t)duration_in_ms(CORE_STANDBYS_TTL),
                                              .groups = core->standbys.groups,
                                              .group_count = filled};
    return true;
}

static void lodge_if_due(struct core *core, struct peering *p, struct core_outbox *outbox) {
    if (!instant_reached(core->now, p->lodge_at))
        return;
    /* A peer that is not usable has no groups of ours any more; its lease forgets them. */
    if (!peering_counts(p) || (!list_holds_any(&p->groups) && !p->lodge_stated)) {
        p->lodge_at = INSTANT_NEVER;
        p->lodge_stated = false;
        p->lodged_slots = 0;
        return;
    }
    if (!lodge(core, p, outbox))
        return; /* stays due */
    p->lodge_stated = list_holds_any(&p->groups);
    if (!p->lodge_stated)
        p->lodged_slots = 0;
    p->lodge_at = p->lodge_stated ? instant_add(core->now, TTL_THIRD) : INSTANT_NEVER;
}

/* ---- theirs, lodged with us ------------------------------------------------------------------ */

static void forget_held(struct peering *p) {
    p->held_count = p->held_slot_sum = 0;
    p->held_until = INSTANT_NEVER;
}

static uint32_t held_by_others(const struct core *core, const struct peering *p) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i] != p)
            sum += core->peers[i]->held_count;
    return sum;
}

/* Whether we would take its sessions, and how many slots are there for them. */
static uint32_t slots_for(const struct core *core, const struct peering *p) {
    uint32_t most = agreements_held(core, p);
    if (!p->policy.accept_moves || core->drain.active || p->here >= most)
        return 0;
    uint32_t reserved = most - p->here, free_slots = core_free_slots(core);
    return reserved < free_slots ? reserved : free_slots;
}

static void hold(struct core *core, struct peering *p, const struct core_standbys_lodged *e,
                 uint32_t *slots) {
    uint32_t room = CORE_STANDBYS_MAX - held_by_others(core, p), left = slots_for(core, p);
    uint32_t count = e->group_count < room ? e->group_count : room;
    peering_touch(core, p);
    forget_held(p);
    core->counters.standbys_refused += e->group_count - count;
    if (count == 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t wish = e->groups[i].sessions;
        slots[i] = wish < left ? wish : left;
        left -= slots[i];
        p->held_slot_sum += slots[i];
        if (slots[i] == 0)
            core->counters.standbys_refused++;
    }
    p->held_count = count;
    p->held_until = instant_add(core->now, duration_ms(e->ttl_ms));
}

void standbys_lodged(struct core *core, const struct core_event *event,
                     struct core_outbox *outbox) {
    const struct core_standbys_lodged *e = &event->u.lodged;
    assert(e->peer < core->peer_count && e->group_count <= STANDBYS_GROUPS_MAX);
    struct core_intention *i = outbox_put(outbox, CORE_ANSWER_STANDBYS);
    assert(i != NULL);
    i->u.standbys = (struct core_answer_standbys){.request = e->request, .lease_ms = e->ttl_ms};
    uint32_t *slots =
        realloc(core->standbys.slots, (e->group_count > 0 ? e->group_count : 1) * sizeof(*slots));
    if (slots == NULL) {
        i->u.standbys.err = ERR_NO_MEMORY;
        return;
    }
    core->standbys.slots = slots;
    memset(slots, 0, e->group_count * sizeof(*slots));
    if (core->peers[e->peer]->policy.accept_moves)
        hold(core, core->peers[e->peer], e, slots);
    else
        i->u.standbys.err = ERR_DENIED;
    i->u.standbys.slots = slots;
    i->u.standbys.slot_count = e->group_count;
}

/* ---- time ------------------------------------------------------------------------------------ */

void standbys_step(struct core *core, struct peering *p, struct core_outbox *outbox) {
    if (instant_reached(core->now, p->held_until))
        forget_held(p);
    lodge_if_due(core, p, outbox);
}

struct instant standbys_deadline(const struct peering *p) {
    return instant_min(p->held_until, p->lodge_at);
}

uint32_t standbys_reserved_unused(const struct core *core) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        uint32_t held = agreements_held(core, p);
        if (p->policy.accept_moves && held > p->here)
            sum += held - p->here;
    }
    return sum;
}
