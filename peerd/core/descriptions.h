/*
 * Descriptions: what peers say of themselves, kept fresh, and what we say of ourselves.
 */
#ifndef PEERD_CORE_DESCRIPTIONS_H
#define PEERD_CORE_DESCRIPTIONS_H

#include "peerd/core/outbox.h"
#include "peerd/core/peering.h"

/* The arrays of our own description, kept between calls. */
struct own_description {
    struct description_service services[POLICY_SERVICES_MAX];
    struct description_profile profiles[POLICY_PROFILES_MAX];
    struct description_source sources[POLICY_SOURCES_MAX];
    struct description_origin origins[POLICY_ORIGINS_MAX];
    struct addr *media; /* owned, grows */
    uint32_t media_room;
};

/* CORE_PEER_DESCRIBED, and a fetch that failed. */
void description_received(struct core *core, struct peering *p, const struct description *d);

/* True once its nodes have registered: before that it describes a cluster that has just started and
 * has nothing to back anybody up with yet. */
bool description_is_whole(const struct peering *p);

/* It did not come, or could not be taken. What somebody else has signed, or answers in its place,
 * or speaks of another cluster is counted and told: what we know of the peer stays as it was. */
void description_missed(struct core *core, struct peering *p, enum err err);

/* A call was answered by somebody else, or the answer was signed by somebody else. */
void description_refused(struct core *core, struct peering *p, enum err err);

/* Asks for it when it is time. */
void description_step(struct core *core, struct peering *p, struct core_outbox *outbox);

/* Does the peer serve this, byte for byte as we do? `determinism` says if frames would merge. */
struct description_match {
    bool offers;
    bool same_determinism;
};

/* What a peer makes of a source, by its own word. False: it does not say so. */
bool description_content(const struct peering *p, const struct name *service,
                         const struct name *profile, const struct name *source,
                         struct node_profile *made, struct node_source *has);

struct description_match description_match(const struct peering *p, const struct name *service,
                                           const struct node_profile *profile,
                                           const struct node_source *source);

#endif
