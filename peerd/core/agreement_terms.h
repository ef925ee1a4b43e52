/*
 * The terms of an agreement: what follows from the offers of both sides.
 *
 * Each side reckons them by itself from the same two offers, and comes to the same: who gives how
 * many slots, for which services and classes of priority, at what cost. There is no bargaining; a
 * policy says what it gives and what it asks, and either that fits or the reason is named. In one
 * direction, the first rule that fails decides:
 *   1 something is given                          else "nothing"
 *   2 the giver's region may serve those sessions else "region"
 *   3 a service in common                         else "services"
 *   4 a class of priority in common               else "classes"
 *   5 it costs no more than the other pays        else "cost"
 *   6 as many slots as the other needs            else "slots"
 * There is an agreement if in one direction at least slots are given, and in neither the other side
 * lacks what it cannot do without (slots_min).
 */
#ifndef PEERD_CORE_AGREEMENT_TERMS_H
#define PEERD_CORE_AGREEMENT_TERMS_H

#include "peerd/wire/agreement.h"

/* One direction: what one side does for the other. */
struct agreement_part {
    uint32_t slots;         /* [sessions] 0: nothing, because of `why` */
    enum agreement_why why; /* none, too, where nothing was asked */
    struct agreement_services services;
    uint8_t classes;
    uint32_t cost; /* of a slot */
};

struct agreement_terms {
    struct agreement_part theirs; /* what we do for them */
    struct agreement_part ours;   /* what they do for us */
};

/* AGREEMENT_WHY_NONE if there is an agreement, otherwise why not; `out` is what there would
 * be. */
enum agreement_why agreement_terms_of(struct agreement_terms *out,
                                      const struct agreement_offer *mine,
                                      const struct agreement_offer *theirs);

/* May a client at this address be moved, as far as both sides have said? The longest prefix that
 * holds it decides, and "never" if two are as long. */
bool agreement_clients_hold(const struct agreement_clients *c, const struct addr *client);

bool agreement_services_hold(const struct agreement_services *s, const struct name *service);

#endif
