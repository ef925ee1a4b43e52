#include "peerd/core/pathways.h"

#include "peerd/base/url.h"
#include "peerd/core/agreements.h"
#include "peerd/core/audiences.h"
#include "peerd/core/origins.h"
#include "peerd/core/ranking.h"
#include "peerd/core/redirect.h"
#include "peerd/core/state.h"
#include "topo/location.h"

#include <string.h>

/* Those that have it, and what we hold of each. */
struct field {
    const struct peering *peers[RANK_CANDIDATES_MAX]; /* NULL: we */
    const char *urls[RANK_CANDIDATES_MAX];
    struct rank_candidate candidates[RANK_CANDIDATES_MAX];
    bool keeps[RANK_CANDIDATES_MAX];  /* players that are there stay, as far as it goes */
    bool leaves[RANK_CANDIDATES_MAX]; /* this player is to be elsewhere (audiences.h) */
    struct rank_experience of_sessions[RANK_CANDIDATES_MAX];
    uint32_t players[RANK_CANDIDATES_MAX]; /* that may come; MAKING_ANY: not counted */
    size_t count;
    bool live;
};

/* ---- who has it ------------------------------------------------------------------------------ */

static void add(struct field *f, const struct peering *p, const char *url, bool live,
                const struct rank_candidate *way) {
    if (f->count == RANK_CANDIDATES_MAX)
        return;
    f->live |= live;
    f->peers[f->count] = p;
    f->urls[f->count] = url;
    f->candidates[f->count] = *way;
    struct rank_candidate *c = &f->candidates[f->count++];
    c->offers = c->same_determinism = true;
    c->free_slots = 1;
}

static void add_ourselves(const struct core *core, const struct policy_origin *own,
                          const struct ranking_about *about, struct field *f) {
    struct rank_candidate way = ranking_self(core, about);
    const struct origin_health *health = &core->origins.list[own - core->policy.origins];
    way.usable = !core->drain.active && !health->ill;
    way.rtt = duration_us(1); /* who asks us is near us, unless something else is known */
    f->keeps[f->count] = way.usable;
    add(f, NULL, own->url.text, own->live, &way);
}

static bool may_live(enum verdict v) {
    return v != VERDICT_CRASHED && v != VERDICT_DRAINING;
}

static void add_peer(const struct core *core, const struct peering *p,
                     const struct description_origin *origin, const struct ranking_about *about,
                     struct rank_candidate way, struct field *f) {
    bool ill = origins_ill(p, origin);
    if (f->count == RANK_CANDIDATES_MAX)
        return;
    way.usable = verdict_is_usable(p->verdict.verdict) && !ill;
    way.accepts =
        agreements_send(p, &about->location.addr) && ranking_may_reside(core, p, &about->location);
    f->keeps[f->count] = may_live(p->verdict.verdict) && !ill;
    add(f, p, origin->url, origin->live, &way);
}

static void gather(const struct core *core, const struct name *name,
                   const struct ranking_about *about, struct field *f) {
    struct rank_candidate ways[POLICY_PEERS_MAX];
    const struct policy_origin *own = policy_origin_find(&core->policy, name);
    f->count = 0;
    f->live = false;
    if (own != NULL)
        add_ourselves(core, own, about, f);
    ranking_candidates(core, about, true, ways);
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct description_origin *origin = origins_of(core->peers[i], name);
        if (origin != NULL)
            add_peer(core, core->peers[i], origin, about, ways[i], f);
    }
}

/* Whoever comes and goes is for want of another. */
static void pass_over_damped(struct field *f) {
    bool any = false;
    for (size_t i = 0; i < f->count; i++)
        any |= rank_excluded_by(&f->candidates[i]) == RANK_RULE_NONE &&
               (f->peers[i] == NULL || !f->peers[i]->damping.damped);
    for (size_t i = 0; any && i < f->count; i++)
        if (f->peers[i] != NULL && f->peers[i]->damping.damped)
            f->candidates[i].usable = false;
}

/* How players fare there, where that is known, ranks pathways for those who come; who is sent away
 * for it is audiences' to say, so that a few go first. */
static void weigh_players(const struct core *core, const struct name *origin,
                          const struct prefix *location, uint32_t lot, struct field *f) {
    for (size_t i = 0; i < f->count; i++) {
        struct rank_candidate *c = &f->candidates[i];
        const struct rank_experience heard = audiences_experience(core, origin, &c->name, location);
        f->of_sessions[i] = c->experience;
        f->leaves[i] = audiences_leave(core, origin, &c->name, location, lot);
        if (heard.known)
            c->experience = heard;
    }
}

/* Those that count players are dealt to in proportion to their room; with one that does not there
 * is nothing to compare it with. */
static void weigh_room(const struct core *core, const struct name *origin, struct field *f) {
    bool all = true;
    for (size_t i = 0; i < f->count; i++) {
        f->players[i] = making_players(core, origin, &f->candidates[i].name);
        all &= f->players[i] != MAKING_ANY;
    }
    for (size_t i = 0; i < f->count; i++)
        f->candidates[i].free_slots = all ? f->players[i] : f->players[i] > 0;
}

