#include "peerd/core/allotment.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(POLICY_PEERS_MAX <= NODE_GUESTS_MAX, "every peer can be bounded");

static struct allotment *find(const struct node *n, const struct name *issuer) {
    for (uint32_t i = 0; i < n->allotments.count; i++)
        if (name_equal(&n->allotments.rows[i].issuer, issuer))
            return &n->allotments.rows[i];
    return NULL;
}

/* NULL if memory is short: the peer is not bounded there until the next poll. */
static struct allotment *find_or_make(struct node *n, const struct name *issuer) {
    struct allotments *all = &n->allotments;
    struct allotment *row = find(n, issuer);
    if (row != NULL)
        return row;
    struct allotment *rows = realloc(all->rows, (all->count + 1) * sizeof(*rows));
    if (rows == NULL)
        return NULL;
    all->rows = rows;
    rows[all->count] = (struct allotment){.issuer = *issuer};
    return &rows[all->count++];
}

void allotments_forget(struct node *n) {
    free(n->allotments.rows);
    n->allotments = (struct allotments){.rows = NULL};
}

/* ---- what a node says ------------------------------------------------------------------------ */

static uint64_t grown(uint64_t now, uint64_t before) {
    return now < before ? 0 : now - before;
}

static void heard(struct core *core, struct node *n, const struct node_guest *g, bool fresh) {
    struct peering *p = peering_by_name(core, &g->issuer);
    struct allotment *row = p == NULL ? NULL : find_or_make(n, &g->issuer);
    if (row == NULL)
        return;
    /* What it refused before we knew it was for the run of us before to tell. */
    uint64_t refused = fresh ? 0 : grown(g->refused, row->refused);
    uint64_t denied = fresh ? 0 : grown(g->denied, row->denied);
    row->here = g->sessions;
    row->refused = g->refused;
    row->denied = g->denied;
    if (refused > 0)
        agreements_refused(core, p, refused);
    if (denied > 0)
        agreements_denied(core, p, denied);
}

void allotments_heard(struct core *core, struct node *n, const struct node_request *r) {
    for (uint32_t i = 0; i < n->allotments.count; i++) {
        struct allotment *row = &n->allotments.rows[i];
        row->here = 0;
        if (r->seen >= row->granted_seq)
            row->promised = row->granted;
    }
    for (size_t i = 0; i < r->guest_count; i++)
        heard(core, n, &r->guests[i], !n->complete);
}

/* ---- what it is told ------------------------------------------------------------------------- */

static uint32_t workers_of(const struct node *n) {
    uint32_t count = 0;
    for (uint32_t i = 0; n->registered && i < n->media_count; i++)
        count += n->workers[i].pid != 0;
    return count;
}

/* The peer's sessions at all nodes but this one: there now, and such as may still come. */
struct elsewhere {
    uint64_t here;
    uint64_t promised;
    uint32_t workers;
};

static struct elsewhere look_elsewhere(const struct core *core, const struct node *n,
                                       const struct name *issuer, uint32_t held) {
    struct elsewhere all = {0};
    struct instant known = instant_add(core->started, core->policy.limits.node_lease);
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *m = core->nodes[i];
        const struct allotment *row = m == n || !m->registered ? NULL : find(m, issuer);
        if (m == n)
            continue;
        all.workers += workers_of(m);
        if (instant_is_never(m->heard) && instant_before(core->now, known))
            all.promised += held / core->node_count;
        if (row == NULL)
            continue;
        all.here += row->here;
        all.promised += row->promised > row->here ? row->promised : row->here;
    }
    return all;
}

/* What it has, and its part of what is left; no more than the others leave. */
static uint32_t share(const struct core *core, const struct node *n, const struct allotment *row,
                      uint32_t held) {
    struct elsewhere others = look_elsewhere(core, n, &row->issuer, held);
    uint64_t own = workers_of(n), workers = own + others.workers;
    uint64_t here = row->here + others.here, left = here < held ? held - here : 0;
    uint64_t part = workers == 0 ? 0 : (left * own + workers - 1) / workers;
    uint64_t room = others.promised < held ? held - others.promised : 0;
    return (uint32_t)(row->here + part < room ? row->here + part : room);
}

