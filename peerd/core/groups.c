#include "peerd/core/groups.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct group_key) ==
                   (2 + TICKET_BACKUPS_MAX) * sizeof(struct name) + 18 + 1 + 0,
               "a key is hashed byte by byte and must have no padding");

static void put_name(struct name *out, const struct name *n) {
    memcpy(out->text, n->text, strlen(n->text));
}

void group_key_make(struct group_key *out, const struct name *issuer, const struct name *service,
                    const struct prefix *location, const struct name *backups,
                    uint8_t backup_count) {
    assert(backup_count <= TICKET_BACKUPS_MAX);
    memset(out, 0, sizeof(*out));
    put_name(&out->issuer, issuer);
    put_name(&out->service, service);
    for (uint8_t i = 0; i < backup_count; i++)
        put_name(&out->backups[i], &backups[i]);
    out->backup_count = backup_count;
    out->location[0] = location->addr.family;
    out->location[1] = location->bits;
    memcpy(out->location + 2, location->addr.ip, sizeof(location->addr.ip));
}

/* ---- references ------------------------------------------------------------------------------ */

static int32_t service_index(const struct core *core, const struct name *service) {
    for (uint32_t i = 0; i < core->policy.service_count; i++)
        if (name_equal(&core->policy.services[i].name, service))
            return (int32_t)i;
    return -1;
}

static void count_members(struct core *core, const struct group *g, int32_t change) {
    if (g->service_index >= 0)
        core->service_used[g->service_index] += (uint32_t)change;
    if (g->issuer != NULL)
        g->issuer->here += (uint32_t)change;
}

static struct peering *first_that_counts(const struct core *core, const struct group *g) {
    for (uint8_t i = 0; i < g->key.backup_count; i++) {
        struct peering *p = peering_by_name(core, &g->key.backups[i]);
        if (p != NULL && p->policy.offer_moves && peering_counts(p))
            return p;
    }
    return NULL;
}

static void note_displaced(struct core *core, struct group *g) {
    bool displaced = g->committed > 0 && g->key.backup_count > 0 &&
                     (g->backup == NULL || !name_equal(&g->backup->policy.name, g->key.backups));
    if (displaced && !link_is_on(&g->displaced))
        list_append(&core->displaced, &g->displaced);
    else if (!displaced && link_is_on(&g->displaced))
        list_remove(&core->displaced, &g->displaced);
}

static void lodge_with(struct core *core, struct group *g, struct peering *to) {
    if (g->backup != NULL) {
        list_remove(&g->backup->groups, &g->lodged);
        standbys_changed(core, g->backup);
    }
    g->backup = to;
    if (to != NULL) {
        list_append(&to->groups, &g->lodged);
        standbys_changed(core, to);
    }
}

void group_relodge(struct core *core, struct group *g) {
    struct peering *to = g->committed == 0 ? NULL : first_that_counts(core, g);
    if (to != g->backup)
        lodge_with(core, g, to);
    note_displaced(core, g);
}

void groups_peer_changed(struct core *core, struct peering *p) {
    struct list *concerned = peering_counts(p) ? &core->displaced : &p->groups;
    bool displaced = concerned == &core->displaced;
    struct link *next;
    for (struct link *l = list_first(concerned); l != NULL; l = next) {
        next = list_after(concerned, l);
        group_relodge(core, displaced ? LIST_ELEMENT(l, struct group, displaced)
                                      : LIST_ELEMENT(l, struct group, lodged));
    }
}

void groups_refresh(struct core *core) {
    memset(core->service_used, 0, sizeof(core->service_used));
    for (uint32_t i = 0; i < core->peer_count; i++)
        core->peers[i]->here = 0;
    for (struct group *g = core->groups; g != NULL; g = g->hh.next) {
        g->service_index = service_index(core, &g->key.service);
        g->issuer = peering_by_name(core, &g->key.issuer);
        count_members(core, g, (int32_t)g->members);
        group_relodge(core, g);
    }
}

/* ---- members --------------------------------------------------------------------------------- */

static struct group *make(struct core *core, const struct group_key *key,
                          const struct prefix *location) {
    struct group *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->key = *key;
    g->location = *location;
    HASH_ADD(hh, core->groups, key, sizeof(g->key), g);
    if (g->hh.tbl == NULL) {
        free(g);
        return NULL;
    }
    g->service_index = service_index(core, &key->service);
    g->issuer = peering_by_name(core, &key->issuer);
    return g;
}

struct group *group_join(struct core *core, const struct group_key *key,
                         const struct prefix *location) {
    struct group *g = NULL;
    HASH_FIND(hh, core->groups, key, sizeof(*key), g);
    if (g == NULL)
        g = make(core, key, location);
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
    HASH_DEL(core->groups, g);
    free(g);
}

void group_committed(struct core *core, struct group *g, const struct session_id *id,
                     uint32_t epoch) {
    g->committed++;
    set_digest_toggle(&g->digest, id, epoch, RESUME_STANDBY);
    if (g->backup == NULL)
        group_relodge(core, g);
    else
        standbys_changed(core, g->backup);
}

void group_uncommitted(struct core *core, struct group *g, const struct session_id *id,
                       uint32_t epoch) {
    assert(g->committed > 0);
    g->committed--;
    set_digest_toggle(&g->digest, id, epoch, RESUME_STANDBY);
    if (g->committed == 0)
        group_relodge(core, g);
    else if (g->backup != NULL)
        standbys_changed(core, g->backup);
}
