#include "peerd/core/replan.h"

#include "peerd/core/ranking.h"
#include "peerd/core/state.h"
#include "topo/location.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(TICKET_BACKUPS_MAX <= NAMED_MAX, "a list of backups fits");
_Static_assert(WISHES_MAX <= NODE_TOLD_MAX, "all that are wanted elsewhere fit into an answer");

void replan_init(struct replan *r, struct instant now) {
    *r = (struct replan){.from = now};
}

void replan_free(struct replan *r) {
    free(r->told);
    r->told = NULL;
}

void replan_pass_init(struct replan_pass *p) {
    *p = (struct replan_pass){.again_at = INSTANT_NEVER, .better_at = INSTANT_NEVER};
}

/* Before the look that is to come anyway nothing more is due. */
void replan_changed(struct core *core) {
    struct replan *r = &core->replan;
    if (instant_before(core->now, r->from))
        return;
    r->round++;
    r->from =
        instant_max(instant_add(core->now, REPLAN_AFTER), instant_add(core->started, REPLAN_START));
}

/* ---- who is in need -------------------------------------------------------------------------- */

static bool is_fit(const struct core *core, const struct group *g, const struct peering *p) {
    return p != NULL && peering_counts(p) && !p->description.draining && !p->damping.damped &&
           group_may_go(core, g, p);
}

static struct peering *backup_of(const struct core *core, const struct group *g, uint8_t rank) {
    struct name name = group_backup(core, g, rank);
    return peering_by_name(core, &name);
}

/* Of a session that came here the ticket names us. */
static bool is_us(const struct core *core, const struct group *g, uint8_t rank) {
    struct name name = group_backup(core, g, rank);
    return name_equal(&name, &core->name);
}

/* Its client knows who issued the ticket, whether that is named or not. */
static bool is_known(const struct core *core, const struct group *g, const struct peering *p) {
    for (uint8_t i = 0; i < g->key.backup_count; i++)
        if (backup_of(core, g, i) == p)
            return true;
    return p == g->issuer;
}

void replan_wish(struct core *core) {
    core->replan.round++;
    core->replan.from = core->now;
}

bool replan_may_name(const struct core *core, const struct group *g, const struct peering *p) {
    return is_fit(core, g, p) && p->description.media_count > 0 && !is_known(core, g, p);
}

struct peering *replan_wished(const struct core *core, const struct group *g) {
    if (!core->drain.active || name_is_empty(&core->drain.to) || g->issuer != NULL)
        return NULL;
    struct peering *p = peering_by_name(core, &core->drain.to);
    return replan_may_name(core, g, p) ? p : NULL;
}

static bool another_is_fit(const struct core *core, const struct group *g) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (is_fit(core, g, core->peers[i]) && !is_known(core, g, core->peers[i]))
            return true;
    return false;
}

static bool needs(const struct core *core, const struct group *g) {
    bool home_named = g->issuer == NULL;
    uint8_t fit = 0, unfit = 0;
    if (replan_wished(core, g) != NULL)
        return true;
    for (uint8_t i = 0; i < g->key.backup_count; i++) {
        struct peering *p = backup_of(core, g, i);
        if (is_us(core, g, i))
            continue;
        bool is = is_fit(core, g, p);
        if (is && unfit > 0)
            return true;
        fit += is;
        unfit += !is;
        home_named |= p == g->issuer;
    }
    fit += !home_named && is_fit(core, g, g->issuer);
    return (unfit > 0 || fit < REPLAN_FIT) && another_is_fit(core, g);
}

void replan_came(struct core *core, const struct group *g) {
    if (!instant_before(core->now, core->replan.from) && needs(core, g))
        replan_changed(core);
}

/* Once an answer for all sessions of a group. */
static bool group_needs(const struct core *core, struct group *g) {
    if (g->replan_stamp != core->replan.stamp) {
        g->replan_stamp = core->replan.stamp;
        g->replan_needed = needs(core, g);
    }
    return g->replan_needed;
}

