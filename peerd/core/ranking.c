#include "peerd/core/ranking.h"

#include "peerd/core/agreements.h"
#include "peerd/core/redirect.h"
#include "peerd/core/status.h"
#include "topo/location.h"

#include <assert.h>
#include <string.h>

_Static_assert(LOCATION_BITS_IPV4 == POLICY_LOCATION_BITS_IPV4 &&
                   LOCATION_BITS_IPV6 == POLICY_LOCATION_BITS_IPV6,
               "what a policy says of a prefix is so of all of a location");

/* Where the clients are whose backups are ranked. */
struct clients {
    struct fares_words words; /* of peers who serve their location */
    bool located;
    struct coord at;
};

static void locate_clients(const struct core *core, const struct prefix *location,
                           struct clients *out) {
    fares_words(core, location, &out->words);
    out->located = coords_locate(core, location, &out->words, &out->at);
}

static struct duration rtt_estimated(const struct core *core, const struct peering *p,
                                     const struct clients *clients) {
    const struct coord *at = coords_of(core, p);
    return at == NULL || !clients->located ? DURATION_ZERO : coord_rtt(&clients->at, at);
}

static struct duration rtt_of(const struct core *core, const struct peering *p,
                              const struct prefix *location, const struct clients *clients) {
    struct duration measured = fares_trip_of_peer(core, p, location, &clients->words).rtt;
    return measured.us > 0 ? measured : rtt_estimated(core, p, clients);
}

struct duration ranking_rtt(const struct core *core, const struct peering *p,
                            const struct prefix *location) {
    struct clients clients;
    locate_clients(core, location, &clients);
    return rtt_of(core, p, location, &clients);
}

void ranking_rtts(const struct core *core, const struct prefix *location,
                  struct duration out[POLICY_PEERS_MAX]) {
    struct clients clients;
    locate_clients(core, location, &clients);
    for (uint32_t i = 0; i < core->peer_count; i++)
        out[i] = rtt_of(core, core->peers[i], location, &clients);
}

static struct rank_candidate candidate(const struct core *core, const struct peering *p,
                                       const struct ranking_about *about, bool damped_too,
                                       const struct clients *clients) {
    struct description_match match = {true, true};
    if (about->service != NULL)
        match = description_match(p, about->service, about->made, about->source);
    struct fares_trip trip = fares_trip_of_peer(core, p, &about->location, &clients->words);
    return (struct rank_candidate){
        .name = p->policy.name,
        .place = p->place,
        .usable = verdict_is_usable(p->verdict.verdict) && (damped_too || !p->damping.damped) &&
                  !p->description.draining,
        .offers = match.offers && p->description.media_count > 0,
        .accepts = about->service == NULL ||
                   agreements_offer(core, p, about->service, &about->location.addr),
        .same_determinism = match.same_determinism,
        .free_slots = agreements_room(core, p),
        .cost = agreements_cost(p),
        .experience = fares_of_peer(core, p, &clients->words),
        .rtt = p->rtt,
        .rtt_measured = trip.rtt,
        .measured_by = trip.clients,
        .measured_ago = trip.age,
        .measured_by_ours = trip.ours,
        .measured_from = trip.from,
        .rtt_estimated = rtt_estimated(core, p, clients),
    };
}

bool ranking_may_reside(const struct core *core, const struct peering *p,
                        const struct prefix *location) {
    const struct policy_residence *r =
        location->addr.family == 0 ? NULL : policy_residence_of(&core->policy, location);
    for (uint32_t i = 0; r != NULL && i < r->region_count; i++)
        if (rank_domain_of(r->regions[i].text) == p->place.region)
            return true;
    return r == NULL;
}

static bool may_reside_here(const struct core *core, const struct prefix *location) {
    const struct policy_residence *r =
        location->addr.family == 0 ? NULL : policy_residence_of(&core->policy, location);
    for (uint32_t i = 0; r != NULL && i < r->region_count; i++)
        if (name_equal(&r->regions[i], &core->policy.cluster.region))
            return true;
    return r == NULL;
}

static bool is_made_here(const struct core *core, const struct node_profile *made) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node_profile *ours = node_profile_find(core->nodes[i], &made->name);
        if (core->nodes[i]->complete && ours != NULL)
            return memcmp(&ours->determinism, &made->determinism, sizeof(made->determinism)) == 0;
    }
    return false;
}

struct rank_candidate ranking_self(const struct core *core, const struct ranking_about *about) {
    struct clients clients;
    struct core_fare fare = {0};
    uint32_t free_slots = core_free_slots(core), kept = standbys_reserved_unused(core);
    const struct coord *at = coords_own(core);
    locate_clients(core, &about->location, &clients);
    struct rank_candidate c = {.name = core->name,
                               .place = core->place,
                               .usable = !core->drain.active,
                               .offers = true,
                               .accepts = may_reside_here(core, &about->location),
                               .same_determinism =
                                   about->service == NULL || is_made_here(core, about->made),
                               .free_slots = free_slots > kept ? free_slots - kept : 0,
                               .rtt_measured = fares_own_rtt(core, &about->location)};
    if (at != NULL && clients.located)
        c.rtt_estimated = coord_rtt(&clients.at, at);
    if (core_fare(core, &about->location, &fare) && fare.reports >= FARES_REPORTS)
        c.experience =
            (struct rank_experience){.known = true,
                                     .r_tenths = (uint16_t)(fare.rating_centi / 10),
                                     .margin_tenths = (uint16_t)(fare.within_centi / 10)};
    return c;
}

