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

/* Those who stayed have reported nothing bad for a while, and have reported: the mean of what is
 * recent follows later, since who loses nothing reports seldom. */
bool canary_seems_well(const struct core *core, const struct canary *c);

/* What that peer told last of the location, if that was within CANARY_FRESH; NULL: nothing. */
struct fares_words;
const struct perf_peer *canary_fresh_word(const struct core *core, const struct fares_words *words,
                                          uint16_t peer);

/* By that word its own clients there fare better than those who are here, by what is worth the way.
 */
bool canary_is_better(const struct core *core, const struct canary *c,
                      const struct perf_peer *word);

/* [R/100] that is worth the way. */
uint32_t canary_gain_wanted(const struct core *core);

/* Enough of our clients there are sure together that they hear that peer better; where policy asks
 * for one alone, any one of them is. */
bool canary_is_sure(const struct core *core, const struct prefix *location, uint16_t peer);

/* What is told before is not yet about this wave. */
struct instant canary_counts_from(const struct canary *c);

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

/* ---- canary_trial.c ---- */

/* Notes how those of its wave fare who are still here. */
void canary_note_before(const struct core *core, struct canary *c);

/* [R/100] those of its wave had before they went, in the mean; 0: not known. */
uint32_t canary_before_centi(const struct canary *c);

/* Those who went surely fare better than those who stayed; more reports may make it sure. */
bool canary_are_surely_better(const struct core *core, const struct canary *c);
bool canary_may_be_better(const struct core *core, const struct canary *c);

/* In the mean they fare better by what is worth the way, but that may be chance. */
bool canary_may_be_followed(const struct core *core, const struct canary *c);

/* They fare no better than they did before they went, or nothing is known of them. */
bool canary_fare_as_before(const struct core *core, const struct canary *c);

/* Notes how those fare who stayed and suffer. */
void canary_note_worst(const struct core *core, struct canary *c);

/* They would lose more if they came back: they fare better than they did before they went, and
 * those who stayed have never been in their place. */
bool canary_would_lose_more_here(const struct core *core, const struct canary *c);

/* ---- canary_beside.c ---- */

/* There are others of its location, whatever became of them. */
bool canary_has_others(const struct core *core, const struct canary *c);

/* There are others of its location that are not in vain for their peer's sake. */
bool canary_is_looked_after(const struct core *core, const struct canary *c);

/* Others of its location look for a peer, or are the first to try one. */
bool canary_is_sought(const struct core *core, const struct canary *c);

/* Of those who go with people of all networks: who takes some of its location, or has taken them in
 * vain. NULL: nobody. */
const struct canary *canary_in_hand_of(const struct core *core, const struct canary *c);

/* Nobody goes there with it: another canary of its location does, or has been there in vain. */
bool canary_shuns(const struct core *core, const struct canary *c, uint16_t peer);

/* [sessions] that suffer at its location and for whom neither `to` has room, nor those peers where
 * it and others beside it go. */
uint32_t canary_without_room(const struct core *core, const struct canary *c,
                             const struct peering *to);

/* [sessions] that go first to that peer: all whom the policy names, or a part of them. */
uint32_t canary_share(const struct core *core, const struct canary *c, const struct peering *to);

#endif
