#include "peerd/core/sessions.h"

#include "peerd/core/moves.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 256 /* the table begins with so many slots and doubles */

void sessions_init(struct sessions *t) {
    memset(t, 0, sizeof(*t));
    list_init(&t->opened);
}

struct session *session_find(const struct core *core, const struct session_id *id) {
    struct chained *c = chains_first(&core->sessions.by_id, chains_hash(id, sizeof(*id)));
    for (; c != NULL; c = chains_after(c)) {
        struct session *s = CHAINED_RECORD(c, struct session, chained);
        if (session_id_equal(&s->id, id))
            return s;
    }
    return NULL;
}

/* ---- what depends on a record ---------------------------------------------------------------- */

/* As a node counts it in its digest. What was only opened is unknown to the node. */
static bool told_purpose(enum session_state state, enum resume_purpose *purpose) {
    switch (state) {
    case SESSION_STATE_OPENED:
        return false;
    case SESSION_STATE_STANDBY:
        *purpose = RESUME_STANDBY;
        return true;
    case SESSION_STATE_HEDGING:
        *purpose = RESUME_HEDGE;
        return true;
    case SESSION_STATE_COMMITTED:
        *purpose = RESUME_COMMIT;
        return true;
    }
    return false;
}

static void toggle_digest(struct session *s) {
    enum resume_purpose purpose;
    if (told_purpose(s->state, &purpose))
        set_digest_toggle(&s->node->digest, &s->id, s->epoch, purpose);
}

static void enter(struct core *core, struct session *s) {
    core->sessions.by_state[s->state]++;
    core->sessions.hot += s->hot;
    s->node->used++;
    s->node->used_by_state[s->state]++;
    s->node->used_by_worker[s->worker]++;
    list_append(&s->node->sessions, &s->at_node);
    toggle_digest(s);
    if (s->state == SESSION_STATE_COMMITTED)
        group_committed(core, s->group, &s->id, s->epoch);
}

static void leave(struct core *core, struct session *s) {
    promises_forget(core, s);
    core->sessions.by_state[s->state]--;
    core->sessions.hot -= s->hot;
    s->node->used--;
    s->node->used_by_state[s->state]--;
    s->node->used_by_worker[s->worker]--;
    list_remove(&s->node->sessions, &s->at_node);
    toggle_digest(s);
    if (s->state == SESSION_STATE_COMMITTED)
        group_uncommitted(core, s->group, &s->id, s->epoch);
}

void session_queue(struct session *s, struct list *queue) {
    if (s->queue != NULL)
        list_remove(s->queue, &s->queued);
    s->queue = queue;
    if (queue != NULL)
        list_append(queue, &s->queued);
}

