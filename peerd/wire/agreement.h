/*
 * What two providers say to each other to come to an agreement, renew it and end it.
 *
 * POST /v1/agreements, over TLS pinned both ways, which says who speaks; the answer has the same
 * form. A message is a statement, not an order: it says in full what its sender gives and asks,
 * which message of the other it has heard, and what it holds for the other because of it. So any of
 * them may be lost, come twice or too late: the next one says it all again. What follows from a
 * pair of offers is reckoned alike on both sides (peerd/core/agreement_terms.h).
 *
 * {"cluster":…, "run":"<base64url, 8 bytes>", "seq":…, "kind":"offer"|"accept"|"end",
 *  "lease_ms":…, "region":…,
 *  "gives":{"slots":…, "services":[…], "classes":[…], "cost":…,
 *           "clients":{"only":[…], "never":[…]}},
 *  "asks":{"slots":…, "slots_min":…, "services":[…], "classes":[…], "cost_max":…,
 *          "regions":{"only":[…], "never":[…]}, "clients":{"only":[…], "never":[…]}},
 *  "heard":{"run":…, "seq":…} (optional), "slots":… (accept), "why":… (end)}
 *
 * A run is a random id of one start of peerd, `seq` rises with each of its messages.
 * `offer`: this is what we would do. `accept`: and we hold so many slots for you, for lease_ms from
 * the instant at which we heard what `heard` names. `end`: we rely on nothing of yours any more and
 * will not renew what we hold for you. Classes are of priority, 0 the most urgent. Clients are
 * prefixes of addresses: `only` (none: all) and `never`, by the longest that holds the client.
 * Costs are in whatever unit the two agree upon. Members of other names are ignored: peers are
 * upgraded each in its own time.
 */
#ifndef PEERD_WIRE_AGREEMENT_H
#define PEERD_WIRE_AGREEMENT_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGREEMENT_SERVICES_MAX 16                 /* names in each list */
#define AGREEMENT_REGIONS_MAX  8                  /* likewise */
#define AGREEMENT_PREFIXES_MAX 16                 /* likewise */
#define AGREEMENT_CLASSES      8                  /* of priority: 0..7 */
#define AGREEMENT_SLOTS_MAX    1000000U           /* [sessions] */
#define AGREEMENT_COST_MAX     1000000U           /* unit as agreed */
#define AGREEMENT_LEASE_MS_MIN 1000U              /* [ms] */
#define AGREEMENT_LEASE_MS_MAX 3600000U           /* [ms] one hour */
#define AGREEMENT_LEN_MAX      ((size_t)32 << 10) /* [bytes] JSON */

/* Which clients: those in `only` (all, if there are none) less those in `never`. */
struct agreement_clients {
    struct prefix only[AGREEMENT_PREFIXES_MAX];
    uint8_t only_count;
    struct prefix never[AGREEMENT_PREFIXES_MAX];
    uint8_t never_count;
};

/* Which regions, in the same way. */
struct agreement_regions {
    struct name only[AGREEMENT_REGIONS_MAX];
    uint8_t only_count;
    struct name never[AGREEMENT_REGIONS_MAX];
    uint8_t never_count;
};

struct agreement_services {
    struct name names[AGREEMENT_SERVICES_MAX];
    uint8_t count;
};

/* What a cluster does for the other's sessions. */
struct agreement_gives {
    uint32_t slots;                     /* [sessions] held for the other, at most; 0: nothing */
    struct agreement_services services; /* that are served here */
    uint8_t classes;                    /* bit n: class n is taken */
    uint32_t cost;                      /* of a slot */
    struct agreement_clients clients;   /* who may be served here */
};

/* What it wants of the other for its own. */
struct agreement_asks {
    uint32_t slots;                     /* [sessions] 0: nothing */
    uint32_t slots_min;                 /* [sessions] with fewer there is no agreement */
    struct agreement_services services; /* that need a backup */
    uint8_t classes;
    uint32_t cost_max;                /* of a slot */
    struct agreement_regions regions; /* of clusters that may serve them */
    struct agreement_clients clients; /* who may be moved there */
};

struct agreement_offer {
    struct name region; /* of this cluster, as its description has it */
    struct agreement_gives gives;
    struct agreement_asks asks;
};

enum agreement_kind {
    AGREEMENT_KIND_OFFER = 1,
    AGREEMENT_KIND_ACCEPT = 2,
    AGREEMENT_KIND_END = 3
};

/* Why there is no agreement, or no more. */
enum agreement_why {
    AGREEMENT_WHY_NONE = 0,
    AGREEMENT_WHY_NOTHING = 1, /* neither gives what the other asks */
    AGREEMENT_WHY_SERVICES,    /* none in common */
    AGREEMENT_WHY_CLASSES,     /* likewise */
    AGREEMENT_WHY_COST,        /* more than the other pays */
    AGREEMENT_WHY_REGION,      /* sessions must not be moved there */
    AGREEMENT_WHY_SLOTS,       /* fewer than the other needs */
    AGREEMENT_WHY_POLICY       /* it is not wished */
};

#define AGREEMENT_WHY_LAST AGREEMENT_WHY_POLICY

struct agreement_message {
    struct name cluster; /* who speaks */
    uint64_t run;        /* not 0 */
    uint64_t seq;        /* from 1 */
    enum agreement_kind kind;
    uint32_t lease_ms; /* [ms] the longest that it agrees to */
    struct agreement_offer offer;
    uint64_t heard_run; /* 0: nothing was heard */
    uint64_t heard_seq;
    uint32_t slots;         /* accept: held for the other [sessions] */
    enum agreement_why why; /* end */
};

/* A word for people and the wire, such as "cost"; "none" for none. */
const char *agreement_why_word(enum agreement_why why);

/* Compact JSON from malloc, the caller's to free(); NULL if memory is short or a count passes its
 * maximum. `len` may be NULL. */
char *agreement_message_encode(const struct agreement_message *m, size_t *len);

/* Decodes in full before `out` is touched. `fault` may be NULL. Errors: TRUNCATED, OVERSIZED,
 * BAD_FIELD. Whether the cluster is who the key says is for the caller to see. */
enum err agreement_message_decode(struct agreement_message *out, const char *text, size_t len,
                                  struct wire_fault *fault);

#endif
