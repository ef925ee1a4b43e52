/*
 * Wishes: sessions that the operator wants at a cluster to which their clients do not know the way.
 *
 *     the operator's wish                its client goes by a list that has it
 *   (none) ------------> TELLING -------------------------------------------> asked to go
 * (leaving.h)
 *                           |
 *                           +-- WISHES_TELL is over, it has ended, all are leaving --> (none): it
 * stays
 *
 * Its client is told of other backups, that cluster first (replan.h), and as soon as its node says
 * that it goes by them it is asked to go. As with a drain to a cluster, it is told only where the
 * ticket is ours: of another's it is not known who goes by it. A client of an older version takes
 * no list up, and its session stays.
 *
 * Bounded: an operator who wants WISHES_MAX at once waits.
 */
#ifndef PEERD_CORE_WISHES_H
#define PEERD_CORE_WISHES_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define WISHES_MAX   32               /* sessions */
#define WISHES_TELL  duration_s(6)    /* [s] clients take a list up within it */
#define WISHES_LOOK  duration_ms(100) /* [ms] whether one has */
#define WISHES_AGAIN duration_s(2)    /* [s] until its node is told again */

struct core;
struct peering;
struct session;

struct wish {
    struct session_id session;
    struct name to;
    struct instant until;
    struct instant tell_at; /* its node is told with the first answer from then on */
};

struct wishes {
    struct wish list[WISHES_MAX];
    uint32_t count;
    struct instant look_at; /* "never" with none */
};

void wishes_init(struct wishes *w);

/* ERR_OK: its client can be told of that cluster, which it does not know. Else why not, in a
 * sentence. */
enum err wishes_refusal(const struct core *core, const struct session *s, const struct name *to,
                        const char **why);

/* It is wanted there, if wishes_refusal() has nothing against it. One that it replaces is
 * forgotten. */
void wishes_begin(struct core *core, const struct session *s, const struct name *to);

/* Where it is wanted, while its client is told; NULL: there is no such wish. */
const struct wish *wishes_find(const struct core *core, const struct session_id *session);

/* The same, as long as that cluster is fit to be told of. */
struct peering *wishes_target(const struct core *core, const struct session *s);

/* A drain begins: it says where everybody goes. */
void wishes_forget_all(struct core *core);

void wishes_step(struct core *core);
struct instant wishes_deadline(const struct core *core);
void wishes_check_invariants(const struct core *core);

#endif
