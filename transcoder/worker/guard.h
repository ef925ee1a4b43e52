/*
 * The guard: addresses that keep presenting what does not verify are not listened to for a while;
 * another of its kind counts passes, of which nobody may have them all.
 *
 * Checking a ticket and a signature costs 80 µs, so one host with a cookie and a bag of forged
 * tickets could keep a core busy. Failures are counted by IP address, of which the cookie is proof:
 * nobody can be shut out by what others send in his name. An honest client fails to verify once, if
 * ever. The table is bounded; an address that takes another's place only lets that one off. Who has
 * an IPv6 address has all of its /64, so that counts as one.
 */
#ifndef TRANSCODER_WORKER_GUARD_H
#define TRANSCODER_WORKER_GUARD_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#define GUARD_PLACES       512  /* addresses remembered */
#define GUARD_FAILURES_MAX 50   /* failures of one address in … */
#define GUARD_WINDOW_MS    1000 /* [ms] … so long: 4 ms of a core a second */

struct guard_place {
    uint8_t ip[16];
    uint8_t family; /* 0: free */
    uint16_t failures;
    struct instant since; /* of the window */
};

struct guard {
    uint64_t secret;   /* so that nobody chooses his neighbours */
    uint16_t failures; /* of one address in a window, at most */
    struct guard_place places[GUARD_PLACES];
};

/* `secret` is fresh entropy. `failures` may be GUARD_FAILURES_MAX. */
void guard_init(struct guard *g, uint64_t secret, uint16_t failures);

/* False while the address has used up its failures. */
bool guard_admits(const struct guard *g, const struct addr *who, struct instant now);

/* On whom something is booked that came from that address. */
struct addr guard_who_comes(const struct addr *from);

/* Something that it signed, or had signed, did not verify. */
void guard_failed(struct guard *g, const struct addr *who, struct instant now);

/* On whom failures are booked where no cookie proves the address: the session that the message
 * names, apart for its own address and for any other, so that neither a forged source address nor
 * another session shuts out anybody. Not to be mixed with addresses in one guard. */
struct addr guard_who_names(const struct session_id *session, bool from_its_address);

#endif