size_t ranking_candidates(const struct core *core, const struct ranking_about *about,
                          bool damped_too, struct rank_candidate out[POLICY_PEERS_MAX]) {
    struct clients clients;
    locate_clients(core, &about->location, &clients);
    for (uint32_t i = 0; i < core->peer_count; i++) {
        out[i] = candidate(core, core->peers[i], about, damped_too, &clients);
        out[i].accepts &= ranking_may_reside(core, core->peers[i], &about->location);
    }
    return core->peer_count;
}

size_t ranking_of_session(const struct core *core, const struct session *s, bool damped_too,
                          uint8_t order[RANK_CANDIDATES_MAX]) {
    struct rank_candidate candidates[POLICY_PEERS_MAX];
    const struct name service = group_service(core, s->group);
    const struct name profile = interned_name(&core->interns, s->profile);
    const struct name source = interned_name(&core->interns, s->source);
    const struct ranking_about about = {&service, node_profile_find(s->node, &profile),
                                        node_source_find(s->node, &source),
                                        location_of(&s->client)};
    if (about.made == NULL || about.source == NULL)
        return 0;
    size_t count = ranking_candidates(core, &about, damped_too, candidates);
    return rank_order(candidates, count, &core->place, &s->id, order, RANK_CANDIDATES_MAX);
}

/* Sessions with one backup are spread over its workers; the id is random already. */
static struct addr media_of(const struct peering *p, const struct session_id *id) {
    uint64_t h = 0;
    for (size_t i = 0; i < 8; i++)
        h = h << 8 | id->bytes[i];
    return p->description.media[h % p->description.media_count];
}

struct core_backup ranking_backup(const struct peering *p, const struct session_id *id) {
    return (struct core_backup){p->policy.name, p->policy.key, media_of(p, id)};
}

/* ---- asked from outside ---------------------------------------------------------------------- */

/* Fills in what was not said: the first service, its first profile, the first source with it. */
static enum err settle(const struct core *core, struct core_ranking *out) {
    const struct policy *p = &core->policy;
    const struct policy_service *service = name_is_empty(&out->service)
                                               ? p->service_count > 0 ? &p->services[0] : NULL
                                               : policy_service_find(p, &out->service);
    if (service == NULL)
        return ERR_UNKNOWN_SERVICE;
    out->service = service->name;
    if (name_is_empty(&out->profile) && service->profile_count > 0)
        out->profile = service->profiles[0];
    if (policy_profile_find(p, &out->profile) == NULL)
        return ERR_UNKNOWN_PROFILE;
    for (uint32_t i = 0; name_is_empty(&out->source) && i < p->source_count; i++)
        if (policy_service_offers(service, &out->profile, &p->sources[i].name))
            out->source = p->sources[i].name;
    return policy_source_find(p, &out->source) != NULL ? ERR_OK : ERR_UNKNOWN_SOURCE;
}

/* A node of ours that makes it: others are compared with what it makes. */
static bool find_made(const struct core *core, const struct core_ranking *r,
                      struct ranking_about *about) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        about->made = node_profile_find(n, &r->profile);
        about->source = node_source_find(n, &r->source);
        if (n->complete && about->made != NULL && about->source != NULL)
            return true;
    }
    return false;
}

/* Where a new session of that kind would begin now. */
static void find_beginning(const struct core *core, const struct session_id *session,
                           struct core_ranking *out) {
    struct redirect way;
    const struct policy_service *service = policy_service_find(&core->policy, &out->service);
    uint32_t index = (uint32_t)(service - core->policy.services);
    enum err here = core->drain.active ? ERR_DRAINING : admission_has_room(core, index);
    const struct redirect_asked asked = {&out->service, &out->profile, &out->source,
                                         out->location, session,       here};
    out->begins_at = (struct name){0};
    if (redirect_find(core, &asked, &way))
        out->begins_at = way.to->policy.name;
    else if (here == ERR_OK)
        out->begins_at = core->name;
    out->redirect = way.why;
    out->redirect_rule = way.why == CORE_REDIRECT_BETTER ? way.rule : RANK_RULE_NONE;
}

static bool any_usable(const struct rank_candidate *candidates, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (rank_excluded_by(&candidates[i]) == RANK_RULE_NONE)
            return true;
    return false;
}

enum err core_rank(const struct core *core, const struct session_id *session,
                   struct core_ranking *out) {
    struct rank_candidate candidates[POLICY_PEERS_MAX];
    struct rank_row rows[RANK_CANDIDATES_MAX];
    enum err err = settle(core, out);
    struct ranking_about about = {.service = &out->service, .location = out->location};
    if (err != ERR_OK)
        return err;
    if (!find_made(core, out, &about))
        return ERR_SOURCE_FAILED;
    size_t count = ranking_candidates(core, &about, false, candidates);
    out->damped_too = !any_usable(candidates, count);
    if (out->damped_too)
        ranking_candidates(core, &about, true, candidates);
    find_beginning(core, session, out);
    out->count = (uint32_t)rank_table(candidates, count, &core->place, session, rows);
    for (uint32_t i = 0; i < out->count; i++)
        out->rows[i] = (struct core_ranked){.candidate = candidates[rows[i].candidate],
                                            .peer = rows[i].candidate,
                                            .place = rows[i].place,
                                            .rule = rows[i].rule};
    return ERR_OK;
}