/* ---- another list ---------------------------------------------------------------------------- */

static bool holds(const struct node_named *list, const struct name *name) {
    for (uint8_t i = 0; i < list->count; i++)
        if (name_equal(&list->list[i].cluster, name))
            return true;
    return false;
}

/* One that has described itself; else nobody could be told where it is. */
static void put(struct node_named *list, const struct peering *p, size_t room) {
    if (p == NULL || list->count >= room || p->description.media_count == 0 ||
        holds(list, &p->policy.name))
        return;
    struct core_backup b = ranking_backup(p, &list->session);
    list->list[list->count++] = (struct node_candidate){b.cluster, b.key, b.media};
}

/* Those that the issuer, if it is not us, has named come before others, whom it may not know. */
static void put_known_first(const struct core *core, const struct group *g, uint8_t *ranked,
                            size_t count) {
    uint8_t order[RANK_CANDIDATES_MAX];
    struct name issuer = group_issuer(core, g);
    size_t filled = 0;
    if (name_equal(&issuer, &core->name))
        return;
    for (int known = 1; known >= 0; known--)
        for (size_t i = 0; i < count; i++)
            if (is_known(core, g, core->peers[ranked[i]]) == (known == 1))
                order[filled++] = ranked[i];
    memcpy(ranked, order, count);
}

/* Whom the operator wants, then `ranked`, then what it has. The issuer has the last place, unless
 * it has another. */
static void make_list(const struct core *core, const struct session *s, const uint8_t *ranked,
                      size_t count, struct node_named *out) {
    const struct group *g = s->group;
    const struct peering *home = g->issuer;
    *out = (struct node_named){.session = s->id};
    put(out, wishes_target(core, s), TICKET_BACKUPS_MAX);
    put(out, replan_wished(core, g), TICKET_BACKUPS_MAX);
    for (size_t i = 0; i < count + g->key.backup_count; i++) {
        const struct peering *p =
            i < count ? core->peers[ranked[i]] : backup_of(core, g, (uint8_t)(i - count));
        bool kept = home != NULL && p != home && !holds(out, &home->policy.name);
        if (i >= count && (p == NULL || !group_may_go(core, g, p)))
            continue; /* it is not to go there, whoever is left */
        put(out, p, TICKET_BACKUPS_MAX - (size_t)kept);
    }
    put(out, home, TICKET_BACKUPS_MAX);
}

static bool is_same(const struct core *core, const struct group *g, const struct node_named *list) {
    bool same = list->count == g->key.backup_count;
    for (uint8_t i = 0; same && i < list->count; i++) {
        struct name name = group_backup(core, g, i);
        same = name_equal(&name, &list->list[i].cluster);
    }
    return same;
}

/* Of the first backup that can be counted on, and of the one ranked first. */
static bool is_nearer(const struct core *core, const struct session *s,
                      const struct peering *best) {
    const struct peering *first =
        s->group->key.backup_count > 0 ? backup_of(core, s->group, 0) : NULL;
    const struct prefix location = location_of(&s->client);
    if (first == NULL || first == best)
        return false;
    struct duration now = ranking_rtt(core, first, &location);
    struct duration then = ranking_rtt(core, best, &location);
    return then.us > 0 && now.us > 0 && then.us * 5 / 4 + HOMING_GAIN.us <= now.us;
}

/* False if it keeps what it has. While its issuer has not told where it is, a list would be without
 * it. */
static bool plan(struct core *core, const struct session *s, bool better, struct node_named *out) {
    uint8_t ranked[RANK_CANDIDATES_MAX];
    size_t count = ranking_of_session(core, s, false, ranked);
    if (count == 0)
        count = ranking_of_session(core, s, true, ranked);
    if (s->group->issuer != NULL && s->group->issuer->description.media_count == 0)
        return false;
    if (better &&
        (count == 0 || s->group->issuer != NULL || !is_nearer(core, s, core->peers[ranked[0]])))
        return false;
    put_known_first(core, s->group, ranked, count);
    make_list(core, s, ranked, count, out);
    return out->count > 0 && !is_same(core, s->group, out);
}

