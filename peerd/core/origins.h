/*
 * Origins: streams that other programs serve, here and at peers, and which of them are ill.
 *
 * Ours are looked at by io, as often as policy says; here it is counted. One is ill after so many
 * failures in a row and well again after so many successes, both by policy: players are moved for
 * it, so that a single lost packet must not do. Until the first look nothing speaks against it, so
 * that nothing moves because of a restart.
 *
 * Peers are told in the next beat, and tell us (wire/origins). What a peer's beat says counts
 * beside the description that it is about; with another list of origins than that the description
 * is fetched anew.
 */
#ifndef PEERD_CORE_ORIGINS_H
#define PEERD_CORE_ORIGINS_H

#include "peerd/core/core.h"
#include "peerd/wire/origins.h"

struct beat;
struct peering;

_Static_assert(POLICY_ORIGINS_MAX == ORIGINS_MAX && POLICY_TEXT_LEN_MAX == ORIGIN_URL_MAX,
               "what a policy may say can be told");

struct origin_health {
    struct name name;
    bool ill;
    uint32_t failed, passed; /* looks in a row; one of them is 0 */
    enum err err;            /* of the newest failure */
    struct instant since;    /* ill, or well */
};

/* Of our own, by index in the policy. */
struct origins {
    struct origin_health list[POLICY_ORIGINS_MAX];
};

/* What a peer told of its own. */
struct origins_heard {
    uint32_t check;           /* over the list in its description */
    bool told;                /* a beat has, of that list or another */
    struct origins_word word; /* the newest */
    struct instant asked;     /* for its description, because of that; "never": not yet */
};

/* Another policy is about to take the place of core->policy: who has kept name and URL keeps its
 * health. */
void origins_policy(struct core *core, const struct policy *next);

/* CORE_ORIGIN_CHECKED. */
void origins_checked(struct core *core, const struct core_origin_checked *e);

/* As they go into our description. */
size_t origins_describe(const struct core *core, struct description_origin out[ORIGINS_MAX]);

/* Its description is another one; the beats before it had no say. */
void origins_described(struct peering *p);

/* In a beat to it, and in one of its. */
void origins_fill(const struct core *core, const struct peering *to, struct beat *beat);
void origins_beat_heard(struct core *core, struct peering *p, const struct beat *beat);

/* The one of that name at the peer; NULL if there is none. */
const struct description_origin *origins_of(const struct peering *p, const struct name *name);
bool origins_ill(const struct peering *p, const struct description_origin *origin);

#endif
