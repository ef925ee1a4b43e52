/*
 * What a scenario says, for people: between scenario_text.c, which has the whole of it, _event.c
 * (entries of the timeline, links) and _expectations.c. Each appends to a text.
 */
#ifndef PEERD_SIM_SCENARIO_TEXT_PRIVATE_H
#define PEERD_SIM_SCENARIO_TEXT_PRIVATE_H

#include "peerd/policy/text.h"
#include "peerd/sim/scenario.h"

void put_duration(struct text *t, struct duration d);

/* An instant, or the two between which it is drawn: `4s..6s`. */
void put_when(struct text *t, const struct scenario_when *w);

/* `a, b, c`. */
void put_names(struct text *t, const struct name *names, uint32_t count);

/* What a path does to packets, each thing after a comma; nothing where it does none. */
void put_quality(struct text *t, const struct path_quality *q);

void put_link(struct text *t, const struct scenario_link *l);
void put_event(struct text *t, const struct scenario_event *e);
void put_expectations(struct text *t, const struct scenario_expectations *e);

#endif
