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
        if (!agreements_bound(core, p))
            row.granted = row.promised = 0;
        n->allotments.rows[kept++] = row;
    }
    n->allotments.count = kept;
}

uint32_t allotments_grant(struct core *core, struct node *n, uint64_t seq,
                          struct node_guest_limit *out) {
    uint32_t count = 0;
    if (n->allotments.count > 0)
        drop_others(core, n);
    for (uint32_t i = 0; core->policy.agreement_count > 0 && i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        struct allotment *row = agreements_bound(core, p) ? find_or_make(n, &p->policy.name) : NULL;
        if (row == NULL)
            continue;
        uint32_t held = agreements_held(core, p);
        grant(row, share(core, n, row, held), seq);
        out[count++] = (struct node_guest_limit){
            .issuer = p->policy.name,
            .slots = row->granted,
            .refusal = agreements_deny(p, held) ? ERR_DENIED : ERR_NO_CREDIT,
            .hot = agreements_hot(core, p),
            .services = agreements_services(core, p)};
    }
    return count;
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
