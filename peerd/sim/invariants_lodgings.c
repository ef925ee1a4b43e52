#include "peerd/sim/invariants_private.h"

#include <inttypes.h>

/* Standbys: what clusters set aside for one another. */

#define LODGED_SLACK duration_s(1)
/* Changes are gathered for a second, a lodging that failed is tried again after two. */
#define STATED_WITHIN duration_s(4)

static struct watch_site *watch_of(struct sim *sim, const struct sim_site *site) {
    return &sim->watch->sites[site->index];
}

/* ---- 20: theirs, with us --------------------------------------------------------------------- */

static uint32_t sessions_of(const struct sim_site *site, const struct name *issuer) {
    struct core_session_status s;
    uint32_t cursor = 0, count = 0;
    while (core_session_next(site->core, &cursor, &s))
        count += name_equal(&s.issuer, issuer);
    return count;
}

/* What policy keeps for a peer, or what was agreed before it kept less: that holds to its end. */
static uint32_t kept_for(const struct sim_site *site, uint32_t peer) {
    struct core_agreement_status s = core_peer_agreement(site->core, peer);
    uint32_t reserved = site->policy.peers[peer].reserved_slots;
    return s.required && s.held > reserved ? s.held : reserved;
}

/* Others are promised what is kept for them less what they use of it, for as long as they say so.
 */
void watch_lodged(struct sim *sim, struct sim_site *site, const struct core_event *e,
                  const struct core_answer_standbys *a) {
    uint32_t peer = e->u.lodged.peer;
    const struct policy_peer *policy = &site->policy.peers[peer];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < a->slot_count; i++) {
        sum += a->slots[i];
        if (a->slots[i] > e->u.lodged.groups[i].sessions)
            sim_breach(sim, "%s sets %" PRIu32 " slots aside for %" PRIu32 " sessions of %s",
                       watch_cluster(sim, site->index), a->slots[i], e->u.lodged.groups[i].sessions,
                       policy->name.text);
    }
    uint32_t used = sum == 0 ? 0 : sessions_of(site, &policy->name);
    uint32_t kept = kept_for(site, peer), most = kept > used ? kept - used : 0;
    if (!policy->accept_moves || watch_of(sim, site)->draining)
        most = 0;
    if (sum > most || sum > core_status(site->core).free)
        sim_breach(sim,
                   "%s sets %" PRIu64 " slots aside for %s, more than the %" PRIu32 " reserved",
                   watch_cluster(sim, site->index), sum, policy->name.text, most);
    if ((a->err == ERR_OK) != policy->accept_moves)
        sim_breach(sim, "%s answers a lodging of %s with %s", watch_cluster(sim, site->index),
                   policy->name.text, err_name(a->err));
    watch_of(sim, site)->peers[peer].lodged_until =
        instant_add(sim_site_now(sim, site), duration_ms(e->u.lodged.ttl_ms));
}

/* ---- 20: ours, with them --------------------------------------------------------------------- */

/* Whom a group counts on: the first of its backups that can be counted on, and one that is damped
 * only for want of another. */
static uint32_t counts_on(const struct sim_site *site, const struct core_group_status *g) {
    uint32_t damped = UINT32_MAX;
    for (uint8_t b = 0; b < g->backup_count; b++)
        for (uint32_t i = 0; i < site->policy.peer_count; i++) {
            const struct policy_peer *p = &site->policy.peers[i];
            if (!name_equal(&p->name, &g->backups[b]) ||
                !watch_may_go(site, i, &g->service, &g->location))
                continue;
            enum verdict v = core_peer_verdict(site->core, i);
            if (!verdict_is_usable(v) && v != VERDICT_SUSPECT)
                continue;
            if (!core_peer_damped(site->core, i))
                return i;
            damped = damped == UINT32_MAX ? i : damped;
        }
    return damped;
}

struct lodging {
    uint32_t groups, sessions;
};

/* What is to be lodged with each peer, as things are. */
static void find_lodgings(const struct sim_site *site, struct lodging out[POLICY_PEERS_MAX]) {
    struct core_group_cursor cursor;
    struct core_group_status g;
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        out[i] = (struct lodging){0};
    core_groups_begin(site->core, &cursor);
    while (core_group_next(&cursor, &g)) {
        uint32_t peer = g.sessions == 0 ? UINT32_MAX : counts_on(site, &g);
        if (peer == UINT32_MAX)
            continue;
        out[peer].groups++;
        out[peer].sessions += g.sessions;
    }
}

/* A lodging says what there is. Verdicts may change in the same step, after it. */
void watch_lodges(struct sim *sim, struct sim_site *site, const struct core_lodge_standbys *l) {
    struct watch_peer *p = &watch_of(sim, site)->peers[l->peer];
    struct lodging due[POLICY_PEERS_MAX];
    p->lodged_at = sim_site_now(sim, site);
    p->stated_off = INSTANT_NEVER;
    p->stated_groups = l->group_count;
    p->stated_boot = core_peer_status(site->core, l->peer, p->lodged_at).boot;
    p->stated_sessions = 0;
    for (uint32_t i = 0; i < l->group_count; i++)
        p->stated_sessions += l->groups[i].sessions;
    if (core_counters(site->core)->verdicts_changed != site->verdicts_changed ||
        sim->site_count > CLOSELY)
        return;
    find_lodgings(site, due);
    if (p->stated_groups != due[l->peer].groups || p->stated_sessions != due[l->peer].sessions)
        sim_breach(sim,
                   "%s lodges %" PRIu32 " sessions in %" PRIu32 " groups with %s, not %" PRIu32
                   " in %" PRIu32,
                   watch_cluster(sim, site->index), p->stated_sessions, p->stated_groups,
                   site->policy.peers[l->peer].name.text, due[l->peer].sessions,
                   due[l->peer].groups);
}

