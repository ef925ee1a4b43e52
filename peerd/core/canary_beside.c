/*
 * Where one peer has no room for all who suffer: how many these are, and who else is tried beside
 * it. See canary.h.
 */
#include "peerd/core/canary_inner.h"

#include "peerd/core/state.h"
#include "topo/location.h"

static bool is_beside(const struct canary *a, const struct canary *b) {
    return a != b && a->state != CANARY_STATE_NONE && location_equal(&a->location, &b->location);
}

bool canary_has_others(const struct core *core, const struct canary *c) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++)
        if (is_beside(&core->canaries->list[i], c))
            return true;
    return false;
}

bool canary_shuns(const struct core *core, const struct canary *c, uint16_t peer) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *other = &core->canaries->list[i];
        if (is_beside(other, c) && other->peer == peer)
            return true;
    }
    return false;
}

bool canary_is_looked_after(const struct core *core, const struct canary *c) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *other = &core->canaries->list[i];
        if (is_beside(other, c) && !other->blamed)
            return true;
    }
    return false;
}

bool canary_is_sought(const struct core *core, const struct canary *c) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *other = &core->canaries->list[i];
        bool tries = other->state == CANARY_STATE_WATCHING && other->first;
        if (is_beside(other, c) && (tries || other->state == CANARY_STATE_SEEKING))
            return true;
    }
    return false;
}

static bool takes_in(const struct canary *all, const struct canary *c) {
    for (uint32_t i = 0; i < all->sent && i < CANARY_MAX; i++)
        if (prefix_holds(&c->location, &all->clients[i]))
            return true;
    return false;
}

const struct canary *canary_in_hand_of(const struct core *core, const struct canary *c) {
    const struct canary *back = NULL;
    for (size_t i = 0; i < CANARY_PAIRS && !canary_is_everywhere(c); i++) {
        const struct canary *all = &core->canaries->list[i];
        if (!canary_is_everywhere(all) || !takes_in(all, c))
            continue;
        if (all->state == CANARY_STATE_WATCHING)
            return all;
        if (all->state == CANARY_STATE_RETURNING && !canary_shuns(core, c, all->peer))
            back = all;
    }
    return back;
}

/* Who says nothing to us alone says at least what is free there. */
static uint32_t room_at(const struct core *core, const struct session *s, const struct peering *p) {
    uint32_t left = room_left(core, s, p);
    return left == ROOM_ANY ? p->said_free : left;
}

static bool goes_there(const struct core *core, const struct canary *c, const struct peering *p) {
    return (c->sent > 0 && c->peer == p->number) || canary_shuns(core, c, p->number);
}

uint32_t canary_without_room(const struct core *core, const struct canary *c,
                             const struct peering *to) {
    uint32_t most[POLICY_PEERS_MAX] = {0}, count = 0, room = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        for (struct link *l = list_first(&core->nodes[i]->sessions); l != NULL;
             l = list_after(&core->nodes[i]->sessions, l)) {
            const struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (!canary_suffers(core, s, c))
                continue;
            count++;
            for (uint32_t k = 0; k < core->peer_count; k++) {
                const struct peering *p = core->peers[k];
                if (p != to && !goes_there(core, c, p))
                    continue;
                uint32_t has = room_at(core, s, p);
                most[k] = has > most[k] ? has : most[k];
            }
        }
    for (uint32_t k = 0; k < core->peer_count && room < count; k++)
        room += most[k] < count ? most[k] : count;
    return count > room ? count - room : 0;
}

/* Half of them there and half of them elsewhere. */
uint32_t canary_share(const struct core *core, const struct canary *c, const struct peering *to) {
    uint32_t wanted = canary_wanted(core);
    if (c->beside)
        return wanted > 1 ? wanted / 2 : 1;
    return canary_without_room(core, c, to) > 0 ? (wanted + 1) / 2 : wanted;
}

/* Those who went there first were followed. */
static bool is_followed(const struct canary *c) {
    return c->state == CANARY_STATE_RESTING || (c->state == CANARY_STATE_WATCHING && !c->first);
}

const struct name *canary_instead(const struct core *core, const struct session *s) {
    const struct move *m = s->move;
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *c = &core->canaries->list[i];
        const struct peering *to = canary_peer(core, c);
        if (m->cause == MOVE_CAUSE_DEGRADED && m->late_ms == 0 && is_followed(c) && to != NULL &&
            !name_equal(&m->to, &to->policy.name) && canary_may_turn(core, s, c, to))
            return &to->policy.name;
    }
    return &m->to;
}
