/*
 * Passes: which servers a client need not sign for (peerd/wire/pass.h), and when it asks for that.
 *
 * It knocks at each server of its session, and again when the pass has been used for half of the
 * time that it is good for; if nobody answers, ever more seldom. A server whose cookie it lacks
 * answers with one, and it knocks again. While it has no pass, and with whom never gives any, it
 * signs. A server that does not take what its pass proves has another secret than when it gave that
 * out: then it is forgotten. So it is if nothing that was proved by it has been answered for
 * PASSES_UNHEARD_MS: that server may have been replaced by an older version, which drops it unread.
 *
 * A pass is as old as the question for it: how long the answer took, or was held up, is part of the
 * time that it is good for.
 *
 * Passes belong to addresses, not to slots: another server may stand in a slot tomorrow.
 */
#ifndef TRANSCODER_TIMELINE_PASSES_H
#define TRANSCODER_TIMELINE_PASSES_H

#include "peerd/base/addr.h"
#include "peerd/base/time.h"
#include "peerd/wire/message.h"

#include <stdbool.h>
#include <stdint.h>

#define PASSES_MAX       8      /* servers of a session at once */
#define PASSES_USED_MS   540000 /* [ms] below the server's period */
#define PASSES_RENEW_MS  300000 /* [ms] */
#define PASSES_ASK_MS    1000   /* [ms] until it knocks again, twice as long each time … */
#define PASSES_ASK_MS_AT 64000  /* [ms] … and no longer than this */

/* [ms] Well beyond a round trip, and what a worker that has a herd to answer takes for it: who
 * signs then costs it more. */
#define PASSES_UNHEARD_MS 3000

struct passes_row {
    struct addr server;   /* family 0: the row is free */
    struct cookie cookie; /* that came for a knock; zeros at first */
    struct pass pass;
    struct instant since;   /* when it was asked for; "never" for none */
    struct instant unheard; /* first message proved by it since an answer came; "never" for none */
    struct instant asked;   /* the question that is open */
    struct instant ask_at;  /* not before */
    struct duration wait;   /* then, until it knocks again */
    uint64_t nonce;         /* of the question that is open; 0: none */
    bool greeted;           /* a cookie came, and no pass since */
};

struct passes {
    struct passes_row rows[PASSES_MAX];
    uint32_t next; /* whose row a new server takes if none is free */
};

void passes_init(struct passes *p);

/* With which to prove what is asked of that server; NULL: sign. */
const struct pass *passes_of(const struct passes *p, const struct addr *server, struct instant now);

/* What was proved by its pass has gone out, and is to be answered. */
void passes_used(struct passes *p, const struct addr *server, struct instant now);

/* It has answered what it was asked. */
void passes_heard(struct passes *p, const struct addr *server, struct instant now);

/* True: knock there now, under that nonce, which is not 0, and with that cookie. */
bool passes_wants(struct passes *p, const struct addr *server, uint64_t nonce, struct instant now,
                  struct cookie *cookie);

/* A server has answered with a cookie. True: to a knock; it may be knocked again at once. */
bool passes_cookie(struct passes *p, const struct addr *server, uint64_t nonce,
                   const struct cookie *cookie, struct instant now);

/* A server has answered. ERR_BAD_FIELD: nobody asked, or under another nonce. ERR_BAD_SIGNATURE: it
 * is not for this client. */
enum err passes_told(struct passes *p, const struct addr *server, uint64_t nonce,
                     const struct message_pass *told, const struct key_pair *mine,
                     struct instant now);

/* It has refused what was proved by a pass, or sent with an old cookie: an answer to it said so,
 * since whoever can forge one without would make the client sign. */
void passes_forget(struct passes *p, const struct addr *server);

#endif
