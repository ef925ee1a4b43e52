/*
 * What agreement.c, the machine, shares with agreement_held.c (slots, and who may have them) and
 * agreement_say.c (messages to the other). For these three alone.
 */
#ifndef PEERD_CORE_AGREEMENT_INNER_H
#define PEERD_CORE_AGREEMENT_INNER_H

#include "peerd/core/agreement.h"

/* ---- agreement_held.c ---- */

/* Holds, by rule 2, the most that the other may have heard last. */
void agreement_hold_what_was_said(struct agreement *a);

/* Holds nothing: whatever we said, nobody counts on it any more. */
void agreement_release(struct agreement *a);

/* [sessions] of what the terms say, as many as there is room for. */
uint32_t agreement_fitting(const struct agreement *a);

/* A message of ours; NULL if it is too old to be remembered. */
const struct agreement_said *agreement_said_find(const struct agreement *a, uint64_t seq);

/* Remembers one. The oldest falls out; what it said may still be what the other heard last. */
void agreement_note_said(struct agreement *a, const struct agreement_said *s);

/* ---- agreement_say.c ---- */

/* Between three and five quarters of it. */
struct duration agreement_jittered(struct agreement *a, struct duration d);

/* Says what is due by the state, and sets when to say it again. `asks`: an answer is wanted. */
void agreement_say(struct agreement *a, bool asks, struct instant now,
                   struct agreement_outbox *outbox);

#endif