/* Unless they would be as badly off wherever they went. */
static void pass_over_bad(struct field *f) {
    bool any = false;
    for (size_t i = 0; i < f->count; i++)
        any |= rank_excluded_by(&f->candidates[i]) == RANK_RULE_NONE && !f->leaves[i];
    for (size_t i = 0; any && i < f->count; i++)
        if (f->leaves[i])
            f->candidates[i].usable = f->keeps[i] = false;
}

/* ---- in which order -------------------------------------------------------------------------- */

/* Clients are dealt as sessions are; the mixing step is that of splitmix64. */
static struct session_id lot_of(const struct name *origin, const struct addr *client) {
    struct session_id lot;
    uint64_t z = rank_domain_of(origin->text) ^
                 ((uint64_t)location_client(client) + 1) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    for (size_t i = 0; i < SESSION_ID_BYTES; i++)
        lot.bytes[i] = (uint8_t)(z >> i % 8 * 8);
    return lot;
}

/* The row of who has the player, if it may stay there; `count` if not. */
static size_t row_kept(const struct field *f, const struct rank_row *rows,
                       const struct name *current) {
    enum rank_rule rule;
    size_t at = 0;
    while (at < f->count && !name_equal(&f->candidates[rows[at].candidate].name, current))
        at++;
    if (at == f->count || !f->keeps[rows[at].candidate])
        return f->count;
    struct rank_candidate here = f->candidates[rows[at].candidate];
    struct rank_candidate best = f->candidates[rows[0].candidate];
    here.usable = true;
    here.experience = f->of_sessions[rows[at].candidate];
    best.experience = f->of_sessions[rows[0].candidate];
    bool stays = here.accepts && (!best.usable || !redirect_is_better(&best, &here, &rule));
    return stays ? at : f->count;
}

static bool may_any(const struct field *f) {
    bool any = false;
    for (size_t i = 0; i < f->count; i++)
        any |= f->candidates[i].accepts;
    return any;
}

static void list(const struct field *f, const struct rank_row *row, struct core_pathways *out) {
    const struct rank_candidate *c = &f->candidates[row->candidate];
    const struct peering *p = f->peers[row->candidate];
    if (out->count == PATHWAYS_MAX)
        return;
    out->list[out->count++] =
        (struct core_pathway){.cluster = c->name,
                              .url = f->urls[row->candidate],
                              .door = p == NULL ? NULL : p->description.clients_url,
                              .takes = rank_excluded_by(c) == RANK_RULE_NONE,
                              .players = f->players[row->candidate],
                              .rule = row->rule};
}

/* ---- whom to ask next ------------------------------------------------------------------------ */

static bool answers(const struct core *core, const struct core_pathway *way) {
    const struct peering *p = peering_by_name(core, &way->cluster);
    return p != NULL && verdict_is_usable(p->verdict.verdict) && url_is_absolute(way->door);
}

static const char *next_door(const struct core *core, const struct core_pathways *ways) {
    bool first = ways->list[0].door == NULL;
    if (!first && !core->drain.active)
        return NULL;
    for (uint32_t i = 1; i < ways->count; i++)
        if (ways->list[i].door != NULL && answers(core, &ways->list[i]))
            return ways->list[i].door;
    return NULL;
}

enum err core_pathways(const struct core *core, const struct name *origin,
                       const struct addr *client, const struct name *current,
                       struct core_pathways *out) {
    struct field f;
    struct rank_row rows[RANK_CANDIDATES_MAX];
    const struct ranking_about about = {.location = location_of(client)};
    const struct rank_place nowhere = {0};
    const struct session_id lot = lot_of(origin, client);
    gather(core, origin, &about, &f);
    if (f.count == 0)
        return ERR_UNKNOWN_SERVICE;
    weigh_players(core, origin, &about.location, audiences_lot(origin, client), &f);
    weigh_room(core, origin, &f);
    pass_over_damped(&f);
    pass_over_bad(&f);
    rank_table(f.candidates, f.count, &nowhere, &lot, rows);
    out->count = 0;
    out->live = f.live;
    size_t kept = name_is_empty(current) ? f.count : row_kept(&f, rows, current);
    bool may = may_any(&f);
    if (kept < f.count) {
        list(&f, &rows[kept], out);
        out->list[0].kept = kept > 0;
    }
    for (size_t i = 0; i < f.count; i++)
        if (i != kept && (!may || f.candidates[rows[i].candidate].accepts))
            list(&f, &rows[i], out);
    out->steers = next_door(core, out);
    return ERR_OK;
}

bool core_pathways_sent(const struct core_pathways *ways, const struct name *origin,
                        const struct addr *client, const struct name *current,
                        struct core_event *event) {
    const struct core_pathway *first = &ways->list[0];
    if (first->players == MAKING_ANY || name_equal(&first->cluster, current))
        return false;
    *event = (struct core_event){.kind = CORE_PLAYER_SENT};
    event->u.sent =
        (struct core_player_sent){.origin = *origin, .cluster = first->cluster, .client = *client};
    return true;
}

bool core_making(const struct core *core, const struct name *origin, const struct name *cluster,
                 uint32_t *spare_ms, uint32_t *player_ms) {
    struct making_word word;
    if (!making_of(core, origin, cluster, &word))
        return false;
    *spare_ms = word.spare_ms;
    *player_ms = word.player_ms;
    return true;
}
