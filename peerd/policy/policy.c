#include "peerd/policy/policy.h"

#include <stddef.h>

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
