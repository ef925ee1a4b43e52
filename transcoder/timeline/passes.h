/*
 * Passes: which servers a client need not sign for (peerd/wire/pass.h), and when it asks for that.
 *
 * It knocks at each server of its session, and again when the pass has been used for half of the
 * time that it is good for; if nobody answers, ever more seldom. A server whose cookie it lacks
 * answers with one, and it knocks again. While it has no pass, and with whom never gives any, it
 * signs. A server that does not take what its pass proves has another secret than when it gave that
 * out: then it is forgotten.
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

struct passes_row {
    struct addr server;   /* family 0: the row is free */
    struct cookie cookie; /* that came for a knock; zeros at first */
    struct pass pass;
    struct instant since;  /* when it came; "never" for none */
    struct instant ask_at; /* not before */
    struct duration wait;  /* then, until it knocks again */
    uint64_t nonce;        /* of the question that is open; 0: none */
    bool greeted;          /* a cookie came, and no pass since */
};

struct passes {
    struct passes_row rows[PASSES_MAX];
    uint32_t next; /* whose row a new server takes if none is free */
};

void passes_init(struct passes *p);

/* With which to prove what is asked of that server; NULL: sign. */
const struct pass *passes_of(const struct passes *p, const struct addr *server, struct instant now);

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

/* It has refused what was proved by a pass, or sent with an old cookie. */
void passes_forget(struct passes *p, const struct addr *server);

#endif
