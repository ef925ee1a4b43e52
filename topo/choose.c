#include "topo/choose.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FAR_US 1000000U /* whoever is further than that, or of whom it is not known, is as far */

/* What has to differ, falling. */
enum demand {
    DEMAND_ALL,
    DEMAND_REGION_AND_UPSTREAM,
    DEMAND_REGION,
    DEMAND_NONE,
    DEMANDS
};

/* Who counts as a backup of a location. */
struct cover {
    uint32_t limit_us; /* a good round trip is no longer */
    uint32_t count;
    const struct rank_place *by[CHOOSE_BACKUPS_MAX];
};

struct bid {
    uint64_t gain;    /* [sessions] as of … */
    uint32_t as_of;   /* … so many peers chosen */
    bool taken;       /* or excluded */
    uint64_t farness; /* [session µs] */
};

struct run {
    const struct choose_task *task;
    struct choose_result result;
    struct cover *covers;
    struct bid *bids;
    uint32_t wanted; /* backups of each location */
    enum demand demand;
};

/* Not known is the same as everybody's. */
static bool differs(uint64_t a, uint64_t b) {
    return a != 0 && b != 0 && a != b;
}

static bool independent(const struct rank_place *a, const struct rank_place *b,
                        enum demand demand) {
    switch (demand) {
    case DEMAND_ALL:
        return differs(a->provider, b->provider) && differs(a->region, b->region) &&
               differs(a->upstream, b->upstream);
    case DEMAND_REGION_AND_UPSTREAM:
        return differs(a->region, b->region) && differs(a->upstream, b->upstream);
    case DEMAND_REGION:
        return differs(a->region, b->region);
    case DEMAND_NONE:
    case DEMANDS:
        break;
    }
    return true;
}

static uint32_t rtt_of(const struct run *r, uint32_t location, uint32_t candidate) {
    return r->task->rtt_us[(size_t)location * r->task->candidate_count + candidate];
}

/* Would it be one more backup of that location? */
static bool adds(const struct run *r, uint32_t location, uint32_t candidate) {
    const struct cover *cover = &r->covers[location];
    uint32_t rtt_us = rtt_of(r, location, candidate);
    if (rtt_us == 0 || rtt_us > cover->limit_us || cover->count >= r->wanted)
        return false;
    for (uint32_t i = 0; i < cover->count; i++)
        if (!independent(&r->task->candidates[candidate].place, cover->by[i], r->demand))
            return false;
    return true;
}

static bool falls_with_us(const struct run *r, uint32_t candidate) {
    return !independent(&r->task->candidates[candidate].place, &r->task->own, r->demand);
}

static void count_in(struct run *r, uint32_t candidate) {
    if (falls_with_us(r, candidate))
        return;
    for (uint32_t l = 0; l < r->task->location_count; l++)
        if (adds(r, l, candidate))
            r->covers[l].by[r->covers[l].count++] = &r->task->candidates[candidate].place;
}

static void take(struct run *r, uint32_t candidate) {
    assert(r->result.count < CHOOSE_PEERS_MAX);
    r->result.peers[r->result.count++] = candidate;
    r->bids[candidate].taken = true;
    count_in(r, candidate);
}

/* ---- gains ----------------------------------------------------------------------------------- */

static uint64_t favoured(const struct run *r, uint32_t candidate, uint64_t sessions) {
    const struct choose_candidate *c = &r->task->candidates[candidate];
    return sessions * (c->held ? 6 : c->kept ? 5 : 4);
}

static uint64_t farness(const struct run *r, uint32_t candidate) {
    const struct choose_candidate *c = &r->task->candidates[candidate];
    return r->bids[candidate].farness * (c->held ? 2 : c->kept ? 3 : 4);
}

static void reckon(struct run *r, uint32_t candidate) {
    uint64_t sessions = 0;
    for (uint32_t l = 0; l < r->task->location_count && !falls_with_us(r, candidate); l++)
        if (adds(r, l, candidate))
            sessions += r->task->weights[l];
    r->bids[candidate].gain = favoured(r, candidate, sessions);
    r->bids[candidate].as_of = r->result.count;
}

/* True if `a` comes before `b`, by the numbers of the header. */
static bool precedes(const struct run *r, uint32_t a, uint32_t b) {
    const struct choose_candidate *x = &r->task->candidates[a], *y = &r->task->candidates[b];
    uint64_t gain_x = r->bids[a].gain * (r->task->peering_cost + y->cost); /* 1 */
    uint64_t gain_y = r->bids[b].gain * (r->task->peering_cost + x->cost);
    if (gain_x != gain_y)
        return gain_x > gain_y;
    if (x->cost != y->cost) /* 2 */
        return x->cost < y->cost;
    if (farness(r, a) != farness(r, b)) /* 3 */
        return farness(r, a) < farness(r, b);
    return strcmp(x->name.text, y->name.text) < 0; /* 4 */
}

/* The first of those who are left, and gain something or not, by gains of now or of before;
 * candidate_count if there is none. */
static uint32_t first_bid(const struct run *r, bool gaining) {
    uint32_t none = r->task->candidate_count, first = none;
    for (uint32_t c = 0; c < none; c++)
        if (!r->bids[c].taken && (r->bids[c].gain > 0) == gaining &&
            (first == none || precedes(r, c, first)))
            first = c;
    return first;
}

/* A gain of before is never too small, so whoever is first by a gain of now is first. */
static uint32_t best_bid(struct run *r) {
    for (;;) {
        uint32_t c = first_bid(r, true);
        if (c == r->task->candidate_count || r->bids[c].as_of == r->result.count)
            return c;
        reckon(r, c);
    }
}

