#include "peerd/core/descriptions.h"

#include "peerd/core/state.h"

#include <stdlib.h>
#include <string.h>

/* ---- of a peer ------------------------------------------------------------------------------- */

/* A copy of one array of a description; true also for an empty one. */
static bool copy_array(void *out_pointer, const void *from, size_t count, size_t bytes) {
    void *copy = count == 0 ? NULL : malloc(count * bytes);
    if (count > 0 && copy == NULL)
        return false;
    if (count > 0)
        memcpy(copy, from, count * bytes);
    memcpy(out_pointer, &copy, sizeof(copy));
    return true;
}

static bool copy(struct description *out, const struct description *d) {
    *out = *d;
    out->services = NULL;
    out->profiles = NULL;
    out->sources = NULL;
    out->media = NULL;
    out->origins = NULL;
    out->doors = NULL; /* of no use to the core … */
    out->past = NULL;  /* … any more than this, which is about keys */
    if (copy_array(&out->services, d->services, d->service_count, sizeof(*d->services)) &&
        copy_array(&out->profiles, d->profiles, d->profile_count, sizeof(*d->profiles)) &&
        copy_array(&out->sources, d->sources, d->source_count, sizeof(*d->sources)) &&
        copy_array(&out->media, d->media, d->media_count, sizeof(*d->media)) &&
        copy_array(&out->origins, d->origins, d->origin_count, sizeof(*d->origins)))
        return true;
    description_free(out);
    return false;
}

bool description_is_whole(const struct peering *p) {
    const struct description *d = &p->description;
    return p->described && d->media_count > 0 && d->source_count > 0 && d->profile_count > 0;
}

void description_received(struct core *core, struct peering *p, const struct description *d) {
    struct description fresh;
    if (!name_equal(&d->cluster, &p->policy.name) || !copy(&fresh, d)) {
        bool other = !name_equal(&d->cluster, &p->policy.name);
        description_missed(core, p, other ? ERR_FOREIGN : ERR_NO_MEMORY);
        return;
    }
    p->refused_err = ERR_OK;
    bool news = !p->described || p->description.source_count != d->source_count ||
                p->description.media_count != d->media_count;
    description_free(&p->description);
    p->description = fresh;
    origins_described(p);
    if (news)
        core_trace(core, "> %s described: %zu sources, %zu workers", p->policy.name.text,
                   d->source_count, d->media_count);
    p->described = true;
    p->takes_blocks = d->beat_blocks;
    p->described_at = core->now;
    peering_touch(core, p);
    if (description_is_whole(p))
        p->described_partly = 0;
    else if (p->described_partly < DESCRIPTION_SOONS)
        p->described_partly++;
    bool soon = p->described_partly > 0 && p->described_partly < DESCRIPTION_SOONS;
    p->fetch_at = instant_add(core->now, soon ? DESCRIPTION_SOON : DESCRIPTION_AGAIN);
    bool placed = p->place.region != rank_domain_of(d->region.text);
    p->place = (struct rank_place){rank_domain_of(d->provider.text), rank_domain_of(d->region.text),
                                   rank_domain_of(d->upstream)};
    if (placed)
        groups_peer_placed(core, p);
}

/* Said once, and again when the reason is another or something good came in between. */
void description_refused(struct core *core, struct peering *p, enum err err) {
    if (err != ERR_FOREIGN && err != ERR_BAD_SIGNATURE)
        return;
    core->counters.answers_refused++;
    p->refused++;
    if (p->refused_err != (uint8_t)err)
        core_trace(core, "> %s refused: %s", p->policy.name.text, err_text(err));
    p->refused_err = (uint8_t)err;
}

void description_missed(struct core *core, struct peering *p, enum err err) {
    description_refused(core, p, err);
    peering_touch(core, p);
    struct duration jitter = rng_duration(&core->rng, DURATION_ZERO, DESCRIPTION_RETRY);
    p->fetch_at = instant_add(core->now, duration_add(DESCRIPTION_RETRY, jitter));
}

/* Only of a peer that lives: knocking at the door of a dead one is for beats to do. */
void description_step(struct core *core, struct peering *p, struct core_outbox *outbox) {
    if (!instant_reached(core->now, p->fetch_at))
        return;
    if (p->detector.opinion != DETECTOR_TRUST) {
        p->fetch_at = instant_add(core->now, DESCRIPTION_RETRY);
        return;
    }
    struct core_intention *i = outbox_put(outbox, CORE_FETCH_DESCRIPTION);
    if (i == NULL)
        return; /* stays due */
    i->u.fetch.peer = p->index;
    p->fetch_at = instant_add(core->now, DESCRIPTION_TIMEOUT);
}

/* ---- does it serve the same? ----------------------------------------------------------------- */

static bool has_service(const struct description *d, const struct name *service) {
    for (size_t i = 0; i < d->service_count; i++)
        if (name_equal(&d->services[i].name, service))
            return true;
    return false;
}

static const struct description_profile *find_profile(const struct description *d,
                                                      const struct name *profile) {
    for (size_t i = 0; i < d->profile_count; i++)
        if (name_equal(&d->profiles[i].name, profile))
            return &d->profiles[i];
    return NULL;
}

static bool has_source(const struct description *d, const struct node_source *source) {
    for (size_t i = 0; i < d->source_count; i++)
        if (name_equal(&d->sources[i].name, &source->name))
            return memcmp(&d->sources[i].digest, &source->digest, sizeof(source->digest)) == 0;
    return false;
}

