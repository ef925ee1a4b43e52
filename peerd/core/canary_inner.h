/*
 * What canary.c, the machine, asks of canary_who.c: what is known of those who stay and of those
 * who have gone, and who goes. For these two alone.
 */
#ifndef PEERD_CORE_CANARY_INNER_H
#define PEERD_CORE_CANARY_INNER_H

#include "peerd/core/canary.h"

/* Of every network, with nothing in common but that they hear one peer better than us. */
bool canary_is_everywhere(const struct canary *c);

/* The policy's figure, in bounds; 0: there are none. */
uint32_t canary_wanted(const struct core *core);

/* Our path to its location is to blame; of one that is everywhere: who it is about still ails. */
bool canary_is_our_path(const struct core *core, const struct canary *c);

/* Where they went clients fare better, or are heard better, than here: those who came since may
 * follow. */
bool canary_is_worth_following(const struct core *core, const struct canary *c);

/* [R/100] what those who are here have now. */
uint32_t canary_own_centi(const struct core *core, const struct canary *c);

/* Those who went surely fare better than those who stayed; more reports may make it sure. */
bool canary_are_surely_better(const struct core *core, const struct canary *c);
bool canary_may_be_better(const struct core *core, const struct canary *c);

/* NULL: it is no peer any more. */
struct peering *canary_peer(const struct core *core, const struct canary *c);

/* It is served here and asked to go nowhere, and loses frames or fares worse than is usual there.
 */
bool canary_suffers(const struct core *core, const struct session *s, const struct canary *c);

/* It has been here for long enough to go again. */
bool canary_has_stayed(const struct core *core, const struct session *s);

/* It has gone first and come back: it may follow, and does not go first. */
bool canary_has_had_enough(const struct core *core, const struct session *s,
                           const struct canary *c);

/* One that is asked to go elsewhere may as well go there: it is of that location, suffers, and that
 * peer can take it. */
bool canary_may_turn(const struct core *core, const struct session *s, const struct canary *c,
                     const struct peering *to);

/* Asks so many as its wave is to go there, those who are worst off first; `sent` says how many. Who
 * goes first is shared among several peers where one has no room for all. */
void canary_send_wave(struct core *core, struct canary *c, const struct peering *to);

/* The same, beside those who were asked already. */
void canary_send_more(struct core *core, struct canary *c, const struct peering *to);

/* The same to whoever is best, which is its peer then. */
void canary_send_to_best(struct core *core, struct canary *c);

/* The peer that enough sessions of all networks surely hear better than us, which tells that its
 * own clients where most of them are fare better, and that most of them like best; NULL: none. Who
 * is left of those whom `c` is about is enough, however few. */
const struct peering *canary_best_heard(const struct core *core, const struct canary *c);

/* ---- canary_beside.c ---- */

/* Nobody goes there with it: another peer is looked for, or another canary of its location goes
 * there, or has been there in vain. */
bool canary_shuns(const struct core *core, const struct canary *c, uint16_t peer);

/* [sessions] that suffer at its location and for whom neither `to` has room, nor those peers where
 * it and others beside it go. */
uint32_t canary_without_room(const struct core *core, const struct canary *c,
                             const struct peering *to);

/* [sessions] that go first to that peer: all whom the policy names, or a part of them. */
uint32_t canary_share(const struct core *core, const struct canary *c, const struct peering *to);

#endif
