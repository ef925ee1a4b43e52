#include "peerd/policy/policy.h"

#include <stddef.h>
#include <string.h>

static void copy_service(struct policy_service *to, const struct policy_service *from) {
    to->name = from->name;
    to->capacity = from->capacity;
    to->hot = from->hot;
    to->priority = from->priority;
    to->profile_count = from->profile_count;
    memcpy(to->profiles, from->profiles, from->profile_count * sizeof(from->profiles[0]));
    to->source_count = from->source_count;
    memcpy(to->sources, from->sources, from->source_count * sizeof(from->sources[0]));
}

static void copy_discovery(struct policy_discovery *to, const struct policy_discovery *from) {
    to->dns_count = from->dns_count;
    memcpy(to->dns, from->dns, from->dns_count * sizeof(from->dns[0]));
    to->introduction = from->introduction;
    to->accept_count = from->accept_count;
    memcpy(to->accept, from->accept, from->accept_count * sizeof(from->accept[0]));
    to->revoked_count = from->revoked_count;
    memcpy(to->revoked, from->revoked, from->revoked_count * sizeof(from->revoked[0]));
    to->peers_max = from->peers_max;
    to->refresh_min = from->refresh_min;
    to->refresh_max = from->refresh_max;
    to->keep = from->keep;
}

void policy_copy(struct policy *to, const struct policy *from) {
    to->cluster = from->cluster;
    to->beats = from->beats;
    to->peer_listen = from->peer_listen;
    to->client_listen = from->client_listen;
    to->node_count = from->node_count;
    memcpy(to->nodes, from->nodes, from->node_count * sizeof(from->nodes[0]));
    to->peer_count = from->peer_count;
    memcpy(to->peers, from->peers, from->peer_count * sizeof(from->peers[0]));
    to->service_count = from->service_count;
    for (uint32_t i = 0; i < from->service_count; i++)
        copy_service(&to->services[i], &from->services[i]);
    to->profile_count = from->profile_count;
    memcpy(to->profiles, from->profiles, from->profile_count * sizeof(from->profiles[0]));
    to->source_count = from->source_count;
    memcpy(to->sources, from->sources, from->source_count * sizeof(from->sources[0]));
    to->rendition_count = from->rendition_count;
    memcpy(to->renditions, from->renditions, from->rendition_count * sizeof(from->renditions[0]));
    to->origin_count = from->origin_count;
    memcpy(to->origins, from->origins, from->origin_count * sizeof(from->origins[0]));
    to->grant_count = from->grant_count;
    memcpy(to->grants, from->grants, from->grant_count * sizeof(from->grants[0]));
    to->detection = from->detection;
    to->limits = from->limits;
    to->performance = from->performance;
    to->dns_server = from->dns_server;
    to->location_database_count = from->location_database_count;
    memcpy(to->location_databases, from->location_databases,
           from->location_database_count * sizeof(from->location_databases[0]));
    copy_discovery(&to->discovery, &from->discovery);
    to->residence_count = from->residence_count;
    memcpy(to->residence, from->residence, from->residence_count * sizeof(from->residence[0]));
    to->agreement_count = from->agreement_count;
    memcpy(to->agreements, from->agreements, from->agreement_count * sizeof(from->agreements[0]));
}

const struct policy_residence *policy_residence_of(const struct policy *p,
                                                   const struct prefix *location) {
    const struct policy_residence *longest = NULL;
    for (uint32_t i = 0; i < p->residence_count; i++) {
        const struct policy_residence *r = &p->residence[i];
        bool meets =
            prefix_holds(&r->prefix, &location->addr) || prefix_holds(location, &r->prefix.addr);
        if (meets && (longest == NULL || r->prefix.bits > longest->prefix.bits))
            longest = r;
    }
    return longest;
}

const struct policy_peer *policy_peer_find(const struct policy *p, const struct name *name) {
    for (uint32_t i = 0; i < p->peer_count; i++) {
        if (name_equal(&p->peers[i].name, name))
            return &p->peers[i];
    }
    return NULL;
}

const struct policy_service *policy_service_find(const struct policy *p, const struct name *name) {
    for (uint32_t i = 0; i < p->service_count; i++) {
        if (name_equal(&p->services[i].name, name))
            return &p->services[i];
    }
    return NULL;
}

const struct policy_profile *policy_profile_find(const struct policy *p, const struct name *name) {
    for (uint32_t i = 0; i < p->profile_count; i++) {
        if (name_equal(&p->profiles[i].name, name))
            return &p->profiles[i];
    }
    return NULL;
}

const struct policy_source *policy_source_find(const struct policy *p, const struct name *name) {
    for (uint32_t i = 0; i < p->source_count; i++) {
        if (name_equal(&p->sources[i].name, name))
            return &p->sources[i];
    }
    return NULL;
}

const struct policy_origin *policy_origin_find(const struct policy *p, const struct name *name) {
    for (uint32_t i = 0; i < p->origin_count; i++) {
        if (name_equal(&p->origins[i].name, name))
            return &p->origins[i];
    }
    return NULL;
}

static bool holds(const struct name *names, uint32_t count, const struct name *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (name_equal(&names[i], name))
            return true;
    }
    return false;
}

bool policy_service_offers(const struct policy_service *s, const struct name *profile,
                           const struct name *source) {
    return holds(s->profiles, s->profile_count, profile) &&
           (s->source_count == 0 || holds(s->sources, s->source_count, source));
}
