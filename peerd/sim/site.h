/*
 * A cluster's peerd: the core, and what the daemon does for it.
 */
#ifndef PEERD_SIM_SITE_H
#define PEERD_SIM_SITE_H

#include "peerd/sim/world.h"

void sim_site_init(struct sim *sim, uint32_t index);
void sim_site_free(struct sim *sim, struct sim_site *site);

void sim_site_start(struct sim *sim, struct sim_site *site); /* takes SIM_PEERD_START */
void sim_site_kill(struct sim *sim, struct sim_site *site);

void sim_site_drain(struct sim *sim, struct sim_site *site, struct duration deadline,
                    const struct name *to);
void sim_site_undrain(struct sim *sim, struct sim_site *site);

/* The operator asks for one session to be moved; tells what is refused. */
void sim_site_move(struct sim *sim, struct sim_site *site, const struct session_id *session,
                   const struct name *to);

/* True if its policy names a peer of that index. */
bool sim_site_knows(const struct sim_site *site, uint32_t peer);

/* Is anything agreed with anybody, or kept for anybody, there, or will be? Else issuers are not
 * told apart. */
bool sim_site_counts_guests(const struct sim *sim, const struct sim_site *site);

/* Its policy is that of the start but for this. Who is stopped does not read it. */
void sim_site_policy(struct sim *sim, struct sim_site *site, const struct scenario_change *change);

/* Hands an event to the core and carries out what it wants. */
void sim_site_step(struct sim *sim, struct sim_site *site, struct core_event *event);

/* What comes in. Each takes over the event's body. */
void sim_site_started(struct sim *sim, const struct sim_event *e);
void sim_site_due(struct sim *sim, struct sim_site *site);
void sim_site_beat_received(struct sim *sim, const struct sim_event *e);
void sim_site_open_asked(struct sim *sim, const struct sim_event *e);
void sim_site_polled(struct sim *sim, const struct sim_event *e);

/* ---- call.c ---- */

void sim_call_fetch(struct sim *sim, struct sim_site *site,
                    const struct core_fetch_description *fetch);
void sim_call_find(struct sim *sim, struct sim_site *site, uint32_t to,
                   const struct public_key *key);
void sim_call_lodge(struct sim *sim, struct sim_site *site,
                    const struct core_lodge_standbys *lodge);
void sim_call_say(struct sim *sim, struct sim_site *site, const struct core_say_agreement *say);
void sim_call_answer_agreement(struct sim *sim, struct sim_site *site,
                               const struct core_answer_agreement *answer);
void sim_call_asked(struct sim *sim, const struct sim_event *e);
void sim_call_answer_standbys(struct sim *sim, struct sim_site *site,
                              const struct core_answer_standbys *answer);
void sim_call_answered(struct sim *sim, const struct sim_event *e);
void sim_call_failed(struct sim *sim, const struct sim_event *e);
void sim_call_drop(struct sim *sim, struct sim_call *call);

#endif