static void queue_for_state(struct core *core, struct session *s) {
    session_queue(s, s->state == SESSION_STATE_OPENED ? &core->sessions.opened : NULL);
    if (s->state != SESSION_STATE_COMMITTED)
        return;
    drain_session_came(core, s);
    replan_came(core, s->group);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static bool grow(struct sessions *t) {
    uint32_t room = t->slot_room == 0 ? SLOTS_FIRST : t->slot_room * 2;
    struct session **slots = realloc(t->slots, room * sizeof(struct session *));
    if (slots == NULL)
        return false;
    t->slots = slots;
    uint32_t *free_slots = realloc(t->free_slots, room * sizeof(*free_slots));
    if (free_slots == NULL)
        return false;
    t->free_slots = free_slots;
    t->slot_room = room;
    return true;
}

static bool slot_take(struct sessions *t, struct session *s) {
    if (t->free_count > 0) {
        s->slot = t->free_slots[--t->free_count];
    } else {
        if (t->slot_count == t->slot_room && !grow(t))
            return false;
        s->slot = t->slot_count++;
    }
    t->slots[s->slot] = s;
    return true;
}

static void slot_give(struct sessions *t, const struct session *s) {
    t->slots[s->slot] = NULL;
    t->free_slots[t->free_count++] = s->slot;
}

/* ---- add, change, remove --------------------------------------------------------------------- */

static bool index_it(struct core *core, struct session *s) {
    struct sessions *t = &core->sessions;
    if (!slot_take(t, s))
        return false;
    if (chains_add(&t->by_id, &s->chained, chains_hash(&s->id, sizeof(s->id))))
        return true;
    slot_give(t, s);
    return false;
}

/* What it has in common with others. Of a half that is missing the other is to be unshared. */
static bool share(struct core *core, struct session *s, const struct session_birth *b) {
    s->profile = interned_take_name(&core->interns, b->profile);
    s->source = interned_take_name(&core->interns, b->source);
    s->group = group_join(core, &b->about);
    return s->profile != INTERNED_NONE && s->source != INTERNED_NONE && s->group != NULL;
}

static void unshare(struct core *core, struct session *s) {
    if (s->group != NULL)
        group_leave(core, s->group);
    interned_give(&core->interns, s->profile);
    interned_give(&core->interns, s->source);
}

enum err session_add(struct core *core, const struct session_birth *b, struct session **out) {
    struct sessions *t = &core->sessions;
    if (t->count >= core->policy.limits.sessions_max)
        return ERR_FULL;
    struct session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->id = *b->id;
    s->state = b->state;
    s->epoch = b->epoch;
    s->node = b->node;
    s->worker = b->worker;
    s->since = s->renewed = core->now;
    if (!share(core, s, b) || !index_it(core, s)) {
        unshare(core, s);
        free(s);
        return ERR_NO_MEMORY;
    }
    t->count++;
    enter(core, s);
    queue_for_state(core, s);
    *out = s;
    return ERR_OK;
}

void session_set(struct core *core, struct session *s, enum session_state state, uint32_t epoch,
                 struct node *node, uint32_t worker) {
    assert(epoch >= s->epoch);
    if (state == s->state && epoch == s->epoch && node == s->node && worker == s->worker)
        return;
    bool other_state = state != s->state, waits = s->queue == &s->node->waiting;
    if (other_state) {
        ailing_forget(core, s);
        s->fares_centi = 0;
    }
    leave(core, s);
    s->state = state;
    s->epoch = epoch;
    s->node = node;
    s->worker = worker;
    enter(core, s);
    if (other_state)
        queue_for_state(core, s);
    else if (waits)
        session_queue(s, &node->waiting);
}

/* Without memory it stays where it is, and its node tells it again with its next full report. */
void session_regroup(struct core *core, struct session *s, const struct group_about *about) {
    struct group *g = group_join(core, about), *before = s->group;
    if (g == NULL)
        return;
    if (g != before && s->state == SESSION_STATE_COMMITTED) {
        group_uncommitted(core, before, &s->id, s->epoch);
        group_committed(core, g, &s->id, s->epoch);
    }
    s->group = g;
    group_leave(core, before);
}

void session_remove(struct core *core, struct session *s) {
    struct sessions *t = &core->sessions;
    moves_forget(core, s);
    ailing_forget(core, s);
    session_queue(s, NULL);
    leave(core, s);
    unshare(core, s);
    chains_remove(&t->by_id, &s->chained);
    slot_give(t, s);
    t->count--;
    free(s);
}

void sessions_free(struct core *core) {
    struct sessions *t = &core->sessions;
    for (uint32_t i = 0; i < t->slot_count; i++)
        if (t->slots[i] != NULL)
            session_remove(core, t->slots[i]);
    chains_free(&t->by_id);
    free(t->slots);
    free(t->free_slots);
}

/* ---- opened and never started ---------------------------------------------------------------- */

static struct session *oldest_opened(const struct core *core) {
    struct link *first = list_first(&core->sessions.opened);
    return first == NULL ? NULL : LIST_ELEMENT(first, struct session, queued);
}

struct instant sessions_deadline(const struct core *core) {
    const struct session *s = oldest_opened(core);
    return s == NULL ? INSTANT_NEVER : instant_add(s->since, core->policy.limits.session_lease);
}

void sessions_expire_opened(struct core *core) {
    while (instant_reached(core->now, sessions_deadline(core))) {
        core->counters.opens_abandoned++;
        session_remove(core, oldest_opened(core));
    }
}

/* ---- invariants ------------------------------------------------------------------------------ */

static void check_record(const struct core *core, const struct session *s, uint32_t slot) {
    assert(s->slot == slot && session_find(core, &s->id) == s);
    assert(s->worker < NODE_WORKERS_MAX && link_is_on(&s->at_node));
    assert((s->state == SESSION_STATE_OPENED) == (s->queue == &core->sessions.opened));
    assert(s->queue == NULL || s->queue == &core->sessions.opened ||
           s->queue == &core->leaving.ordered || s->queue == &s->node->waiting);
    assert(s->state != SESSION_STATE_COMMITTED || s->epoch >= 1);
    assert(core->nodes[s->node->index] == s->node);
    if (s->move == NULL)
        return;
    move_check_invariants(s->move);
    assert(!move_is_over(s->move));
    assert(s->move->out == (s->queue == &core->leaving.ordered));
    assert(s->state == (s->move->out ? SESSION_STATE_COMMITTED : SESSION_STATE_HEDGING));
}

/* What groups count for a service and for an issuer, and what peers are told of them, are sums and
 * digests of their members: reckoned anew they come out the same. */
static void check_sums(const struct core *core) {
    uint32_t used[POLICY_SERVICES_MAX] = {0}, here[POLICY_PEERS_MAX] = {0};
    uint32_t served[POLICY_PEERS_MAX] = {0};
    struct set_digest groups = {{0}}, members = {{0}};
    for (uint32_t i = 0; i < core->sessions.slot_count; i++) {
        const struct session *s = core->sessions.slots[i];
        if (s == NULL)
            continue;
        if (s->group->service_index >= 0)
            used[s->group->service_index]++;
        if (s->group->issuer != NULL)
            here[s->group->issuer->index]++;
        if (s->group->issuer != NULL && s->state == SESSION_STATE_COMMITTED)
            served[s->group->issuer->index]++;
        if (s->state == SESSION_STATE_COMMITTED)
            set_digest_toggle(&members, &s->id, s->epoch, RESUME_STANDBY);
    }
    for (const struct link *l = list_first(&core->groups.all); l != NULL;
         l = list_after(&core->groups.all, l))
        for (int i = 0; i < SET_DIGEST_BYTES; i++)
            groups.bytes[i] ^= LIST_ELEMENT(l, const struct group, all)->digest.bytes[i];
    assert(memcmp(used, core->service_used, sizeof(used)) == 0);
    for (uint32_t i = 0; i < core->peer_count; i++)
        assert(here[i] == core->peers[i]->here && served[i] == core->peers[i]->served);
    assert(set_digest_equal(&groups, &members));
}

static void check_groups(const struct core *core) {
    uint32_t members = 0, committed = 0;
    for (const struct link *l = list_first(&core->groups.all); l != NULL;
         l = list_after(&core->groups.all, l)) {
        const struct group *g = LIST_ELEMENT(l, const struct group, all);
        members += g->members;
        committed += g->committed;
        assert(g->members > 0 && g->committed <= g->members);
        assert((g->backup != NULL) == link_is_on(&g->lodged));
    }
    assert(members == core->sessions.count);
    assert(committed == core->sessions.by_state[SESSION_STATE_COMMITTED]);
}

void sessions_check_invariants(const struct core *core) {
    const struct sessions *t = &core->sessions;
    uint32_t count = 0, hot = 0, by_state[4] = {0};
    for (uint32_t i = 0; i < t->slot_count; i++)
        if (t->slots[i] != NULL) {
            check_record(core, t->slots[i], i);
            by_state[t->slots[i]->state]++;
            hot += t->slots[i]->hot;
            count++;
        }
    assert(count == t->count && t->count + t->free_count == t->slot_count);
    assert(memcmp(by_state, t->by_state, sizeof(by_state)) == 0 && hot == t->hot);
    check_groups(core);
    check_sums(core);
    promises_check_invariants(core);
}