/* Without a bound: all nodes' together are what is held. A part that went where more have come
 * could not be kept there, if that node is full, nor where it was. */
static uint32_t fixed_share(const struct core *core, const struct node *n, uint32_t held) {
    uint64_t before = 0, own = workers_of(n), all = 0;
    for (uint32_t i = 0; i < core->node_count; i++) {
        before += i < n->index ? workers_of(core->nodes[i]) : 0;
        all += workers_of(core->nodes[i]);
    }
    return all == 0 ? 0 : (uint32_t)(held * (before + own) / all - held * before / all);
}

/* Slots of that peer, used or not, that nobody else gets. */
static uint32_t kept(const struct core *core, const struct peering *p) {
    return p->policy.accept_moves ? agreements_held(core, p) : 0;
}

/* Is anything to be said of it? */
static bool is_told(const struct core *core, const struct peering *p) {
    return agreements_bound(core, p) || kept(core, p) > 0;
}

static void grant(struct allotment *row, uint32_t slots, uint64_t seq) {
    if (slots != row->granted || row->granted_seq == 0) {
        row->granted = slots;
        row->granted_seq = seq;
    }
    row->promised = row->promised < slots ? slots : row->promised;
}

/* Who is bounded no more is told nothing; what it was refused stays known, as it counts on. */
static void drop_others(const struct core *core, struct node *n) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->allotments.count; i++) {
        struct allotment row = n->allotments.rows[i];
        const struct peering *p = peering_by_name(core, &row.issuer);
        if (p == NULL)
            continue;
        if (!is_told(core, p))
            row.granted = row.promised = row.kept = 0;
        n->allotments.rows[kept++] = row;
    }
    n->allotments.count = kept;
}

static struct node_guest_limit limit_of(const struct core *core, const struct peering *p,
                                        struct allotment *row) {
    bool bound = agreements_bound(core, p);
    uint32_t held = agreements_held(core, p);
    row->kept = kept(core, p) > 0 ? row->granted : 0;
    return (struct node_guest_limit){
        .issuer = p->policy.name,
        .slots = bound ? row->granted : NODE_GUEST_SLOTS_ALL,
        .kept = row->kept,
        .refusal = bound && agreements_deny(p, held) ? ERR_DENIED : ERR_NO_CREDIT,
        .hot = agreements_hot(core, p),
        .services = bound ? agreements_services(core, p) : NODE_GUEST_SERVICES_ALL};
}

uint32_t allotments_grant(struct core *core, struct node *n, uint64_t seq,
                          struct node_guest_limit *out) {
    uint32_t count = 0;
    if (n->allotments.count > 0)
        drop_others(core, n);
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        struct allotment *row = is_told(core, p) ? find_or_make(n, &p->policy.name) : NULL;
        if (row == NULL)
            continue;
        uint32_t held = agreements_held(core, p);
        bool bound = agreements_bound(core, p);
        grant(row, bound ? share(core, n, row, held) : fixed_share(core, n, held), seq);
        out[count++] = limit_of(core, p, row);
    }
    return count;
}

uint32_t allotments_kept_unused(const struct core *core, const struct node *n,
                                const struct peering *but) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n->allotments.count; i++) {
        const struct allotment *row = &n->allotments.rows[i];
        const struct peering *p = peering_by_name(core, &row->issuer);
        if (p != NULL && p == but)
            continue;
        uint32_t held = p != NULL ? kept(core, p) : 0, all = p != NULL ? p->here : 0;
        uint32_t there = row->kept > row->here ? row->kept - row->here : 0;
        uint32_t anywhere = held > all ? held - all : 0; /* by a report that is newer */
        sum += there < anywhere ? there : anywhere;
    }
    return sum;
}

struct node_guest_services allotments_services(const struct policy *policy) {
    struct node_guest_services out = {.count = policy->service_count};
    for (uint32_t i = 0; i < policy->service_count; i++) {
        out.names[i] = policy->services[i].name;
        out.priorities[i] = policy->services[i].priority;
    }
    return out;
}

void allotments_check_invariants(const struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        for (uint32_t r = 0; r < n->allotments.count; r++)
            assert(n->allotments.rows[r].promised >= n->allotments.rows[r].granted);
        assert(n->registered || n->allotments.count == 0);
    }
}
