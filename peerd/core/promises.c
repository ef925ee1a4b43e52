#include "peerd/core/promises.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"

#include <assert.h>

static struct peering *owner_of(const struct core *core, const struct session *s) {
    for (uint32_t i = 0; s->owner != 0 && i < core->peer_count; i++)
        if (core->peers[i]->number == s->owner)
            return core->peers[i];
    return NULL;
}

/* A peer that is one no more has no sessions, whatever they say. */
static void count(struct core *core, struct session *s, uint32_t change) {
    struct peering *owner = owner_of(core, s), *issuer = s->group->issuer;
    if (owner == NULL)
        return;
    owner->promised += change;
    if (issuer != NULL && issuer != owner)
        issuer->promised_elsewhere += change;
}

void promises_forget(struct core *core, struct session *s) {
    count(core, s, UINT32_MAX);
    s->owner = 0;
}

void promises_told(struct core *core, struct session *s, const struct node_session *told) {
    bool stands = s->state == SESSION_STATE_STANDBY;
    const struct peering *owner = stands ? peering_by_hint(core, &told->served_by) : NULL;
    uint16_t number = owner != NULL ? owner->number : 0;
    if (number == s->owner)
        return;
    promises_forget(core, s);
    s->owner = number;
    count(core, s, 1);
}

void promises_refresh(struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        core->peers[i]->promised = core->peers[i]->promised_elsewhere = 0;
    for (uint32_t i = 0; i < core->sessions.slot_count; i++)
        if (core->sessions.slots[i] != NULL)
            count(core, core->sessions.slots[i], 1);
}

/* ---- what there is for whom ------------------------------------------------------------------ */

static uint32_t less(uint32_t a, uint32_t b) {
    return a > b ? a - b : 0;
}

static uint32_t standing(const struct peering *p) {
    return less(p->here, p->served);
}

uint32_t promises_to(const struct peering *p) {
    return less(standing(p), p->promised_elsewhere);
}

/* Of its tickets, such as a third does not get. */
static uint32_t kept(const struct core *core, const struct peering *p) {
    uint32_t held = agreements_held(core, p);
    return agreements_bound(core, p) || standing(p) < held ? standing(p) : held;
}

uint32_t promises_to_others(const struct core *core, const struct peering *p) {
    uint32_t sum = 0, all_kept = 0;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *other = core->peers[i];
        sum += other != p ? other->promised : 0;
        all_kept += other != p ? kept(core, other) : 0;
    }
    return less(sum, all_kept);
}

void promises_check_invariants(const struct core *core) {
    uint32_t promised[POLICY_PEERS_MAX] = {0}, elsewhere[POLICY_PEERS_MAX] = {0};
    for (uint32_t i = 0; i < core->sessions.slot_count; i++) {
        const struct session *s = core->sessions.slots[i];
        const struct peering *owner = s == NULL ? NULL : owner_of(core, s);
        assert(s == NULL || s->owner == 0 || s->state == SESSION_STATE_STANDBY);
        if (owner == NULL)
            continue;
        promised[owner->index]++;
        if (s->group->issuer != NULL && s->group->issuer != owner)
            elsewhere[s->group->issuer->index]++;
    }
    for (uint32_t i = 0; i < core->peer_count; i++)
        assert(core->peers[i]->promised == promised[i] &&
               core->peers[i]->promised_elsewhere == elsewhere[i]);
}
