#include "peerd/core/groups.h"

#include "peerd/core/agreements.h"
#include "peerd/core/ranking.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct group_key) == (2 + TICKET_BACKUPS_MAX) * sizeof(uint32_t) + 18 + 1 + 1,
               "a key is hashed byte by byte and must have no padding");

void groups_init(struct groups *t) {
    *t = (struct groups){0};
    list_init(&t->all);
    list_init(&t->displaced);
}

void groups_free(struct groups *t) {
    assert(!list_holds_any(&t->all));
    chains_free(&t->by_key);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool take_names(struct interns *t, const struct group_about *about, struct group_key *out) {
    out->issuer = interned_take_name(t, about->issuer);
    out->service = interned_take_name(t, about->service);
    bool whole = out->issuer != INTERNED_NONE && out->service != INTERNED_NONE;
    for (uint8_t i = 0; i < about->backup_count; i++) {
        out->backups[i] = interned_take_name(t, &about->backups[i]);
        whole &= out->backups[i] != INTERNED_NONE;
    }
    return whole;
}

/* Has a use of each name. */
static bool key_take(struct interns *t, const struct group_about *about, struct group_key *out) {
    assert(about->backup_count <= TICKET_BACKUPS_MAX);
    memset(out, 0, sizeof(*out));
    out->backup_count = about->backup_count;
    out->location[0] = about->location.addr.family;
    out->location[1] = about->location.bits;
    memcpy(out->location + 2, about->location.addr.ip, sizeof(about->location.addr.ip));
    return take_names(t, about, out);
}

static void key_give(struct interns *t, const struct group_key *key) {
    interned_give(t, key->issuer);
    interned_give(t, key->service);
    for (uint8_t i = 0; i < key->backup_count; i++)
        interned_give(t, key->backups[i]);
}

struct name group_issuer(const struct core *core, const struct group *g) {
    return interned_name(&core->interns, g->key.issuer);
}

struct name group_service(const struct core *core, const struct group *g) {
    return interned_name(&core->interns, g->key.service);
}

struct name group_backup(const struct core *core, const struct group *g, uint8_t rank) {
    assert(rank < g->key.backup_count);
    return interned_name(&core->interns, g->key.backups[rank]);
}

struct prefix group_location(const struct group *g) {
    struct prefix p = {.addr = {.family = g->key.location[0]}, .bits = g->key.location[1]};
    memcpy(p.addr.ip, g->key.location + 2, sizeof(p.addr.ip));
    return p;
}

void group_describe(const struct core *core, const struct group *g, struct standbys_group *out) {
    *out = (struct standbys_group){.issuer = group_issuer(core, g),
                                   .service = group_service(core, g),
                                   .location = group_location(g),
                                   .backup_count = g->key.backup_count,
                                   .sessions = g->committed,
                                   .digest = g->digest};
    for (uint8_t i = 0; i < g->key.backup_count; i++)
        out->backups[i] = group_backup(core, g, i);
}

/* ---- references ------------------------------------------------------------------------------ */

static int32_t service_index(const struct core *core, const struct name *service) {
    for (uint32_t i = 0; i < core->policy.service_count; i++)
        if (name_equal(&core->policy.services[i].name, service))
            return (int32_t)i;
    return -1;
}

static void refer(struct core *core, struct group *g) {
    struct name service = group_service(core, g), issuer = group_issuer(core, g);
    g->service_index = service_index(core, &service);
    g->issuer = peering_by_name(core, &issuer);
}

static void count_members(struct core *core, const struct group *g, int32_t change) {
    if (g->service_index >= 0)
        core->service_used[g->service_index] += (uint32_t)change;
    if (g->issuer != NULL)
        g->issuer->here += (uint32_t)change;
}

static void count_served(const struct group *g, int32_t change) {
    if (g->issuer != NULL)
        g->issuer->served += (uint32_t)change;
}

bool group_may_go(const struct core *core, const struct group *g, const struct peering *p) {
    if (core->policy.agreement_count == 0 && core->policy.residence_count == 0)
        return p->policy.offer_moves;
    struct name service = group_service(core, g);
    struct prefix location = group_location(g);
    return ranking_may_reside(core, p, &location) &&
           agreements_offer(core, p, &service, &location.addr);
}

/* One that is damped counts for want of another. */
static struct peering *first_that_counts(const struct core *core, const struct group *g) {
    struct peering *damped = NULL;
    for (uint8_t i = 0; i < g->key.backup_count; i++) {
        struct name name = group_backup(core, g, i);
        struct peering *p = peering_by_name(core, &name);
        if (p == NULL || !peering_counts(p) || !group_may_go(core, g, p))
            continue;
        if (!p->damping.damped)
            return p;
        damped = damped == NULL ? p : damped;
    }
    return damped;
}

static bool is_displaced(const struct core *core, const struct group *g) {
    if (g->committed == 0 || g->key.backup_count == 0)
        return false;
    struct name first = group_backup(core, g, 0);
    return g->backup == NULL || g->backup->damping.damped ||
           !name_equal(&g->backup->policy.name, &first);
}

static void note_displaced(struct core *core, struct group *g) {
    bool displaced = is_displaced(core, g);
    if (displaced && !link_is_on(&g->displaced))
        list_append(&core->groups.displaced, &g->displaced);
    else if (!displaced && link_is_on(&g->displaced))
        list_remove(&core->groups.displaced, &g->displaced);
}

static void lodge_with(struct core *core, struct group *g, struct peering *to) {
    if (g->backup != NULL) {
        list_remove(&g->backup->groups, &g->lodged);
        agreements_counted(g->backup, -(int64_t)g->committed);
        standbys_changed(core, g->backup);
    }
    g->backup = to;
    if (to != NULL) {
        list_append(&to->groups, &g->lodged);
        agreements_counted(to, g->committed);
        standbys_changed(core, to);
    }
}

void group_relodge(struct core *core, struct group *g) {
    struct peering *to = g->committed == 0 ? NULL : first_that_counts(core, g);
    if (to != g->backup)
        lodge_with(core, g, to);
    note_displaced(core, g);
}

static void relodge_those_with(struct core *core, struct peering *p) {
    struct link *next;
    for (struct link *l = list_first(&p->groups); l != NULL; l = next) {
        next = list_after(&p->groups, l);
        group_relodge(core, LIST_ELEMENT(l, struct group, lodged));
    }
}

static void relodge_displaced(struct core *core) {
    struct link *next;
    for (struct link *l = list_first(&core->groups.displaced); l != NULL; l = next) {
        next = list_after(&core->groups.displaced, l);
        group_relodge(core, LIST_ELEMENT(l, struct group, displaced));
    }
}

void groups_peer_changed(struct core *core, struct peering *p) {
    replan_changed(core);
    if (!peering_counts(p) || p->damping.damped)
        relodge_those_with(core, p);
    if (peering_counts(p))
        relodge_displaced(core);
}

void groups_peer_placed(struct core *core, struct peering *p) {
    if (core->policy.residence_count == 0)
        return;
    replan_changed(core);
    relodge_those_with(core, p);
    if (peering_counts(p))
        relodge_displaced(core);
}

void groups_refresh(struct core *core) {
    replan_changed(core);
    memset(core->service_used, 0, sizeof(core->service_used));
    for (uint32_t i = 0; i < core->peer_count; i++)
        core->peers[i]->here = core->peers[i]->served = 0;
    for (struct link *l = list_first(&core->groups.all); l != NULL;
         l = list_after(&core->groups.all, l)) {
        struct group *g = LIST_ELEMENT(l, struct group, all);
        refer(core, g);
        count_members(core, g, (int32_t)g->members);
        count_served(g, (int32_t)g->committed);
        group_relodge(core, g);
    }
}

/* ---- members --------------------------------------------------------------------------------- */

static struct group *find(const struct core *core, const struct group_key *key, uint32_t hash) {
    struct chained *c = chains_first(&core->groups.by_key, hash);
    for (; c != NULL; c = chains_after(c)) {
        struct group *g = CHAINED_RECORD(c, struct group, chained);
        if (memcmp(&g->key, key, sizeof(*key)) == 0)
            return g;
    }
    return NULL;
}

static struct group *make(struct core *core, const struct group_key *key, uint32_t hash) {
    struct group *g = calloc(1, sizeof(*g));
    if (g == NULL || !chains_add(&core->groups.by_key, &g->chained, hash)) {
        free(g);
        return NULL;
    }
    g->key = *key;
    list_append(&core->groups.all, &g->all);
    refer(core, g);
    return g;
}

struct group *group_join(struct core *core, const struct group_about *about) {
    struct group_key key;
    struct group *g = NULL, *found = NULL;
    if (key_take(&core->interns, about, &key)) {
        uint32_t hash = chains_hash(&key, sizeof(key));
        found = find(core, &key, hash);
        g = found != NULL ? found : make(core, &key, hash);
    }
    if (g == NULL || found != NULL)
        key_give(&core->interns, &key); /* a new group keeps them */
    if (g == NULL)
        return NULL;
    g->members++;
    count_members(core, g, 1);
    return g;
}

void group_leave(struct core *core, struct group *g) {
    assert(g->members > 0);
    count_members(core, g, -1);
    if (--g->members > 0)
        return;
    assert(g->committed == 0 && g->backup == NULL && !link_is_on(&g->displaced));
    chains_remove(&core->groups.by_key, &g->chained);
    list_remove(&core->groups.all, &g->all);
    key_give(&core->interns, &g->key);
    free(g);
}

void group_committed(struct core *core, struct group *g, const struct session_id *id,
                     uint32_t epoch) {
    g->committed++;
    count_served(g, 1);
    set_digest_toggle(&g->digest, id, epoch, RESUME_STANDBY);
    if (g->backup == NULL) {
        group_relodge(core, g);
        return;
    }
    agreements_counted(g->backup, 1);
    standbys_changed(core, g->backup);
}

void group_uncommitted(struct core *core, struct group *g, const struct session_id *id,
                       uint32_t epoch) {
    assert(g->committed > 0);
    g->committed--;
    count_served(g, -1);
    if (g->backup != NULL)
        agreements_counted(g->backup, -1);
    set_digest_toggle(&g->digest, id, epoch, RESUME_STANDBY);
    if (g->committed == 0)
        group_relodge(core, g);
    else if (g->backup != NULL)
        standbys_changed(core, g->backup);
}