struct description_match description_match(const struct peering *p, const struct name *service,
                                           const struct node_profile *profile,
                                           const struct node_source *source) {
    struct description_match match = {0};
    if (!p->described)
        return match;
    const struct description_profile *theirs = find_profile(&p->description, &profile->name);
    match.offers = theirs != NULL && has_service(&p->description, service) &&
                   has_source(&p->description, source);
    match.same_determinism = theirs != NULL && memcmp(&theirs->determinism, &profile->determinism,
                                                      sizeof(profile->determinism)) == 0;
    return match;
}

bool description_content(const struct peering *p, const struct name *service,
                         const struct name *profile, const struct name *source,
                         struct node_profile *made, struct node_source *has) {
    const struct description *d = &p->description;
    const struct description_profile *theirs = p->described ? find_profile(d, profile) : NULL;
    if (theirs == NULL || !has_service(d, service))
        return false;
    *made = (struct node_profile){theirs->name, theirs->determinism};
    for (size_t i = 0; i < d->source_count; i++)
        if (name_equal(&d->sources[i].name, source)) {
            *has = (struct node_source){.name = *source, .digest = d->sources[i].digest};
            return true;
        }
    return false;
}

/* ---- of ourselves ---------------------------------------------------------------------------- */

static void own_services(const struct core *core, struct description *out) {
    uint32_t free_slots = core->drain.active ? 0 : core_free_slots(core);
    for (uint32_t i = 0; i < core->policy.service_count; i++) {
        const struct policy_service *s = &core->policy.services[i];
        uint32_t used = core->service_used[i];
        uint32_t left = s->capacity > used ? s->capacity - used : 0;
        out->services[out->service_count++] =
            (struct description_service){.name = s->name,
                                         .free = left < free_slots ? left : free_slots,
                                         .capacity = s->capacity};
    }
}

/* What the first node can do stands for the cluster: a resume finds out for itself where nodes of
 * one cluster differ, and an operator who upgrades drains first. */
static void own_profiles(const struct core *core, struct description *out) {
    for (uint32_t i = 0; i < core->policy.profile_count; i++) {
        const struct node_profile *made = NULL;
        for (uint32_t n = 0; n < core->node_count && made == NULL; n++)
            if (core->nodes[n]->complete)
                made = node_profile_find(core->nodes[n], &core->policy.profiles[i].name);
        if (made != NULL)
            out->profiles[out->profile_count++] =
                (struct description_profile){made->name, made->determinism};
    }
}

/* A source counts only if every node that is there has it, with the same content. */
static const struct node_source *common_source(const struct core *core, const struct name *name) {
    const struct node_source *common = NULL;
    for (uint32_t n = 0; n < core->node_count; n++) {
        if (!core->nodes[n]->complete)
            continue;
        const struct node_source *s = node_source_find(core->nodes[n], name);
        if (s == NULL ||
            (common != NULL && memcmp(&s->digest, &common->digest, sizeof(s->digest)) != 0))
            return NULL;
        common = s;
    }
    return common;
}

static void own_sources(const struct core *core, struct description *out) {
    for (uint32_t i = 0; i < core->policy.source_count; i++) {
        const struct node_source *s = common_source(core, &core->policy.sources[i].name);
        if (s != NULL)
            out->sources[out->source_count++] = (struct description_source){s->name, s->digest};
    }
}

static bool media_room(struct own_description *own, uint32_t room) {
    if (room <= own->media_room)
        return true;
    struct addr *media = realloc(own->media, room * sizeof(*media));
    if (media == NULL)
        return false;
    own->media = media;
    own->media_room = room;
    return true;
}

static bool own_media(struct core *core, struct description *out) {
    if (!media_room(&core->own, core->node_count * NODE_WORKERS_MAX))
        return false;
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        for (uint32_t w = 0; n->complete && w < n->media_count; w++)
            if (n->workers[w].pid != 0 && out->media_count < DESCRIPTION_MEDIA_MAX)
                core->own.media[out->media_count++] = n->media[w];
    }
    out->media = core->own.media;
    return true;
}

enum err core_describe(struct core *core, struct wall wall, struct description *out) {
    const struct policy_cluster *c = &core->policy.cluster;
    struct description d = {.cluster = c->name,
                            .provider = c->provider,
                            .region = c->region,
                            .placed = c->placed,
                            .latitude_udeg = (int32_t)(c->latitude_deg * 1e6),
                            .longitude_udeg = (int32_t)(c->longitude_deg * 1e6),
                            .key = core->self,
                            .issued_s = wall.us / 1000000,
                            .services = core->own.services,
                            .profiles = core->own.profiles,
                            .sources = core->own.sources,
                            .origins = core->own.origins,
                            .draining = core->drain.active,
                            .reserved = standbys_reserved_unused(core),
                            .beat_blocks = true};
    _Static_assert(sizeof(d.upstream) == sizeof(c->upstream.text), "both hold the same text");
    memcpy(d.upstream, c->upstream.text, sizeof(d.upstream));
    if (!own_media(core, &d))
        return ERR_NO_MEMORY;
    own_services(core, &d);
    own_profiles(core, &d);
    own_sources(core, &d);
    d.origin_count = origins_describe(core, core->own.origins);
    *out = d;
    return ERR_OK;
}