/* ---- single ones ----------------------------------------------------------------------------- */

/* Those whom the operator wants where their clients do not know the way to. */
static uint32_t tell_wished(struct core *core, const struct node *n, struct node_named *told) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->wishes.count; i++) {
        struct wish *w = &core->wishes.list[i];
        const struct session *s = session_find(core, &w->session);
        if (s == NULL || s->node != n || !instant_reached(core->now, w->tell_at) ||
            wishes_target(core, s) == NULL || !plan(core, s, false, &told[count]))
            continue;
        w->tell_at = instant_add(core->now, WISHES_AGAIN);
        count++;
    }
    return count;
}

/* ---- passes ---------------------------------------------------------------------------------- */

static void begin_pass(const struct core *core, struct replan_pass *p, bool better) {
    p->cursor = p->told = 0;
    p->left = core->sessions.slot_count;
    p->better = better;
    p->again_at = INSTANT_NEVER;
}

static void begin_if_due(const struct core *core, struct replan_pass *p) {
    const struct replan *r = &core->replan;
    if (p->round != r->round && instant_reached(core->now, r->from)) {
        p->round = r->round;
        p->again = REPLAN_AGAIN;
        begin_pass(core, p, false);
    } else if (p->left == 0 && instant_reached(core->now, p->again_at)) {
        p->again = duration_min(duration_add(p->again, p->again), REPLAN_AGAIN_MAX);
        begin_pass(core, p, false);
    } else if (p->left == 0 && fares_measure(core) && instant_is_never(p->better_at)) {
        p->better_at = instant_add(core->now, REPLAN_BETTER);
    } else if (p->left == 0 && fares_measure(core) && instant_reached(core->now, p->better_at)) {
        p->better_at = instant_add(core->now, REPLAN_BETTER);
        p->again = REPLAN_AGAIN;
        begin_pass(core, p, true);
    }
}

static void end_pass(struct core *core, const struct node *n, struct replan_pass *p) {
    if (p->told == 0)
        return;
    p->again_at = instant_add(core->now, p->again);
    core_trace(core, "tells %" PRIu32 " clients at %s of other backups", p->told,
               n->policy.name.text);
}

static bool concerns(const struct core *core, const struct session *s, const struct node *n,
                     bool better) {
    return s != NULL && s->node == n && s->state == SESSION_STATE_COMMITTED && s->move == NULL &&
           wishes_find(core, &s->id) == NULL && (better || group_needs(core, s->group));
}

const struct node_named *replan_answer(struct core *core, struct node *n, uint32_t *count) {
    struct replan *r = &core->replan;
    struct replan_pass *p = &n->replan;
    *count = 0;
    if (core->recovering)
        return NULL;
    begin_if_due(core, p);
    if ((p->left > 0 || core->wishes.count > 0) && r->told == NULL)
        r->told = calloc(NODE_TOLD_MAX, sizeof(*r->told));
    if ((p->left == 0 && core->wishes.count == 0) || r->told == NULL)
        return NULL;
    uint32_t wished = *count = tell_wished(core, n, r->told);
    r->stamp++;
    bool looked = p->left > 0;
    for (uint32_t looks = 0; looks < REPLAN_LOOKS && p->left > 0 && *count < NODE_TOLD_MAX;
         looks++) {
        const struct session *s = core->sessions.slots[p->cursor++];
        p->left--;
        if (concerns(core, s, n, p->better) && plan(core, s, p->better, &r->told[*count]))
            ++*count;
    }
    p->told += *count - wished;
    core->counters.backups_told += *count;
    if (p->left == 0 && looked)
        end_pass(core, n, p);
    return *count > 0 ? r->told : NULL;
}