void watch_lodging_answered(struct sim *sim, struct sim_site *site,
                            const struct core_standbys_answered *e) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < e->slot_count; i++)
        sum += e->slots[i];
    struct core_peer_status s = core_peer_status(site->core, e->peer, sim_site_now(sim, site));
    if (s.lodged_slots != sum && s.lodged_slots != 0)
        sim_breach(sim, "%s counts on %" PRIu32 " slots at %s, which has set %" PRIu64 " aside",
                   watch_cluster(sim, site->index), s.lodged_slots, s.policy->name.text, sum);
}

/* Our own groups count on somebody who counts, and are lodged there anew before that ends. */
static void check_lodged(struct sim *sim, struct sim_site *site, const struct core_peer_status *s,
                         struct watch_peer *p) {
    struct duration most = duration_add(duration_us(CORE_STANDBYS_TTL.us / 3), LODGED_SLACK);
    if (s->lodged_groups == 0) {
        p->lodged_at = INSTANT_NEVER;
        return;
    }
    if (!verdict_is_usable(s->verdict) && s->verdict != VERDICT_SUSPECT)
        sim_breach(sim, "%s has %" PRIu32 " groups count on %s, which it believes %s",
                   watch_cluster(sim, site->index), s->lodged_groups, s->policy->name.text,
                   verdict_name(s->verdict));
    if (instant_is_never(p->lodged_at))
        p->lodged_at = sim_site_now(sim, site);
    struct instant since = watch_site_counts_from(sim, site, p->lodged_at);
    if (duration_less(most, instant_since(sim_site_now(sim, site), since)))
        sim_breach(sim, "%s lets what it has lodged with %s run out",
                   watch_cluster(sim, site->index), s->policy->name.text);
}

static bool is_off(const struct watch_peer *p, const struct lodging *due) {
    return due->groups != p->stated_groups || due->sessions != p->stated_sessions;
}

/* A peer that counts is soon told what has changed, and all of it if it was started anew. */
static void check_stated(struct sim *sim, struct sim_site *site, const struct core_peer_status *s,
                         struct watch_peer *p, const struct lodging *due) {
    bool anew = s->boot != p->stated_boot && due->groups > 0;
    bool off = is_off(p, due) || anew;
    bool counts = verdict_is_usable(s->verdict) || s->verdict == VERDICT_SUSPECT;
    struct instant now = sim_site_now(sim, site);
    if (!off || !counts)
        p->stated_off = INSTANT_NEVER;
    else if (instant_is_never(p->stated_off))
        p->stated_off = now;
    if (instant_is_never(p->stated_off))
        return;
    struct instant since = watch_site_counts_from(sim, site, p->stated_off);
    if (duration_less(STATED_WITHIN, instant_since(now, since)))
        sim_breach(sim,
                   "%s has %" PRIu32 " sessions in %" PRIu32 " groups count on %s, and told it of "
                   "%" PRIu32 " in %" PRIu32,
                   watch_cluster(sim, site->index), due->sessions, due->groups,
                   s->policy->name.text, p->stated_sessions, p->stated_groups);
}

/* Of whom nothing is agreed any more, or not yet, it is not told that nothing counts on it. */
static void forget_without_agreement(struct sim_site *site, struct watch_peer *peers) {
    for (uint32_t i = 0; i < site->policy.peer_count && site->policy.agreement_count > 0; i++) {
        struct core_agreement_status s = core_peer_agreement(site->core, i);
        if (!s.required || s.relied > 0)
            continue;
        peers[i].stated_groups = peers[i].stated_sessions = 0;
        peers[i].lodged_at = peers[i].stated_off = INSTANT_NEVER;
    }
}

/* What comes and goes between two checks need not be told: it was as stated meanwhile. */
void watch_stated(struct sim *sim, struct sim_site *site) {
    struct watch_peer *peers = watch_of(sim, site)->peers;
    forget_without_agreement(site, peers);
    struct lodging due[POLICY_PEERS_MAX];
    bool found = false;
    for (uint32_t i = 0; i < site->policy.peer_count && sim->site_count <= CLOSELY; i++) {
        if (instant_is_never(peers[i].stated_off))
            continue;
        if (!found)
            find_lodgings(site, due);
        found = true;
        uint64_t boot = core_peer_boot(site->core, i);
        if (!is_off(&peers[i], &due[i]) && (boot == peers[i].stated_boot || due[i].groups == 0))
            peers[i].stated_off = INSTANT_NEVER;
    }
}

void watch_lodgings(struct sim *sim, struct sim_site *site) {
    struct lodging due[POLICY_PEERS_MAX];
    bool closely = sim->site_count <= CLOSELY;
    if (closely)
        find_lodgings(site, due);
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status s = core_peer_status(site->core, i, sim_site_now(sim, site));
        struct watch_peer *p = &watch_of(sim, site)->peers[i];
        check_lodged(sim, site, &s, p);
        if (closely)
            check_stated(sim, site, &s, p, &due[i]);
        struct instant until = watch_site_counts_from(sim, site, p->lodged_until);
        if (s.standby_groups > 0 &&
            (instant_is_never(p->lodged_until) ||
             duration_less(LODGED_SLACK, instant_since(sim_site_now(sim, site), until))))
            sim_breach(sim, "%s keeps %" PRIu32 " slots for %s, whose lodging is over",
                       watch_cluster(sim, site->index), s.standby_slots, s.policy->name.text);
    }
}