/* ---- stages ---------------------------------------------------------------------------------- */

static uint32_t lacking(const struct run *r) {
    uint32_t count = 0;
    for (uint32_t l = 0; l < r->task->location_count; l++)
        count += r->covers[l].count < r->wanted;
    return count;
}

/* Another demand: whoever was chosen counts by it. */
static void recount(struct run *r) {
    for (uint32_t l = 0; l < r->task->location_count; l++)
        r->covers[l].count = 0;
    for (uint32_t i = 0; i < r->result.count; i++)
        count_in(r, r->result.peers[i]);
}

/* All gains at once, location by location, as the round trips lie. */
static void reckon_all(struct run *r) {
    const struct choose_task *t = r->task;
    for (uint32_t c = 0; c < t->candidate_count; c++)
        r->bids[c].gain = 0;
    for (uint32_t l = 0; l < t->location_count; l++)
        for (uint32_t c = 0; c < t->candidate_count && r->covers[l].count < r->wanted; c++)
            if (adds(r, l, c))
                r->bids[c].gain += t->weights[l];
    for (uint32_t c = 0; c < t->candidate_count; c++) {
        struct bid *bid = &r->bids[c];
        bid->gain = falls_with_us(r, c) ? 0 : favoured(r, c, bid->gain);
        bid->as_of = r->result.count;
    }
}

static void stage(struct run *r, uint32_t peers_max) {
    recount(r);
    if (lacking(r) == 0 || r->result.count >= peers_max)
        return;
    reckon_all(r);
    while (r->result.count < peers_max) {
        uint32_t c = best_bid(r);
        if (c == r->task->candidate_count)
            return;
        take(r, c);
    }
}

static void stages(struct run *r, uint32_t wanted, uint32_t peers_max) {
    r->wanted = wanted;
    for (int demand = DEMAND_ALL; demand < DEMANDS; demand++) {
        r->demand = (enum demand)demand;
        stage(r, peers_max);
    }
}

/* Nobody gains anything any more: the nearest. */
static void fill(struct run *r) {
    for (uint32_t c = 0; c < r->task->candidate_count; c++)
        r->bids[c].gain = 0;
    while (r->result.count < r->task->peers_min && r->result.count < r->task->peers_max) {
        uint32_t c = first_bid(r, false);
        if (c == r->task->candidate_count)
            return;
        take(r, c);
    }
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void measure(struct run *r) {
    const struct choose_task *t = r->task;
    for (uint32_t l = 0; l < t->location_count; l++) {
        uint32_t best_us = UINT32_MAX;
        for (uint32_t c = 0; c < t->candidate_count; c++) {
            uint32_t rtt_us = rtt_of(r, l, c);
            if (rtt_us != 0 && rtt_us < best_us && !t->candidates[c].excluded)
                best_us = rtt_us;
            if (rtt_us == 0 || rtt_us > FAR_US)
                rtt_us = FAR_US;
            r->bids[c].farness += (uint64_t)t->weights[l] * rtt_us;
        }
        uint64_t limit_us = (uint64_t)best_us + best_us / 4;
        limit_us = limit_us > UINT32_MAX ? 0 : limit_us; /* nobody knows a way there */
        r->covers[l].limit_us = limit_us > t->good_us ? (uint32_t)limit_us : t->good_us;
    }
}

/* In the order of their names, so that it does not matter in which they come. */
static void take_pinned(struct run *r) {
    const struct choose_candidate *of = r->task->candidates;
    for (uint32_t c = 0; c < r->task->candidate_count; c++)
        r->bids[c].taken = of[c].excluded && !of[c].pinned;
    while (r->result.count < r->task->peers_max) {
        uint32_t first = r->task->candidate_count;
        for (uint32_t c = 0; c < r->task->candidate_count; c++)
            if (of[c].pinned && !r->bids[c].taken &&
                (first == r->task->candidate_count || precedes(r, c, first)))
                first = c;
        if (first == r->task->candidate_count)
            return;
        take(r, first);
    }
}

static void sum_up(struct run *r) {
    r->wanted = r->task->backups;
    r->demand = DEMAND_ALL;
    recount(r);
    r->result.covered = r->task->location_count - lacking(r);
    r->demand = DEMAND_NONE;
    recount(r);
    r->result.weak = r->task->location_count - lacking(r) - r->result.covered;
}

enum err choose_peers(struct choose_result *out, const struct choose_task *task) {
    struct run r = {.task = task, .demand = DEMAND_ALL};
    assert(task->candidate_count <= CHOOSE_CANDIDATES_MAX);
    assert(task->location_count <= CHOOSE_LOCATIONS_MAX);
    assert(task->backups >= 1 && task->backups <= CHOOSE_BACKUPS_MAX);
    assert(task->peers_max >= 1 && task->peers_max <= CHOOSE_PEERS_MAX);
    assert(task->peering_cost >= 1 && task->peering_cost <= CHOOSE_COST_MAX);
    r.covers = calloc(task->location_count + 1, sizeof(*r.covers));
    r.bids = calloc(task->candidate_count + 1, sizeof(*r.bids));
    if (r.covers == NULL || r.bids == NULL) {
        free(r.covers);
        free(r.bids);
        return ERR_NO_MEMORY;
    }
    measure(&r);
    take_pinned(&r);
    stages(&r, task->backups, task->peers_max);
    for (uint32_t more = task->backups + 1; more <= CHOOSE_BACKUPS_MAX; more++)
        stages(&r, more, task->peers_min < task->peers_max ? task->peers_min : task->peers_max);
    fill(&r);
    sum_up(&r);
    free(r.covers);
    free(r.bids);
    *out = r.result;
    return ERR_OK;
}
